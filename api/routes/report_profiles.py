"""``/v1/report-profiles``: the forms that reports take."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import StringConstraints
from starlette.responses import Response

from api.answers.report_profiles import ProfileList, ProfileWhole
from api.answers.responses import answers, written
from api.auth import CityOperator, Reader
from api.context import Ctx
from api.documents import PutDocument, Version, entry, kept_document, put_document
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS
from models.report_profile_document import PROFILE_NAME, ProfileContent, ProfileDocument
from store.registry.documents import Kept
from store.reports.profiles import PROFILES

router = APIRouter(prefix="/v1/report-profiles", tags=["reports"], responses=PROBLEMS)

ProfileName = Annotated[str, StringConstraints(pattern=f"^{PROFILE_NAME}$")]
NamedProfile = Annotated[ProfileName, Path(description="name of a profile")]


class ProfileBody(PutDocument, ProfileContent):
    """A profile as it is put."""

    def document(self, name: str) -> ProfileDocument:
        """The document; a version of 0 is whichever comes next."""
        return ProfileDocument.model_construct(name=name, **self.content())


@router.get("", summary="Forms of reports", responses=answers(ProfileList, tagged=True))
async def get_profiles(request: Request, context: Ctx, _: Reader) -> Response:
    """The version in force of each, shipped ones and your own."""
    found = await context.database.read(PROFILES.all())
    return etag_response(request, {"items": [_entry(one) for one in found], "next_cursor": None})


@router.get("/{name}", summary="One form", responses=answers(ProfileWhole, tagged=True))
async def get_profile(
    request: Request, context: Ctx, _: Reader, name: NamedProfile, version: Version = None
) -> Response:
    """With its document.

    Example:
    `GET /v1/report-profiles/nrii-columns?version=1`
    """
    kept = await kept_document(context, PROFILES, "report profile", name, version)
    return etag_response(request, _whole(kept))


@router.put("/{name}", summary="Write a form of your own", responses=written(ProfileWhole))
async def put_own_profile(
    context: Ctx, who: CityOperator, name: NamedProfile, body: ProfileBody
) -> Response:
    """Adds a version, in force from then on; 201 where the name is new.

    What says the same as the newest version changes nothing. A shipped profile is never written
    (409): copy it under a name of your own. Files that a closed period keeps stay as they are.
    How to write one: `docs/reports.md`.
    """
    written = await put_document(
        context, name, body, lambda: PROFILES.put(body.document(name), actor=who.actor)
    )
    return json_response(_whole(written.kept), 201 if written.new else 200)


def _entry(one: Kept) -> dict[str, object]:
    said = one.document
    return entry(
        one,
        row=said.get("row", "record"),
        forms=said["forms"],
        columns=len(said["columns"]),
        read_on=(said.get("origin") or {}).get("read_on"),
    )


def _whole(one: Kept) -> dict[str, Any]:
    return {**_entry(one), "document": one.document}
