"""``/v1/periods/{period_id}/values``: what forms ask for that nothing measures.

How files are read is in `models/period_value_csv.py`.
"""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.answers.report_profiles import PeriodValues, ValuesImport
from api.answers.responses import answers
from api.auth import Operator, Reader
from api.context import Ctx
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS, FieldError, conflict, invalid, not_found
from api.params import InstrumentId
from api.routes.imports import decoded
from api.routes.period_records import PeriodId
from api.told_rows import told_problems
from models.period import Period, PeriodState
from models.period_value_csv import read_values
from models.refusal import unnamed
from models.registry_forms import ReportFields
from models.timestamp import format_instant
from store.present.bookings import find_instruments
from store.registry.audit import note
from store.reports.register import find_period, lock_period
from store.reports.values import Said, find_value, remove_value, write_values
from store.run import Steps

router = APIRouter(prefix="/v1/periods/{period_id}/values", tags=["reports"], responses=PROBLEMS)


class ValuesRequest(BaseModel):
    """What is said of an instrument and a period, as a whole."""

    model_config = ConfigDict(extra="forbid")

    fields: ReportFields | None = Field(description="by the words of forms; null: nothing")


@router.get(
    "/{instrument_id}",
    summary="What was said of an instrument and a period",
    responses=answers(PeriodValues, tagged=True),
)
async def get_values(
    request: Request, context: Ctx, who: Reader, period_id: PeriodId, instrument_id: InstrumentId
) -> Response:
    """What a form asks for and nothing measures: trainings, papers, projects."""

    def ask() -> Steps[Said | None]:
        if (yield from find_period(period_id, who.institution_key)) is None:
            raise not_found("period", period_id)
        key = yield from _key(instrument_id, who.institution_key)
        return (yield from find_value(period_id, key))

    said = await context.database.read(ask())
    return etag_response(request, _shown(period_id, instrument_id, said))


@router.put(
    "/{instrument_id}",
    summary="Say what nothing measures of an instrument and a period",
    responses=answers(PeriodValues),
)
async def put_values(
    context: Ctx,
    who: Operator,
    period_id: PeriodId,
    instrument_id: InstrumentId,
    body: ValuesRequest,
) -> Response:
    """Takes the place of what was said before. A closed period stays as it is (409)."""

    def take() -> Steps[Said | None]:
        period = yield from _open(period_id, who.institution_key)
        key = yield from _key(instrument_id, who.institution_key)
        before = yield from find_value(period_id, key)
        if body.fields is None:
            yield from remove_value(period_id, key)
        else:
            yield from write_values(period_id, [(key, body.fields)], who.actor)
        after = yield from find_value(period_id, key)
        if (before and before.fields) != (after and after.fields):
            yield from note(
                actor=who.actor,
                action="update",
                object_type="period_value",
                object_id=f"{period_id}/{instrument_id}",
                before=_noted(period, before),
                after=_noted(period, after),
            )
        return after

    said = await context.database.write(take())
    return json_response(_shown(period_id, instrument_id, said))


@router.post(
    "/import",
    summary="Say what nothing measures of many instruments, as CSV",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"text/csv": {"schema": {"type": "string"}}},
        }
    },
    responses=answers(ValuesImport),
)
async def post_values(
    request: Request, context: Ctx, who: Operator, period_id: PeriodId
) -> Response:
    """A row an instrument (`instrument_id` or `external_id`), a column each word of a form.

    A row takes the place of what was said of its instrument; the same row again changes nothing.
    Rows that cannot be taken are listed, the others are taken.
    """
    if await context.database.read(find_period(period_id, who.institution_key)) is None:
        raise not_found("period", period_id)
    text = decoded(await request.body(), request.headers.get("content-type", ""))
    try:
        file = await run_in_threadpool(read_values, text)
    except ValueError as error:
        raise invalid(FieldError.of("body", text[:60], error)) from error

    def take() -> Steps[dict[str, Any]]:
        period = yield from _open(period_id, who.institution_key)
        meant = yield from find_instruments({one.name for one in file.rows}, who.institution_key)
        problems = list(file.problems)
        said: list[tuple[int, Mapping[str, str]]] = []
        for one in file.rows:
            keys = meant.get(one.name, ())
            if len(keys) == 1:
                said.append((keys[0], one.fields))
            else:
                problems.append((one.row, unnamed(one.name, len(keys))))
        created, updated, unchanged = yield from write_values(period_id, said, who.actor)
        counts = {
            "created": created,
            "updated": updated,
            "unchanged": unchanged,
            "rejected": len(problems),
        }
        yield from note(
            actor=who.actor,
            action="import",
            object_type="period_value",
            object_id=str(period_id),
            before=None,
            after={"institution_id": period.institution_id, **counts},
        )
        return {**counts, **told_problems(problems)}

    report = await context.database.write(take(), timeout_s=context.settings.import_timeout_s)
    return json_response(report)


def _open(period_id: int, tenant: int | None) -> Steps[Period]:
    """Holds a period open until the transaction ends."""
    yield from lock_period(period_id)
    period = yield from find_period(period_id, tenant)
    if period is None:
        raise not_found("period", period_id)
    if period.state is PeriodState.CLOSED:
        raise conflict(f"period {period_id} is closed: what was said of it stays as it is")
    return period


def _key(instrument_id: str, tenant: int | None) -> Steps[int]:
    found = yield from find_instruments([instrument_id], tenant)
    keys = found.get(instrument_id, ())
    if len(keys) != 1:
        raise not_found("instrument", instrument_id)
    return keys[0]


def _noted(period: Period, said: Said | None) -> dict[str, Any]:
    """As the audit keeps it: whose the period is says who may see it."""
    fields = None if said is None else dict(said.fields)
    return {"institution_id": period.institution_id, "fields": fields}


def _shown(period_id: int, instrument_id: str, said: Said | None) -> dict[str, Any]:
    return {
        "period_id": period_id,
        "instrument_id": instrument_id,
        "fields": {} if said is None else dict(said.fields),
        "changed_at": None if said is None else format_instant(said.changed_us),
        "changed_by": None if said is None else said.actor,
    }
