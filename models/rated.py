"""Rated time: the hours a year that an instrument is expected to work, spread evenly.

For one version of the settings, R(t) = H × (year - 1970) + floor(H × (t - start of the local
year) ÷ (length of the local year)), H being the rated time a year in microseconds and the year
that of the local calendar at t. A window's rated time is R(to) - R(from), and over several
versions the sum of that over what each was in force for. Differences of one function add up
over any split, to the microsecond.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo

from models.usage import Window
from models.zone import local_day, start_of_day

#: Rated hours a year where the instrument has none of its own, by kind.
RATED_HOURS = {"general": 1_400, "special": 800}
_HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """One version of what rated time depends on, in force for ``[from_us, to_us)``."""

    from_us: int
    to_us: int
    #: Rated time a year, microseconds (``rated_us_per_year``).
    per_year_us: int
    zone: ZoneInfo


def rated_us_per_year(hours: float | None, kind: str) -> int:
    """Rated time a year in microseconds: the instrument's own hours, else its kind's.

    Args:
        hours: ``rated_hours_per_year``; not negative. Taken as the decimal it is written as.
        kind: ``general`` or ``special``.

    Raises:
        KeyError: ``kind`` is another.
    """
    if hours is None:
        return RATED_HOURS[kind] * _HOUR_US
    return int(Fraction(str(hours)) * _HOUR_US)


def rated(ratings: Iterable[Rating], window: Window) -> int:
    """R(to) - R(from) over ``window``, microseconds.

    Args:
        ratings: Disjoint; where none is in force, nothing is rated.
        window: Already clipped to now.
    """
    total = 0
    for rating in ratings:
        start = max(window.start_us, rating.from_us)
        end = min(window.end_us, rating.to_us)
        if start < end:
            total += accrued(end, rating.per_year_us, rating.zone) - accrued(
                start, rating.per_year_us, rating.zone
            )
    return total


# A city's instruments are asked about the same few instants.
@lru_cache(maxsize=65_536)
def accrued(at_us: int, per_year_us: int, zone: ZoneInfo) -> int:
    """R(t) of one version: rated time since the local start of 1970, microseconds."""
    year = local_day(at_us, zone).year
    start, end = _year(year, zone)
    return per_year_us * (year - 1970) + per_year_us * (at_us - start) // (end - start)


@lru_cache(maxsize=4_096)
def _year(year: int, zone: ZoneInfo) -> tuple[int, int]:
    return start_of_day(date(year, 1, 1), zone), start_of_day(date(year + 1, 1, 1), zone)
