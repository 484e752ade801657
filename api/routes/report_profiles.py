"""``/v1/report-profiles``: the forms that reports take."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field, StringConstraints
from starlette.responses import Response

from api.answers.report_profiles import ProfileList, ProfileWhole
from api.answers.responses import answers, written
from api.auth import CityOperator, Reader
from api.context import Ctx
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS, FieldError, conflict, invalid, not_found
from models.report_profile_document import PROFILE_NAME, ProfileContent, ProfileDocument
from models.timestamp import format_instant
from store.reports.profiles import (
    KeptProfile,
    ProfileVersionError,
    ShippedProfileError,
    find_profile,
    list_profiles,
    put_profile,
)

router = APIRouter(prefix="/v1/report-profiles", tags=["reports"], responses=PROBLEMS)

ProfileName = Annotated[str, StringConstraints(pattern=f"^{PROFILE_NAME}$")]
NamedProfile = Annotated[ProfileName, Path(description="name of a profile")]
Version = Annotated[
    int | None, Query(ge=1, le=1_000_000, description="one version; the one in force unless said")
]


class ProfileBody(ProfileContent):
    """A profile as it is put: its name stands in the address, and its version follows."""

    name: str | None = Field(default=None, description="the same as in the address")
    version: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="the newest's or the next, which it is unless said",
    )

    def document(self, name: str) -> ProfileDocument:
        """The document; a version of 0 is whichever comes next."""
        content = {field: getattr(self, field) for field in ProfileContent.model_fields}
        return ProfileDocument.model_construct(name=name, version=self.version or 0, **content)


@router.get("", summary="Forms of reports", responses=answers(ProfileList, tagged=True))
async def get_profiles(request: Request, context: Ctx, _: Reader) -> Response:
    """The version in force of each, shipped ones and your own."""
    found = await context.database.read(list_profiles())
    return etag_response(request, {"items": [_entry(one) for one in found], "next_cursor": None})


@router.get("/{name}", summary="One form", responses=answers(ProfileWhole, tagged=True))
async def get_profile(
    request: Request, context: Ctx, _: Reader, name: NamedProfile, version: Version = None
) -> Response:
    """With its document.

    Example:
    `GET /v1/report-profiles/nrii-columns?version=1`
    """
    kept = await context.database.read(find_profile(name, version))
    if kept is None:
        raise not_found("report profile", name if version is None else f"{name} version {version}")
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
    if body.name not in (None, name):
        raise invalid(
            FieldError(field="body.name", value=body.name, rule=f"must be {name!r}, or left out")
        )
    try:
        kept, new = await context.database.write(put_profile(body.document(name), actor=who.actor))
    except ShippedProfileError as error:
        raise conflict(str(error)) from error
    except ProfileVersionError as error:
        raise conflict(
            str(error), FieldError(field="body.version", value=body.version, rule=str(error))
        ) from error
    return json_response(_whole(kept), 201 if new else 200)


def _entry(one: KeptProfile) -> dict[str, Any]:
    said = one.document
    return {
        "name": one.name,
        "version": one.version,
        "title": said.get("title", ""),
        "row": said.get("row", "record"),
        "forms": said["forms"],
        "columns": len(said["columns"]),
        "origin": "shipped" if one.shipped else "own",
        "read_on": (said.get("origin") or {}).get("read_on"),
        "versions": list(one.versions),
        "created_at": None if one.created_us is None else format_instant(one.created_us),
        "created_by": one.created_by,
    }


def _whole(one: KeptProfile) -> dict[str, Any]:
    return {**_entry(one), "document": one.document}
