"""Behaviour: the same day twice is the same, days fit together, hours add up."""

from datetime import date
from itertools import pairwise

import pytest

from models.segment import State
from simulators.city.behaviour import PATTERNS, Behaviour, Habit, usage_day
from simulators.city.localtime import (
    DAY_S,
    DayKind,
    day_kind,
    day_number,
    day_start_s,
    is_workday,
    local_day,
)

YEAR = day_number(date(2025, 1, 1))


def habit(
    pattern: str = "daytime", hours: float = 1_200.0, seed: int = 1, instrument: int = 5
) -> Habit:
    return Habit(
        seed=seed, instrument=instrument, pattern=pattern, hours_a_year=hours, vacations=False
    )


def test_a_day_depends_on_its_keys_alone() -> None:
    walked = Behaviour(habit())
    forwards = [walked.changes(YEAR + n) for n in range(40)]
    assert [Behaviour(habit()).changes(YEAR + n) for n in reversed(range(40))] == forwards[::-1]
    assert [Behaviour(habit(seed=2)).changes(YEAR + n) for n in range(40)] != forwards
    assert [Behaviour(habit(instrument=6)).changes(YEAR + n) for n in range(40)] != forwards


@pytest.mark.parametrize("pattern", [pytest.param(name, id=name) for name in PATTERNS])
@pytest.mark.parametrize("hours", [60.0, 900.0, 2_000.0, 4_800.0])
def test_sessions_lie_apart_within_their_day(pattern: str, hours: float) -> None:
    behaviour = Behaviour(habit(pattern, hours))
    for day in range(YEAR, YEAR + 365, 3):
        sessions = behaviour.sessions(day)
        assert all(0 <= start < end <= DAY_S for start, end in sessions)
        assert all(b[0] - a[1] >= 900 for a, b in pairwise(sessions))


@pytest.mark.parametrize("pattern", [pytest.param(name, id=name) for name in PATTERNS])
def test_changes_are_changes(pattern: str) -> None:
    behaviour = Behaviour(habit(pattern, 1_900.0))
    for day in range(YEAR, YEAR + 60):
        changes = behaviour.changes(day)
        assert changes[0][0] == day_start_s(day) + 6 * 3_600
        assert all(a[0] < b[0] and a[1] is not b[1] for a, b in pairwise(changes))
        assert changes[-1][0] < day_start_s(day + 1) + 6 * 3_600


@pytest.mark.parametrize(
    ("pattern", "hours"),
    [
        pytest.param("daytime", 300.0, id="little-used"),
        pytest.param("office", 1_100.0, id="office"),
        pytest.param("batch", 1_600.0, id="batch"),
        pytest.param("overnight", 3_000.0, id="overnight"),
        pytest.param("campaign", 5_000.0, id="heavily-used"),
    ],
)
def test_a_year_has_its_hours(pattern: str, hours: float) -> None:
    found = 0.0
    for instrument in range(12):
        behaviour = Behaviour(habit(pattern, hours, instrument=instrument))
        sessions = (s for n in range(365) for s in behaviour.sessions(YEAR + n))
        found += sum(end - start for start, end in sessions) / 3_600 / 12
    assert found == pytest.approx(hours, rel=0.03)


def test_pauses_for_samples_stay_within_the_session() -> None:
    behaviour = Behaviour(habit("daytime", 1_800.0))
    day = next(n for n in range(YEAR, YEAR + 30) if behaviour.sessions(n))
    changes = behaviour.changes(day)
    pauses = [
        b[0] - a[0] for a, b in pairwise(changes) if a[1] is State.IDLE and b[1] is State.RUNNING
    ]
    assert any(pause < 300 for pause in pauses)


@pytest.mark.parametrize(
    ("day", "works"),
    [
        pytest.param(date(2026, 10, 1), False, id="national-day"),
        pytest.param(date(2026, 10, 10), True, id="saturday-worked"),
        pytest.param(date(2026, 10, 17), False, id="saturday"),
        pytest.param(date(2026, 10, 19), True, id="monday"),
        pytest.param(date(2031, 5, 1), False, id="fixed-holiday-of-an-unknown-year"),
    ],
)
def test_workdays(day: date, works: bool) -> None:
    assert is_workday(day) is works


def test_day_kinds() -> None:
    assert day_kind(day_number(date(2026, 7, 15)), True) is DayKind.VACATION
    assert day_kind(day_number(date(2026, 7, 15)), False) is DayKind.WORKDAY
    assert day_kind(day_number(date(2026, 7, 18)), True) is DayKind.WEEKEND


def test_local_days_are_those_of_shanghai() -> None:
    midnight_s = 1_772_294_400  # 2026-03-01 00:00 +08:00
    assert local_day(midnight_s) == day_number(date(2026, 3, 1))
    assert local_day(midnight_s - 1) == day_number(date(2026, 2, 28))
    assert day_start_s(day_number(date(2026, 3, 1))) == midnight_s
    assert usage_day(midnight_s) == day_number(date(2026, 2, 28))
    assert usage_day(midnight_s + 6 * 3_600) == day_number(date(2026, 3, 1))


def test_holidays_agree_with_the_holidays_package() -> None:
    import holidays

    for year in (2022, 2023, 2024, 2025, 2026):
        china = holidays.country_holidays("CN", years=year)
        worked = getattr(china, "weekend_workdays", set())
        for n in range(day_number(date(year, 1, 1)), day_number(date(year + 1, 1, 1))):
            day = date.fromordinal(n + date(1970, 1, 1).toordinal())
            expected = day in worked or (day not in china and day.weekday() < 5)
            assert is_workday(day) is expected, day
