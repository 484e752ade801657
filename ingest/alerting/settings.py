"""What alerts can be told: part of ingest's settings, and of a follower's of cities."""

from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.duration import Duration
from models.webhook import Networks, networks, parse_quiet
from models.zone import DEFAULT_ZONE
from store.sealing import SealingKeys


class AlertSettings(BaseSettings):
    """When something is an alert, and how webhooks are told."""

    model_config = SettingsConfigDict(env_prefix="JISHI_", frozen=True, extra="ignore")

    alert_every: Duration = Field(
        timedelta(seconds=15), description="how often silence is looked for"
    )
    alert_institution_after: Duration = Field(
        timedelta(minutes=10), description="silence of an institution that is an alert"
    )
    alert_gateway_after: Duration = Field(
        timedelta(minutes=10), description="silence of all behind a gateway that is an alert"
    )
    alert_instrument_after: Duration = Field(
        timedelta(hours=1), description="silence of an instrument that is an alert"
    )
    alert_feed_after: Duration = Field(
        timedelta(hours=6),
        description="how long a booking feed cannot be read until it is an alert; one that is"
        " gone, or lost over half of its events, is at once",
    )
    alert_unknown_rise: float = Field(
        0.25,
        gt=0,
        le=1,
        description="by how much a day's share of unknown time is above a gateway's or"
        " institution's usual until it is an alert",
    )
    alert_dead_letters: int = Field(
        500, ge=1, description="dead letters of a gateway in an hour that are an alert"
    )
    alert_steady: Duration = Field(
        timedelta(minutes=5), description="how long one is heard again until its alert closes"
    )
    alert_newer: Duration = Field(
        timedelta(days=7), description="silence that began longer ago opens no alert"
    )
    alert_retention: Duration = Field(
        timedelta(days=400), description="how long closed alerts are kept"
    )
    alert_quiet: str = Field(
        "",
        description="local hours in which webhooks are told nothing, such as 22:00-07:00; what"
        " lasts is told at their end",
    )
    webhook_keys: SealingKeys = Field(
        SecretStr(""),
        description="keys that seal webhooks' secrets, the API's own; empty: none is told anything",
    )
    webhook_networks: Networks = Field(
        "",
        description="private networks that webhooks may lie in, such as 10.1.0.0/16; by comma",
    )
    timezone: str = Field(DEFAULT_ZONE, description="zone of the daily rollups")
    calendar: str = Field("CN", description="calendar of holidays that opening hours refer to")

    @field_validator("alert_quiet")
    @classmethod
    def _are_hours(cls, text: str) -> str:
        parse_quiet(text)
        return text

    @property
    def webhook_allowed(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Private networks that webhooks may lie in."""
        return networks(self.webhook_networks)


class FollowerSettings(AlertSettings):
    """The same of a follower of cities."""

    follower_away_s: float = Field(
        900.0, gt=0, description="a city whose last signed word is older is away"
    )
