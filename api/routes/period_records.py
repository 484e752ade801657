"""``/v1/periods/{id}/records``: each use of an instrument, frozen or as it is now."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from api.annotation_body import annotation_body
from api.answers.periods import (
    PeriodRecords,
)
from api.answers.responses import answers
from api.auth import Reader
from api.context import Ctx
from api.cursor import CursorText, Limit, decode_cursor, page
from api.encoding import etag_response
from api.errors import PROBLEMS, not_found
from models.period import Period, PeriodState, revision_of
from models.ratios import seconds
from models.record import Record
from models.timestamp import format_instant
from models.usage import Window
from store.figures.costs import pieces_s
from store.figures.surroundings import Moment, load_moment
from store.reports.periods import Ledger, load_records, open_ledger
from store.reports.register import (
    find_period,
)
from store.reports.uses import load_placed
from store.run import Steps

router = APIRouter(prefix="/v1/periods", tags=["reports"], responses=PROBLEMS)

PeriodId = Annotated[int, Path(ge=1, lt=1 << 63, description="the period's id")]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """A period whose records are asked for."""

    period: Period
    moment: Moment
    cost_s: float

    @property
    def window(self) -> Window:
        return self.period.window


@router.get(
    "/{period_id}/records",
    summary="A period's records",
    responses=answers(PeriodRecords, tagged=True),
)
async def get_records(
    request: Request,
    context: Ctx,
    who: Reader,
    period_id: PeriodId,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """By instrument and start: frozen, or while it is open as they are now."""
    after = decode_cursor("period-records", cursor, (int,))
    at = after[0] if after else 0

    def plan() -> Steps[_Listed]:
        found = yield from find_period(period_id, who.institution_key)
        if found is None:
            raise not_found("period", period_id)
        moment = yield from load_moment(context.settings.calendar)
        cost = 0.0
        if found.state is PeriodState.OPEN:
            placed = yield from load_placed(found, moment)
            cost = pieces_s(len(placed), found.window.clip(moment.now_us))
        return _Listed(period=found, moment=moment, cost_s=cost)

    def ask(asked: _Listed) -> Steps[tuple[_Listed, Ledger, list[Record]]]:
        ledger = yield from open_ledger(asked.period, context.settings.calendar)
        return asked, ledger, (yield from load_records(ledger, at, limit))

    def told(found: tuple[_Listed, Ledger, list[Record]]) -> Response:
        asked, ledger, records = found
        period = asked.period
        more = at + len(records) < ledger.records
        _, following = page(
            [at + len(records)] * (1 + more), 1, "period-records", lambda one: (one,)
        )
        as_of = asked.moment.now_us if period.closed_us is None else period.closed_us
        return etag_response(
            request,
            {
                "period_id": period.period_id,
                "state": period.state.value,
                "tz": period.timezone,
                "as_of": format_instant(as_of),
                "overall": _overall(ledger),
                "items": [record_shown(one) for one in records],
                "next_cursor": following if records else None,
            },
        )

    return await context.database.answer(request, plan, ask, told)


def _overall(ledger: Ledger) -> dict[str, Any]:
    return {
        "instruments": ledger.sums.instruments,
        "records": ledger.records,
        "records_without_annotation": ledger.sums.unannotated,
        "effective_s": seconds(ledger.sums.effective_us),
        "hours": tenths(ledger.tenths),
    }


def record_shown(one: Record) -> dict[str, Any]:
    """A record as answers have it."""
    subject = one.subject
    return {
        "record_id": one.record_id,
        "instrument_id": subject.instrument_id,
        "name": subject.name,
        "institution_id": subject.institution_id,
        "external_ids": subject.external_ids,
        "from": format_instant(one.start_us),
        "to": format_instant(one.end_us),
        "effective_s": seconds(one.effective_us),
        "hours": tenths(one.tenths),
        "source": one.source.value,
        "coverage": float(one.coverage),
        "revision": revision_of(one),
        "annotation": None if one.annotation is None else annotation_body(one.annotation),
    }


def tenths(count: int) -> Decimal:
    """Hours of so many tenths, exactly."""
    return Decimal(count).scaleb(-1)
