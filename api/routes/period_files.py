"""``/v1/periods/{id}/files`` and ``/manifest``: a closed period's files, as first written.

How they come about is in `api/freezing.py`, where they are kept in `store/reports/files.py`; a
folder of all of them is what `jishi reports verify` takes.
"""

import base64
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import Response, StreamingResponse

from api.answers.period_files import PeriodFiles, SignedManifest
from api.answers.responses import answers
from api.auth import Operator, Principal, Reader
from api.context import Context, Ctx
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS, FieldError, conflict, invalid, not_found
from api.freezer import frozen_in_thread, signer_of
from api.freezing import Connection, freeze_files
from api.routes.period_records import PeriodId
from models.manifest import SIGNATURE_ENDING, manifest_name
from models.period import Period, PeriodState
from models.timestamp import format_instant
from store.registry.audit import note
from store.reports.files import (
    StoredFile,
    StoredManifest,
    list_files,
    list_manifests,
    newest_manifest,
    pieces_of,
    read_piece,
)
from store.reports.profiles import find_profile
from store.reports.register import find_period
from store.run import Steps, run

router = APIRouter(prefix="/v1/periods", tags=["reports"], responses=PROBLEMS)

FileName = Annotated[
    str,
    Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$", description="of `/v1/periods/{id}/files`"),
]
NEVER_CHANGES = "private, max-age=31536000, immutable"


class FileWanted(BaseModel):
    """A file that a closed period shall have."""

    model_config = ConfigDict(extra="forbid")

    profile: Annotated[str, StringConstraints(max_length=64)] = Field(description="the form")
    form: Literal["csv", "json", "xlsx", "parquet", "xml"] = Field(
        description="what kind of file; one of the profile's"
    )


@router.get(
    "/{period_id}/manifest",
    summary="What vouches for a closed period's files",
    responses=answers(SignedManifest, tagged=True),
)
async def get_manifest(
    request: Request, context: Ctx, who: Reader, period_id: PeriodId
) -> Response:
    """The newest one, which lists all files."""
    await _closed(context, who, period_id)
    newest = await context.database.read(newest_manifest(period_id))
    if newest is None:
        raise not_found("manifest of period", str(period_id))
    return etag_response(request, _signed(newest))


@router.get(
    "/{period_id}/files",
    summary="A closed period's files",
    responses=answers(PeriodFiles, tagged=True),
)
async def get_files(request: Request, context: Ctx, who: Reader, period_id: PeriodId) -> Response:
    """With manifests and signatures: a folder of them all is what `jishi reports verify` takes."""
    await _closed(context, who, period_id)

    def ask() -> Steps[tuple[list[StoredFile], list[StoredManifest]]]:
        return (yield from list_files(period_id)), (yield from list_manifests(period_id))

    files, manifests = await context.database.read(ask(), snapshot=True)
    items = [_file(one) for one in files]
    for manifest in manifests:
        items += _of_manifest(manifest)
    return etag_response(request, {"items": items, "next_cursor": None})


@router.post(
    "/{period_id}/files",
    status_code=201,
    summary="Add a file to a closed period",
    responses=answers(SignedManifest, 201),
)
async def post_file(context: Ctx, who: Operator, period_id: PeriodId, body: FileWanted) -> Response:
    """Written of what was frozen, kept as it is, and listed by a new manifest. One that is there is
    not written again."""
    period = await _closed(context, who, period_id)
    profile = await context.database.read(find_profile(body.profile))
    if profile is None:
        raise invalid(
            FieldError(field="body.profile", value=body.profile, rule="a report profile's name")
        )
    if body.form not in profile.document.forms:
        rule = f"as {profile.name} is written: {', '.join(profile.document.forms)}"
        raise invalid(FieldError(field="body.form", value=body.form, rule=rule))
    signer = signer_of(context.settings)

    def add(connection: Connection) -> StoredManifest:
        before = run(connection, newest_manifest(period_id))
        made = freeze_files(connection, period, [(profile, body.form)], signer)
        if before is None or made.number != before.number:
            entry = note(
                actor=who.actor,
                action="add-file",
                object_type="period",
                object_id=str(period_id),
                before={"manifest": None if before is None else before.number},
                after={"manifest": made.number, "profile": profile.name, "form": body.form},
            )
            run(connection, entry)
        return made

    return json_response(_signed(await frozen_in_thread(context, add)), 201)


@router.get(
    "/{period_id}/files/{file}",
    summary="One file, byte by byte",
    response_class=Response,
    responses={
        # Of the kind that `/files` says; where CSV were named, it would be taken for a table's.
        200: {"description": "the file"},
        304: {"description": "Not modified: `If-None-Match` names what there is"},
    },
)
async def get_file(
    request: Request, context: Ctx, who: Reader, period_id: PeriodId, file: FileName
) -> Response:
    """The same bytes for ever; `ETag` is their SHA-256."""
    await _closed(context, who, period_id)
    found = await context.database.read(list_files(period_id, file))
    if found:
        kept = found[0]
        head = _head(file, kept.sha256)
        if _has(request, kept.sha256):
            return Response(status_code=304, headers=head)
        pieces, sized = _pieces(context, period_id, kept), {"Content-Length": str(kept.size)}
        return StreamingResponse(pieces, media_type=kept.media_type, headers=head | sized)
    manifests = await context.database.read(list_manifests(period_id))
    contents = {name: data for one in manifests for name, data in _contents(one).items()}
    if file not in contents:
        raise not_found("file", file)
    data = contents[file]
    digest = sha256(data).hexdigest()
    head = _head(file, digest)
    if _has(request, digest):
        return Response(status_code=304, headers=head)
    return Response(data, media_type=_media_type(file), headers=head)


async def _closed(context: Context, who: Principal, period_id: int) -> Period:
    period = await context.database.read(find_period(period_id, who.institution_key))
    if period is None:
        raise not_found("period", period_id)
    if period.state is not PeriodState.CLOSED:
        raise conflict(f"period {period_id} is open: it has files once it is closed")
    return period


async def _pieces(context: Context, period_id: int, file: StoredFile) -> AsyncIterator[bytes]:
    # Each by itself: what never changes needs no snapshot, and a slow client no connection.
    for n in pieces_of(file.size):
        piece = await context.database.read(read_piece(period_id, file.name, n))
        assert piece is not None, "all pieces of a file were kept with it"
        yield piece


def _has(request: Request, digest: str) -> bool:
    return f'"{digest}"' in request.headers.get("if-none-match", "")


def _head(name: str, digest: str) -> dict[str, str]:
    return {
        "ETag": f'"{digest}"',
        "Cache-Control": NEVER_CHANGES,
        "Content-Disposition": f'attachment; filename="{name}"',
    }


def _contents(one: StoredManifest) -> dict[str, bytes]:
    name = manifest_name(one.number)
    return {name: one.manifest, name + SIGNATURE_ENDING: one.signature}


def _media_type(name: str) -> str:
    ended = name.endswith(SIGNATURE_ENDING)
    return "application/octet-stream" if ended else "application/json"


def _signed(one: StoredManifest) -> dict[str, Any]:
    return {
        "number": one.number,
        "key_id": one.key_id,
        "sha256": sha256(one.manifest).hexdigest(),
        "signature": base64.b64encode(one.signature).decode(),
        "signed_at": format_instant(one.created_us),
        "manifest": msgspec.json.decode(one.manifest),
    }


def _file(one: StoredFile) -> dict[str, Any]:
    names = ("name", "size", "sha256", "media_type", "rows", "profile", "profile_version")
    told = {name: getattr(one, name) for name in names}
    return {**told, "created_at": format_instant(one.created_us)}


def _of_manifest(one: StoredManifest) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "size": len(data),
            "sha256": sha256(data).hexdigest(),
            "media_type": _media_type(name),
            "created_at": format_instant(one.created_us),
            "rows": None,
            "profile": None,
            "profile_version": None,
        }
        for name, data in _contents(one).items()
    ]
