"""``/v1/periods/{period_id}/preview``: what a form would look like, before any file is written."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.answers.report_preview import FormPreview
from api.answers.responses import answers
from api.auth import Reader
from api.context import Ctx
from api.encoding import etag_response
from api.errors import PROBLEMS, FieldError, invalid, not_found
from api.routes.period_records import PeriodId, tenths
from api.routes.report_profiles import ProfileName
from models.period import Period, PeriodState
from models.record import Record
from models.report_profile import Profile, rows
from models.report_value import PeriodFacts, Row
from models.timestamp import format_instant
from models.usage import Window
from reports.spelling import spelled
from store.figures.costs import pieces_s
from store.figures.surroundings import Moment, load_moment
from store.reports.periods import Ledger, load_records, open_ledger
from store.reports.profiles import find_profile
from store.reports.register import find_period
from store.reports.uses import load_placed
from store.reports.values import load_values
from store.run import Steps

router = APIRouter(prefix="/v1/periods", tags=["reports"], responses=PROBLEMS)

#: Records read at once for a form with a row an instrument, until its rows are whole.
_PAGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """The period and form of a preview."""

    period: Period
    profile: Profile
    moment: Moment
    cost_s: float

    @property
    def window(self) -> Window:
        return self.period.window


@router.get(
    "/{period_id}/preview",
    summary="The first rows of a form",
    responses=answers(FormPreview, tagged=True),
)
async def get_preview(
    request: Request,
    context: Ctx,
    who: Reader,
    period_id: PeriodId,
    profile: Annotated[ProfileName, Query(description="the form")],
    limit: Annotated[int, Query(ge=1, le=100, description="rows at most")] = 20,
) -> Response:
    """Cell by cell as a file would have them, of an open period by what is known now.

    No person is in it. Of a form with a row an instrument only instruments with records are shown.

    Example:
    `GET /v1/periods/12/preview?profile=nrii-columns`
    """

    def plan() -> Steps[_Asked]:
        period = yield from find_period(period_id, who.institution_key)
        if period is None:
            raise not_found("period", period_id)
        form = yield from find_profile(profile)
        if form is None:
            rule = "the name of a form; `GET /v1/report-profiles` lists them"
            raise invalid(FieldError(field="query.profile", value=profile, rule=rule))
        moment = yield from load_moment(context.settings.calendar)
        cost = 0.0
        if period.state is PeriodState.OPEN:
            placed = yield from load_placed(period, moment)
            cost = pieces_s(len(placed), period.window.clip(moment.now_us))
        return _Asked(period=period, profile=form, moment=moment, cost_s=cost)

    def ask(asked: _Asked) -> Steps[dict[str, Any]]:
        period = asked.period
        ledger = yield from open_ledger(period, context.settings.calendar)
        found = yield from _first_records(ledger, asked.profile, limit)
        values = yield from load_values(period_id)
        facts = PeriodFacts(
            period_id=period.period_id,
            start_us=period.start_us,
            end_us=period.end_us,
            zone=ZoneInfo(period.timezone),
            as_of_us=period.closed_us,
            revision=period.digest,
        )
        first = islice(rows(asked.profile, found, facts, values, {}), limit)
        as_of = asked.moment.now_us if period.closed_us is None else period.closed_us
        return {
            "period_id": period.period_id,
            "profile": asked.profile.name,
            "version": asked.profile.version,
            "row": asked.profile.document.row,
            "as_of": format_instant(as_of),
            "columns": [column.name for column in asked.profile.columns],
            "rows": [list(_cells(asked.profile, row)) for row in first],
            "records": ledger.records,
            "hours": tenths(sum(share.total for share in ledger.shares.values())),
        }

    return await context.database.answer(
        request, plan, ask, lambda told: etag_response(request, told)
    )


def _first_records(ledger: Ledger, profile: Profile, limit: int) -> Steps[list[Record]]:
    """Records that a form's first rows are made of, whole instruments where a row is one."""
    if profile.document.row == "record":
        return (yield from load_records(ledger, 0, limit))
    found: list[Record] = []
    while len({one.subject.instrument_id for one in found}) <= limit:
        more = yield from load_records(ledger, len(found), _PAGE)
        found += more
        if len(more) < _PAGE:
            break
    return found


def _cells(profile: Profile, row: Row) -> Iterator[str | None]:
    for column in profile.columns:
        cell = column.fit(row).cell
        yield None if cell is None else spelled(column, cell)
