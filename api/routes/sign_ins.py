"""``/v1/sign-ins``: the browsers that are let in, and putting one out.

A key sees and ends those that it opened itself; one of `admin`, those of all keys that it sees.
They are made where the page signs in (`session.py`) and stored in `store/registry/sign_ins.py`.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.responses import Response

from api.answers.access import SignIns
from api.answers.responses import answers
from api.auth import Principal, Reader
from api.context import Ctx
from api.cursor import CursorText, Limit, decode_cursor, page
from api.encoding import json_response
from api.errors import PROBLEMS, not_found
from models.timestamp import format_instant
from store.instant import from_us, to_us
from store.registry.sign_ins import StoredSignIn, end_sign_in, list_sign_ins

router = APIRouter(prefix="/v1/sign-ins", tags=["keys"], responses=PROBLEMS)


@router.get("", summary="Browsers that are signed in", responses=answers(SignIns))
async def get_sign_ins(
    context: Ctx, who: Reader, limit: Limit = 100, cursor: CursorText = None
) -> Response:
    """Newest first; the key's own, and with `admin` those of all keys that it sees."""
    after = decode_cursor("sign-ins", cursor, (int, str))
    found = await context.database.read(
        list_sign_ins(
            None if after is None else (from_us(after[0]), after[1]),
            limit + 1,
            own=_own(who),
            tenant=who.institution_key,
        )
    )
    shown, more = page(
        found, limit, "sign-ins", lambda one: (to_us(one.created_at), one.sign_in_id)
    )
    return json_response({"items": [_shown(one, who) for one in shown], "next_cursor": more})


@router.delete("/{sign_in_id}", status_code=204, summary="Put a browser out, at once")
async def delete_sign_in(
    context: Ctx, who: Reader, sign_in_id: Annotated[str, Path(max_length=64)]
) -> Response:
    """Its key stays as it is; 404 too where it has ended already."""
    gone = await context.database.write(
        end_sign_in(sign_in_id, who.actor, own=_own(who), tenant=who.institution_key)
    )
    if not gone:
        raise not_found("sign-in", sign_in_id)
    return Response(status_code=204)


def _own(who: Principal) -> str | None:
    """The one key whose sign-ins are shown, or all."""
    return None if "admin" in who.scopes else who.key_id


def _shown(one: StoredSignIn, who: Principal) -> dict[str, Any]:
    return {
        "id": one.sign_in_id,
        "key_id": one.key_id,
        "name": one.name,
        "address": one.address,
        "agent": one.agent,
        **{
            name: format_instant(to_us(getattr(one, name)))
            for name in ("created_at", "last_used_at", "expires_at")
        },
        "idle_s": one.idle.total_seconds(),
        "current": one.sign_in_id == who.sign_in_id,
    }
