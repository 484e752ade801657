"""``/v1/mappings``: how devices' own words are read, and trying a message without storing it."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import StringConstraints
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.answers.mappings import MappingList, MappingWhole, Tried
from api.answers.responses import answers, written
from api.auth import CityOperator, Reader
from api.context import Ctx
from api.documents import PutDocument, Version, entry, kept_document, put_document
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS
from models.mapping import Mapping, matches, read
from models.mapping_document import MAPPING_NAME, MappingContent, MappingDocument
from models.mapping_golden import TriedMessage, spelled, spelled_problem
from store.registry.documents import Kept
from store.registry.mappings import MAPPINGS, put_mapping

router = APIRouter(prefix="/v1/mappings", tags=["mappings"], responses=PROBLEMS)

MappingName = Annotated[
    str, StringConstraints(pattern=f"^{MAPPING_NAME}$"), Path(description="name of a mapping")
]


class MappingBody(PutDocument, MappingContent):
    """A mapping as it is put."""

    def document(self, name: str) -> MappingDocument:
        """The document; a version of 0 is whichever comes next."""
        return MappingDocument.model_construct(name=name, **self.content())


@router.get("", summary="Mappings of devices' words", responses=answers(MappingList, tagged=True))
async def get_mappings(request: Request, context: Ctx, _: Reader) -> Response:
    """The version in force of each, shipped ones and your own."""
    found = await context.database.read(MAPPINGS.all())
    return etag_response(request, {"items": [entry(one) for one in found], "next_cursor": None})


@router.get("/{name}", summary="One mapping", responses=answers(MappingWhole, tagged=True))
async def get_mapping(
    request: Request, context: Ctx, _: Reader, name: MappingName, version: Version = None
) -> Response:
    """With its document.

    Example:
    `GET /v1/mappings/tasmota-energy?version=1`
    """
    return etag_response(
        request, _whole(await kept_document(context, MAPPINGS, "mapping", name, version))
    )


@router.put("/{name}", summary="Write a mapping of your own", responses=written(MappingWhole))
async def put_own_mapping(
    context: Ctx, who: CityOperator, name: MappingName, body: MappingBody
) -> Response:
    """Adds a version, in force at once for what arrives from then on; 201 where the name is new.

    What says the same as the newest version changes nothing. A shipped mapping is never written
    (409): copy it under a name of your own. How to write one: `docs/mappings.md`.
    """
    written = await put_document(
        context, name, body, lambda: put_mapping(body.document(name), actor=who.actor)
    )
    return json_response(_whole(written.kept), 201 if written.new else 200)


@router.post("/{name}/try", summary="What a mapping makes of a message", responses=answers(Tried))
async def post_try(
    context: Ctx, _: Reader, name: MappingName, body: TriedMessage, version: Version = None
) -> Response:
    """Writes nothing. Times without an offset take the mapping's zone, then the service's.

    A payload that is a text is taken as it is, anything else as the JSON that it is. What is
    right can be kept as a golden payload: its samples are spelled the same way.
    """
    kept = await kept_document(context, MAPPINGS, "mapping", name, version)
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


def _whole(one: Kept) -> dict[str, Any]:
    return {**entry(one), "document": one.document}
