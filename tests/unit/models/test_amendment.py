"""Differences between what was frozen and today: figures, records, reasons."""

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.amendment import (
    Reason,
    difference,
    figures_reason,
    pair,
    record_reasons,
    settings_reasons,
)
from models.record import Annotation, Source, Use
from models.usage import Usage

SCHEDULED = ("scheduled_us", "running_scheduled_us")
FIGURES = st.tuples(
    st.fixed_dictionaries(
        {name: st.integers(0, 9) for name in Usage.__struct_fields__ if name not in SCHEDULED}
    ),
    # Both or neither.
    st.none() | st.tuples(st.integers(0, 9), st.integers(0, 9)),
).map(lambda told: Usage(**told[0], **dict(zip(SCHEDULED, told[1] or (None, None), strict=True))))


@given(FIGURES, FIGURES)
def test_closed_and_difference_are_todays(then: Usage, now: Usage) -> None:
    amended = then + difference(then, now)
    for name in Usage.__struct_fields__:
        if name != "step_us":
            assert (getattr(amended, name) or 0) == (getattr(now, name) or 0)


def use(start: int, end: int, effective: int = 1, note: str | None = None) -> Use:
    said = None if note is None else Annotation(annotation_id=1, at_us=start, content=note)
    return Use(start, end, effective, Source.MEASURED, said)


@st.composite
def uses(draw: st.DrawFn) -> list[Use]:
    found, at = [], 0
    for _ in range(draw(st.integers(0, 5))):
        start = at + draw(st.integers(0, 3))
        at = start + draw(st.integers(1, 3))
        found.append(use(start, at, draw(st.integers(0, 1))))
    return found


@given(uses(), uses())
def test_every_record_that_differs_is_told_once(then: list[Use], now: list[Use]) -> None:
    pairs = pair(then, now)
    lows = [low for low, _ in pairs if low is not None]
    highs = [high for _, high in pairs if high is not None]
    assert (lows, highs) == (sorted(set(lows)), sorted(set(highs)))
    assert {at for at, one in enumerate(then) if one not in now} == set(lows)
    assert {at for at, one in enumerate(now) if one not in then} == set(highs)
    for low, high in pairs:
        if low is not None and high is not None:
            assert then[low].start_us < now[high].end_us
            assert now[high].start_us < then[low].end_us
    # What is removed and what is added do not overlap: else it were a change.
    alone = [then[low] for low, high in pairs if high is None and low is not None]
    fresh = [now[high] for low, high in pairs if low is None and high is not None]
    for one, other in [*combinations(alone, 2), *combinations(fresh, 2)]:
        assert one != other


def test_one_that_was_parted_is_changed_and_another_added() -> None:
    assert pair([use(0, 10)], [use(0, 4), use(6, 10)]) == [(0, 0), (None, 1)]
    assert pair([use(0, 4), use(6, 10)], [use(0, 10)]) == [(0, 0), (1, None)]


SETTINGS: dict[str, Any] = {
    "acquired_on": None,
    "retired_on": None,
    "institution_id": "i1",
    "session_gap_us": 300,
    "session_min_us": 60,
    "versions": [{"from_us": None, "hold_us": None, "power_rule": None, "institution": 1}],
    "corrections": [[1, None, 0]],
    "maintenance": None,
}


def version(from_us: int | None, **more: Any) -> dict[str, Any]:
    return {"from_us": from_us, "hold_us": None, "power_rule": None, "institution": 1, **more}


@pytest.mark.parametrize(
    ("changed", "reasons"),
    [
        ({}, []),
        ({"maintenance": []}, []),
        ({"versions": [version(None), version(5)]}, []),
        ({"versions": [version(None), version(5, power_rule={"a": 1})]}, [Reason.POWER_RULE]),
        ({"versions": [version(None), version(5, hold_us=1)]}, [Reason.SETTING]),
        ({"session_gap_us": 0}, [Reason.SETTING]),
        ({"corrections": [[1, None, 7]]}, [Reason.SETTING]),
        ({"retired_on": "2026-03-01"}, [Reason.REGISTRY]),
        ({"institution_id": "i2", "versions": [version(None, institution=2)]}, [Reason.REGISTRY]),
        ({"maintenance": [[1, 2]]}, [Reason.MAINTENANCE]),
        (
            {"versions": [version(None, hold_us=1, power_rule={})], "maintenance": [[1, 2]]},
            [Reason.POWER_RULE, Reason.SETTING, Reason.MAINTENANCE],
        ),
    ],
)
def test_reasons_are_what_changed_of_the_settings(
    changed: dict[str, Any], reasons: list[Reason]
) -> None:
    assert settings_reasons(SETTINGS, {**SETTINGS, **changed}) == reasons


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (Usage(), None),
        (Usage(unknown_device_us=-1, unknown_gateway_us=1), Reason.CONNECTIVITY),
        (Usage(scheduled_us=-1), Reason.CALENDAR),
        (Usage(scheduled_us=-1, running_us=1), Reason.LATE_HEARTBEATS),
    ],
)
def test_figures_say_what_no_setting_does(changed: Usage, reason: Reason | None) -> None:
    assert figures_reason(changed) == reason


def test_record_that_only_says_something_else_was_annotated() -> None:
    assert record_reasons(use(0, 1), use(0, 1, note="x")) == {Reason.ANNOTATION}
    assert record_reasons(use(0, 1), use(0, 2)) == set()
    manual = use(0, 1)._replace(source=Source.MANUAL)
    assert record_reasons(manual, None) == {Reason.SELF_REPORT}
