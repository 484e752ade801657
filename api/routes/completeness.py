"""``/v1/periods/completeness``: who has not closed a window, and what is known of it."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.answers.periods import (
    PeriodCompleteness,
)
from api.answers.responses import answers
from api.context import Ctx
from api.cursor import CursorText, Limit, decode_cursor, page
from api.encoding import etag_response
from api.errors import PROBLEMS, FieldError, invalid
from api.query import AnyOf
from api.windows import InstrumentFilters, Span
from models.ratios import ratio, seconds
from models.timestamp import format_instant
from models.usage import Window
from store.figures.groups import cost_s, measure_extent, tally_groups
from store.figures.question import Question
from store.figures.surroundings import Moment, load_moment
from store.present.instruments import names_of
from store.reports.standing import Standing, load_standings
from store.run import Steps

router = APIRouter(prefix="/v1/periods", tags=["reports"], responses=PROBLEMS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """What the completeness of a window rests on."""

    moment: Moment
    question: Question
    #: Not clipped to now.
    whole: Window
    cost_s: float

    @property
    def window(self) -> Window:
        return self.question.window


@router.get(
    "/completeness",
    summary="Who has not closed a window",
    responses=answers(PeriodCompleteness, tagged=True),
)
async def get_completeness(
    request: Request,
    context: Ctx,
    filters: InstrumentFilters,
    span: Span,
    state: Annotated[
        AnyOf[str], Query(description="`none`, `open` or `closed`: these institutions alone")
    ] = (),
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Each institution's own period of just this window, and what of it is known.

    Example:
    `GET /v1/periods/completeness?from=2025-01-01&to=2026-01-01&state=none&state=open`
    """
    after = decode_cursor("completeness", cursor, (str,))
    strange = [one for one in state if one not in ("none", "open", "closed")]
    if strange:
        rule = "one of none, open, closed"
        raise invalid(FieldError(field="query.state", value=strange[0], rule=rule))
    zone = span.zone or context.settings.zone

    def plan() -> Steps[_Held]:
        moment = yield from load_moment(context.settings.calendar)
        whole = span.window(zone, moment.now_us)
        question = Question(
            window=whole.clip(moment.now_us), filters=filters, group_by="institution"
        )
        extent = yield from measure_extent(question, context.rosters)
        cost = cost_s(question, extent, moment)
        return _Held(moment=moment, question=question, whole=whole, cost_s=cost)

    def ask(held: _Held) -> Steps[dict[str, Any]]:
        groups = yield from tally_groups(held.question, held.moment, context.rosters)
        ids = sorted(key for key in groups if key is not None and (not after or key > after[0]))
        standings = yield from load_standings(ids, held.whole)
        chosen = [one for one in ids if not state or standings[one].state in state]
        items, more = page(chosen, limit, "completeness", lambda one: (one,))
        names = yield from names_of("institution", items, held.window.end_us)
        return {
            "from": format_instant(held.whole.start_us),
            "to": format_instant(held.whole.end_us),
            "tz": zone.key,
            "as_of": format_instant(held.moment.now_us),
            "items": [_standing(standings[one], names[one], groups[one].total) for one in items],
            "next_cursor": more,
        }

    return await context.database.answer(request, plan, ask, partial(etag_response, request))


def _standing(one: Standing, name: str | None, tally: Any) -> dict[str, Any]:
    usage = tally.usage
    return {
        "institution_id": one.institution_id,
        "name": name,
        "state": one.state,
        "period_id": one.period_id,
        "closed_at": None if one.closed_us is None else format_instant(one.closed_us),
        "closed_by": one.closed_by,
        "instruments": tally.instruments,
        "never_seen_instruments": tally.never_seen,
        "coverage": ratio(usage.known_us, usage.window_us),
        "effective_s": seconds(usage.effective_us),
        "annotations": one.annotations,
        "records": one.records,
        "records_without_annotation": one.unannotated,
    }
