"""Who asks: ``Authorization: Bearer KEY``, checked against the database on every request.

So a key that is revoked or expired stops at once: requests that come together share a look-up,
but none that began before they came (`single_flight.py`). The cockpit's cookie (`session.py`)
stands for a sign-in, which may do what its key may. How both are stored is in `store/registry`,
`keys.py` and `sign_ins.py`. A route says what it wants with `require`.
"""

import hmac
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

import structlog
from fastapi import Depends, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from psycopg.errors import ReadOnlySqlTransaction
from starlette.requests import HTTPConnection

from api.context import Context, Ctx
from api.errors import Problem
from api.oidc import Claims, Provider, TokenRefused, looks_like_token
from api.session import token_of
from store.registry.keys import SCOPES, digest, find_institution, find_key, key_id_of, note_use
from store.registry.sign_ins import PERSON, actor_of, find_sign_in, note_sign_in_use

log = structlog.get_logger(__name__)

UNUSABLE = "the key is unknown, expired or revoked"
#: What a page is told whose sign-in is over.
ENDED = "the sign-in has ended: sign in again"
CHALLENGE = 'Bearer realm="jishi"'
#: Where the gate leaves the principal in a request's state.
PRINCIPAL = "principal"
# Compared with where there is no such key, so that both ways take as long.
NO_DIGEST = digest("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """What a request came with: a key, a token, or nothing where that is enough."""

    #: The key's id; of a token, its subject after ``oidc:``.
    key_id: str
    name: str
    #: All that it may do, implied scopes included.
    scopes: frozenset[str]
    #: The one institution that it may see; `None`: the whole city.
    institution_key: int | None
    institution_id: str | None
    #: When a token ends, seconds since 1970; a key's end is the database's to know.
    expires_at: float | None = None
    #: The sign-in that a browser came with; the key is then the one that opened it.
    sign_in_id: str | None = None
    #: Without key or token; only routes that say so let it in (`public.py`).
    anonymous: bool = False

    @property
    def actor(self) -> str:
        """How the audit names it."""
        return actor_of(self.key_id)


def unauthorized(detail: str, *, error: str | None = None) -> Problem:
    """401, with the challenge that RFC 6750 wants."""
    challenge = CHALLENGE + (f', error="{error}"' if error else "")
    return Problem(401, "unauthorized", detail, headers={"WWW-Authenticate": challenge})


async def authenticate(context: Context, header: str | None) -> Principal:
    """The principal of an ``Authorization`` header.

    Raises:
        Problem: 401; no key, or one that is unknown, expired or revoked. The three read the
            same: a stranger learns nothing from the difference.
    """
    scheme, _, key = (header or "").strip().partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        raise unauthorized("this address wants a key: `Authorization: Bearer KEY`")
    if context.provider is not None and looks_like_token(key):
        return await _of_token(context, context.provider, key)
    key_id = key_id_of(key)
    stored = None
    if key_id is not None:
        stored = await context.flights.share(
            ("key", key_id), lambda: context.database.read(find_key(key_id))
        )
    right = hmac.compare_digest(digest(key), stored.secret_sha256 if stored else NO_DIGEST)
    if stored is None or not right or not stored.usable:
        raise unauthorized(UNUSABLE, error="invalid_token")
    if stored.use_unnoted:
        used = stored.key_id
        with suppress(ReadOnlySqlTransaction):  # a replica serves reads all the same
            await context.flights.share(
                ("use", used), lambda: context.database.write(note_use(used))
            )
    return Principal(
        key_id=stored.key_id,
        name=stored.name,
        scopes=_implied(stored.scopes),
        institution_key=stored.institution_key,
        institution_id=stored.institution_id,
    )


async def principal_of(
    context: Context, connection: HTTPConnection, *, noting: bool = True
) -> Principal:
    """Who a request comes from: by its header, else by its cookie.

    Args:
        context: The application's parts.
        connection: The request.
        noting: Being looked at is a use of the cookie's sign-in, which keeps it from ending.

    Raises:
        Problem: 401, as `authenticate` says; or the sign-in has ended.
    """
    token = token_of(connection)
    if token is None:
        return await authenticate(context, connection.headers.get("authorization"))
    mark = digest(token)
    stored = await context.flights.share(
        ("sign-in", mark), lambda: context.database.read(find_sign_in(mark))
    )
    if stored is None:
        raise unauthorized(ENDED)
    if noting and stored.use_unnoted:
        used = stored.sign_in_id
        with suppress(ReadOnlySqlTransaction):
            await context.flights.share(
                ("sign-in use", used), lambda: context.database.write(note_sign_in_use(used))
            )
    return Principal(
        key_id=stored.key_id,
        name=stored.name,
        scopes=_implied(stored.scopes),
        institution_key=stored.institution_key,
        institution_id=stored.institution_id,
        sign_in_id=stored.sign_in_id,
    )


def _implied(scopes: Iterable[str]) -> frozenset[str]:
    """Scopes, with those that they imply; unknown ones imply nothing."""
    return frozenset().union(*(SCOPES.get(scope, frozenset()) for scope in scopes))


async def institution_of(context: Context, claims: Claims) -> int | None:
    """The key of the institution that claims keep to; `None`: the whole city.

    Raises:
        Problem: 403; it is not registered.
    """
    institution_id = claims.institution_id
    if institution_id is None:
        return None
    found: int | None = await context.flights.share(
        ("institution", institution_id),
        lambda: context.database.read(find_institution(institution_id)),
    )
    if found is None:
        raise Problem(403, "forbidden", "the token's institution is not registered here")
    return found


async def _of_token(context: Context, provider: Provider, token: str) -> Principal:
    """The principal of an identity provider's token.

    Raises:
        Problem: 401, 403 or 503, as `Provider.judge` says; 403 too for an institution that is
            not registered.
    """
    try:
        claims = await provider.judge(token)
    except TokenRefused as error:
        log.info("token refused", action="token_refused", reason=str(error))
        raise unauthorized(UNUSABLE, error="invalid_token") from None
    institution_key = await institution_of(context, claims)
    return Principal(
        key_id=PERSON + claims.subject,
        name=claims.name,
        scopes=claims.scopes,
        institution_key=institution_key,
        institution_id=claims.institution_id,
        expires_at=claims.expires_at,
    )


_bearer = HTTPBearer(
    auto_error=False,
    description="a key made by `POST /v1/keys`, or a token where an identity provider is set",
)


async def get_principal(
    connection: HTTPConnection,
    context: Ctx,
    # Only so that the OpenAPI document shows the scheme.
    _credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)] = None,
) -> Principal:
    """Who asks, for a route's signature; 401 otherwise. Mostly the gate knows already."""
    found: Principal | None = connection.scope.get("state", {}).get(PRINCIPAL)
    return found or await principal_of(context, connection)


#: A route's parameter that says who asks.
Who = Annotated[Principal, Depends(get_principal)]


def require(
    scope: str, *, tenants: bool = False, public: bool = False
) -> Callable[[Principal], Awaitable[Principal]]:
    """A dependency that wants a key of at least ``scope``: ``Depends(require("operate"))``.

    Args:
        scope: `read`, `operate` or `admin`; each implies the ones before it.
        tenants: The route keeps to the institution of a key that has one. Where a route does
            not say so, such keys are refused.
        public: The route keeps anonymous readers to what is public.

    Raises:
        ValueError: there is no such scope.
    """
    if scope not in SCOPES:
        raise ValueError(f"scope {scope!r} must be one of {', '.join(SCOPES)}")

    async def wanted(principal: Who) -> Principal:
        if principal.anonymous and not public:
            raise unauthorized("this address wants a key: `Authorization: Bearer KEY`")
        if scope not in principal.scopes:
            raise Problem(
                403, "forbidden", f"the key's scopes do not include {scope!r}, wanted here"
            )
        if principal.institution_key is not None and not tenants:
            raise Problem(
                403, "forbidden", "the key is one institution's; this address is the whole city's"
            )
        return principal

    return wanted


#: A route's parameters that say who asks and want a scope. A key of one institution gets in:
#: the route hands its `institution_key` on to every statement.
Reader = Annotated[Principal, Depends(require("read", tenants=True))]
PublicReader = Annotated[Principal, Depends(require("read", tenants=True, public=True))]
Operator = Annotated[Principal, Depends(require("operate", tenants=True))]
Admin = Annotated[Principal, Depends(require("admin", tenants=True))]
#: The same for what is the whole city's.
CityOperator = Annotated[Principal, Depends(require("operate"))]
