"""How measurements are told: keys to the letter, bars, percentiles, the picture."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import picture
from bench.results import KEYS, Results, met, percentile

NAMES = {
    "drain_single_ratio",
    "drain_batched_ratio",
    "tutorial_ratio",
    "visible_p99_ms",
    "fleet_month_p95_ms",
    "fleet_year_p95_ms",
    "instrument_year_p95_ms",
    "summary_p95_ms",
    "summary_under_load_p95_ms",
    "profile_month_p95_ms",
    "hours_week_p95_ms",
    "reconcile_month_p95_ms",
    "naive_ratio",
    "ingest_rss_mb",
    "bytes_per_heartbeat",
}


def test_latest_holds_exactly_the_contracts_keys(tmp_path: Path) -> None:
    results = Results()
    results.note("naive_ratio", [90, 110, 130])
    results.write(tmp_path / "latest.json")
    found = json.loads((tmp_path / "latest.json").read_text())
    assert found.keys() == NAMES | {"detail"}
    assert found["naive_ratio"] == 110
    assert found["summary_p95_ms"] is None
    assert found["detail"]["naive_ratio"]["least"] == 90


def test_what_a_run_did_not_measure_keeps_its_value(tmp_path: Path) -> None:
    first, second = Results(), Results()
    first.note("naive_ratio", [100])
    first.write(tmp_path / "latest.json")
    second.note("summary_p95_ms", [20])
    second.write(tmp_path / "latest.json")
    found = json.loads((tmp_path / "latest.json").read_text())
    assert (found["naive_ratio"], found["summary_p95_ms"]) == (100, 20)


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        pytest.param("drain_single_ratio", 1.0, "met", id="both bars"),
        pytest.param("drain_single_ratio", 0.75, "first bar met", id="the first"),
        pytest.param("drain_single_ratio", 0.74, "missed", id="neither"),
        pytest.param("summary_p95_ms", 25.0, "met", id="at most, exactly"),
        pytest.param("summary_p95_ms", 25.1, "missed", id="above at most"),
        pytest.param("visible_p99_ms", 150.0, "first bar met", id="at most, the first"),
        pytest.param("visible_p99_ms", 150.1, "missed", id="above both at most"),
        pytest.param("bytes_per_heartbeat", 1e9, "shown", id="no bar"),
        pytest.param("naive_ratio", None, "not measured", id="nothing"),
    ],
)
def test_bars(name: str, value: float | None, word: str) -> None:
    key = next(key for key in KEYS if key.name == name)
    assert met(key, value) == word


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        pytest.param([1.0], 0.99, 1.0, id="one"),
        pytest.param(list(range(1, 101)), 0.95, 95, id="nearest rank"),
        pytest.param(list(range(1, 101)), 0.99, 99, id="99 of 100"),
        pytest.param([5, 1, 3], 0.5, 3, id="unsorted"),
    ],
)
def test_percentile(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected


def test_the_picture_is_well_formed_and_names_every_key() -> None:
    text = picture.draw({"naive_ratio": 250.0, "summary_p95_ms": 80.0})
    ElementTree.fromstring(text)
    assert all(name in text for name in NAMES)
