"""Local days of the simulated city: Asia/Shanghai, its holidays and make-up workdays.

China has kept UTC+8 without daylight saving time since 1992, so a local day is arithmetic
here; the service itself does it with the zone's real rules, and ``verify.py`` compares.
"""

from datetime import date, timedelta
from enum import IntEnum
from functools import lru_cache

SECOND_US = 1_000_000
DAY_S = 86_400
ZONE = "Asia/Shanghai"
ZONE_OFFSET_S = 8 * 3_600
_EPOCH = date(1970, 1, 1)

#: Days off and weekend days worked, by the State Council's yearly notices (month-day).
#: 2027 has no notice of make-up workdays yet; a year that is missing has the fixed dates only.
_DAYS_OFF = {
    2022: "0101 0103 0131 0201 0202 0203 0204 0404 0405 0501 0502 0503 0504 0603 0912 "
    "1001 1002 1003 1004 1005 1006 1007",
    2023: "0101 0102 0122 0123 0124 0125 0126 0127 0405 0501 0502 0503 0622 0623 0929 "
    "1001 1002 1003 1004 1005 1006",
    2024: "0101 0210 0211 0212 0213 0214 0215 0216 0404 0405 0501 0502 0503 0610 0916 0917 "
    "1001 1002 1003 1004 1007",
    2025: "0101 0128 0129 0130 0131 0203 0204 0404 0501 0502 0505 0602 "
    "1001 1002 1003 1006 1007 1008",
    2026: "0101 0102 0216 0217 0218 0219 0220 0223 0406 0501 0504 0505 0619 0925 "
    "1001 1002 1005 1006 1007",
    2027: "0101 0205 0206 0207 0208 0209 0210 0405 0501 0502 0503 0504 0609 0915 "
    "1001 1002 1003 1004 1005",
}
_DAYS_WORKED = {
    2022: "0129 0130 0402 0424 0507 1008 1009",
    2023: "0128 0129 0423 0506 0625 1007 1008",
    2024: "0204 0218 0407 0428 0511 0914 0929 1012",
    2025: "0126 0208 0427 0928 1011",
    2026: "0104 0214 0228 0509 0920 1010",
}
_FIXED_OFF = "0101 0501 0502 0503 1001 1002 1003 1004 1005 1006 1007"


class DayKind(IntEnum):
    """What sort of day it is; the order is that of the behaviour patterns' weights."""

    WORKDAY = 0
    VACATION = 1  # a workday in a university's winter or summer vacation
    WEEKEND = 2
    HOLIDAY = 3


def day_number(day: date) -> int:
    """Days from 1970-01-01 to ``day``."""
    return (day - _EPOCH).days


def day_of(number: int) -> date:
    """The date that lies ``number`` days after 1970-01-01."""
    return _EPOCH + timedelta(days=number)


def local_day(seconds: int) -> int:
    """Day number of the local day that holds this second since 1970 UTC."""
    return (seconds + ZONE_OFFSET_S) // DAY_S


def day_start_s(number: int) -> int:
    """Seconds since 1970 UTC at which local day ``number`` begins."""
    return number * DAY_S - ZONE_OFFSET_S


@lru_cache(maxsize=64)
def _marked(year: int) -> tuple[frozenset[str], frozenset[str]]:
    return (
        frozenset(_DAYS_OFF.get(year, _FIXED_OFF).split()),
        frozenset(_DAYS_WORKED.get(year, "").split()),
    )


def is_workday(day: date) -> bool:
    """Whether people work on ``day``: make-up workdays yes, holidays and weekends no."""
    off, worked = _marked(day.year)
    mark = f"{day.month:02}{day.day:02}"
    if mark in worked:
        return True
    return mark not in off and day.weekday() < 5


@lru_cache(maxsize=8192)
def day_kind(number: int, vacations: bool) -> DayKind:
    """What kind of day this is.

    Args:
        number: Local day number.
        vacations: Whether the institution has university vacations.
    """
    day = day_of(number)
    off, worked = _marked(day.year)
    mark = f"{day.month:02}{day.day:02}"
    if mark in off:
        return DayKind.HOLIDAY
    if day.weekday() >= 5 and mark not in worked:
        return DayKind.WEEKEND
    if vacations and ("0118" <= mark <= "0222" or "0710" <= mark <= "0831"):
        return DayKind.VACATION
    return DayKind.WORKDAY


@lru_cache(maxsize=64)
def kinds_before(year: int, vacations: bool) -> tuple[tuple[int, int, int, int], ...]:
    """Running counts of day kinds within a calendar year.

    Returns:
        Entry ``n`` counts the kinds of the year's first ``n`` days; the last entry is the year.
    """
    counts = [0, 0, 0, 0]
    rows = [(0, 0, 0, 0)]
    number = day_number(date(year, 1, 1))
    for offset in range(day_number(date(year + 1, 1, 1)) - number):
        counts[day_kind(number + offset, vacations)] += 1
        rows.append((counts[0], counts[1], counts[2], counts[3]))
    return tuple(rows)
