"""``/v1/schemes``: how instruments and institutions are judged."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field, StringConstraints
from starlette.responses import Response

from api.answers.evaluations import SchemeList, SchemeWhole
from api.answers.responses import answers, written
from api.auth import CityOperator, Reader
from api.context import Ctx
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS, FieldError, conflict, invalid, not_found
from models.scheme_document import SCHEME_NAME, SchemeContent, SchemeDocument
from models.timestamp import format_instant
from store.evaluation.schemes import (
    KeptScheme,
    SchemeVersionError,
    ShippedSchemeError,
    find_scheme,
    list_schemes,
    put_scheme,
)

router = APIRouter(prefix="/v1/schemes", tags=["evaluation"], responses=PROBLEMS)

NamedScheme = Annotated[
    Annotated[str, StringConstraints(pattern=f"^{SCHEME_NAME}$")],
    Path(description="name of a scheme"),
]
Version = Annotated[
    int | None, Query(ge=1, le=1_000_000, description="one version; the one in force unless said")
]


class SchemeBody(SchemeContent):
    """A scheme as it is put: its name stands in the address, and its version follows."""

    name: str | None = Field(default=None, description="the same as in the address")
    version: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="the newest's or the next, which it is unless said",
    )

    def document(self, name: str) -> SchemeDocument:
        """The document; a version of 0 is whichever comes next."""
        content = {field: getattr(self, field) for field in SchemeContent.model_fields}
        return SchemeDocument.model_construct(name=name, version=self.version or 0, **content)


@router.get("", summary="Schemes", responses=answers(SchemeList, tagged=True))
async def get_schemes(request: Request, context: Ctx, _: Reader) -> Response:
    """The version in force of each, shipped ones and your own."""
    found = await context.database.read(list_schemes())
    return etag_response(request, {"items": [_entry(one) for one in found], "next_cursor": None})


@router.get("/{name}", summary="One scheme", responses=answers(SchemeWhole, tagged=True))
async def get_scheme(
    request: Request, context: Ctx, _: Reader, name: NamedScheme, version: Version = None
) -> Response:
    """With its document.

    Example:
    `GET /v1/schemes/campus-benefit?version=1`
    """
    kept = await context.database.read(find_scheme(name, version))
    if kept is None:
        raise not_found("scheme", name if version is None else f"{name} version {version}")
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
    if body.name not in (None, name):
        raise invalid(
            FieldError(field="body.name", value=body.name, rule=f"must be {name!r}, or left out")
        )
    try:
        kept, new = await context.database.write(put_scheme(body.document(name), actor=who.actor))
    except ShippedSchemeError as error:
        raise conflict(str(error)) from error
    except SchemeVersionError as error:
        raise conflict(
            str(error), FieldError(field="body.version", value=body.version, rule=str(error))
        ) from error
    return json_response(_whole(kept), 201 if new else 200)


def _entry(one: KeptScheme) -> dict[str, Any]:
    said = one.document
    return {
        "name": one.name,
        "version": one.version,
        "title": said["title"],
        "subject": said.get("subject", "instrument"),
        "criteria": len(said["criteria"]),
        "origin": "shipped" if one.shipped else "own",
        "versions": list(one.versions),
        "created_at": None if one.created_us is None else format_instant(one.created_us),
        "created_by": one.created_by,
    }


def _whole(one: KeptScheme) -> dict[str, Any]:
    return {**_entry(one), "document": one.document}
