"""Arrays against `Tally.extend`, and sums that pass 64 bits."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from models.difference import NUMBERS
from models.group import Basis, Tally, ranked_fields
from models.group_arrays import (
    NAMES,
    Figures,
    exact_sums,
    ranked_arrays,
    tally_arrays,
    tally_windows,
)
from models.ratios import Terms
from models.usage import Usage

DAY = 86_400_000_000


def usages(dice: random.Random, count: int, days: int) -> list[Usage]:
    found = []
    for _ in range(count):
        values = {name: dice.choice((0, dice.randrange(days * DAY))) for name in NAMES}
        hours = dice.random() < 0.6
        found.append(
            Usage(
                **{
                    name: None if name.endswith("scheduled_us") and not hours else value
                    for name, value in values.items()
                }
            )
        )
    return found


@pytest.mark.parametrize("basis", list(Basis))
@pytest.mark.parametrize(
    ("days", "coverage"),
    [
        pytest.param(30, 0.9, id="a month"),
        pytest.param(365, 0.5, id="a year"),
        pytest.param(3_600, 0.25, id="ten years, too long to divide in 64 bits"),
    ],
)
def test_same_tallies_as_one_by_one(basis: Basis, days: int, coverage: float) -> None:
    dice = random.Random(days)
    figures = usages(dice, 300, days)
    groups = [dice.randrange(7) for _ in figures]
    always_on = [dice.random() < 0.2 for _ in figures]
    rows = Figures.zeros(len(figures))
    for n, usage in enumerate(figures):
        rows.put(n, usage)
    found = tally_arrays(
        np.arange(1, 301), rows, np.array(always_on), np.array(groups), 8,
        basis=basis, sufficient_coverage=coverage,
    )  # fmt: skip
    for group in range(8):
        expected = Tally(basis=basis, sufficient_coverage=coverage)
        expected.extend(
            (usage, on)
            for usage, on, place in zip(figures, always_on, groups, strict=True)
            if place == group
        )
        assert found[group].tally == expected


@pytest.mark.parametrize("name", [*NUMBERS, "resolution_s"])
@pytest.mark.parametrize(("days", "coverage"), [(1, 0.9), (30, 0.35), (3_600, 0.25)])
def test_ranked_as_groups_of_one(name: str, days: int, coverage: float) -> None:
    dice = random.Random(days)
    figures = usages(dice, 300, days)
    # Shares of a month that are told apart by their last digits alone.
    figures += [
        Usage(running_us=n, off_us=days * DAY - n, rated_us=days * DAY, effective_us=n)
        for n in range(3)
    ]
    members = [None if dice.random() < 0.2 else usage for usage in figures]
    always_on = [dice.random() < 0.2 for _ in members]
    rows = Figures.zeros(len(members))
    for n, usage in enumerate(members):
        if usage is not None:
            rows.put(n, usage)
    values, sufficient = ranked_arrays(
        rows,
        np.array([usage is not None for usage in members]),
        np.array(always_on),
        name,
        coverage,
    )
    terms = Terms(as_of_us=0, end_us=0, settle_us=0, sufficient_coverage=coverage)
    for member, value, enough in zip(
        zip(members, always_on, strict=True), values, sufficient, strict=True
    ):
        alone = Tally(sufficient_coverage=coverage)
        alone.extend([member])
        expected = ranked_fields(alone, terms, name)
        assert expected == {name: value, "sufficient": enough}
        assert type(expected[name]) is type(value)


def test_ranked_by_no_number() -> None:
    nothing = np.zeros(1, np.bool_)
    with pytest.raises(KeyError, match="name"):
        ranked_arrays(Figures.zeros(1), nothing, nothing, "name", 0.9)


def test_sums_that_pass_64_bits() -> None:
    values = np.full((5, 2), (1 << 62) + 12_345, np.int64)
    values[:, 1] = [1, -(1 << 62), 3, 4, 5]
    found = exact_sums(values, np.array([0, 3]))
    assert found == [
        [3 * ((1 << 62) + 12_345), 4 - (1 << 62)],
        [2 * ((1 << 62) + 12_345), 9],
    ]


@pytest.mark.parametrize("left_out", [(), ("idle_us", "scheduled_us"), ("counter_readings",)])
def test_several_windows_are_as_each_alone(left_out: Sequence[str]) -> None:
    dice = random.Random(len(left_out))
    columns = [usages(dice, 90, 1) for _ in range(3)]
    scheduled = np.array([dice.random() < 0.5 for _ in range(90)])
    # The first group has opening hours nowhere.
    scheduled[:20] = False
    on = np.array([dice.random() < 0.2 for _ in range(90)])
    starts = np.array([0, 20, 21])
    figures = {
        name: np.array([[getattr(of[n], name) or 0 for of in columns] for n in range(90)])
        for name in NAMES
        if name not in left_out
    }
    for name in ("scheduled_us", "running_scheduled_us"):
        if name in figures:
            figures[name][~scheduled] = 0
    found = tally_windows(
        figures, scheduled, on, starts, basis=Basis.RATED, sufficient_coverage=0.5
    )
    for group, (low, high) in enumerate([(0, 20), (20, 21), (21, 90)]):
        for window in range(3):
            expected = Tally(sufficient_coverage=0.5)
            for n in range(low, high):
                values: dict[str, Any] = {
                    name: int(figures[name][n, window]) if name in figures else 0 for name in NAMES
                }
                if not scheduled[n]:
                    values |= dict.fromkeys(("scheduled_us", "running_scheduled_us"))
                expected.extend([(Usage(**values), bool(on[n]))])
            assert found[group][window] == expected
