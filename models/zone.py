"""Local time: when local days and wall-clock ranges begin and end, in any zone with its DST.

Zones are arguments (``zoneinfo.ZoneInfo``); instants are microseconds since 1970 UTC, wall
times microseconds since 1970 as the local clock reads them. What is built on it: ``bucket.py``,
``schedule.py``, ``rated.py``.
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from models.interval import Interval, merge

#: Where nothing else is said, days are by this zone.
DEFAULT_ZONE = "Asia/Shanghai"
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_MICROSECOND = timedelta(microseconds=1)


def offset_us(at_us: int, zone: ZoneInfo) -> int:
    """How far the local clock is ahead of UTC at an instant, microseconds.

    Raises:
        OverflowError: ``at_us`` lies outside the years 1 to 9999.
    """
    offset = (_EPOCH + timedelta(microseconds=at_us)).astimezone(zone).utcoffset()
    assert offset is not None
    return offset // _MICROSECOND


# The ends of a year's days are asked for again and again.
@lru_cache(maxsize=65_536)
def local_day(at_us: int, zone: ZoneInfo) -> date:
    """The local calendar day of an instant."""
    return date.fromordinal((at_us + offset_us(at_us, zone)) // DAY_US + _EPOCH_ORDINAL)


@lru_cache(maxsize=65_536)
def start_of_day(day: date, zone: ZoneInfo) -> int:
    """The first instant whose local clock reads ``day`` or later.

    Where DST takes midnight away it is the moment of the change; where midnight comes twice,
    the first. A date that a zone skipped altogether starts where the next one does.
    """
    midnight = (day.toordinal() - _EPOCH_ORDINAL) * DAY_US
    within = wall_intervals(midnight, midnight + DAY_US, zone)
    if within:
        return within[0][0]
    return start_of_day(day + timedelta(days=1), zone)


def wall_intervals(start_us: int, end_us: int, zone: ZoneInfo) -> list[Interval]:
    """All instants whose local clock reads within the wall times ``[start_us, end_us)``.

    Args:
        start_us: Wall time, at most some days before ``end_us``.
        end_us: Wall time.
        zone: Changes its offset at most once within a few days.

    Returns:
        Sorted, disjoint intervals of instants: one as a rule; two where the clock is put back
        and reads part of the range twice; none where it jumps over the range.
    """
    # No clock is further than a day from UTC.
    early, late = start_us - DAY_US, end_us + DAY_US
    before, after = offset_us(early, zone), offset_us(late, zone)
    if before == after:
        return [(start_us - before, end_us - before)]
    change = change_between(early, late, zone)
    return merge(
        [
            (start_us - before, min(end_us - before, change)),
            (max(start_us - after, change), end_us - after),
        ]
    )


@lru_cache(maxsize=4_096)
def change_between(early_us: int, late_us: int, zone: ZoneInfo) -> int:
    """The instant from which a new offset holds, between two of different offsets.

    Returns:
        Microseconds; zones change on whole seconds.
    """
    low, high = early_us // SECOND_US, -(-late_us // SECOND_US)
    old = offset_us(low * SECOND_US, zone)
    while high - low > 1:
        middle = (low + high) // 2
        if offset_us(middle * SECOND_US, zone) == old:
            low = middle
        else:
            high = middle
    return high * SECOND_US
