"""Which way a question takes: days and edges make up the window; many go at once."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.usage import Window
from store.figures.layout import (
    FEW,
    LONGEST_EDGES_US,
    days_window,
    lay_out,
    missing_windows,
    plan_window,
)
from store.figures.surroundings import Moment

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = 3_600_000_000
DAY = 24 * HOUR
# A clock that is put forward and back, so that days have 23 to 25 hours.
ZONE = "America/New_York"
MARCH = int((datetime(2026, 3, 1, 5, tzinfo=UTC) - EPOCH) / timedelta(microseconds=1))  # midnight
MOMENT = Moment(now_us=MARCH + 400 * DAY, rollup_zone=ZONE)
WINDOWS = st.tuples(st.integers(0, 300 * 24), st.integers(0, 12 * 24)).map(
    lambda pair: Window(start_us=MARCH + pair[0] * HOUR, end_us=MARCH + sum(pair) * HOUR)
)


def hours_of(window: Window) -> set[int]:
    return set(range(window.start_us, window.end_us, HOUR))


def local(us: int) -> datetime:
    return (EPOCH + timedelta(microseconds=us)).astimezone(ZoneInfo(ZONE))


@given(window=WINDOWS)
def test_days_and_edges_make_up_the_window(window: Window) -> None:
    plan = plan_window(window, MOMENT)
    hours = hours_of(window)
    by_day: dict[date, set[int]] = {}
    for us in range(window.start_us - 2 * DAY, window.end_us + 2 * DAY, HOUR):
        by_day.setdefault(local(us).date(), set()).add(us)
    whole = {day for day, inside in by_day.items() if inside <= hours}
    assert {plan.first + timedelta(days=n) for n in range((plan.end - plan.first).days)} == whole
    parts = [hours_of(edge) for edge in plan.edges] + [by_day[day] for day in whole]
    assert sum(map(len, parts)) == len(hours)
    assert set().union(*parts) == hours
    if whole:
        assert hours_of(days_window(plan.first, plan.end, MOMENT)) == set().union(
            *(by_day[day] for day in whole)
        )


@given(window=WINDOWS, without=st.sets(st.integers(0, 12)))
def test_what_is_missing_is_edges_and_days_without_a_row(window: Window, without: set[int]) -> None:
    plan = plan_window(window, MOMENT)
    lacking = {plan.first + timedelta(days=n) for n in without}
    found = missing_windows([plan], lambda day: day not in lacking, MOMENT)
    assert found == sorted(found, key=lambda one: one.start_us)
    inside = {
        us
        for us in hours_of(window)
        if any(us in hours_of(edge) for edge in plan.edges) or local(us).date() in lacking
    }
    assert sum(len(hours_of(one)) for one in found) == len(inside)
    assert set().union(*map(hours_of, found)) == inside


def days(count: int, *, hours: int = 0) -> Window:
    return Window(start_us=MARCH, end_us=MARCH + count * DAY + hours * HOUR)


WEEK = days(7)
HOURS = tuple(Window(start_us=at, end_us=at + HOUR) for at in range(MARCH, MARCH + 7 * DAY, HOUR))
HALVES = tuple(
    Window(start_us=at, end_us=at + HOUR // 2) for at in range(MARCH, MARCH + 7 * DAY, HOUR // 2)
)
BY_DAY = tuple(Window(start_us=at, end_us=at + DAY) for at in range(MARCH, MARCH + 7 * DAY, DAY))


@pytest.mark.parametrize(
    ("window", "buckets", "coverage", "instruments", "at_once"),
    [
        pytest.param(WEEK, (), 0.9, 1, True, id="whole days cost one as they cost all"),
        pytest.param(days(7, hours=1), (), 0.9, FEW - 1, False, id="few, and an edge"),
        pytest.param(days(7, hours=1), (), 0.9, FEW, True, id="many, and an edge"),
        pytest.param(WEEK, BY_DAY, 0.9, FEW - 1, False, id="few, and buckets"),
        pytest.param(WEEK, BY_DAY, 0.9, FEW, True, id="many, and buckets"),
        pytest.param(WEEK, HOURS, 0.9, FEW, True, id="a week of hours"),
        pytest.param(WEEK, HALVES, 0.9, FEW, False, id="a week of edges"),
        pytest.param(WEEK, HOURS, 0.9, FEW - 1, False, id="few, and hours"),
        pytest.param(days(0), (), 0.9, FEW, False, id="no time at all"),
        pytest.param(days(3_701), (), 0.9, FEW, False, id="longer than 64 bits hold"),
        pytest.param(WEEK, (), 0.12345, FEW, False, id="finer than 64 bits hold"),
        pytest.param(WEEK, BY_DAY * 60, 0.9, FEW, False, id="too many buckets"),
    ],
)
def test_many_go_at_once_where_edges_are_short(
    window: Window, buckets: tuple[Window, ...], coverage: float, instruments: int, at_once: bool
) -> None:
    found = lay_out(window, buckets, coverage, instruments, MOMENT)
    assert found.at_once == at_once
    if at_once:
        assert sum(edge.length_us for edge in found.edges) <= LONGEST_EDGES_US
