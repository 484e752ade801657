"""Documents take their figures from the last run, between marks that are really there."""

from pathlib import Path

import pytest

from bench import growth, told

FOUND = {
    "drain_single_ratio": 0.76,
    "detail": {
        "machine": {
            "cores": 2,
            "processor": "any",
            "load_before": 0.1,
            "measured_at": "2026-11-22T17:05:00+00:00",
        }
    },
}


@pytest.mark.parametrize(
    ("path", "begin", "end"),
    [
        pytest.param(told.README, told.BEGIN, told.END, id="keys"),
        pytest.param(growth.TOLD, growth.BEGIN, growth.END, id="growth"),
    ],
)
def test_the_marks_are_there_once(path: Path, begin: str, end: str) -> None:
    text = path.read_text("utf-8")
    once = told.between(text, begin, end, "a table")
    assert once.count("a table") == 1
    assert told.between(once, begin, end, "a table") == once


def test_the_table_tells_what_was_measured_and_where() -> None:
    text = told.table(FOUND)
    assert "2 cores (any)" in text
    assert "17:05 UTC" in text
    assert "| 0.76 × | ≥ 0.75, then ≥ 1 | first bar met |" in text
    assert "mosquitto_sub \\| psql" in text
