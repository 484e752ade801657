from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.named_window import NamedWindow, named_window
from store.instant import from_us, to_us

ZONES = ("Asia/Shanghai", "Europe/Berlin", "Asia/Kathmandu", "America/New_York", "UTC")


def at(text: str) -> int:
    return to_us(datetime.fromisoformat(text))


@pytest.mark.parametrize(
    ("name", "zone", "now", "start", "end"),
    [
        pytest.param(
            "today", "Europe/Berlin", "2026-03-29T12:00:00+02:00",
            "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00", id="a day of 23 hours",
        ),
        pytest.param(
            "yesterday", "Europe/Berlin", "2026-10-26T00:00:00+01:00",
            "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00", id="a day of 25 hours",
        ),
        pytest.param(
            "today", "Asia/Kathmandu", "2026-03-01T18:15:00+00:00",
            "2026-03-02T00:00:00+05:45", "2026-03-03T00:00:00+05:45", id="the very midnight",
        ),
        pytest.param(
            "today", "Asia/Kathmandu", "2026-03-01T18:14:59.999999+00:00",
            "2026-03-01T00:00:00+05:45", "2026-03-02T00:00:00+05:45", id="just before it",
        ),
        pytest.param(
            "last-month", "Europe/Berlin", "2026-04-01T00:30:00+02:00",
            "2026-03-01T00:00:00+01:00", "2026-04-01T00:00:00+02:00", id="a month that DST cuts",
        ),
        pytest.param(
            "this-month", "Asia/Kathmandu", "2026-12-31T18:15:00+00:00",
            "2027-01-01T00:00:00+05:45", "2027-02-01T00:00:00+05:45", id="the next year already",
        ),
        pytest.param(
            "last-quarter", "Europe/Berlin", "2026-02-28T00:00:00+01:00",
            "2025-10-01T00:00:00+02:00", "2026-01-01T00:00:00+01:00", id="of the year before",
        ),
        pytest.param(
            "last-quarter", "UTC", "2026-06-30T23:59:59+00:00",
            "2026-01-01T00:00:00+00:00", "2026-04-01T00:00:00+00:00", id="a quarter's last day",
        ),
        pytest.param(
            "last-year", "Asia/Shanghai", "2026-01-01T00:00:00+08:00",
            "2025-01-01T00:00:00+08:00", "2026-01-01T00:00:00+08:00", id="a year",
        ),
        pytest.param(
            "last-month", "UTC", "2024-03-31T00:00:00+00:00",
            "2024-02-01T00:00:00+00:00", "2024-03-01T00:00:00+00:00", id="a leap February",
        ),
    ],
)  # fmt: skip
def test_what_names_mean(name: str, zone: str, now: str, start: str, end: str) -> None:
    window = named_window(NamedWindow(name), at(now), ZoneInfo(zone))
    assert (window.start_us, window.end_us) == (at(start), at(end))


#: Which days belong to a window, said once more: by looking at each day's own month.
BELONGS: dict[NamedWindow, Callable[[date, date], bool]] = {
    NamedWindow.TODAY: lambda day, today: day == today,
    NamedWindow.YESTERDAY: lambda day, today: (today - day).days == 1,
    NamedWindow.THIS_MONTH: lambda day, today: (day.year, day.month) == (today.year, today.month),
    NamedWindow.LAST_MONTH: lambda day, today: (
        (today.year - day.year) * 12 + today.month - day.month == 1
    ),
    NamedWindow.LAST_QUARTER: lambda day, today: (
        (today.year - day.year) * 4 + (today.month + 2) // 3 - (day.month + 2) // 3 == 1
    ),
    NamedWindow.LAST_YEAR: lambda day, today: today.year - day.year == 1,
}


@given(
    st.sampled_from(NamedWindow),
    st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1)),  # noqa: DTZ001
    st.sampled_from(ZONES),
)
def test_just_the_days_that_belong(name: NamedWindow, now: datetime, zone: str) -> None:
    clock = ZoneInfo(zone)
    window = named_window(name, to_us(now.replace(tzinfo=UTC)), clock)
    today = now.replace(tzinfo=UTC).astimezone(clock).date()
    days = [today + timedelta(days=n) for n in range(-800, 40)]
    inside = [day for day in days if BELONGS[name](day, today)]
    midnights = [
        datetime.combine(day, time(0), clock) for day in (inside[0], inside[-1] + timedelta(days=1))
    ]
    assert [from_us(window.start_us), from_us(window.end_us)] == midnights
