"""``/v1/periods/{id}/amendments``: what is different today from what a period keeps, and why.

How it is found is in `store/reports/amendments.py`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.annotation_body import annotation_body
from api.answers.amendments import PeriodAmendments
from api.answers.responses import answers
from api.auth import Reader
from api.context import Ctx
from api.cursor import CursorText, Limit, decode_cursor, encode_cursor
from api.encoding import etag_response
from api.errors import PROBLEMS, conflict, not_found
from api.routes.period_records import PeriodId
from models.amendment import difference
from models.period import Period, PeriodState, record_id
from models.ratios import seconds
from models.record import Use
from models.timestamp import format_instant
from models.usage import Usage, Window, add_up
from store.figures.costs import pieces_s
from store.figures.surroundings import Moment, load_moment
from store.reports.amendments import (
    Amendment,
    Late,
    RecordChange,
    Sides,
    load_amendments,
    load_sides,
    load_sums,
    scanned,
)
from store.reports.register import find_period
from store.run import Steps

router = APIRouter(prefix="/v1/periods", tags=["reports"], responses=PROBLEMS)

#: Records of one instrument that are told.
RECORDS_MOST = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """What amendments rest on."""

    period: Period
    moment: Moment
    sides: Sides
    cost_s: float

    @property
    def window(self) -> Window:
        return self.period.window


@router.get(
    "/{period_id}/amendments",
    summary="What is different today from what a period keeps",
    responses=answers(PeriodAmendments, tagged=True),
)
async def get_amendments(
    request: Request,
    context: Ctx,
    who: Reader,
    period_id: PeriodId,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Closed + difference is today's `/v1/utilization`, exactly: of all, institutions, instruments.

    Instruments by their ids, each with its reasons, the late heartbeats behind them and the records
    that were added, removed or changed. Only so many are looked at for a page: one may hold none
    and still have a next.
    """
    after = decode_cursor("amendments", cursor, (str,))

    def plan() -> Steps[_Held]:
        found = yield from find_period(period_id, who.institution_key)
        if found is None:
            raise not_found("period", period_id)
        if found.state is PeriodState.OPEN:
            raise conflict(
                f"period {period_id} is open: nothing is frozen that could be amended; its records"
                " are as they are now"
            )
        moment = yield from load_moment(context.settings.calendar)
        sides = yield from load_sides(found, moment)
        rest = len(sides.names(after[0] if after else None))
        cost = pieces_s(min(scanned(found.window), rest), found.window)
        return _Held(period=found, moment=moment, sides=sides, cost_s=cost)

    def ask(held: _Held) -> Steps[dict[str, Any]]:
        period = held.period
        sums = yield from load_sums(period, held.sides, held.moment, context.rosters)
        found, following = yield from load_amendments(
            period, held.sides, held.moment, after[0] if after else None, limit
        )
        assert period.closed_us is not None, "open ones are refused"
        return {
            "period_id": period_id,
            "closed_at": format_instant(period.closed_us),
            "as_of": format_instant(held.moment.now_us),
            "overall": _amended(*(_sum(side) for side in zip(*sums.values(), strict=True)))
            if sums
            else _amended(Usage(), Usage()),
            "institutions": [
                {"institution_id": name, **_amended(*one)}
                for name, one in sums.items()
                if one.then != one.now
            ],
            "items": [_item(period_id, one) for one in found],
            "next_cursor": None if following is None else encode_cursor("amendments", (following,)),
        }

    return await context.database.answer(request, plan, ask, partial(etag_response, request))


def _sum(usages: Iterable[Usage]) -> Usage:
    return add_up(list(usages))


def _amended(then: Usage | None, now: Usage | None) -> dict[str, Any]:
    return {
        "closed": amounts(then or Usage()),
        "today": amounts(now or Usage()),
        "difference": amounts(difference(then, now)),
    }


def amounts(usage: Usage) -> dict[str, Any]:
    """Seconds that add up, by the contract's names."""

    def some(us: int | None) -> Any:
        return None if us is None else seconds(us)

    return {
        "window_s": seconds(usage.window_us),
        "running_s": seconds(usage.running_us),
        "idle_s": seconds(usage.idle_us),
        "off_s": seconds(usage.off_us),
        "unknown_s": seconds(usage.unknown_us),
        "unknown_by_cause": {
            "before_first": seconds(usage.unknown_before_first_us),
            "collector": seconds(usage.unknown_collector_us),
            "gateway": seconds(usage.unknown_gateway_us),
            "device": seconds(usage.unknown_device_us),
        },
        "scheduled_s": some(usage.scheduled_us),
        "running_scheduled_s": some(usage.running_scheduled_us),
        "effective_s": seconds(usage.effective_us),
        "session_idle_s": seconds(usage.session_idle_us),
        "rated_s": seconds(usage.rated_us),
        "counter_running_s": some(
            usage.counter_us if usage.counter_readings or usage.counter_us else None
        ),
    }


def _item(period_id: int, one: Amendment) -> dict[str, Any]:
    return {
        "instrument_id": one.instrument_id,
        "institution_id": one.institution_then,
        "institution_id_today": one.institution_now,
        "change": one.change.value,
        "reasons": [reason.value for reason in one.reasons],
        "late_heartbeats": None if one.late is None else _late(one.late),
        **_amended(one.then, one.now),
        "records": [_record(period_id, record) for record in one.records[:RECORDS_MOST]],
        "records_left_out": max(0, len(one.records) - RECORDS_MOST),
    }


def _late(late: Late) -> dict[str, Any]:
    return {
        "heartbeats": late.heartbeats,
        "from": format_instant(late.first_us),
        "to": format_instant(late.last_us),
        "first_received_at": format_instant(late.first_received_us),
        "last_received_at": format_instant(late.last_received_us),
    }


def _record(period_id: int, one: RecordChange) -> dict[str, Any]:
    return {
        "change": one.change.value,
        "record_id": None if one.number is None else record_id(period_id, one.number),
        "closed": None if one.then is None else _side(one.then),
        "today": None if one.now is None else _side(one.now),
    }


def _side(use: Use) -> dict[str, Any]:
    return {
        "from": format_instant(use.start_us),
        "to": format_instant(use.end_us),
        "effective_s": seconds(use.effective_us),
        "source": use.source.value,
        "annotation": None if use.annotation is None else annotation_body(use.annotation),
    }
