"""``/v1/profile``: when in the week instruments run. Which are free is in `available.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.answers.responses import answers
from api.answers.stretches import Profile
from api.context import Ctx
from api.encoding import etag_response
from api.errors import PROBLEMS
from api.group_question import compared_body
from api.windows import CompareName, InstrumentFilters, Span
from models.compared_window import compared_window
from models.difference import difference
from models.ratios import ratio, seconds
from models.timestamp import format_instant
from models.usage import Window
from store.figures.profile import HOURS, Hour, Known
from store.figures.question import Question
from store.figures.surroundings import Moment, load_moment
from store.figures.week import load_week, week_s
from store.run import Steps

router = APIRouter(prefix="/v1", tags=["figures"], responses=PROBLEMS)

_DIFFERS = ("running_s", "idle_s", "off_s", "running_share")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    moment: Moment
    #: Clipped to now.
    window: Window
    cost_s: float
    #: That figures are held against.
    compared: Window | None = None


@router.get(
    "/profile",
    summary="Running share by hour of the local week",
    responses=answers(Profile, tagged=True),
)
async def get_profile(
    request: Request,
    context: Ctx,
    filters: InstrumentFilters,
    span: Span,
    compare: CompareName = None,
) -> Response:
    """Of the known time; each instrument's week by its own clock unless `tz` names one.

    Without `tz`, dates and names of the window are by the service's clock.

    Examples:
    `GET /v1/profile?window=last-quarter&district=310104`
    `GET /v1/profile?window=last-month&compare=last-year`
    """
    tz = span.zone

    def cost(window: Window, moment: Moment) -> Steps[float]:
        return week_s(Question(window=window, filters=filters), moment, context.rosters)

    def plan() -> Steps[_Plan]:
        moment = yield from load_moment()
        zone = tz or context.settings.zone
        asked = span.window(zone, moment.now_us)
        window = asked.clip(moment.now_us)
        planned = _Plan(moment=moment, window=window, cost_s=(yield from cost(window, moment)))
        if compare is None:
            return planned
        other = compared_window(asked, compare, moment.now_us, zone)
        more = yield from cost(other, moment)
        return replace(planned, compared=other, cost_s=planned.cost_s + more)

    def week(window: Window, moment: Moment) -> Steps[tuple[int, list[dict[str, Any]]]]:
        question = Question(window=window, filters=filters)
        found = yield from load_week(question, tz.key if tz else None, moment, context.rosters)
        return found.instruments, [_shown(found.known[at]) for at in HOURS]

    def ask(planned: _Plan) -> Steps[dict[str, Any]]:
        moment, window = planned.moment, planned.window
        instruments, hours = yield from week(window, moment)
        body: dict[str, Any] = {
            "from": format_instant(window.start_us),
            "to": format_instant(window.end_us),
            "tz": tz.key if tz else None,
            "instruments": instruments,
            "next_cursor": None,
            "as_of": format_instant(moment.now_us),
        }
        if planned.compared is None:
            return {**body, "items": list(map(_at, HOURS, hours))}
        then, others = yield from week(planned.compared, moment)
        return {
            **body,
            **compared_body(compare, planned.compared),
            "compared_instruments": then,
            "items": [
                {
                    **_at(at, hour),
                    "compared": other,
                    "difference": difference(hour, other, _DIFFERS),
                }
                for at, hour, other in zip(HOURS, hours, others, strict=True)
            ],
        }

    return await context.database.answer(request, plan, ask, partial(etag_response, request))


def _at(at: Hour, figures: Mapping[str, Any]) -> dict[str, Any]:
    return {"weekday": at.weekday, "hour": at.hour, **figures}


def _shown(known: Known) -> dict[str, Any]:
    return {
        "running_s": seconds(known.running_us),
        "idle_s": seconds(known.idle_us),
        "off_s": seconds(known.off_us),
        "running_share": ratio(known.running_us, known.known_us),
    }
