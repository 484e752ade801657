"""``/v1/views``: views of the page that a key, or a person who signed in, keeps by name.

Each sees its own alone: another's of the same name is another view. Stored in
`store/registry/views.py`.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api.answers.responses import answers
from api.answers.views import SavedViewBody, SavedViews
from api.auth import Reader
from api.context import Ctx
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS, conflict, not_found
from models.timestamp import format_instant
from store.instant import to_us
from store.registry.views import (
    VIEWS_MOST,
    SavedView,
    TooManyViewsError,
    delete_view,
    list_views,
    put_view,
)

router = APIRouter(prefix="/v1/views", tags=["keys"], responses=PROBLEMS)

#: What a person can read and an address can hold: no control signs, no slash.
NAME = r"^[^\x00-\x1f\x7f/]{1,80}$"
Name = Annotated[str, Path(pattern=NAME, description="what its owner calls it")]


class PutView(BaseModel):
    """A view as it is to be."""

    model_config = ConfigDict(extra="forbid")

    address: str = Field(
        pattern=r"^#/[!-~]*$", max_length=2_000, description="within the page, from `#/` on"
    )
    landing: bool = Field(False, description="show it first, and no other")


@router.get("", summary="Views that are kept", responses=answers(SavedViews, tagged=True))
async def get_views(request: Request, context: Ctx, who: Reader) -> Response:
    """The key's own, by name."""
    found = await context.database.read(list_views(who.key_id))
    return etag_response(request, {"items": [_shown(one) for one in found], "next_cursor": None})


@router.get("/{view}", summary="One view", responses=answers(SavedViewBody, tagged=True))
async def get_view(request: Request, context: Ctx, who: Reader, view: Name) -> Response:
    """The key's own of that name."""
    found = await context.database.read(list_views(who.key_id, view))
    if not found:
        raise not_found("view", view)
    return etag_response(request, _shown(found[0]))


@router.put(
    "/{view}",
    summary="Keep a view",
    responses={**answers(SavedViewBody), **answers(SavedViewBody, 201)},
)
async def put(context: Ctx, who: Reader, view: Name, body: PutView) -> Response:
    """Makes or replaces it. A key has 50 at most; they go when it is revoked."""
    try:
        made, is_new = await context.database.write(
            put_view(
                who.key_id,
                view,
                address=body.address,
                landing=body.landing,
                actor=who.actor,
                institution_id=who.institution_id,
            )
        )
    except TooManyViewsError:
        raise conflict(f"there are {VIEWS_MOST} views already: delete one first") from None
    return json_response(_shown(made), 201 if is_new else 200)


@router.delete("/{view}", status_code=204, summary="Forget a view")
async def delete(context: Ctx, who: Reader, view: Name) -> Response:
    """Of the key's own alone."""
    gone = await context.database.write(
        delete_view(who.key_id, view, actor=who.actor, institution_id=who.institution_id)
    )
    if not gone:
        raise not_found("view", view)
    return Response(status_code=204)


def _shown(one: SavedView) -> dict[str, Any]:
    return {
        "name": one.name,
        "address": one.address,
        "landing": one.landing,
        "created_at": format_instant(to_us(one.created_at)),
        "changed_at": format_instant(to_us(one.changed_at)),
    }
