"""What the environment says about the API, read once into one frozen value.

Every setting is ``JISHI_`` and the field's name in capitals.
"""

import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.webhook import Networks, networks
from models.zone import DEFAULT_ZONE
from store.sealing import SealingKeys
from store.settings import DatabaseUrl

#: With a private and a public key each: what a provider publishes signs nothing.
SIGNATURES = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip


def is_safe(address: str) -> bool:
    """Whether what is fetched there is what was meant: over TLS, or within this machine."""
    try:
        url = urlsplit(address)
        host, _ = url.hostname, url.port
    except ValueError:
        return False
    if not host or "@" in url.netloc:
        return False
    return url.scheme == "https" or (
        url.scheme == "http" and host in ("127.0.0.1", "::1", "localhost")
    )


#: Of a broker, where its address names none.
MQTT_PORTS = {"mqtt": 1883, "mqtts": 8883}
#: Where an identity provider sends browsers back to.
OIDC_CALLBACK = "/v1/session/oidc/callback"

#: Scheme, host and port, as the Fetch standard serializes an origin; IPv6 in brackets.
_ORIGIN = re.compile(
    r"https?://(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?"
)


def _listed(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


class Settings(BaseSettings):
    """Settings of one API process."""

    model_config = SettingsConfigDict(
        env_prefix="JISHI_", frozen=True, extra="ignore", env_ignore_empty=True
    )

    database_url: DatabaseUrl = Field(
        default="postgresql:///jishi", repr=False, description="the database, as a libpq URL"
    )
    api_host: str = Field(default="127.0.0.1", description="address to listen on")
    api_port: int = Field(
        default=8080, ge=0, le=65_535, description="port to listen on; 0: a free one"
    )
    timezone: str = Field(
        default=DEFAULT_ZONE, description="zone of groups' days, where the request names none"
    )
    coverage_threshold: float = Field(
        default=0.9,
        ge=0,
        le=1,
        description="known share of a window from which a figure is sufficient",
    )
    calendar: str = Field(
        default="CN", description="calendar of holidays that opening hours refer to"
    )

    pool_min_size: int = Field(default=2, ge=0, description="database connections kept open")
    pool_max_size: int = Field(default=10, ge=1, description="database connections at most")
    pool_timeout_s: float = Field(
        default=5.0,
        gt=0,
        description="seconds a request waits for a connection before it answers 503",
    )
    connect_timeout_s: int = Field(
        default=5, ge=2, description="seconds to connect to the database"
    )
    statement_timeout_s: float = Field(
        default=30.0, gt=0, description="seconds one statement may take before the answer is 504"
    )
    answer_timeout_s: float = Field(
        default=120.0, gt=0, description="seconds all of an answer may take before it is 504"
    )
    import_timeout_s: float = Field(
        default=300.0, gt=0, description="the same for a registry import"
    )

    long_from_s: float = Field(
        default=0.25,
        ge=0,
        description="a question that will keep a core longer than this waits for its turn among "
        "the long ones, seconds",
    )
    long_most_s: float = Field(
        default=240.0,
        gt=0,
        description="a question that would keep a core longer than this is refused, seconds",
    )
    long_parallel: int = Field(
        default=2, ge=1, description="long questions under way at a time, each with a connection"
    )
    long_per_asker: int = Field(
        default=1, ge=1, description="of these, one institution's, or one key's of the whole city"
    )
    long_wait_s: float = Field(
        default=30.0,
        gt=0,
        description="seconds that a long question waits for its turn before it answers 503",
    )

    export_parallel: int = Field(
        default=1, ge=1, description="bulk exports under way at a time, each with a connection"
    )
    export_timeout_s: float = Field(
        default=900.0,
        gt=0,
        description="seconds that a bulk export may take; one that would keep a core longer is "
        "refused",
    )

    body_max_bytes: int = Field(default=1 << 20, ge=1024, description="largest request body")
    import_max_bytes: int = Field(default=64 << 20, ge=1024, description="largest file to import")
    range_max_days: int = Field(
        default=3_660, ge=1, description="longest window of aggregates and segments, days"
    )
    raw_range_max_days: int = Field(
        default=31, ge=1, description="longest window of raw heartbeats and of explanations, days"
    )
    buckets_max: int = Field(
        default=10_000,
        ge=1,
        description="most buckets that one answer may hold, over all its groups",
    )
    body_timeout_s: float = Field(
        default=30.0, gt=0, description="seconds between two parts of a request's body"
    )
    body_bytes_per_s: float = Field(
        default=4_096.0, gt=0, description="as fast a body must come, after its first such seconds"
    )
    head_timeout_s: float = Field(
        default=15.0, gt=0, description="seconds that a request's head may take"
    )
    connections_per_address: int = Field(
        default=256, ge=1, description="connections from one address, unless it is a proxy's"
    )
    requests_per_s: float = Field(
        default=1_000.0, gt=0, description="requests a second of one key, in this process"
    )
    requests_burst: int = Field(
        default=5_000, ge=1, description="requests of one key that may come at once"
    )
    requests_parallel: int = Field(
        default=256, ge=1, description="requests of one key under way at a time"
    )
    strangers_per_s: float = Field(
        default=10.0, gt=0, description="wrong keys a second from one address"
    )
    strangers_burst: int = Field(
        default=1_000, ge=1, description="wrong keys from one address that may come at once"
    )
    sign_in_idle_s: float = Field(
        default=7_200.0, ge=60, description="seconds after which an unused sign-in ends"
    )
    sign_in_s: float = Field(
        default=43_200.0, ge=60, description="seconds after which any sign-in ends"
    )
    remember_idle_s: float = Field(
        default=14 * 86_400.0, ge=60, description="the first, of one that stays signed in"
    )
    remember_s: float = Field(
        default=90 * 86_400.0, ge=60, description="the second, of one that stays signed in"
    )
    sign_ins_per_key: int = Field(
        default=1_000, ge=1, description="sign-ins of one key; a new one ends the least used"
    )
    sign_ins_per_s: float = Field(default=1.0, gt=0, description="sign-ins a second of one key")
    sign_ins_burst: int = Field(
        default=200, ge=1, description="sign-ins of one key that may come at once"
    )
    trusted_proxies: str = Field(
        default="127.0.0.1,::1",
        description="addresses and networks, by commas, whose word on the client's address and "
        "on TLS is taken (X-Forwarded-For, X-Forwarded-Proto)",
    )
    streams_per_key: int = Field(default=50, ge=1, description="open event streams of one key")
    streams_max: int = Field(default=1_000, ge=1, description="open event streams at most")
    cors_origins: str = Field(
        default="",
        description="origins, by commas, whose pages may ask with a key or token, such as "
        "https://portal.example.org; '*': any; never with cookies",
    )
    public_aggregates: bool = Field(
        default=False,
        description="status summary and monthly utilization of groups of five instruments and "
        "more are answered to everyone, without a key",
    )
    public_group_by: Literal["district", "institution", "class_major", "kind"] = Field(
        default="district", description="the one grouping that is answered without a key"
    )
    public_per_s: float = Field(
        default=5.0, gt=0, description="requests a second without a key from one address"
    )
    public_burst: int = Field(
        default=60, ge=1, description="requests without a key from one address at once"
    )
    oidc_issuer: str | None = Field(
        default=None, description="OpenID Connect: the identity provider whose tokens are taken"
    )
    oidc_audience: str | None = Field(
        default=None, description="the audience that its tokens must name: this service"
    )
    oidc_algorithms: str = Field(
        default="RS256,ES256",
        description=f"signatures that are taken, of {', '.join(SIGNATURES)}",
    )
    oidc_scopes_claim: str = Field(
        default="scope",
        min_length=1,
        description="the claim with scopes, a list or words; dots reach into it",
    )
    oidc_scopes_prefix: str = Field(
        default="jishi:", description="what stands before read, operate and admin there"
    )
    oidc_institution_claim: str = Field(
        default="jishi_institution",
        min_length=1,
        description="the claim with the institution's id; * there is the whole city",
    )
    oidc_client_id: str | None = Field(
        default=None, description="the page signs in there, too: as this client of the provider's"
    )
    oidc_client_secret: SecretStr = Field(
        default=SecretStr(""), description="the client's secret; none of a public client"
    )
    oidc_redirect_url: str | None = Field(
        default=None,
        description="where browsers come back, as the provider knows it: "
        f"https://HOST{OIDC_CALLBACK}",
    )
    oidc_request: str = Field(
        default="openid profile", description="scopes that the page's sign-in asks the provider for"
    )
    oidc_name: str = Field(
        default="", max_length=60, description="what the sign-in page calls the provider"
    )
    oidc_keys_s: float = Field(
        default=300.0, gt=0, description="seconds that the provider's keys are believed unasked"
    )
    oidc_timeout_s: float = Field(
        default=5.0, gt=0, description="seconds that the provider has to answer"
    )
    oidc_leeway_s: float = Field(
        default=30.0, ge=0, le=300, description="seconds that its clock may differ from ours"
    )
    map_file: Path | None = Field(
        default=None,
        description="GeoJSON of districts that the cockpit shows; 'none': its own tiles",
    )
    map_datum: Literal["gcj02", "wgs84"] = Field(
        default="gcj02", description="coordinates of the map: gcj02 or wgs84"
    )
    map_note: str = Field(
        default="", description="what stands below the map, such as its approval number"
    )
    demo_sign_in: bool = Field(
        default=False, description="browsers on this very machine need no key; for the demo"
    )
    standby_lag_max_s: float = Field(
        default=60.0,
        gt=0,
        description="seconds that a standby may be behind before /readyz answers 503",
    )
    follower: bool = Field(
        default=False,
        description="this API answers for the cities that `jishi federation follow` follows, and"
        " knows no instrument",
    )
    follower_away_s: float = Field(
        default=900.0,
        gt=0,
        description="seconds after a city's last word from which it is told to be away",
    )
    mqtt_public_url: str | None = Field(
        default=None,
        description="where gateways reach the broker from outside, told to who sets one up:"
        " mqtts://mqtt.example.org:8883, or mqtt:// in the clear; without a port 8883 or 1883",
    )
    writable_url: str | None = Field(
        default=None,
        description="where changes go, told to who sends one to an API over a standby",
    )
    shutdown_s: int = Field(
        default=10, ge=0, description="seconds that requests get to end at shutdown"
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, value: str) -> str:
        try:
            networks(value)
        except ValueError as error:
            raise ValueError(
                f"trusted_proxies {value!r} must be addresses and networks, by commas: {error}"
            ) from error
        return value

    @field_validator("mqtt_public_url")
    @classmethod
    def _broker(cls, value: str | None) -> str | None:
        try:
            url = urlsplit(value or "mqtt://none")
            fits = url.scheme in MQTT_PORTS and bool(url.hostname) and (url.port or 1) > 0
        except ValueError:
            fits = False
        if not fits or url.path or "@" in url.netloc:
            raise ValueError(
                f"mqtt_public_url {value!r} must be mqtts:// or mqtt://, a host and maybe a port,"
                " and nothing of an account: mqtts://mqtt.example.org:8883"
            )
        return value

    @field_validator("cors_origins")
    @classmethod
    def _whole_origins(cls, value: str) -> str:
        origins = _listed(value)
        for one in origins:
            if one != "*" and not _ORIGIN.fullmatch(one):
                raise ValueError(
                    f"cors_origins {one!r} must be an origin as browsers say it, scheme, host and "
                    "port alone in lower case: https://portal.example.org"
                )
        if "*" in origins and len(origins) > 1:
            raise ValueError(f"cors_origins {value!r}: '*' is any origin, so it stands alone")
        return value

    webhook_keys: SealingKeys = Field(
        default=SecretStr(""),
        description="keys that seal webhooks' secrets, by comma, the first one seals; the same as"
        " ingest's; empty: there are no webhooks",
    )
    webhook_networks: Networks = Field(
        default="",
        description="private networks that webhooks may lie in; the same as ingest's, which looks",
    )

    signing_key_file: Path | None = Field(
        default=None,
        description="the file of the private key that signs closed periods' files"
        " (`jishi reports key`); without it no period can be closed",
    )

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"timezone {value!r} is not in the IANA database")
        return value

    @model_validator(mode="after")
    def _whole_oidc(self) -> Self:
        if self.oidc_issuer is None:
            if self.oidc_client_id is not None:
                raise ValueError("oidc_client_id wants oidc_issuer beside it: whose client it is")
            return self
        if not is_safe(self.oidc_issuer):
            raise ValueError(f"oidc_issuer {self.oidc_issuer!r} must be an https address")
        if not self.oidc_audience:
            raise ValueError(
                "oidc_audience must be set beside oidc_issuer: otherwise tokens that the provider "
                "made for other services would be taken"
            )
        if not self.oidc_algorithm_list or not self.oidc_algorithm_list <= set(SIGNATURES):
            raise ValueError(
                f"oidc_algorithms {self.oidc_algorithms!r} must be some of {', '.join(SIGNATURES)}"
            )
        if self.oidc_client_id is not None:
            back = self.oidc_redirect_url
            if back is None or not is_safe(back) or urlsplit(back).path != OIDC_CALLBACK:
                raise ValueError(
                    f"oidc_redirect_url {back!r} must be this service's https address with "
                    f"{OIDC_CALLBACK} after the host"
                )
        return self

    @property
    def oidc_algorithm_list(self) -> frozenset[str]:
        """The signatures that are taken."""
        return frozenset(name.strip() for name in self.oidc_algorithms.split(",") if name.strip())

    @property
    def mqtt_public(self) -> dict[str, str | int | bool] | None:
        """Host, port and TLS of the broker's public address, where one is set."""
        if self.mqtt_public_url is None:
            return None
        url = urlsplit(self.mqtt_public_url)
        port = url.port or MQTT_PORTS[url.scheme]
        return {"host": url.hostname or "", "port": port, "tls": url.scheme == "mqtts"}

    @property
    def cors_origin_list(self) -> frozenset[str]:
        """Origins whose pages may ask; ``*`` alone for any."""
        return frozenset(_listed(self.cors_origins))

    @property
    def trusted_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Where proxies are whose word is taken."""
        return networks(self.trusted_proxies)

    @property
    def zone(self) -> ZoneInfo:
        """The zone of groups' days."""
        return ZoneInfo(self.timezone)
