"""``/v1/session/oidc``: the page signs in at an identity provider and comes back with a sign-in.

Authorization code with PKCE (OpenID Connect Core 1.0, RFC 7636). What belongs together (state,
nonce, verifier) waits in a cookie of its own that no script reads, for ten minutes and for one
answer. Codes are redeemed and tokens judged in `api/oidc.py`; the sign-in is one as any other.

The answers are a browser's on its way: it is always sent on, to the provider or to our own page,
which says in words what went wrong. Where to is never taken from a request.
"""

import hmac
import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from api.auth import institution_of
from api.context import Context, Ctx
from api.errors import Problem, not_found
from api.gate import OIDC, refuse
from api.oidc import Claims, Provider, TokenRefused
from api.routes.session import AGENT_MAX, UNKEPT, instead, note_stranger
from api.session import cookie_of, hand_out, over_tls
from api.settings import OIDC_CALLBACK
from store.registry.sign_ins import PERSON, begin_person

log = structlog.get_logger(__name__)

router = APIRouter(include_in_schema=False)

COOKIE = "jishi_oidc"
SECURE_COOKIE = f"__Host-{COOKIE}"
#: For whoever types a password and a second factor.
LASTS_S = 600
HOME = "/"
ANSWER_MAX = 4_096  # characters of a code; more than any provider makes


class Begun(NamedTuple):
    """What a sign-in began with, and has to come back to."""

    state: str
    nonce: str
    verifier: str


class Refused(Exception):  # noqa: N818 - an answer, not an accident
    """The sign-in came to nothing; its word is one of the page's (`cockpit/signing`)."""

    def __init__(self, word: str, reason: str) -> None:
        super().__init__(reason)
        self.word = word


@router.get(OIDC)
async def get_oidc(request: Request, context: Ctx) -> Response:
    """To the provider."""
    provider, settings = context.provider, context.settings
    if provider is None or settings.oidc_client_id is None:
        raise not_found("sign-in of", "an identity provider: JISHI_OIDC_CLIENT_ID is not set")
    begun = Begun(*(secrets.token_urlsafe(32) for _ in Begun._fields))
    challenge = urlsafe_b64encode(sha256(begun.verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": settings.oidc_client_id,
        "redirect_uri": settings.oidc_redirect_url,
        "scope": settings.oidc_request,
        "state": begun.state,
        "nonce": begun.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    try:
        address = await provider.endpoint("authorization_endpoint")
    except Problem:
        return _sent(_page("away"))
    joint = "&" if "?" in address else "?"
    answer = _sent(f"{address}{joint}{urlencode(asked)}")
    # Lax: the way back begins at another site.
    answer.set_cookie(
        SECURE_COOKIE if over_tls(request) else COOKIE,
        ".".join(begun),
        max_age=LASTS_S,
        path="/",
        secure=over_tls(request),
        httponly=True,
        samesite="lax",
    )
    return answer


async def come_back(request: Request) -> Response:
    """From the provider: in, or to the page with a word of why not."""
    context: Context = request.app.state.context
    try:
        answer = await _let_in(request, context)
    except Refused as refused:
        log.info("sign-in refused", action="oidc_sign_in", word=refused.word, reason=str(refused))
        note_stranger(request, refused.word in ("state", "token"))
        answer = _sent(_page(refused.word))
    secure = over_tls(request)
    answer.delete_cookie(
        SECURE_COOKIE if secure else COOKIE, path="/", secure=secure, httponly=True, samesite="lax"
    )
    return answer


# Not one of FastAPI's: providers add to the query what they like.
router.add_route(OIDC_CALLBACK, come_back, methods=["GET"], include_in_schema=False)


async def _let_in(request: Request, context: Context) -> Response:
    """The sign-in that an answer of the provider's is good for.

    Raises:
        Refused: it is good for none.
    """
    settings = context.settings
    claims, institution_key = await _judged(request, context)
    owner = PERSON + claims.subject
    try:
        refuse(request.app.state.sign_ins.take(owner), "the person signed in too often")
    except Problem as problem:
        raise Refused("often", problem.detail) from problem
    made = await context.database.write(
        instead(
            cookie_of(request),
            begin_person(
                claims.subject,
                name=claims.name,
                scopes=claims.scopes,
                institution_key=institution_key,
                idle_s=settings.sign_in_idle_s,
                lasts_s=settings.sign_in_s,
                most=settings.sign_ins_per_key,
                address=request.client.host if request.client else None,
                agent=request.headers.get("user-agent", "")[:AGENT_MAX] or None,
            ),
            owner,
        )
    )
    answer = _sent(HOME)
    hand_out(answer, made.token, secure=over_tls(request), lasts_s=int(settings.sign_in_s))
    return answer


async def _judged(request: Request, context: Context) -> tuple[Claims, int | None]:
    """Whom the provider names, and the institution that they keep to.

    Raises:
        Refused: the answer is not to what this browser asked, or names nobody who may come in.
    """
    provider, settings = context.provider, context.settings
    if provider is None or settings.oidc_client_id is None:
        raise Refused("away", "no client is set")
    begun, told = _begun(request), request.query_params
    if begun is None or not hmac.compare_digest(
        told.get("state", "").encode(), begun.state.encode()
    ):
        raise Refused("state", "the state is not this browser's")
    # RFC 9207: of several providers, the one that was asked.
    if told.get("iss", settings.oidc_issuer) != settings.oidc_issuer:
        raise Refused("state", "another issuer answers")
    if "error" in told:
        raise Refused("denied", told["error"][:100])
    try:
        claims = await _redeemed(provider, context, begun, told.get("code", ""))
        return claims, await institution_of(context, claims)
    except TokenRefused as error:
        raise Refused("token", str(error)) from error
    except Problem as problem:
        raise Refused("away" if problem.status == 503 else "entitled", problem.detail) from problem


async def _redeemed(provider: Provider, context: Context, begun: Begun, code: str) -> Claims:
    settings = context.settings
    assert settings.oidc_client_id is not None
    assert settings.oidc_redirect_url is not None
    if not code or len(code) > ANSWER_MAX:
        raise TokenRefused("the answer has no code")
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": settings.oidc_redirect_url,
        "client_id": settings.oidc_client_id,
        "code_verifier": begun.verifier,
    }
    token = await provider.redeem(form, settings.oidc_client_secret.get_secret_value())
    return await provider.judge(token, audience=settings.oidc_client_id, nonce=begun.nonce)


def _begun(request: Request) -> Begun | None:
    kept = request.cookies.get(SECURE_COOKIE if over_tls(request) else COOKIE, "").split(".")
    return Begun(*kept) if len(kept) == len(Begun._fields) and all(kept) else None


def _page(word: str) -> str:
    """Our own page, which says the word's meaning."""
    return f"{HOME}#/?refused={word}"


def _sent(address: str) -> RedirectResponse:
    """On to an address; the answer is never kept."""
    return RedirectResponse(address, 303, {**UNKEPT, "Referrer-Policy": "no-referrer"})
