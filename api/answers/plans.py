"""What keeps instruments from being had: maintenance, downtime, and the days of calendars."""

from typing import Literal

from pydantic import BaseModel, Field

from api.answers.fields import Count, Cursor, Day, InOpenWindow, Instant


class PlannedMaintenance(BaseModel):
    """Planned maintenance, or a downtime that nobody planned, half-open."""

    id: int
    instrument_id: str
    from_: Instant = Field(alias="from")
    to: Instant | None = Field(description="null: a downtime that is not over yet")
    kind: Literal["maintenance", "down", "engineering"]
    reason: str | None
    created_at: Instant


class MaintenancePlan(InOpenWindow):
    """A page of planned maintenance."""

    items: list[PlannedMaintenance]
    next_cursor: Cursor


class PlannedStretch(BaseModel):
    """When an instrument is not to be had whatever it does, half-open."""

    from_: Instant = Field(alias="from")
    to: Instant
    kind: Literal["maintenance", "down", "closed"]


class Planned(BaseModel):
    """Maintenance, downtime and closed hours of a window, by their starts; they may overlap."""

    from_: Instant = Field(alias="from")
    to: Instant
    tz: str
    items: list[PlannedStretch]


class CalendarDay(BaseModel):
    """A day that is not what its weekday says."""

    calendar: str
    day: Day
    kind: Literal["holiday", "workday"]
    name: str
    as_weekday: int | None = Field(description="whose hours it takes, Monday = 1")
    confirmed: bool
    source: str


class CalendarBody(BaseModel):
    """What a calendar covers."""

    calendar: str
    days: Count
    first_day: Day
    last_day: Day
    unconfirmed: Count


class Calendars(BaseModel):
    """All calendars, and a page of one's days."""

    calendar: str = Field(description="whose days `items` are")
    calendars: list[CalendarBody]
    items: list[CalendarDay]
    next_cursor: Cursor
