"""``/v1/keys``: make, list, rotate and revoke API keys.

How they are stored: `store/registry/keys.py`.
"""

from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api.answers.access import Keys, RotatedKey
from api.answers.access import NewKey as NewKeyBody
from api.answers.responses import answers
from api.auth import Admin
from api.context import Ctx
from api.cursor import CursorText, Limit, decode_cursor, page
from api.encoding import json_response
from api.errors import PROBLEMS, FieldError, conflict, invalid, not_found
from api.params import Instant, InstitutionId, Line
from models.timestamp import format_instant
from store.instant import from_us, to_us
from store.registry.keys import (
    OVERLAP_MAX,
    KeyEndedError,
    NewKey,
    StoredKey,
    create_key,
    list_keys,
    revoke_key,
    rotate_key,
)

router = APIRouter(prefix="/v1/keys", tags=["keys"], responses=PROBLEMS)


KeyId = Annotated[str, Path(max_length=64)]


class Rotation(BaseModel):
    """How a key hands over."""

    model_config = ConfigDict(extra="forbid")

    overlap_s: int = Field(
        default=0,
        ge=0,
        le=OVERLAP_MAX // timedelta(seconds=1),
        description="seconds for which the old key works beside the new one; 0: it ends at once",
    )


class KeyRequest(BaseModel):
    """What a new key may do."""

    model_config = ConfigDict(extra="forbid")

    scopes: list[Literal["read", "operate", "admin"]] = Field(min_length=1, max_length=3)
    institution_id: InstitutionId | None = Field(
        None, description="the one institution that it may see; none: the whole city"
    )
    expires_at: Instant | None = None
    name: Line = ""


@router.post(
    "",
    status_code=201,
    summary="Make a key; it is shown this once",
    responses=answers(NewKeyBody, 201),
)
async def post_key(context: Ctx, admin: Admin, body: KeyRequest) -> Response:
    """Answers ``{"id", "key", …}``. What a key of one institution makes is that institution's."""
    institution_id = body.institution_id or admin.institution_id
    try:
        if admin.institution_id not in (None, institution_id):
            raise LookupError(f"{institution_id!r} is not the key's own institution")
        made = await context.database.write(
            create_key(
                scopes=body.scopes,
                name=body.name,
                institution_id=institution_id,
                expires_at=None if body.expires_at is None else from_us(body.expires_at),
                actor=admin.actor,
            )
        )
    except LookupError as error:
        raise invalid(
            FieldError(
                field="body.institution_id",
                value=body.institution_id,
                rule="the id of an institution that is registered",
            )
        ) from error
    return _made(made)


@router.post(
    "/{key_id}/rotate",
    status_code=201,
    summary="Make a key in another's place; it is shown this once",
    responses=answers(RotatedKey, 201),
)
async def post_rotation(
    context: Ctx, admin: Admin, key_id: KeyId, body: Rotation | None = None
) -> Response:
    """The same name, rights, institution and end, and the old one's saved views.

    The old key stops at once, or after ``overlap_s``. 409 where it works no more.
    """
    overlap = timedelta(seconds=body.overlap_s if body else 0)
    try:
        made = await context.database.write(
            rotate_key(key_id, overlap=overlap, actor=admin.actor, tenant=admin.institution_key)
        )
    except KeyEndedError as error:
        raise conflict(f"{error}: make a new one by POST /v1/keys") from error
    if made is None:
        raise not_found("key", key_id)
    ends_at = format_instant(to_us(made.old_ends_at))
    return _made(made, replaces=made.replaces, old_ends_at=ends_at)


@router.get("", summary="Keys, without their secrets", responses=answers(Keys))
async def get_keys(
    context: Ctx, who: Admin, limit: Limit = 100, cursor: CursorText = None
) -> Response:
    """Oldest first, revoked ones included."""
    after = decode_cursor("keys", cursor, (int, str))
    keys = await context.database.read(
        list_keys(
            None if after is None else (from_us(after[0]), after[1]),
            limit + 1,
            who.institution_key,
        )
    )
    shown, more = page(keys, limit, "keys", lambda key: (to_us(key.created_at), key.key_id))
    return json_response({"items": [_shown(key) for key in shown], "next_cursor": more})


@router.delete("/{key_id}", status_code=204, summary="Revoke a key, at once")
async def delete_key(context: Ctx, admin: Admin, key_id: KeyId) -> Response:
    """204, also where it was revoked already."""
    gone = await context.database.write(revoke_key(key_id, admin.actor, admin.institution_key))
    if not gone:
        raise not_found("key", key_id)
    return Response(status_code=204)


def _made(made: NewKey, **more: Any) -> Response:
    return json_response(
        {
            "id": made.key_id,
            "key": made.key,
            "name": made.name,
            "scopes": made.scopes,
            "institution_id": made.institution_id,
            "created_at": format_instant(to_us(made.created_at)),
            "expires_at": made.expires_at and format_instant(to_us(made.expires_at)),
            **more,
        },
        201,
        {"Cache-Control": "no-store", "Location": f"/v1/keys/{made.key_id}"},
    )


def _shown(key: StoredKey) -> dict[str, Any]:
    times = ("created_at", "expires_at", "revoked_at", "last_used_at")
    values = {name: getattr(key, name) for name in times}
    return {
        "id": key.key_id,
        "name": key.name,
        "scopes": key.scopes,
        "institution_id": key.institution_id,
        **{name: value and format_instant(to_us(value)) for name, value in values.items()},
    }
