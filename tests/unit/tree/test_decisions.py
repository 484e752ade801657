"""Decisions have a number and a day, so that others can point at them."""

import re
from pathlib import Path

DECISIONS = Path(__file__).parents[3] / "docs" / "decisions.md"


def test_each_decision_has_its_number_and_day() -> None:
    told = [line for line in DECISIONS.read_text("utf-8").splitlines() if line.startswith("- **")]
    found = [re.match(r"- \*\*D(\d+) · \d{4}-\d\d-\d\d\. ", line) for line in told]
    assert [line for line, match in zip(told, found, strict=True) if match is None] == []
    numbers = [int(match[1]) for match in found if match]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
