"""The worked examples of docs/rules.md on bookings, read from there."""

import re
from pathlib import Path

import pytest

from models.interval import merge
from models.reconciliation import Measured, Tolerances, verdict

TEXT = (Path(__file__).parents[2] / "docs/rules.md").read_text("utf-8")
MINUTE = 60_000_000
BOOKING = (600 * MINUTE, 720 * MINUTE)


def examples() -> list[list[str]]:
    table = TEXT.split("worked examples: tests/acceptance/test_reconciliation.py")[1]
    rows = re.findall(r"^\| (\d+) \|(.*)\|$", table.split("end of the worked")[0], re.M)
    return [[number, *(cell.strip() for cell in rest.split("|"))] for number, rest in rows]


def spans(cell: str) -> list[tuple[int, int]]:
    found = re.findall(r"(\d\d):(\d\d)–(\d\d):(\d\d)", cell)
    return merge(
        ((int(a) * 60 + int(b)) * MINUTE, (int(c) * 60 + int(d)) * MINUTE) for a, b, c, d in found
    )


def test_there_are_enough() -> None:
    assert len(examples()) >= 25


@pytest.mark.parametrize("example", examples(), ids=lambda one: one[0])
def test_example(example: list[str]) -> None:
    _, used, unknown, blocked, others, expected = example
    found = verdict(
        BOOKING,
        Measured(used=spans(used), unknown=spans(unknown)),
        blocked=spans(blocked),
        others=spans(others),
        tolerances=Tolerances(),
    )
    assert ", ".join(one.value for one in found) == expected
