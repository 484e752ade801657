"""Arrays against `Tally.extend`, and sums that pass 64 bits."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from models.group import Basis, Tally
from models.group_arrays import NAMES, Figures, exact_sums, tally_arrays, tally_windows
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
