"""Local hours, days, weeks and months of a window (rule 13).

A bucket is a ``Window`` (``usage.py``); when local days begin is ``zone.py``'s.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from models.usage import Window
from models.zone import SECOND_US, change_between, local_day, offset_us, start_of_day

_HOUR_US = 3_600 * SECOND_US


class Bucket(StrEnum):
    """How to divide a window."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class TooManyBuckets(ValueError):  # noqa: N818  named after what the caller refuses
    """A window holds more buckets than an answer may; ask for less or for larger ones."""

    def __init__(self, bucket: Bucket, limit: int) -> None:
        super().__init__(
            f"window holds more than {limit} buckets of one {bucket.value}; "
            "ask for a shorter window or a larger bucket"
        )
        self.bucket = bucket
        self.limit = limit


def buckets(
    window: Window, bucket: Bucket, zone: ZoneInfo, *, now_us: int | None = None, limit: int
) -> list[Window]:
    """Divides ``window`` at local boundaries.

    Days have 23 to 25 hours where DST says so, weeks begin on Monday, an hour that the clock
    repeats is two buckets and one that it skips is none.

    Args:
        window: The first and the last bucket are clipped to it.
        bucket: How long a bucket is, by the local clock.
        zone: Whose clock.
        now_us: What lies ahead of it is left out (rule 5); None where the window is clipped.
        limit: Most buckets to return.

    Returns:
        Windows, none empty, that touch and make up the window as far as it is over.

    Raises:
        TooManyBuckets: there are more than ``limit``.
        OverflowError: the window leaves the years 1 to 9999.
    """
    if now_us is not None:
        window = window.clip(now_us)
    found: list[Window] = []
    for part in _cut(window, bucket, zone):
        if len(found) == limit:
            raise TooManyBuckets(bucket, limit)
        found.append(part)
    return found


def count(window: Window, bucket: Bucket, zone: ZoneInfo) -> int:
    """How many buckets a window has, without making them: a hundred thousand in milliseconds.

    Args:
        window: Clipped to now.
        bucket: How long a bucket is, by the local clock.
        zone: Whose clock; changes its offset at most once within a few days.

    Returns:
        As many as `buckets` returns where its limit allows.
    """
    if bucket is Bucket.HOUR:
        return sum(_hours(day, zone) for day in _cut(window, Bucket.DAY, zone))
    return sum(1 for _ in _cut(window, bucket, zone))


def _hours(day: Window, zone: ZoneInfo) -> int:
    """Local hours of (a part of) a local day."""
    offset = offset_us(day.start_us, zone)
    if offset_us(day.end_us - 1, zone) != offset:
        return sum(1 for _ in _cut(day, Bucket.HOUR, zone))
    last = (day.end_us - 1 + offset) // _HOUR_US
    return last - (day.start_us + offset) // _HOUR_US + 1


def _cut(window: Window, bucket: Bucket, zone: ZoneInfo) -> Iterator[Window]:
    start = window.start_us
    for end in _boundaries(start, bucket, zone):
        if start >= window.end_us:
            return
        if end <= start:
            continue  # a date that the zone skipped
        yield Window(start_us=start, end_us=min(end, window.end_us))
        start = end


def whole(at_us: int, bucket: Bucket, zone: ZoneInfo) -> Window:
    """The whole bucket that an instant lies in."""
    if bucket is Bucket.HOUR:
        start = _hour_start(at_us, zone)
    else:
        start = start_of_day(_first_day(local_day(at_us, zone), bucket), zone)
    for end in _boundaries(at_us, bucket, zone):
        if end > at_us:
            return Window(start_us=start, end_us=end)
    raise AssertionError("boundaries have no end")


def _boundaries(at_us: int, bucket: Bucket, zone: ZoneInfo) -> Iterator[int]:
    """Ends of buckets, from the one that ``at_us`` lies in; they never decrease."""
    if bucket is Bucket.HOUR:
        while True:
            at_us = _hour_end(at_us, zone)
            yield at_us
    day = _first_day(local_day(at_us, zone), bucket)
    while True:
        day = _next_first_day(day, bucket)
        yield start_of_day(day, zone)


def _first_day(day: date, bucket: Bucket) -> date:
    if bucket is Bucket.WEEK:
        return day - timedelta(days=day.weekday())
    if bucket is Bucket.MONTH:
        return day.replace(day=1)
    return day


def _next_first_day(day: date, bucket: Bucket) -> date:
    if bucket is Bucket.DAY:
        return day + timedelta(days=1)
    if bucket is Bucket.WEEK:
        return day + timedelta(days=7)
    return (day + timedelta(days=31)).replace(day=1)


def _hour_end(at_us: int, zone: ZoneInfo) -> int:
    """Where the local hour of ``at_us`` ends: the clock's next full hour, or its change."""
    offset = offset_us(at_us, zone)
    end = at_us + _HOUR_US - (at_us + offset) % _HOUR_US
    if offset_us(end - 1, zone) != offset:
        return change_between(at_us, end, zone)
    return end


def _hour_start(at_us: int, zone: ZoneInfo) -> int:
    """Where the local hour of ``at_us`` began: the clock's full hour, or its change."""
    offset = offset_us(at_us, zone)
    start = at_us - (at_us + offset) % _HOUR_US
    if offset_us(start, zone) != offset:
        return change_between(start, at_us, zone)
    return start
