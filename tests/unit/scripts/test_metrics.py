"""The page of metrics is what the code has, and no label names one of thousands."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from ingest.metrics import BROKER_FIGURES
from ingest.sql import statements
from models.heartbeat import Reason

SCRIPT = Path(__file__).parents[3] / "scripts" / "metrics.py"
_spec = importlib.util.spec_from_file_location("metrics_page", SCRIPT)
assert _spec is not None
assert _spec.loader is not None
metrics_page = importlib.util.module_from_spec(_spec)
sys.modules["metrics_page"] = metrics_page  # dataclasses look their module up
_spec.loader.exec_module(metrics_page)
FOUND = metrics_page.described(metrics_page.registries())
#: Labels whose values we name, a handful each, as an operator names the cities of a follower; and
#: routes, which are as many as we serve.
LABELS = {"reason", "kind", "method", "route", "status", "questions", "type", "outcome", "city"}


def test_the_page_is_what_the_code_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["metrics.py", "--check"])
    assert metrics_page.main() == 0, "run scripts/metrics.py"


@pytest.mark.parametrize("metric", FOUND, ids=lambda metric: metric.name)
def test_a_metric_is_named_as_they_are_named(metric: metrics_page.Described) -> None:  # type: ignore[name-defined]
    assert metric.name.startswith("jishi_")
    assert metric.meaning
    assert not re.search(r"_(ms|us|minutes|hours|kb|mb|percent)\b", metric.name)
    assert set(metric.labels) <= LABELS, "no instrument, gateway or institution"


def test_the_labels_are_told() -> None:
    text = metrics_page.PAGE.read_text("utf-8").split("## Values of labels")[1]
    assert set(re.findall(r"`(\w+)`(?:,| \|| of)", text)) >= {
        label for metric in FOUND for label in metric.labels
    }


def test_each_broker_figure_and_each_column_is_a_metric() -> None:
    names = {metric.name for metric in FOUND}
    assert {f"jishi_broker_{name}" for name, _ in BROKER_FIGURES.values()} <= names
    columns = re.findall(
        r"\bAS ((?:database|instruments|institutions)_\w+)", statements("observing")["figures"]
    )
    assert len(columns) == 10
    assert {f"jishi_{name}" for name in columns} <= names


def test_an_increase_of_any_reason_is_seen() -> None:
    (registry, *_) = metrics_page.registries()
    for reason in Reason:
        labels = {"reason": str(reason)}
        assert registry.get_sample_value("jishi_ingest_heartbeats_rejected_total", labels) == 0
