"""``/v1/periods/{id}/reconciliation``: bookings and self-reports as its closing found them.

What is frozen is `store/reports/held.py`'s; today's is `reconciliation.py`'s.
"""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.answers.reconciliation import PeriodReconciliation
from api.answers.responses import answers
from api.auth import Reader
from api.context import Ctx
from api.encoding import etag_response
from api.errors import PROBLEMS, conflict, not_found
from api.held_question import shown_group
from api.routes.period_records import PeriodId
from models.period import Period, PeriodState
from models.timestamp import format_instant
from models.usage import Window
from store.figures.reconciled import Extent, Held, hold, measure_extent
from store.figures.self_reports import Claims, load_claims, load_told
from store.figures.self_reports import Extent as Reported
from store.figures.surroundings import Moment, load_moment
from store.present.filters import Filters
from store.present.instruments import names_of
from store.reports.held import KeptGroup, load_held
from store.reports.register import find_period
from store.run import Steps

router = APIRouter(prefix="/v1/periods", tags=["bookings"], responses=PROBLEMS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    period: Period
    moment: Moment
    bookings: Extent
    reports: Reported

    @property
    def window(self) -> Window:
        return self.period.window

    @property
    def cost_s(self) -> float:
        return self.bookings.cost_s + self.reports.cost_s


@router.get(
    "/{period_id}/reconciliation",
    summary="Bookings held against measured use, as a period keeps them",
    responses=answers(PeriodReconciliation, tagged=True),
)
async def get_period_reconciliation(
    request: Request,
    context: Ctx,
    who: Reader,
    period_id: PeriodId,
    group_by: Annotated[KeptGroup | None, Query(description="none: `overall` alone")] = None,
) -> Response:
    """`closed` stays for ever, groups included; `today` is `/v1/reconciliation` of its window.

    409 while the period is open, or where an earlier version closed it, which kept the verdicts
    one by one alone.

    Example:
    `GET /v1/periods/7/reconciliation?group_by=institution`
    """

    def plan() -> Steps[_Plan]:
        period = yield from find_period(period_id, who.institution_key)
        if period is None:
            raise not_found("period", period_id)
        if period.state is PeriodState.OPEN:
            raise conflict(
                f"period {period_id} is open: nothing of it is kept; ask `/v1/reconciliation` for"
                " its window"
            )
        moment = yield from load_moment(context.settings.calendar)
        institution = period.institution_id
        filters = Filters(institution=None if institution is None else frozenset({institution}))
        bookings = yield from measure_extent(
            filters, group_by, period.window, moment, context.rosters
        )
        reports = yield from load_told(bookings.roster, bookings.rows, period.window, moment)
        return _Plan(period=period, moment=moment, bookings=bookings, reports=reports)

    def ask(planned: _Plan) -> Steps[dict[str, Any]]:
        period, moment, extent = planned.period, planned.moment, planned.bookings
        kept = yield from load_held(period_id, group_by)
        if not kept and len(extent.rows):
            raise conflict(
                f"period {period_id} was closed by a version that kept verdicts alone: they stand"
                " in `closed` of `/v1/reconciliation/bookings`"
            )
        found = yield from hold(extent, moment)
        claims = yield from load_claims(planned.reports.told, extent.roster, extent.groups, moment)
        today = {key: (held, claims.get(key, Claims())) for key, held in found.items()}
        names = {}
        if group_by is not None:
            names = yield from names_of(group_by, [*{**kept, **today}], planned.window.end_us)
        assert period.closed_us is not None, "open ones are refused"
        return {
            "period_id": period_id,
            "closed_at": format_instant(period.closed_us),
            "from": format_instant(period.start_us),
            "to": format_instant(period.end_us),
            "tz": period.timezone,
            "group_by": group_by,
            "overall": _sides(None, None, _all(kept), _all(today)),
            "groups": []
            if group_by is None
            else [
                _sides(key, names.get(key) if key else None, kept.get(key), today.get(key))
                for key in sorted({*kept, *today}, key=lambda key: (key is None, key or ""))
            ],
            "as_of": format_instant(moment.now_us),
        }

    return await context.database.answer(request, plan, ask, partial(etag_response, request))


def _all(groups: dict[str | None, tuple[Held, Claims]]) -> tuple[Held, list[Claims]]:
    overall = Held()
    for held, _ in groups.values():
        overall.add(held)
    return overall, [claims for _, claims in groups.values()]


def _sides(
    key: str | None,
    name: str | None,
    kept: tuple[Held, Claims | list[Claims]] | None,
    today: tuple[Held, Claims | list[Claims]] | None,
) -> dict[str, Any]:
    closed, now = (_told(key, name, side) for side in (kept, today))
    return {"key": key, "name": name, "closed": closed, "today": now, "amended": closed != now}


def _told(
    key: str | None, name: str | None, side: tuple[Held, Claims | list[Claims]] | None
) -> dict[str, Any]:
    held, claims = side or (Held(), [])
    shown = shown_group(key, name, held, claims if isinstance(claims, list) else [claims])
    return {part: value for part, value in shown.items() if part not in ("key", "name")}
