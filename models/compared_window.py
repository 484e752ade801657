"""The window that another is held against: the one just before it, or the same of last year.

What windows are called is in ``named_window.py``; local time is ``zone.py``'s.
"""

from collections.abc import Callable
from datetime import date, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from models.named_window import months_later
from models.usage import Window
from models.zone import DAY_US, local_day, offset_us, start_of_day, wall_intervals

_MONTHS_OF_YEAR = 12

#: Where an instant of the asked window stands in the other one.
_Move = Callable[[int], int]


class Compare(StrEnum):
    """Which window figures are held against."""

    PREVIOUS = "previous"
    LAST_YEAR = "last-year"


def compared_window(window: Window, compare: Compare, now_us: int, zone: ZoneInfo) -> Window:
    """The window that figures are held against.

    Whole months are held against as many whole months, whole days against as many whole days,
    anything else against what is as long. Where the window is not over, the other one ends at
    the same point of it: on the third day at noon by the local clock.

    Args:
        window: As it was asked for, not clipped to now, not empty.
        compare: The one just before, or from the same date of the year before (for a
            29 February from the 28th).
        now_us: When it is asked.
        zone: Whose months, days and clock.

    Returns:
        Empty where nothing of the asked one has passed; it overlaps that one only where more
        than a year is held against last year.
    """
    months = _whole_months(window, zone)
    first = local_day(window.start_us, zone)
    if months:
        back = -months if compare is Compare.PREVIOUS else -_MONTHS_OF_YEAR
        moved = months_later(first, back)
        end_us = start_of_day(months_later(moved, months), zone)
        move = _by_days((first - moved).days, zone)
    else:
        move = _moved(window, compare, first, zone)
        end_us = move(window.end_us)
    against = Window(start_us=move(window.start_us), end_us=end_us)
    if now_us >= window.end_us:
        return against
    return against.clip(move(max(now_us, window.start_us)))


def _moved(window: Window, compare: Compare, first: date, zone: ZoneInfo) -> _Move:
    if compare is Compare.LAST_YEAR:
        return _by_days((first - _year_before(first)).days, zone)
    if start_of_day(first, zone) == window.start_us:
        end = local_day(window.end_us, zone)
        if start_of_day(end, zone) == window.end_us:
            return _by_days((end - first).days, zone)
    return lambda at_us: at_us - window.length_us


def _by_days(days: int, zone: ZoneInfo) -> _Move:
    """Back by so many days, to the same time of the local clock, or the next that there is."""

    def move(at_us: int) -> int:
        day = local_day(at_us, zone)
        if at_us == start_of_day(day, zone):  # which need not be at midnight
            return start_of_day(day - timedelta(days=days), zone)
        wall = at_us + offset_us(at_us, zone) - days * DAY_US
        within = wall_intervals(wall, wall + DAY_US, zone)
        return within[0][0]

    return move


def _whole_months(window: Window, zone: ZoneInfo) -> int:
    """How many whole calendar months a window is; 0: it is something else."""
    first, end = local_day(window.start_us, zone), local_day(window.end_us, zone)
    if first.day != 1 or end.day != 1:
        return 0
    if (start_of_day(first, zone), start_of_day(end, zone)) != (window.start_us, window.end_us):
        return 0
    return (end.year - first.year) * _MONTHS_OF_YEAR + end.month - first.month


def _year_before(day: date) -> date:
    if (day.month, day.day) == (2, 29):
        return date(day.year - 1, 2, 28)
    return day.replace(year=day.year - 1)
