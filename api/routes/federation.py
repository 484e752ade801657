"""``/v1/federation/rollups``: what a city publishes of its closed windows and of now, signed.

`jishi federation publish` makes it; here are bytes. What a follower makes of them is in
`followed.py`.
"""

import base64
import gzip
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from api.answers.federation import RollupBody, Rollups
from api.answers.responses import answers
from api.auth import Principal, require
from api.context import Ctx
from api.cursor import LIMIT_DEFAULT, CursorText, Limit, decode_cursor, page
from api.encoding import MEDIA_TYPE, etag_response, matches
from api.errors import PROBLEMS, not_found
from models.timestamp import format_instant
from store.federation.published import Listed, load_document, load_feed

router = APIRouter(prefix="/v1/federation", tags=["federation"], responses=PROBLEMS)

_LIST = "rollups"
#: Whoever may have a city's signed sums, and nothing else of it.
Follower = Annotated[Principal, Depends(require("federation"))]


@router.get(
    "/rollups",
    summary="Signed rollups that are to be had, in the order of their revisions",
    responses=answers(Rollups, tagged=True),
)
async def list_rollups(
    request: Request,
    context: Ctx,
    _: Follower,
    after: Annotated[
        int, Query(ge=0, lt=1 << 62, description="only those above this revision")
    ] = 0,
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> Response:
    """Whoever has taken all up to a revision goes on from there: `after` it.

    Example:
    `GET /v1/federation/rollups?after=1790000000000`
    """
    position = decode_cursor(_LIST, cursor, (int,))
    found = await context.database.read(
        load_feed(after if position is None else max(position[0], 0), limit + 1)
    )
    shown, following = page(found, limit, _LIST, lambda one: (one.revision,))
    body = {"items": [_told(one) for one in shown], "next_cursor": following}
    return etag_response(request, body)


@router.get(
    "/rollups/{revision}",
    summary="A rollup, byte by byte as it was signed",
    responses=answers(RollupBody, tagged=True),
)
async def get_rollup(
    request: Request,
    context: Ctx,
    _: Follower,
    revision: Annotated[
        int, Path(ge=1, lt=1 << 62, description="of the list; what was replaced is gone")
    ],
) -> Response:
    """`ETag` is the SHA-256 of its bytes, which are sent as gzip to whoever takes that."""
    found = await context.database.read(load_document(revision))
    if found is None:
        raise not_found("rollup", revision)
    head = {
        "ETag": f'"{found.sha256.hex()}"',
        "Cache-Control": "private, no-cache",
        "Vary": "Accept-Encoding",
    }
    if matches(request.headers.get("if-none-match"), head["ETag"]):
        return Response(status_code=304, headers=head)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.packed, 200, {**head, "Content-Encoding": "gzip"}, MEDIA_TYPE)
    return Response(gzip.decompress(found.packed), 200, head, MEDIA_TYPE)


def _told(one: Listed) -> dict[str, object]:
    return {
        "span": one.span,
        "from": format_instant(one.start_us),
        "to": format_instant(one.end_us),
        "tz": one.timezone,
        "revision": one.revision,
        "sha256": one.sha256.hex(),
        "signature": base64.b64encode(one.signature).decode(),
        "size": one.size,
        "published_at": format_instant(one.published_us),
    }
