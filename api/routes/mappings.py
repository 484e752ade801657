"""``/v1/mappings``: how devices' own words are read, and trying a message without storing it."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field, StringConstraints
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.answers.mappings import MappingList, MappingWhole, Tried
from api.answers.responses import answers, written
from api.auth import CityOperator, Reader
from api.context import Ctx
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS, FieldError, conflict, invalid, not_found
from models.mapping import Mapping, matches, read
from models.mapping_document import MAPPING_NAME, MappingContent, MappingDocument
from models.mapping_golden import TriedMessage, spelled, spelled_problem
from models.timestamp import format_instant
from store.registry.mappings import (
    KeptMapping,
    MappingVersionError,
    ShippedMappingError,
    find_mapping,
    list_mappings,
    put_mapping,
)

router = APIRouter(prefix="/v1/mappings", tags=["mappings"], responses=PROBLEMS)

MappingName = Annotated[
    str, StringConstraints(pattern=f"^{MAPPING_NAME}$"), Path(description="name of a mapping")
]
Version = Annotated[
    int | None, Query(ge=1, le=1_000_000, description="one version; the one in force unless said")
]


class MappingBody(MappingContent):
    """A mapping as it is put: its name stands in the address, and its version follows."""

    name: str | None = Field(default=None, description="the same as in the address")
    version: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="the newest's or the next, which it is unless said",
    )

    def document(self, name: str) -> MappingDocument:
        """The document; a version of 0 is whichever comes next."""
        content = {field: getattr(self, field) for field in MappingContent.model_fields}
        return MappingDocument.model_construct(name=name, version=self.version or 0, **content)


@router.get("", summary="Mappings of devices' words", responses=answers(MappingList, tagged=True))
async def get_mappings(request: Request, context: Ctx, _: Reader) -> Response:
    """The version in force of each, shipped ones and your own."""
    found = await context.database.read(list_mappings())
    return etag_response(request, {"items": [_entry(one) for one in found], "next_cursor": None})


@router.get("/{name}", summary="One mapping", responses=answers(MappingWhole, tagged=True))
async def get_mapping(
    request: Request, context: Ctx, _: Reader, name: MappingName, version: Version = None
) -> Response:
    """With its document.

    Example:
    `GET /v1/mappings/tasmota-energy?version=1`
    """
    return etag_response(request, _whole(await _kept(context, name, version)))


@router.put("/{name}", summary="Write a mapping of your own", responses=written(MappingWhole))
async def put_own_mapping(
    context: Ctx, who: CityOperator, name: MappingName, body: MappingBody
) -> Response:
    """Adds a version, in force at once for what arrives from then on; 201 where the name is new.

    What says the same as the newest version changes nothing. A shipped mapping is never written
    (409): copy it under a name of your own. How to write one: `docs/mappings.md`.
    """
    if body.name not in (None, name):
        raise invalid(
            FieldError(field="body.name", value=body.name, rule=f"must be {name!r}, or left out")
        )
    try:
        kept, new = await context.database.write(put_mapping(body.document(name), actor=who.actor))
    except ShippedMappingError as error:
        raise conflict(str(error)) from error
    except MappingVersionError as error:
        raise conflict(
            str(error), FieldError(field="body.version", value=body.version, rule=str(error))
        ) from error
    return json_response(_whole(kept), 201 if new else 200)


@router.post("/{name}/try", summary="What a mapping makes of a message", responses=answers(Tried))
async def post_try(
    context: Ctx, _: Reader, name: MappingName, body: TriedMessage, version: Version = None
) -> Response:
    """Writes nothing. Times without an offset take the mapping's zone, then the service's.

    A payload that is a text is taken as it is, anything else as the JSON that it is. What is
    right can be kept as a golden payload: its samples are spelled the same way.
    """
    kept = await _kept(context, name, version)
    mapping = Mapping.parse(kept.document)
    topic = body.native_topic
    reading = await run_in_threadpool(
        read,
        mapping,
        topic,
        body.raw,
        retained=body.retained,
        zone=body.in_zone or context.settings.zone,
    )
    return json_response(
        {
            "matched": matches(mapping, topic),
            "samples": [spelled(sample) for sample in reading.samples],
            "problems": [spelled_problem(problem) for problem in reading.problems],
        }
    )


async def _kept(context: Ctx, name: str, version: int | None) -> KeptMapping:
    kept = await context.database.read(find_mapping(name, version))
    if kept is None:
        raise not_found("mapping", name if version is None else f"{name} version {version}")
    return kept


def _entry(one: KeptMapping) -> dict[str, Any]:
    return {
        "name": one.name,
        "version": one.version,
        "title": one.document.get("title", ""),
        "origin": "shipped" if one.shipped else "own",
        "versions": list(one.versions),
        "created_at": None if one.created_us is None else format_instant(one.created_us),
        "created_by": one.created_by,
    }


def _whole(one: KeptMapping) -> dict[str, Any]:
    return {**_entry(one), "document": one.document}
