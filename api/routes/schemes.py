"""``/v1/schemes``: how instruments and institutions are judged."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import StringConstraints
from starlette.responses import Response

from api.answers.evaluations import SchemeList, SchemeWhole
from api.answers.responses import answers, written
from api.auth import CityOperator, Reader
from api.context import Ctx
from api.documents import PutDocument, Version, entry, kept_document, put_document
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS
from models.scheme_document import SCHEME_NAME, SchemeContent, SchemeDocument
from store.evaluation.schemes import SCHEMES
from store.registry.documents import Kept

router = APIRouter(prefix="/v1/schemes", tags=["evaluation"], responses=PROBLEMS)

NamedScheme = Annotated[
    Annotated[str, StringConstraints(pattern=f"^{SCHEME_NAME}$")],
    Path(description="name of a scheme"),
]


class SchemeBody(PutDocument, SchemeContent):
    """A scheme as it is put."""

    def document(self, name: str) -> SchemeDocument:
        """The document; a version of 0 is whichever comes next."""
        return SchemeDocument.model_construct(name=name, **self.content())


@router.get("", summary="Schemes", responses=answers(SchemeList, tagged=True))
async def get_schemes(request: Request, context: Ctx, _: Reader) -> Response:
    """The version in force of each, shipped ones and your own."""
    found = await context.database.read(SCHEMES.all())
    return etag_response(request, {"items": [_entry(one) for one in found], "next_cursor": None})


@router.get("/{name}", summary="One scheme", responses=answers(SchemeWhole, tagged=True))
async def get_scheme(
    request: Request, context: Ctx, _: Reader, name: NamedScheme, version: Version = None
) -> Response:
    """With its document.

    Example:
    `GET /v1/schemes/campus-benefit?version=1`
    """
    kept = await kept_document(context, SCHEMES, "scheme", name, version)
    return etag_response(request, _whole(kept))


@router.put("/{name}", summary="Write a scheme of your own", responses=written(SchemeWhole))
async def put_own_scheme(
    context: Ctx, who: CityOperator, name: NamedScheme, body: SchemeBody
) -> Response:
    """Adds a version, in force from then on; 201 where the name is new.

    What says the same as the newest version changes nothing. A shipped scheme is never written
    (409): copy it under a name of your own. Evaluations keep the version that they were made by.
    How to write one: `docs/evaluation.md`.
    """
    written = await put_document(
        context, name, body, lambda: SCHEMES.put(body.document(name), actor=who.actor)
    )
    return json_response(_whole(written.kept), 201 if written.new else 200)


def _entry(one: Kept) -> dict[str, object]:
    said = one.document
    return entry(one, subject=said.get("subject", "instrument"), criteria=len(said["criteria"]))


def _whole(one: Kept) -> dict[str, Any]:
    return {**_entry(one), "document": one.document}
