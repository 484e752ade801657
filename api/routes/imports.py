"""``POST /v1/registry/import``: a CSV file of institutions, gateways or instruments.

Each row is a whole record, as PUT takes it. Good rows are taken and bad ones told apart, in
one transaction and one revision of the registry. How a row is read is in
`models/registry_csv.py`.
"""

import csv
import io
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.answers.registry import ImportReport
from api.answers.responses import answers
from api.auth import Operator
from api.context import Ctx
from api.encoding import json_response
from api.errors import PROBLEMS, FieldError, Problem, invalid
from api.told_rows import told_rows, why_body
from models.refusal import RefusedError, Why
from models.registry_csv import RecordKind, RecordRow, RegistryFile, RowError, columns, read_csv
from models.registry_fields import KINDS, to_contract_name
from models.registry_plan import WRITTEN, Change, Outcome, Result
from store.registry.records import write

router = APIRouter(prefix="/v1/registry", tags=["registry"], responses=PROBLEMS)

ERRORS_MAX = 1_000  # that one answer lists
CHARSETS = {"utf-8": "utf-8-sig", "utf8": "utf-8-sig"} | dict.fromkeys(
    ("gb18030", "gbk", "gb2312"), "gb18030"
)
MEDIA_TYPES = ("", "text/csv", "text/plain", "application/csv", "application/octet-stream",
               "application/vnd.ms-excel")  # fmt: skip


@router.post(
    "/import",
    summary="Import records from CSV",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"text/csv": {"schema": {"type": "string"}}},
        }
    },
    responses=answers(ImportReport),
)
async def post_import(
    request: Request,
    context: Ctx,
    who: Operator,
    kind_name: Annotated[
        Literal["institutions", "gateways", "instruments"] | None,
        Query(alias="type", description="what the file lists; guessed from its header"),
    ] = None,
    preview: Annotated[bool, Query(description="only tell what would become of each row")] = False,
) -> Response:
    """Answers ``{"created", "updated", "unchanged", "rejected", "errors": […]}``.

    The numbers count rows. Each error names row (the header is row 1), column, value and rule.
    A preview tells the same of a file, and each row beside it, and writes nothing.
    """
    text = decoded(await request.body(), request.headers.get("content-type", ""))
    kind = RecordKind(kind_name.removesuffix("s")) if kind_name else guess_kind(text)
    # Seconds of work for a large file: other requests go on meanwhile.
    file = await run_in_threadpool(read_csv, kind, text)
    if not file.rows and any(error.row <= 1 for error in file.errors):
        raise invalid(
            *(
                FieldError(field=f"row {e.row}: {e.column}", value=e.value, rule=e.rule, why=e.why)
                for e in file.errors[:ERRORS_MAX]
            ),
            detail=f"the header does not fit a file of {kind.value}s: "
            + "; ".join(f"{e.column} {e.rule}" for e in file.errors[:3]),
        )
    stored_kind = KINDS[kind.value]
    changes = await run_in_threadpool(_changes, file)
    # A preview does all of it and is rolled back: what it tells is what would happen.
    take = context.database.rehearse if preview else context.database.write
    outcomes = await take(
        write(
            stored_kind,
            changes,
            actor=who.actor,
            zone=context.settings.zone,
            home=who.institution_id,
        ),
        timeout_s=context.settings.import_timeout_s,
    )
    report = reported(file, outcomes, preview=preview)
    if preview:
        return json_response(report)
    for result in ("created", "updated", "unchanged", "rejected"):
        context.metrics.registry_writes.labels(stored_kind.name, result).inc(report[result])
    return json_response(report)


def decoded(body: bytes, content_type: str) -> str:
    """A file's text.

    Raises:
        Problem: 415 for what is no text, 422 for bytes that are not of its character set.
    """
    media_type, _, rest = content_type.partition(";")
    if media_type.strip().lower() not in MEDIA_TYPES:
        raise Problem(
            415,
            "media-type",
            f"what is imported is text/csv, not {media_type or 'of an unnamed kind'}",
        )
    return text_in(body, rest)


def text_in(body: bytes, parameters: str) -> str:
    """A file's text, whatever it is of.

    Args:
        body: The file.
        parameters: Of its media type.

    Raises:
        Problem: 415 for a character set that is not known, 422 for bytes that are not of it.
    """
    name = "utf-8"
    for parameter in parameters.split(";"):
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "charset":
            name = value.strip().strip('"').lower()
    if name not in CHARSETS:
        raise Problem(415, "media-type", f"charset {name!r} is not one of {', '.join(CHARSETS)}")
    try:
        return body.decode(CHARSETS[name])
    except UnicodeDecodeError as error:
        rule = (
            f"text in {name} (byte {error.start} is not); a file saved by a Chinese "
            "spreadsheet program may want `Content-Type: text/csv; charset=gb18030`"
        )
        why = RefusedError("charset", rule, charset=name)
        value = body[error.start : error.start + 8].hex(" ")
        raise invalid(FieldError.of("body", value, why)) from error


def guess_kind(text: str) -> RecordKind:
    """What a file lists, by its header.

    Raises:
        Problem: 422; the header names no record's id.
    """
    try:
        rows = csv.reader(io.StringIO(text[:100_000], newline=""))
        header = next((row for row in rows if any(cell.strip() for cell in row)), [])
    except csv.Error:
        header = []
    names = {cell.strip() for cell in header}
    # An instrument's row names all three, a gateway's may name its institution.
    for kind in (RecordKind.INSTRUMENT, RecordKind.GATEWAY, RecordKind.INSTITUTION):
        if columns(kind)[0] in names:
            return kind
    rule = "a header that names instrument_id, gateway_id or institution_id"
    error = RefusedError("header_of_nothing", rule)
    raise invalid(FieldError.of("row 1", ",".join(header), error))


def _changes(file: RegistryFile) -> list[Change]:
    return [Change.of(row.record_id, row.record) for row in file.rows]


def reported(
    file: RegistryFile, outcomes: list[Outcome], *, preview: bool = False
) -> dict[str, Any]:
    """What became of a file: rows counted, errors listed in the order of rows.

    A preview lists the rows as well.
    """
    errors = list(file.errors)
    for row, outcome in zip(file.rows, outcomes, strict=True):
        errors += _refused(file.kind, row, outcome)
    errors.sort(key=lambda error: error.row)
    counts = dict.fromkeys(("created", "updated", "unchanged"), 0)
    for outcome in outcomes:
        if outcome.result in (*WRITTEN, Result.UNCHANGED):
            counts[outcome.result.value] += 1
    rejected = {error.row for error in errors}
    rows = _rows(file, outcomes, rejected) if preview else []
    return {
        "preview": preview,
        **counts,
        "rejected": len(rejected),
        "errors": [
            {"row": e.row, "column": e.column, "value": e.value[:200], **why_body(e.why)}
            for e in errors[:ERRORS_MAX]
        ],
        "errors_left_out": max(0, len(errors) - ERRORS_MAX),
        **told_rows(rows),
    }


def _rows(file: RegistryFile, outcomes: list[Outcome], rejected: set[int]) -> list[dict[str, Any]]:
    """What would become of each row, in order."""
    told: dict[int, dict[str, Any]] = {
        row: {"row": row, "id": None, "result": "rejected", "changed": []} for row in rejected
    }
    for row, outcome in zip(file.rows, outcomes, strict=True):
        told[row.row] = {
            "row": row.row,
            "id": row.record_id,
            "result": "rejected" if row.row in rejected else outcome.result.value,
            "changed": sorted(to_contract_name(name) for name in outcome.changed),
        }
    return [told[row] for row in sorted(told)]


def _refused(kind: RecordKind, row: RecordRow, outcome: Outcome) -> list[RowError]:
    if outcome.result is Result.MISSING:
        rule = "a record of the key's own institution"
        why = Why("record_of_others", rule, {})
        return [RowError(row=row.row, column=kind.id_column, value=row.record_id, why=why)]
    return [
        RowError(row=row.row, column=one.field, value=str(one.value or ""), why=one.why)
        for one in outcome.refusals
    ]
