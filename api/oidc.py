"""OpenID Connect: tokens of an identity provider, beside the keys of our own.

Off unless ``JISHI_OIDC_ISSUER`` names one. PyJWT judges signatures and times; here are the
provider's public keys, fetched, bounded and rotated, and what a token's claims mean to us. Who
asks is put together in `auth.py`, and how a browser signs in there is in `routes/session_oidc.py`.
"""

import asyncio
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from api.errors import Problem
from api.settings import Settings, is_safe
from store.registry.keys import SCOPES

log = structlog.get_logger(__name__)

DISCOVERY = "/.well-known/openid-configuration"
#: What a token may be; more than any provider makes, and bounded work for us.
TOKEN_MAX = 8_192  # characters
DOCUMENT_MAX = 1 << 20  # bytes
#: Asked for again no sooner, whatever strangers send.
REFETCH_AFTER = 10.0  # seconds
RSA_BITS_MIN = 2_048
#: Kinds of public keys; a symmetric one in a public document is nobody's secret.
KINDS = frozenset({"RSA", "EC", "OKP"})
SUBJECT_MAX = 255
#: The institution claim's word for the whole city.
CITY = "*"


class TokenRefused(Exception):  # noqa: N818 - an answer, not an accident
    """The token is not one that we take; why is for the log alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token that was found right says."""

    subject: str
    name: str
    scopes: frozenset[str]
    #: `None`: the whole city.
    institution_id: str | None
    #: When it ends, seconds since 1970.
    expires_at: float


def looks_like_token(credential: str) -> bool:
    """Whether a bearer credential has a token's form; keys of ours have no dots."""
    return credential.count(".") == 2


class Provider:
    """One identity provider: its keys, and its tokens judged."""

    def __init__(self, settings: Settings) -> None:
        """Describe it; nothing is fetched before the first token.

        Args:
            settings: With an issuer and an audience.
        """
        assert settings.oidc_issuer is not None
        assert settings.oidc_audience is not None
        self._settings = settings
        self._issuer = settings.oidc_issuer
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._about: Mapping[str, Any] = {}
        self._fetched = -float("inf")
        self._asked = -float("inf")
        self._fetching = asyncio.Lock()

    async def judge(
        self, token: str, *, audience: str | None = None, nonce: str | None = None
    ) -> Claims:
        """What a token says.

        Args:
            token: As it came.
            audience: Whom it must be made for, unless as a bearer's: this service.
            nonce: What it must repeat, of a sign-in that began with it.

        Raises:
            TokenRefused: it is not right.
            Problem: 503 where the provider's keys cannot be had; 403 where the token is right
                and entitles to nothing here.
        """
        key = await self._key(*self._head(token))
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=audience or self._settings.oidc_audience,
                issuer=self._issuer,
                leeway=self._settings.oidc_leeway_s,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except (jwt.PyJWTError, ValueError, OverflowError) as error:
            raise TokenRefused(str(error)) from error
        if nonce is not None and not _same(claims.get("nonce"), nonce):
            raise TokenRefused("it does not repeat the nonce of this sign-in")
        if audience is not None and claims.get("azp", audience) != audience:
            raise TokenRefused("it was made for another client")
        return self._entitled(claims)

    async def endpoint(self, name: str) -> str:
        """An address of the provider's own document, such as ``token_endpoint``.

        Raises:
            Problem: 503; its document cannot be had, or names none that is safe.
        """
        if not self._about or time.monotonic() - self._fetched >= self._settings.oidc_keys_s:
            await self._refresh(must=not self._about)
        address = self._about.get(name)
        if not isinstance(address, str) or not is_safe(address):
            log.warning("identity provider names no such address", action="oidc_about", name=name)
            raise _away()
        return address

    async def redeem(self, form: Mapping[str, str], secret: str) -> str:
        """The id token that a code is good for.

        Args:
            form: The code with all that belongs to it, as RFC 6749 names it.
            secret: The client's, or empty.

        Raises:
            TokenRefused: the provider refuses the code, as one that was used or is too old.
            Problem: 503; the provider cannot be reached or answers nonsense.
        """
        address = await self.endpoint("token_endpoint")
        basic = (quote(form["client_id"], safe=""), quote(secret, safe="")) if secret else None
        try:
            async with httpx.AsyncClient(timeout=self._settings.oidc_timeout_s) as client:
                async with asyncio.timeout(2 * self._settings.oidc_timeout_s):
                    status, body = await _read(client, "POST", address, data=dict(form), auth=basic)
            if 400 <= status < 500:
                raise TokenRefused(f"the provider refuses the code: {body[:200]!r}")
            if status != 200:
                raise ValueError(f"{address} answers {status}")
            token = json.loads(body).get("id_token")
            if not isinstance(token, str):
                raise ValueError(f"{address} answers no id_token")
        except (httpx.HTTPError, TimeoutError, ValueError, AttributeError) as error:
            log.warning("code not redeemed", action="oidc_code", error=str(error))
            raise _away() from error
        return token

    def _head(self, token: str) -> tuple[str, str]:
        """Key id and algorithm; nothing else of a header is believed."""
        if len(token) > TOKEN_MAX:
            raise TokenRefused("too long")
        try:
            head = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError) as error:
            raise TokenRefused(str(error)) from error
        algorithm, key_id = head.get("alg"), head.get("kid")
        if not isinstance(algorithm, str) or algorithm not in self._settings.oidc_algorithm_list:
            raise TokenRefused("its algorithm is not allowed")
        if not isinstance(key_id, str):
            raise TokenRefused("it names no key")
        return key_id, algorithm

    async def _key(self, key_id: str, algorithm: str) -> jwt.PyJWK:
        """The provider's key of an id, fetched anew where it is unknown or long known."""
        found = self._keys.get(key_id)
        fresh = time.monotonic() - self._fetched < self._settings.oidc_keys_s
        if found is None or not fresh:
            await self._refresh(must=not fresh)
            found = self._keys.get(key_id)
        if found is None or found.algorithm_name != algorithm:
            raise TokenRefused("it names a key that the issuer has not")
        return found

    async def _refresh(self, *, must: bool) -> None:
        """Fetch keys, unless somebody just did.

        Args:
            must: Those that there are have served their time: without new ones nothing goes.
        """
        asked = time.monotonic()
        async with self._fetching:
            if self._fetched >= asked:
                return
            # Keys that are believed for less must not be missing in between.
            if time.monotonic() - self._asked < min(REFETCH_AFTER, self._settings.oidc_keys_s):
                if must:
                    raise _away()
                return
            self._asked = time.monotonic()
            try:
                self._keys = await self._fetch()
            except (
                httpx.HTTPError,
                httpx.InvalidURL,
                TimeoutError,
                ValueError,
                TypeError,
            ) as error:
                log.warning(
                    "identity provider's keys not fetched",
                    action="oidc_keys",
                    issuer=self._issuer,
                    error=str(error),
                )
                if must:
                    raise _away() from error
                return
            self._fetched = time.monotonic()

    async def _fetch(self) -> dict[str, jwt.PyJWK]:
        async with httpx.AsyncClient(timeout=self._settings.oidc_timeout_s) as client:
            # The client's patience is for each step; this is for all of them.
            async with asyncio.timeout(2 * self._settings.oidc_timeout_s):
                about = await _document(client, self._issuer.rstrip("/") + DISCOVERY)
                if about.get("issuer") != self._issuer:
                    raise ValueError(f"its own document names the issuer {about.get('issuer')!r}")
                address = about.get("jwks_uri")
                if not isinstance(address, str) or not is_safe(address):
                    raise ValueError(f"jwks_uri {address!r} is not an https address")
                listed = (await _document(client, address)).get("keys")
                self._about = about
        return dict(_usable(listed if isinstance(listed, list) else []))

    def _entitled(self, claims: Mapping[str, Any]) -> Claims:
        """What claims entitle to: nothing that they do not say.

        Raises:
            Problem: 403.
        """
        settings = self._settings
        subject, institution = claims["sub"], _claim(claims, settings.oidc_institution_claim)
        named = isinstance(subject, str) and subject.isprintable() and subject.strip()
        if not named or len(subject) > SUBJECT_MAX:
            raise TokenRefused("its subject is no name")
        granted = _claim(claims, settings.oidc_scopes_claim)
        names = granted.split() if isinstance(granted, str) else granted
        scopes = {
            name.removeprefix(settings.oidc_scopes_prefix)
            for name in (names if isinstance(names, list) else ())
            if isinstance(name, str) and name.startswith(settings.oidc_scopes_prefix)
        } & SCOPES.keys()
        if not scopes:
            raise Problem(
                403,
                "forbidden",
                f"the token's claim {settings.oidc_scopes_claim!r} has none of "
                + ", ".join(settings.oidc_scopes_prefix + scope for scope in SCOPES),
            )
        # What is left out must not mean everything.
        if not isinstance(institution, str) or not institution or "\0" in institution:
            raise Problem(
                403,
                "forbidden",
                f"the token's claim {settings.oidc_institution_claim!r} names no institution, "
                f"nor {CITY!r} for the whole city",
            )
        name = claims.get("name")
        return Claims(
            subject=subject,
            name=name if isinstance(name, str) and name.isprintable() else subject,
            scopes=frozenset().union(*(SCOPES[scope] for scope in scopes)),
            institution_id=None if institution == CITY else institution,
            expires_at=float(claims["exp"]) + settings.oidc_leeway_s,
        )


async def _document(client: httpx.AsyncClient, address: str) -> dict[str, Any]:
    """A JSON object; redirections are not followed, large ones not read.

    Raises:
        ValueError: it is something else.
        httpx.HTTPError: it cannot be had.
    """
    status, body = await _read(client, "GET", address)
    if status != 200:
        raise ValueError(f"{address} answers {status}")
    found = json.loads(body)
    if not isinstance(found, dict):
        raise ValueError(f"{address} answers no JSON object")
    return found


async def _read(
    client: httpx.AsyncClient, method: str, address: str, **more: Any
) -> tuple[int, bytes]:
    """Status and body of an answer.

    Raises:
        ValueError: it is too large.
        httpx.HTTPError: it cannot be had.
    """
    body = bytearray()
    headers = {"Accept": "application/json"}
    async with client.stream(method, address, headers=headers, **more) as answer:
        async for part in answer.aiter_bytes():
            body += part
            if len(body) > DOCUMENT_MAX:
                raise ValueError(f"{address} answers more than {DOCUMENT_MAX} bytes")
    return answer.status_code, bytes(body)


def _same(one: object, other: str) -> bool:
    return isinstance(one, str) and hmac.compare_digest(one.encode(), other.encode())


def _usable(listed: Iterable[Any]) -> Iterable[tuple[str, jwt.PyJWK]]:
    """Of a key set, the keys that signatures can be checked with, by id."""
    for one in listed:
        if (
            not isinstance(one, dict)
            or one.get("kty") not in KINDS
            or one.get("use", "sig") != "sig"
            or not isinstance(one.get("kid"), str)
        ):
            continue
        try:
            key = jwt.PyJWK.from_dict(one)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            continue  # one that we cannot read does not cost us the others
        if isinstance(key.key, RSAPublicKey) and key.key.key_size < RSA_BITS_MIN:
            continue
        yield one["kid"], key


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    """A claim, or a part of one: ``realm_access.roles``."""
    # An address may be a claim's whole name, dots included.
    if path in claims:
        return claims[path]
    found: Any = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _away() -> Problem:
    return Problem(
        503,
        "identity-provider-unavailable",
        "the identity provider's keys cannot be had, so its tokens cannot be judged: "
        "try again later",
        headers={"Retry-After": "10"},
    )
