"""``POST /v1/calendars/{calendar}/preview``: the figures that other days would move.

A day of a calendar is everybody's, so nothing is written and rolled back as for one record
(`change_preview.py`): the days are supposed (`store/figures/supposed.py`), and nobody waits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from api.answers.figures import CalendarPreview
from api.answers.responses import answers
from api.auth import CityOperator
from api.context import Ctx
from api.encoding import json_response
from api.errors import PROBLEMS
from api.params import Day
from api.previewed import group_body, preview_body
from api.routes.calendars import CalendarName
from api.windows import Span
from models.schedule import CalendarDay, DayKind
from models.usage import Window
from store.figures.groups import cost_s, measure_extent, tally_groups
from store.figures.question import Question
from store.figures.supposed import suppose, supposed_s
from store.figures.surroundings import Moment, load_moment
from store.registry.calendars import find_days, following
from store.run import Steps

router = APIRouter(prefix="/v1/calendars", tags=["calendars"], responses=PROBLEMS)

#: Longer than any holiday; each day is measured for the whole city.
DAYS_MAX = 31


class SupposedDay(BaseModel):
    """What a day would be."""

    model_config = ConfigDict(extra="forbid")

    day: Day
    kind: Literal["holiday", "workday"] | None = Field(
        description="null: what its weekday says, as DELETE makes it"
    )
    as_weekday: int | None = Field(
        default=None, ge=1, le=7, description="whose hours a make-up workday takes, Monday = 1"
    )

    @model_validator(mode="after")
    def _weekday_of_workday(self) -> "SupposedDay":
        if self.kind != "workday" and self.as_weekday is not None:
            raise ValueError("`as_weekday` belongs to a workday; others have none")
        return self

    def meaning(self) -> CalendarDay | None:
        """As opening hours take it."""
        if self.kind is None:
            return None
        return CalendarDay(kind=DayKind(self.kind), as_weekday=self.as_weekday)


class SupposedDays(BaseModel):
    """Days as they would be; the others stay as they are."""

    model_config = ConfigDict(extra="forbid")

    days: list[SupposedDay] = Field(min_length=1, max_length=DAYS_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    """What the answer rests on, and what it will cost."""

    moment: Moment
    question: Question
    #: Days that would differ, of the service's own calendar.
    days: Mapping[date, CalendarDay | None]
    changed: list[date]
    cost_s: float

    @property
    def window(self) -> Window:
        return self.question.window


@router.post(
    "/{calendar}/preview",
    summary="What other days of a calendar would make of the city's figures",
    responses=answers(CalendarPreview),
)
async def post_calendar_preview(
    request: Request,
    context: Ctx,
    who: CityOperator,
    calendar: CalendarName,
    span: Span,
    body: SupposedDays,
) -> Response:
    """The window's figures of all instruments as they are and as they would be; writes nothing.

    Figures go by the service's calendar alone (``in_use``); days of another move none.

    Example:
    `POST /v1/calendars/CN/preview?window=last-month` `{"days": [{"day": "2026-10-09",
    "kind": "holiday"}, {"day": "2026-10-10", "kind": null}]}`
    """
    settings, rosters = context.settings, context.rosters
    zone = span.zone or settings.zone
    wanted = {one.day: one.meaning() for one in body.days}

    def plan() -> Steps[_Planned]:
        moment = yield from load_moment(settings.calendar)
        window = span.window(zone, moment.now_us).clip(moment.now_us)
        question = Question(window=window, sufficient_coverage=settings.coverage_threshold)
        extent = yield from measure_extent(question, rosters)
        stored = yield from find_days(calendar, wanted)
        changed = {day: what for day, what in wanted.items() if stored.get(day) != what}
        days = changed if calendar == settings.calendar else {}
        return _Planned(
            moment=moment,
            question=question,
            days=days,
            changed=sorted(changed),
            cost_s=cost_s(question, extent, moment)
            + supposed_s(extent.instruments, *suppose(question, moment, days)),
        )

    def figures(question: Question, moment: Moment) -> Steps[dict[str, Any]]:
        groups = yield from tally_groups(question, moment, rosters)
        return group_body(question, groups.get(None) or question.new_group(), moment)

    def work(planned: _Planned) -> Steps[dict[str, Any]]:
        question, moment = planned.question, planned.moment
        present = yield from figures(question, moment)
        proposed = present
        if planned.days and question.window.length_us:
            proposed = yield from figures(*suppose(question, moment, planned.days))
        changes = {
            "changed": planned.changed,
            "following": (yield from following(moment.now_us)),
        }
        return {
            "calendar": calendar,
            "in_use": calendar == settings.calendar,
            **preview_body(planned.window, zone, moment, changes, present, proposed),
        }

    return await context.database.answer(request, plan, work, partial(json_response))
