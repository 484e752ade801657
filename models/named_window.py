"""Windows by their names: what ``last-month`` is, by a moment and a local clock (rule 13).

Days and when they begin are ``zone.py``'s, parts of a window ``bucket.py``'s.
"""

from datetime import date, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from models.usage import Window
from models.zone import local_day, start_of_day

_MONTHS_OF_QUARTER = 3


class NamedWindow(StrEnum):
    """Whole local days, as people name them; what is not over yet ends later than now."""

    TODAY = "today"
    YESTERDAY = "yesterday"
    THIS_MONTH = "this-month"
    LAST_MONTH = "last-month"
    LAST_QUARTER = "last-quarter"
    LAST_YEAR = "last-year"


def named_window(name: NamedWindow, now_us: int, zone: ZoneInfo) -> Window:
    """The window that a name means at a moment.

    Args:
        name: Which; the last month, quarter or year is the calendar's, not so many days.
        now_us: When it is said.
        zone: Whose midnights.

    Returns:
        From a local midnight to a later one; for `TODAY` and `THIS_MONTH` that lies ahead.
    """
    first, end = _days(name, local_day(now_us, zone))
    return Window(start_us=start_of_day(first, zone), end_us=start_of_day(end, zone))


def _days(name: NamedWindow, today: date) -> tuple[date, date]:
    """The first day, and the one after the last."""
    if name is NamedWindow.TODAY:
        return today, today + timedelta(days=1)
    if name is NamedWindow.YESTERDAY:
        return today - timedelta(days=1), today
    month = today.replace(day=1)
    if name is NamedWindow.THIS_MONTH:
        return month, months_later(month, 1)
    if name is NamedWindow.LAST_MONTH:
        return months_later(month, -1), month
    if name is NamedWindow.LAST_QUARTER:
        quarter = months_later(month, -((month.month - 1) % _MONTHS_OF_QUARTER))
        return months_later(quarter, -_MONTHS_OF_QUARTER), quarter
    year = month.replace(month=1)
    return year.replace(year=year.year - 1), year


def months_later(first: date, months: int) -> date:
    """The first day of the month that comes so many months after."""
    count = first.year * 12 + first.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)
