"""``/v1``: what there is to ask, for whoever comes without the description at hand."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.answers.index import Index
from api.answers.responses import answers
from api.document import described
from api.encoding import etag_response
from api.errors import PROBLEMS

#: What may go wrong where no key and no database is asked for anything.
STATUSES = (400, 405, 408, 413, 422, 500)

router = APIRouter(tags=["index"], responses={status: PROBLEMS[status] for status in STATUSES})

METHODS = ("get", "put", "post", "patch", "delete")
DESCRIPTION = "/v1/openapi.json"
REFERENCE = "/docs"


@router.get("/v1", summary="The endpoints that there are", responses=answers(Index, tagged=True))
async def get_index(request: Request) -> Response:
    """No key is needed: it says what `/v1/openapi.json` says to everyone, in short."""
    document = await described(request.app)
    return etag_response(request, {**_index(document), "next_cursor": None})


def _index(document: dict[str, Any]) -> dict[str, Any]:
    items = [
        {
            "name": path.removeprefix("/v1").strip("/") or "index",
            "href": path,
            "methods": [method.upper() for method in METHODS if method in operations],
            "answers": next(operations[m]["summary"] for m in METHODS if m in operations),
        }
        for path, operations in document["paths"].items()
    ]
    return {"description": DESCRIPTION, "reference": REFERENCE, "items": items}
