"""``/v1/periods/{period_id}/check``: what records lack for a form, before anything is sent."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.answers.report_check import FormCheck
from api.answers.responses import answers
from api.auth import Reader
from api.context import Ctx
from api.cursor import CursorText, Limit, decode_cursor, page
from api.documents import Version
from api.encoding import etag_response
from api.errors import PROBLEMS, FieldError, Problem, invalid, not_found
from api.routes.period_records import PeriodId
from api.routes.report_profiles import ProfileName
from models.period import Period, PeriodState
from models.report_lack import Lack
from models.report_profile import Profile
from models.report_value import Place
from models.timestamp import format_instant
from models.usage import Window
from store.figures.costs import pieces_s
from store.figures.surroundings import Moment, load_moment
from store.reports.checking import check_period
from store.reports.periods import open_ledger
from store.reports.profiles import find_profile
from store.reports.register import find_period
from store.reports.uses import load_placed
from store.run import Steps

router = APIRouter(prefix="/v1/periods", tags=["reports"], responses=PROBLEMS)

#: What it costs to read a frozen record and hold it to a form (s).
_A_RECORD = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A period that is to be held to a form."""

    period: Period
    profile: Profile
    moment: Moment
    cost_s: float

    @property
    def window(self) -> Window:
        return self.period.window


@router.get(
    "/{period_id}/check",
    summary="What a period lacks for a form",
    responses=answers(FormCheck, tagged=True),
)
async def get_check(
    request: Request,
    context: Ctx,
    who: Reader,
    period_id: PeriodId,
    profile: Annotated[ProfileName, Query(description="the form")],
    version: Version = None,
    persons: Annotated[
        bool,
        Query(description="look at columns that say who somebody is, too; wants `operate`"),
    ] = False,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """By instrument and column, with the number of rows and the place that mends it.

    Of an open period by what is known now; what closing itself gives, records' ids, lacks nowhere.

    Example:
    `GET /v1/periods/12/check?profile=nrii-columns`
    """
    if persons and "operate" not in who.scopes:
        raise Problem(403, "forbidden", "a key that may not operate asks without `persons`")
    decoded = decode_cursor("report-check", cursor, (int,))
    after = decoded[0] if decoded else 0

    def plan() -> Steps[_Asked]:
        period = yield from find_period(period_id, who.institution_key)
        if period is None:
            raise not_found("period", period_id)
        form = yield from find_profile(profile, version)
        if form is None:
            rule = "the name of a form; `GET /v1/report-profiles` lists them"
            raise invalid(FieldError(field="query.profile", value=profile, rule=rule))
        moment = yield from load_moment(context.settings.calendar)
        if period.state is PeriodState.OPEN:
            placed = yield from load_placed(period, moment)
            # Once for the shares of hours, and once for the records.
            cost = 2 * pieces_s(len(placed), period.window.clip(moment.now_us))
        else:
            cost = _A_RECORD * (period.records or 0)
        return _Asked(period=period, profile=form, moment=moment, cost_s=cost)

    def ask(asked: _Asked) -> Steps[dict[str, Any]]:
        period = asked.period
        ledger = yield from open_ledger(period, context.settings.calendar)
        found = yield from check_period(
            ledger, asked.profile, persons=persons, after=after, limit=limit + 1
        )
        numbered = list(enumerate(found.listed, after + 1))
        shown, more = page(numbered, limit, "report-check", lambda one: (one[0],))
        order = {column.name: at for at, column in enumerate(asked.profile.columns)}
        as_of = asked.moment.now_us if period.closed_us is None else period.closed_us
        return {
            "period_id": period.period_id,
            "profile": asked.profile.name,
            "version": asked.profile.version,
            "persons": persons,
            "as_of": format_instant(as_of),
            "rows": found.rows,
            "lacks": found.lacks,
            "columns": [
                {
                    "column": one.column,
                    "place": one.place.value,
                    "rows": one.rows,
                    "instruments": one.instruments,
                }
                for one in sorted(found.columns.values(), key=lambda one: order[one.column])
            ],
            "items": [_shown(lack, period_id) for _, lack in shown],
            "next_cursor": more,
        }

    return await context.database.answer(request, plan, ask, partial(etag_response, request))


def _shown(lack: Lack, period_id: int) -> dict[str, Any]:
    return {
        "instrument_id": lack.instrument_id,
        "name": lack.name,
        "institution_id": lack.institution_id,
        "column": lack.column,
        "value": lack.value,
        "place": lack.place.value,
        "rule": lack.rule,
        "rows": lack.rows,
        "first_from": None if lack.first_us is None else format_instant(lack.first_us),
        "mend": _mend(lack, period_id),
    }


def _mend(lack: Lack, period_id: int) -> dict[str, str]:
    """The page and the request by which what is lacking is told."""
    instrument = quote(lack.instrument_id, safe="")
    page_of = f"#/instrument/{instrument}"
    if lack.place is Place.INSTITUTION:
        address = f"/v1/institutions/{quote(lack.institution_id, safe='')}"
        return {"page": f"#/reports/{period_id}", "method": "PATCH", "address": address}
    if lack.place is Place.VALUES:
        address = f"/v1/periods/{period_id}/values/{instrument}"
        return {"page": f"#/reports/{period_id}", "method": "PUT", "address": address}
    if lack.place in (Place.ANNOTATION, Place.PERSON):
        address = f"/v1/instruments/{instrument}/annotations"
        return {"page": page_of, "method": "POST", "address": address}
    return {"page": page_of, "method": "PATCH", "address": f"/v1/instruments/{instrument}"}
