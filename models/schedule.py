"""Opening hours: from what is written in the registry to open intervals of time.

Hours are local wall times: an instant is open when the local clock, then, reads within a
range. Public holidays and make-up workdays come as calendar days. What a window makes of open
intervals is ``usage.py``'s.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from models.interval import Interval, clip, merge, subtract
from models.refusal import RefusedError
from models.zone import DAY_US, local_day, wall_intervals

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MINUTE_US = 60_000_000
_DAY_MINUTES = 1_440
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00", re.ASCII)
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


class Holidays(StrEnum):
    """What opening hours make of the calendar."""

    #: Closed on holidays; a make-up workday takes a weekday's hours.
    CLOSED = "closed"
    #: The calendar does not matter.
    AS_WEEKDAY = "as_weekday"
    #: Open all day on holidays; a make-up workday takes a weekday's hours.
    OPEN = "open"


class DayKind(StrEnum):
    """What a calendar says of a day."""

    HOLIDAY = "holiday"
    WORKDAY = "workday"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarDay:
    """A day that is not what its weekday says."""

    kind: DayKind
    #: The weekday whose hours a make-up workday takes, Monday = 1; None: Monday.
    as_weekday: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningHours:
    """Opening hours of a week, and what holidays change."""

    #: By weekday from Monday: ranges in minutes after midnight, ``(start, end)``. An end at or
    #: before its start lies on the next day, and the range still belongs to the day it starts.
    week: tuple[tuple[tuple[int, int], ...], ...]
    holidays: Holidays = Holidays.CLOSED

    @classmethod
    def parse(cls, value: object) -> "OpeningHours":
        """Opening hours as the registry and the API spell them.

        Args:
            value: ``{"mon": [["08:00", "17:30"]], …, "holidays": "closed"}``. A weekday that is
                left out is closed; ``24:00`` may end a range; a range may pass midnight.

        Raises:
            ValueError: ``value`` is anything else; the text names what and why.
        """
        if not isinstance(value, Mapping):
            rule = f"opening_hours must be an object, not {type(value).__name__}"
            raise RefusedError("object_form", rule, example='{"mon": [["08:00", "17:30"]]}')
        unknown = sorted(str(key) for key in value if key not in (*WEEKDAYS, "holidays"))
        if unknown:
            rule = (
                f"opening_hours: unknown key {unknown[0]!r}; "
                f"known are {', '.join(WEEKDAYS)} and holidays"
            )
            known = ", ".join((*WEEKDAYS, "holidays"))
            raise RefusedError("unknown_member", rule, member=unknown[0][:60], known=known)
        try:
            holidays = Holidays(value.get("holidays", Holidays.CLOSED))
        except ValueError:
            choices, said = ", ".join(Holidays), value["holidays"]
            rule = f"opening_hours: holidays is {said!r}; it must be one of {choices}"
            about = {"field": "holidays", "value": str(said)[:80], "choices": choices}
            raise RefusedError("choice", rule, **about) from None
        return cls(
            week=tuple(_parse_day(name, value.get(name, ())) for name in WEEKDAYS),
            holidays=holidays,
        )

    def to_json(self) -> dict[str, object]:
        """The same as ``parse`` reads it; closed days are left out."""
        spelled: dict[str, object] = {
            name: [[_spell(start), _spell(end)] for start, end in ranges]
            for name, ranges in zip(WEEKDAYS, self.week, strict=True)
            if ranges
        }
        spelled["holidays"] = self.holidays.value
        return spelled

    def ranges_on(self, day: date, calendar_day: CalendarDay | None) -> tuple[tuple[int, int], ...]:
        """Ranges that start on ``day``, minutes after its midnight; an end may pass 1,440."""
        weekday = day.weekday()
        if calendar_day is not None and self.holidays is not Holidays.AS_WEEKDAY:
            if calendar_day.kind is DayKind.HOLIDAY:
                return ((0, _DAY_MINUTES),) if self.holidays is Holidays.OPEN else ()
            weekday = (calendar_day.as_weekday or 1) - 1
        return tuple(
            (start, end if end > start else end + _DAY_MINUTES) for start, end in self.week[weekday]
        )


def _parse_day(name: str, ranges: object) -> tuple[tuple[int, int], ...]:
    if not isinstance(ranges, list | tuple):
        rule = f"opening_hours: {name} is {ranges!r}; it must be a list of ranges"
        raise RefusedError("day_ranges", rule, day=name)
    parsed: list[tuple[int, int]] = []
    for span in ranges:
        if not isinstance(span, list | tuple) or len(span) != 2:
            rule = f'opening_hours: {name} holds {span!r}; a range is ["HH:MM", "HH:MM"]'
            raise RefusedError("day_ranges", rule, day=name)
        start, end = (_parse_time(name, time) for time in span)
        if start in (end, _DAY_MINUTES):
            rule = (
                f"opening_hours: {name} holds the range {span[0]} to {span[1]}, which is empty; "
                "a whole day is 00:00 to 24:00"
            )
            raise RefusedError("range_empty", rule, day=name, start=span[0], end=span[1])
        parsed.append((start, end))
    return tuple(sorted(parsed))


def _parse_time(name: str, time: object) -> int:
    if not isinstance(time, str) or not _TIME.fullmatch(time):
        rule = f"opening_hours: {name} holds the time {time!r}; it must be HH:MM"
        raise RefusedError("clock_form", rule, day=name, value=str(time)[:80])
    return int(time[:2]) * 60 + int(time[3:])


def _spell(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursInForce:
    """One version: what holds for ``[from_us, to_us)``."""

    from_us: int
    to_us: int
    #: None: no opening hours of its own.
    hours: OpeningHours | None
    zone: ZoneInfo


def with_fallback(
    own: Iterable[HoursInForce], institution: Sequence[HoursInForce]
) -> list[HoursInForce]:
    """The instrument's versions, with its institution's hours where it has none.

    Args:
        own: The instrument's, disjoint; its zone is the one that counts.
        institution: The institution's that the instrument belongs to at each moment, disjoint.

    Returns:
        Versions, those without any hours left out.
    """
    resolved: list[HoursInForce] = []
    for version in own:
        if version.hours is not None:
            resolved.append(version)
            continue
        for other in institution:
            start = max(version.from_us, other.from_us)
            end = min(version.to_us, other.to_us)
            if other.hours is not None and start < end:
                resolved.append(
                    HoursInForce(from_us=start, to_us=end, hours=other.hours, zone=version.zone)
                )
    return sorted(resolved, key=lambda version: version.from_us)


def open_intervals(
    versions: Iterable[HoursInForce],
    start_us: int,
    end_us: int,
    *,
    calendar: Mapping[date, CalendarDay] | None = None,
    maintenance: Iterable[Interval] = (),
) -> list[Interval] | None:
    """When an instrument is open within ``[start_us, end_us)`` and not under maintenance.

    Args:
        versions: Disjoint; at each moment the version in force says what is open.
        start_us: Microseconds.
        end_us: Microseconds.
        calendar: Holidays and make-up workdays.
        maintenance: Any intervals; they may overlap.

    Returns:
        Sorted, disjoint intervals; None where no version with hours is in force at any moment
        of the window.
    """
    found: list[Interval] = []
    any_hours = False
    for version in versions:
        start, end = max(start_us, version.from_us), min(end_us, version.to_us)
        if version.hours is None or start >= end:
            continue
        any_hours = True
        # A range may come in from the day before.
        day = local_day(start, version.zone) - timedelta(days=1)
        last = local_day(end - 1, version.zone)
        opened: list[Interval] = []
        while day <= last:
            opened += _open_on(
                version.hours, day, calendar.get(day) if calendar else None, version.zone
            )
            day += timedelta(days=1)
        found += clip(merge(opened), start, end)
    if not any_hours:
        return None
    return subtract(merge(found), merge(maintenance))


@lru_cache(maxsize=65_536)
def _open_on(
    hours: OpeningHours, day: date, calendar_day: CalendarDay | None, zone: ZoneInfo
) -> tuple[Interval, ...]:
    """Instants of the ranges that start on one local day; not merged."""
    midnight = (day.toordinal() - _EPOCH_ORDINAL) * DAY_US
    return tuple(
        interval
        for start, end in hours.ranges_on(day, calendar_day)
        for interval in wall_intervals(
            midnight + start * _MINUTE_US, midnight + end * _MINUTE_US, zone
        )
    )
