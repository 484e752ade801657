"""States by dates, and which may follow which."""

from datetime import date

import pytest

from models.life_cycle import NEXT, ForbiddenMoveError, LifeCycle, LifeState, Step

D = date


def states(cycle: LifeCycle) -> list[tuple[str, str]]:
    return [(one.on.isoformat(), one.state.value) for one in cycle.steps()]


WHOLE = LifeCycle(
    planned_on=D(2026, 1, 1),
    accepted_on=D(2026, 2, 1),
    acquired_on=D(2026, 3, 1),
    suspensions=[
        {"from": "2026-04-01", "to": "2026-05-01", "reason": "moved"},
        {"from": "2026-06-01", "to": None, "reason": None},
    ],
    retired_on=D(2026, 7, 1),
)


def test_each_state_from_its_day_on() -> None:
    assert states(WHOLE) == [
        ("2026-01-01", "planned"),
        ("2026-02-01", "accepted"),
        ("2026-03-01", "in_service"),
        ("2026-04-01", "suspended"),
        ("2026-05-01", "in_service"),
        ("2026-06-01", "suspended"),
        ("2026-07-01", "retired"),
    ]
    for day, state in [
        (D(2025, 12, 31), None),
        (D(2026, 1, 1), "planned"),
        (D(2026, 2, 28), "accepted"),
        (D(2026, 3, 31), "in_service"),
        (D(2026, 4, 30), "suspended"),
        (D(2026, 5, 1), "in_service"),
        (D(2026, 6, 30), "suspended"),
        (D(2030, 1, 1), "retired"),
    ]:
        assert WHOLE.on(day) == state, day


def test_without_a_beginning_it_always_served() -> None:
    assert LifeCycle().on(D(1990, 1, 1)) is LifeState.IN_SERVICE
    gone = LifeCycle(retired_on=D(2026, 1, 1))
    assert (gone.on(D(2025, 12, 31)), gone.on(D(2026, 1, 1))) == ("in_service", "retired")
    assert LifeCycle(accepted_on=D(2026, 1, 1)).on(D(2026, 5, 1)) is LifeState.ACCEPTED


def test_states_of_one_day_are_the_last_one() -> None:
    at_once = LifeCycle(accepted_on=D(2026, 1, 1), acquired_on=D(2026, 1, 1))
    assert states(at_once) == [("2026-01-01", "in_service")]


def test_a_life_step_by_step_is_the_dates() -> None:
    fields: dict[str, object] = {}
    for on, state in [(one.on, one.state) for one in WHOLE.steps()]:
        cycle = LifeCycle(**fields)  # type: ignore[arg-type]
        changed = cycle.moved(state, on, "moved" if on == D(2026, 4, 1) else "")
        fields |= changed
        # Once more changes nothing.
        assert LifeCycle(**fields).moved(state, on, "again") == {}  # type: ignore[arg-type]
    assert states(LifeCycle(**fields)) == states(WHOLE)  # type: ignore[arg-type]
    assert LifeCycle(**fields).fault() is None  # type: ignore[arg-type]


@pytest.mark.parametrize("state", LifeState)
def test_only_what_may_follow_does(state: LifeState) -> None:
    at = {
        LifeState.PLANNED: LifeCycle(planned_on=D(2026, 1, 1)),
        LifeState.ACCEPTED: LifeCycle(accepted_on=D(2026, 1, 1)),
        LifeState.IN_SERVICE: LifeCycle(acquired_on=D(2026, 1, 1)),
        LifeState.SUSPENDED: LifeCycle(suspensions=[{"from": "2026-01-01", "to": None}]),
        LifeState.RETIRED: LifeCycle(retired_on=D(2026, 1, 1)),
    }[state]
    for wanted in LifeState:
        if wanted in NEXT[state]:
            fields = at.moved(wanted, D(2026, 2, 1), "x")
            moved = LifeCycle(**{**_dates(at), **fields})
            assert moved.steps()[-1] == Step(D(2026, 2, 1), wanted)
            with pytest.raises(ForbiddenMoveError, match="not before 2026-01-01"):
                at.moved(wanted, D(2025, 12, 31), "x")
        else:
            with pytest.raises(ForbiddenMoveError, match="what may follow"):
                at.moved(wanted, D(2026, 2, 1), "x")


def test_taken_up_again_on_the_day_of_its_suspension_it_was_none() -> None:
    one = LifeCycle(acquired_on=D(2020, 1, 1), suspensions=[{"from": "2026-01-01", "to": None}])
    assert one.moved(LifeState.IN_SERVICE, D(2026, 1, 1), "x") == {"suspensions": None}


@pytest.mark.parametrize(
    ("dates", "fault"),
    [
        ({"planned_on": D(2026, 2, 1), "accepted_on": D(2026, 1, 1)}, "accepted_on is 2026-01-01"),
        ({"accepted_on": D(2026, 2, 1), "acquired_on": D(2026, 1, 1)}, "not lie before accepted"),
        ({"acquired_on": D(2026, 1, 1), "retired_on": D(2026, 1, 1)}, "must lie after acquired_on"),
        ({"planned_on": D(2026, 1, 1), "retired_on": D(2026, 1, 1)}, "must lie after planned_on"),
        (
            {"acquired_on": D(2026, 2, 1), "suspensions": [{"from": "2026-01-01", "to": None}]},
            "suspended from service",
        ),
    ],
)
def test_dates_in_another_order_are_refused(dates: dict[str, object], fault: str) -> None:
    found = LifeCycle(**dates).fault()  # type: ignore[arg-type]
    assert found is not None
    assert fault in found


def _dates(cycle: LifeCycle) -> dict[str, object]:
    return {name: getattr(cycle, name) for name in LifeCycle.__dataclass_fields__}
