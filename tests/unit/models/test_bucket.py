from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.bucket import Bucket, TooManyBuckets, buckets, count, whole
from models.usage import Window
from tests.strategies import SECOND, zones

HOUR = 3_600 * SECOND
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def us(text: str) -> int:
    """RFC 3339 -> microseconds since 1970."""
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def divide(start: str, end: str, bucket: Bucket, zone: str) -> list[Window]:
    window = Window(start_us=us(start), end_us=us(end))
    return buckets(window, bucket, ZoneInfo(zone), limit=10_000)


def hours(found: list[Window]) -> list[float]:
    return [window.length_us / HOUR for window in found]


@pytest.mark.parametrize(
    ("start", "end", "bucket", "zone", "lengths"),
    [
        pytest.param(
            "2026-03-28T00:00+01:00",
            "2026-03-31T00:00+02:00",
            Bucket.DAY,
            "Europe/Berlin",
            [24, 23, 24],
            id="berlin-spring",
        ),
        pytest.param(
            "2026-10-24T00:00+02:00",
            "2026-10-27T00:00+01:00",
            Bucket.DAY,
            "Europe/Berlin",
            [24, 25, 24],
            id="berlin-autumn",
        ),
        pytest.param(
            "2026-03-07T00:00-05:00",
            "2026-03-09T12:00-04:00",
            Bucket.DAY,
            "America/New_York",
            [24, 23, 12],
            id="new-york-spring-clipped",
        ),
        pytest.param(
            "2026-11-01T06:00-05:00",
            "2026-11-03T00:00-05:00",
            Bucket.DAY,
            "America/New_York",
            [18, 24],
            id="new-york-autumn-clipped",
        ),
        pytest.param(
            "2026-03-29T01:00+01:00",
            "2026-03-29T04:00+02:00",
            Bucket.HOUR,
            "Europe/Berlin",
            [1, 1],
            id="skipped-hour",
        ),
        pytest.param(
            "2026-10-25T01:00+02:00",
            "2026-10-25T04:00+01:00",
            Bucket.HOUR,
            "Europe/Berlin",
            [1, 1, 1, 1],
            id="repeated-hour",
        ),
        pytest.param(
            "2026-04-05T01:00+11:00",
            "2026-04-05T03:00+10:30",
            Bucket.HOUR,
            "Australia/Lord_Howe",
            [1, 0.5, 1],
            id="repeated-half-hour",
        ),
        pytest.param(
            "2026-10-04T01:00+10:30",
            "2026-10-04T04:00+11:00",
            Bucket.HOUR,
            "Australia/Lord_Howe",
            [1, 0.5, 1],
            id="skipped-half-hour",
        ),
        pytest.param(
            "2026-03-02T10:10+05:30",
            "2026-03-02T12:20+05:30",
            Bucket.HOUR,
            "Asia/Kolkata",
            [5 / 6, 1, 1 / 3],
            id="half-hour-zone-clipped",
        ),
        pytest.param(
            "2024-02-01T00:00+08:00",
            "2024-04-01T00:00+08:00",
            Bucket.MONTH,
            "Asia/Shanghai",
            [29 * 24, 31 * 24],
            id="leap-february",
        ),
        pytest.param(
            "2024-02-28T00:00+08:00",
            "2024-03-02T00:00+08:00",
            Bucket.DAY,
            "Asia/Shanghai",
            [24, 24, 24],
            id="leap-day",
        ),
        pytest.param(
            "2026-03-01T00:00+08:00",
            "2026-03-12T00:00+08:00",
            Bucket.WEEK,
            "Asia/Shanghai",
            [24, 168, 72],
            id="weeks-begin-on-monday",
        ),
        pytest.param(
            "2026-03-26T00:00+01:00",
            "2026-04-06T00:00+02:00",
            Bucket.WEEK,
            "Europe/Berlin",
            [95, 168],
            id="week-with-dst",
        ),
        pytest.param(
            "2026-12-31T00:00+08:00",
            "2027-01-02T00:00+08:00",
            Bucket.MONTH,
            "Asia/Shanghai",
            [24, 24],
            id="across-new-year",
        ),
        pytest.param(
            "2011-12-29T00:00-10:00",
            "2012-01-01T00:00+14:00",
            Bucket.DAY,
            "Pacific/Apia",
            [24, 24],
            id="a-date-that-never-was",
        ),
        pytest.param(
            "2026-03-07T00:00-05:00",
            "2026-03-09T00:00-04:00",
            Bucket.DAY,
            "America/Havana",
            [24, 23],
            id="midnight-skipped",
        ),
        pytest.param(
            "2026-10-31T00:00-04:00",
            "2026-11-02T00:00-05:00",
            Bucket.DAY,
            "America/Havana",
            [24, 25],
            id="midnight-repeated",
        ),
        pytest.param(
            "2026-03-02T00:00Z", "2026-03-02T00:00Z", Bucket.DAY, "UTC", [], id="empty-window"
        ),
    ],
)
def test_lengths(start: str, end: str, bucket: Bucket, zone: str, lengths: list) -> None:
    assert hours(divide(start, end, bucket, zone)) == pytest.approx(lengths, abs=1e-12)


def test_what_lies_ahead_is_left_out_and_the_last_one_clipped() -> None:
    day = Window(start_us=us("2026-03-02T00:00Z"), end_us=us("2026-03-03T00:00Z"))
    now = us("2026-03-02T08:10Z")
    found = buckets(day, Bucket.HOUR, ZoneInfo("UTC"), now_us=now, limit=24)
    assert len(found) == 9
    assert found[-1] == Window(start_us=us("2026-03-02T08:00Z"), end_us=now)
    assert buckets(day, Bucket.HOUR, ZoneInfo("UTC"), now_us=day.start_us, limit=24) == []


def test_now_on_a_boundary_makes_no_empty_bucket() -> None:
    day = Window(start_us=us("2026-03-02T00:00Z"), end_us=us("2026-03-03T00:00Z"))
    found = buckets(day, Bucket.HOUR, ZoneInfo("UTC"), now_us=us("2026-03-02T08:00Z"), limit=24)
    assert len(found) == 8


def test_limit() -> None:
    assert len(divide("2026-03-02T00:00Z", "2026-03-03T00:00Z", Bucket.HOUR, "UTC")) == 24
    day = Window(start_us=us("2026-03-02T00:00Z"), end_us=us("2026-03-03T00:00Z"))
    assert len(buckets(day, Bucket.HOUR, ZoneInfo("UTC"), limit=24)) == 24
    with pytest.raises(TooManyBuckets, match="more than 23 buckets of one hour") as error:
        buckets(day, Bucket.HOUR, ZoneInfo("UTC"), limit=23)
    assert error.value.limit == 23


@given(
    start=st.integers(0, 4_000_000_000),
    length=st.integers(1, 40 * 86_400),
    zone=zones,
    bucket=st.sampled_from(Bucket),
)
def test_buckets_tile_the_window(start: int, length: int, zone: str, bucket: Bucket) -> None:
    window = Window(start_us=start * SECOND, end_us=(start + length) * SECOND)
    found = buckets(window, bucket, ZoneInfo(zone), limit=1_000)
    assert found[0].start_us == window.start_us
    assert found[-1].end_us == window.end_us
    assert all(a.end_us == b.start_us for a, b in pairwise(found))
    assert all(part.length_us > 0 for part in found)


@given(
    start=st.integers(0, 4_000_000_000),
    length=st.integers(0, 400 * 86_400),
    zone=zones,
    bucket=st.sampled_from(Bucket),
)
def test_buckets_are_counted_without_making_them(
    start: int, length: int, zone: str, bucket: Bucket
) -> None:
    window = Window(start_us=start * SECOND, end_us=(start + length) * SECOND)
    found = buckets(window, bucket, ZoneInfo(zone), limit=10_000)
    assert count(window, bucket, ZoneInfo(zone)) == len(found)


@given(hour=st.integers(0, 24 * 365 * 100), zone=zones, bucket=st.sampled_from(Bucket))
def test_one_bucket_is_one_local_hour_day_week_or_month(
    hour: int, zone: str, bucket: Bucket
) -> None:
    """By minutes: within a bucket the local clock names one thing, beyond it another."""
    info = ZoneInfo(zone)

    def name(at_us: int) -> tuple[object, ...]:
        local = (EPOCH + timedelta(microseconds=at_us)).astimezone(info)
        if bucket is Bucket.HOUR:
            return (local.date(), local.hour, local.utcoffset())
        if bucket is Bucket.DAY:
            return (local.date(),)
        if bucket is Bucket.WEEK:
            return local.isocalendar()[:2]
        return (local.year, local.month)

    around = whole(hour * HOUR, bucket, info)
    assert around.start_us <= hour * HOUR < around.end_us
    here = name(hour * HOUR)
    step = 60 * SECOND if bucket is Bucket.HOUR else 6 * HOUR
    inside = [*range(around.start_us, around.end_us, step), around.end_us - 1]
    assert {name(at) for at in inside} == {here}
    assert name(around.start_us - 1) != here
    assert name(around.end_us) != here
