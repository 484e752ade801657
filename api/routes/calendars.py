"""``/v1/calendars``: public holidays and make-up workdays, which opening hours refer to.

What a change of days would make of figures is told by `calendar_preview.py`.
"""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from starlette.responses import Response

from api.answers.plans import CalendarDay, Calendars
from api.answers.responses import answers, written
from api.auth import CityOperator, Reader
from api.context import Ctx
from api.cursor import CursorText, Limit, decode_cursor, page
from api.encoding import etag_response, json_response
from api.errors import PROBLEMS, FieldError, invalid, not_found
from api.params import Day, Line
from api.query import AnyOf
from store.registry.calendars import NamedDay, delete_day, list_calendars, list_days, put_day
from store.wanted import wanted

router = APIRouter(prefix="/v1/calendars", tags=["calendars"], responses=PROBLEMS)

CalendarName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]


class DayBody(BaseModel):
    """What a day is."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["holiday", "workday"]
    name: Line = ""
    as_weekday: int | None = Field(
        default=None, ge=1, le=7, description="whose hours a make-up workday takes, Monday = 1"
    )
    confirmed: bool = Field(default=False, description="a decree says so")

    @model_validator(mode="after")
    def _weekday_of_workday(self) -> "DayBody":
        if self.kind == "holiday" and self.as_weekday is not None:
            raise ValueError("`as_weekday` belongs to a workday; a holiday has none")
        return self


@router.get("", summary="Calendars, and their days", responses=answers(Calendars, tagged=True))
async def get_calendars(
    request: Request,
    context: Ctx,
    _: Reader,
    calendar: Annotated[CalendarName | None, Query()] = None,
    year: AnyOf[Annotated[int, Field(ge=1970, le=2199)]] = (),
    limit: Limit = 1_000,
    cursor: CursorText = None,
) -> Response:
    """All calendars in ``calendars``; in ``items`` the days of one, the service's own by default.

    A day that is not listed is what its weekday says.

    Example:
    `GET /v1/calendars?calendar=CN&year=2026`
    """
    name = calendar or context.settings.calendar
    after = decode_cursor("calendars", cursor, (str,))
    found = await context.database.read(
        list_days(name, year=wanted(year), after=_day_of(cursor, after), limit=limit + 1)
    )
    calendars = await context.database.read(list_calendars())
    items, more = page(found, limit, "calendars", lambda one: (one.day.isoformat(),))
    return etag_response(
        request,
        {
            "calendar": name,
            "calendars": [
                {
                    "calendar": one.calendar,
                    "days": one.days,
                    "first_day": one.first_day,
                    "last_day": one.last_day,
                    "unconfirmed": one.unconfirmed,
                }
                for one in calendars
            ],
            "items": [_shown(one) for one in items],
            "next_cursor": more,
        },
    )


@router.put("/{calendar}/days/{day}", summary="Say what a day is", responses=written(CalendarDay))
async def put_calendar_day(
    context: Ctx,
    who: CityOperator,
    calendar: CalendarName,
    day: Annotated[Day, Path()],
    body: DayBody,
) -> Response:
    """201 where it is new, else 200. Figures of that day are computed again."""
    made, new = await context.database.write(
        put_day(calendar, day, **body.model_dump(), actor=who.actor)
    )
    return json_response(_shown(made), 201 if new else 200)


@router.delete(
    "/{calendar}/days/{day}", status_code=204, summary="Make a day what its weekday says"
)
async def delete_calendar_day(
    context: Ctx, who: CityOperator, calendar: CalendarName, day: Annotated[Day, Path()]
) -> Response:
    """Figures of that day are computed again."""
    if not await context.database.write(delete_day(calendar, day, actor=who.actor)):
        raise not_found("calendar day", f"{calendar}/{day}")
    return Response(status_code=204)


def _day_of(cursor: str | None, after: tuple[Any, ...] | None) -> date | None:
    if after is None:
        return None
    try:
        return date.fromisoformat(after[0])
    except ValueError as error:
        raise invalid(
            FieldError(field="cursor", value=cursor, rule="the `next_cursor` of an earlier page")
        ) from error


def _shown(one: NamedDay) -> dict[str, Any]:
    return {
        "calendar": one.calendar,
        "day": one.day,
        "kind": one.kind,
        "name": one.name,
        "as_weekday": one.as_weekday,
        "confirmed": one.confirmed,
        "source": one.source,
    }
