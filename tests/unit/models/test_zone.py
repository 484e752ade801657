from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.zone import SECOND_US, change_between, local_day, start_of_day, wall_intervals
from tests.strategies import zones

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = 3_600 * SECOND_US


def us(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("day", "zone", "start"),
    [
        pytest.param("2026-03-29", "Europe/Berlin", "2026-03-29T00:00+01:00", id="before-spring"),
        pytest.param("2026-03-30", "Europe/Berlin", "2026-03-30T00:00+02:00", id="after-spring"),
        pytest.param("2026-03-08", "America/Havana", "2026-03-08T01:00-04:00", id="no-midnight"),
        pytest.param("2026-11-01", "America/Havana", "2026-11-01T00:00-04:00", id="two-midnights"),
        pytest.param("2011-12-30", "Pacific/Apia", "2011-12-31T00:00+14:00", id="no-such-day"),
        pytest.param("2011-12-31", "Pacific/Apia", "2011-12-31T00:00+14:00", id="the-day-after"),
        pytest.param("2024-02-29", "Asia/Shanghai", "2024-02-29T00:00+08:00", id="leap-day"),
    ],
)
def test_start_of_day(day: str, zone: str, start: str) -> None:
    assert start_of_day(date.fromisoformat(day), ZoneInfo(zone)) == us(start)


@given(seconds=st.integers(0, 4_000_000_000), zone=zones)
def test_an_instant_lies_in_its_local_day(seconds: int, zone: str) -> None:
    info, at = ZoneInfo(zone), seconds * SECOND_US
    day = local_day(at, info)
    assert day == (EPOCH + timedelta(seconds=seconds)).astimezone(info).date()
    assert start_of_day(day, info) <= at < start_of_day(day + timedelta(days=1), info)
    assert local_day(start_of_day(day, info), info) == day
    assert local_day(start_of_day(day, info) - 1, info) < day


def test_change_is_found_to_the_second() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    change = us("2026-03-29T01:00Z")
    assert change_between(change - 86_399 * SECOND_US - 1, change + 7 * HOUR + 5, berlin) == change
    assert change_between(change - 1, change, berlin) == change


def test_a_range_read_twice_is_two_intervals() -> None:
    wall = us("2026-10-25T02:15Z")  # as the clock reads it
    first = us("2026-10-25T00:15Z")
    assert wall_intervals(wall, wall + HOUR // 2, ZoneInfo("Europe/Berlin")) == [
        (first, first + HOUR // 2),
        (first + HOUR, first + HOUR + HOUR // 2),
    ]
