"""Public holidays and make-up workdays: read, written, and what that makes untrue.

Statements are in `sql/calendars.sql`; what a day does to opening hours is in
`models/schedule.py`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from models.schedule import CalendarDay, DayKind
from store.instant import from_us
from store.registry.audit import note
from store.run import Query, Steps
from store.statements import statements
from store.wanted import Wanted, array


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """What a calendar covers."""

    calendar: str
    days: int
    first_day: date
    last_day: date
    #: Days that no decree has confirmed yet.
    unconfirmed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedDay:
    """A day that is not what its weekday says."""

    calendar: str
    day: date
    kind: str
    name: str
    #: Whose hours a make-up workday takes, Monday = 1.
    as_weekday: int | None
    confirmed: bool
    source: str


def list_calendars() -> Steps[list[Calendar]]:
    """All calendars."""
    rows = yield Query(statements("calendars")["calendars"])
    names = Calendar.__dataclass_fields__
    return [Calendar(**dict(zip(names, row, strict=True))) for row in rows]


def list_days(
    calendar: str, *, year: Wanted[int], after: date | None, limit: int
) -> Steps[list[NamedDay]]:
    """Days of a calendar in order."""
    rows = yield Query(
        statements("calendars")["list"],
        {"calendar": calendar, "year": array(year), "after": after, "limit": limit},
    )
    return [_read(row) for row in rows]


def find_days(calendar: str, days: Iterable[date]) -> Steps[dict[date, CalendarDay]]:
    """What some days are, as opening hours take it; those that are nothing special left out."""
    rows = yield from Query[tuple[date, str, int | None]](
        statements("calendars")["days"], {"calendar": calendar, "days": list(days)}
    )
    return {day: CalendarDay(kind=DayKind(kind), as_weekday=weekday) for day, kind, weekday in rows}


def following(now_us: int) -> Steps[int]:
    """How many instruments in service have opening hours that go by the calendar."""
    rows = yield from Query[tuple[int]](
        statements("calendars")["following"], {"now": from_us(now_us)}
    )
    return rows[0][0]


def put_day(
    calendar: str,
    day: date,
    *,
    kind: str,
    name: str,
    as_weekday: int | None,
    confirmed: bool,
    actor: str,
) -> Steps[tuple[NamedDay, bool]]:
    """Say what a day is.

    Returns:
        The day, and whether it is new.
    """
    sql = statements("calendars")
    values = {
        "calendar": calendar,
        "day": day,
        "kind": kind,
        "name": name,
        "as_weekday": as_weekday,
        "confirmed": confirmed,
    }
    old = yield from _locked(calendar, day)
    yield Query(sql["put"], values)
    rows = yield Query(sql["find"], values)
    new = _read(rows[0])
    if old is None or (old.kind, old.as_weekday) != (new.kind, new.as_weekday):
        yield Query(sql["forget"], {"day": day})
    if new != old:
        yield from note(
            actor=actor,
            action="update" if old else "create",
            object_type="calendar_day",
            object_id=f"{calendar}/{day}",
            before=asdict(old) if old else None,
            after=asdict(new),
        )
    return new, old is None


def delete_day(calendar: str, day: date, *, actor: str) -> Steps[bool]:
    """Make a day what its weekday says; whether it was anything else."""
    sql = statements("calendars")
    old = yield from _locked(calendar, day)
    if old is None:
        return False
    yield Query(sql["delete"], {"calendar": calendar, "day": day})
    yield Query(sql["forget"], {"day": day})
    yield from note(
        actor=actor,
        action="delete",
        object_type="calendar_day",
        object_id=f"{calendar}/{day}",
        before=asdict(old),
        after=None,
    )
    return True


def _locked(calendar: str, day: date) -> Steps[NamedDay | None]:
    sql = statements("calendars")
    yield Query(sql["lock"], {"calendar": calendar, "day": day.isoformat()})
    rows = yield Query(sql["find"], {"calendar": calendar, "day": day})
    return _read(rows[0]) if rows else None


def _read(row: Sequence[Any]) -> NamedDay:
    return NamedDay(**dict(zip(NamedDay.__dataclass_fields__, row, strict=True)))
