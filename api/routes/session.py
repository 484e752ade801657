"""``/v1/session``: the page signs in with a key, asks who it is, and signs out.

What the browser keeps is the cookie of `api/session.py`, the token of a sign-in. Listing these
and ending one from elsewhere is in `sign_ins.py`.
"""

from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api.auth import UNUSABLE, Principal, authenticate, principal_of, unauthorized
from api.context import Context, Ctx
from api.encoding import json_response
from api.errors import Problem
from api.gate import STRANGER, refuse
from api.routes.operations import on_loopback
from api.session import cookie_of, from_elsewhere, hand_out, over_tls, same_origin, take_back
from store.registry.keys import create_key, digest
from store.registry.sign_ins import actor_of, begin_sign_in, end_sign_in, find_sign_in
from store.run import Steps

T = TypeVar("T")

router = APIRouter(include_in_schema=False)

UNKEPT = {"Cache-Control": "no-store"}
#: What is kept of how a browser calls itself.
AGENT_MAX = 300  # characters


class SignIn(BaseModel):
    """What the sign-in form sends; without a key, a demo's page asks to be let in."""

    model_config = ConfigDict(extra="forbid")

    key: Annotated[str, Field(max_length=200)] | None = None
    remember: bool = False


@router.get("/v1/session")
async def get_session(request: Request, context: Ctx) -> Response:
    """Who is signed in; null where nobody is, which is no error of the page's."""
    who = None
    try:
        who = _shown(await principal_of(context, request))
    except Problem as problem:
        if problem.status != 401:
            raise
        note_stranger(request, "authorization" in request.headers)
    return json_response(who, headers=UNKEPT)


@router.post("/v1/session")
async def post_session(
    request: Request, context: Ctx, asked: Annotated[SignIn | None, Body()] = None
) -> Response:
    """Sign in with a key; the cookie's token stands for it from now on."""
    if from_elsewhere(request):
        raise Problem(403, "forbidden", "only this service's own page signs in")
    settings = context.settings
    who = await _who_signs_in(request, context, asked.key if asked else None)
    refuse(
        request.app.state.sign_ins.take(who.key_id),
        f"the key signed in more than {settings.sign_ins_per_s:g} times a second",
    )
    remember = asked is not None and asked.remember
    lasts_s = settings.remember_s if remember else settings.sign_in_s
    made = await context.database.write(
        instead(
            cookie_of(request),
            begin_sign_in(
                who.key_id,
                idle_s=settings.remember_idle_s if remember else settings.sign_in_idle_s,
                lasts_s=lasts_s,
                most=settings.sign_ins_per_key,
                address=request.client.host if request.client else None,
                agent=request.headers.get("user-agent", "")[:AGENT_MAX] or None,
            ),
            who.actor,
        )
    )
    if made is None:
        raise unauthorized(UNUSABLE, error="invalid_token")
    answer = json_response(_shown(who), 201, UNKEPT)
    hand_out(answer, made.token, secure=over_tls(request), lasts_s=int(lasts_s))
    return answer


@router.delete("/v1/session", status_code=204)
async def delete_session(request: Request, context: Ctx) -> Response:
    """Sign out: the token is worth nothing afterwards, whoever kept it."""
    if from_elsewhere(request):
        raise Problem(403, "forbidden", "only this service's own page signs out")
    token = cookie_of(request)
    if token is not None:
        await context.database.write(_end(token))
    answer = Response(status_code=204)
    take_back(answer, secure=over_tls(request))
    return answer


async def _who_signs_in(request: Request, context: Context, key: str | None) -> Principal:
    """The principal of a form's key, of a header, or of the demo.

    Raises:
        Problem: 401, as `authenticate` says; 403 where it is no key.
    """
    if key is not None:
        header: str | None = f"Bearer {key}"
    elif not context.settings.demo_sign_in:
        header = request.headers.get("authorization")
    elif not _sits_here(request):
        raise Problem(403, "forbidden", "only browsers on the demo's own machine need no key")
    else:
        header = f"Bearer {await _demo_key(request, context)}"
    try:
        who = await authenticate(context, header)
    except Problem as problem:
        note_stranger(request, problem.status == 401)
        raise
    if who.expires_at is not None:
        raise Problem(403, "forbidden", "pages sign in with a key; a token goes with each request")
    return who


def note_stranger(request: Request, wrong: bool) -> None:
    """Tell the gate of a wrong key."""
    if wrong:
        setattr(request.state, STRANGER, True)


def instead(token: str | None, begin: Steps[T], actor: str) -> Steps[T]:
    """Begin, and end what this browser had before."""
    made = yield from begin
    if token is not None:
        yield from _end(token, actor)
    return made


def _end(token: str, actor: str | None = None) -> Steps[None]:
    """End a token's sign-in where there is one, in its own key's name if in no other's."""
    found = yield from find_sign_in(digest(token))
    if found is not None:
        yield from end_sign_in(found.sign_in_id, actor or actor_of(found.key_id))


def _shown(who: Principal) -> dict[str, Any]:
    return {
        "name": who.name,
        "key_id": who.key_id,
        "scopes": sorted(who.scopes),
        "institution_id": who.institution_id,
    }


def _sits_here(request: Request) -> bool:
    """Whether a browser on this very machine asks, by this machine's own name.

    The name counts because any page could have its own resolve to this address.
    """
    host = request.headers.get("host", "").rpartition(":")[0].strip("[]") or request.headers.get(
        "host", ""
    )
    forwarded = any(name.startswith(("x-forwarded", "forwarded")) for name in request.headers)
    return (
        not forwarded
        and on_loopback(request.client.host if request.client else None)
        and (host == "localhost" or on_loopback(host))
        and same_origin(request)
    )


async def _demo_key(request: Request, context: Context) -> str:
    """The key that browsers on this machine share; made when the first one comes."""
    state = request.app.state
    if getattr(state, "demo_key", None) is None:
        made = await context.database.write(create_key(scopes=["operate"], name="demo cockpit"))
        state.demo_key = made.key
    key: str = state.demo_key
    return key
