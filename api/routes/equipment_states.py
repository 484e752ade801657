"""``…/equipment-states``: SEMI E10's six states, with MTBF and MTTR.

What each state is, is `models/equipment_state.py`'s and `docs/lifecycle.md`'s.
"""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.answers.equipment_states import GroupStates, InstrumentStates
from api.answers.responses import answers
from api.context import Ctx
from api.encoding import etag_response
from api.errors import PROBLEMS
from api.group_question import GroupBy
from api.params import InstrumentId
from api.routes.figures import Plan, plan_of
from api.windows import FigureReader, InstrumentFilters, Span
from models.equipment_state import StateTimes
from models.ratios import seconds
from models.timestamp import format_instant
from models.usage import Window
from store.figures.groups import measure_extent
from store.figures.question import Question
from store.figures.surroundings import Moment, load_moment
from store.lifecycle.equipment_states import (
    Division,
    divide_members,
    load_group_states,
    load_states,
)
from store.present.instruments import names_of
from store.run import Steps

router = APIRouter(prefix="/v1", tags=["maintenance"], responses=PROBLEMS)

_TIMES = ("window", "productive", "standby", "engineering", "scheduled_down", "unscheduled_down",
          "non_scheduled", "unknown")  # fmt: skip


@router.get(
    "/instruments/{instrument_id}/equipment-states",
    summary="A window by SEMI E10's six states",
    responses=answers(InstrumentStates, tagged=True),
)
async def get_instrument_states(
    request: Request, context: Ctx, who: FigureReader, instrument_id: InstrumentId, span: Span
) -> Response:
    """They add up to the window, exactly; MTBF and MTTR with how many downtimes they are of.

    Example:
    `GET /v1/instruments/sem-1/equipment-states?window=last-month`
    """

    def ask(planned: Plan) -> Steps[dict[str, Any]]:
        subject, window = planned.subject, planned.window
        found = yield from load_states(
            {subject.key: window}, {subject.key: subject}, planned.moment
        )
        return {
            "instrument_id": instrument_id,
            "from": format_instant(window.start_us),
            "to": format_instant(window.end_us),
            "tz": planned.zone.key,
            **_shown(found[subject.key]),
            "as_of": format_instant(planned.moment.now_us),
        }

    return await context.database.answer(
        request,
        lambda: plan_of(context, who, instrument_id, span, 1),
        ask,
        partial(etag_response, request),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    moment: Moment
    question: Question
    division: Division
    zone: ZoneInfo
    cost_s: float

    @property
    def window(self) -> Window:
        """Clipped to now."""
        return self.question.window


@router.get(
    "/equipment-states",
    summary="SEMI E10's six states by group",
    responses=answers(GroupStates, tagged=True),
)
async def get_states(
    request: Request,
    context: Ctx,
    filters: InstrumentFilters,
    span: Span,
    group_by: Annotated[GroupBy | None, Query(description="none: `overall` alone")] = None,
) -> Response:
    """Sums over instruments in service that were heard; each for the part in which it served.

    Example:
    `GET /v1/equipment-states?window=last-month&group_by=class`
    """

    def plan() -> Steps[_Plan]:
        moment = yield from load_moment(context.settings.calendar)
        zone = span.zone or context.settings.zone
        window = span.window(zone, moment.now_us).clip(moment.now_us)
        question = Question(window=window, filters=filters, group_by=group_by)
        extent = yield from measure_extent(question, context.rosters)
        division = yield from divide_members(question, extent)
        cost = division.cost_s(question, moment)
        return _Plan(moment=moment, question=question, division=division, zone=zone, cost_s=cost)

    def ask(planned: _Plan) -> Steps[dict[str, Any]]:
        found = yield from load_group_states(planned.question, planned.moment, planned.division)
        names = {}
        if group_by is not None:
            names = yield from names_of(group_by, list(found), planned.window.end_us)
        ordered = sorted(found, key=lambda key: (key is None, key or ""))
        total, instruments, never = StateTimes(), 0, 0
        for times, members, unheard in found.values():
            total, instruments, never = total + times, instruments + members, never + unheard
        return {
            "from": format_instant(planned.window.start_us),
            "to": format_instant(planned.window.end_us),
            "tz": planned.zone.key,
            "group_by": group_by,
            "overall": _counted(total, instruments, never),
            "groups": [
                {
                    "key": key,
                    "name": None if key is None else names.get(key),
                    **_counted(*found[key]),
                }
                for key in ordered
            ]
            if group_by is not None
            else [],
            "as_of": format_instant(planned.moment.now_us),
        }

    return await context.database.answer(request, plan, ask, partial(etag_response, request))


def _counted(times: StateTimes, instruments: int, never: int) -> dict[str, Any]:
    return {"instruments": instruments, "never_seen_instruments": never, **_shown(times)}


def _shown(times: StateTimes) -> dict[str, Any]:
    return {
        **{f"{name}_s": seconds(getattr(times, f"{name}_us")) for name in _TIMES},
        "failures": times.failures,
        "mtbf_s": _mean(times.productive_us, times.failures),
        "repairs": times.repairs,
        "mttr_s": _mean(times.repair_us, times.repairs),
    }


def _mean(us: int, count: int) -> Any:
    """Rounded down to the microsecond; None of nothing."""
    return seconds(us // count) if count else None
