"""Arrays against `Tally.extend`, and sums that pass 64 bits."""

import random

import numpy as np
import pytest

from models.group import Basis, Tally
from models.group_arrays import NAMES, Figures, exact_sums, tally_arrays
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
