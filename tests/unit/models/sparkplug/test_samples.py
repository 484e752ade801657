from typing import Any

import pytest

from models.heartbeat import Reason
from models.mapping_sample import Sample
from models.segment import State
from models.sparkplug.events import Reading
from models.sparkplug.samples import BadValueError, figures_of, sample_of, stated_metrics

METRICS = {"power_w": "P", "energy_wh": {"name": "E", "unit": "kWh"}, "runtime_s": "T"}


def reading(said: dict[str, Any], known: dict[str, Any] | None = None, **more: Any) -> Reading:
    known = said if known is None else {**known, **said}
    return Reading(
        **{"device": "d", "ts_ms": 5_000, "historical": False, "said": said, "known": known, **more}
    )


def sample(metrics: dict[str, Any], one: Reading) -> Sample | None:
    return sample_of(figures_of(stated_metrics(metrics)), one, "1")


def of(**more: Any) -> Sample:
    return Sample(device="d", channel="1", ts_us=5_000_000, **more)


@pytest.mark.parametrize(
    ("metrics", "one", "expected"),
    [
        pytest.param(METRICS, reading({"P": 7}), of(power_w=7.0), id="power"),
        pytest.param(
            METRICS, reading({"P": 7.5, "E": 1.5, "T": 9, "other": 1}),
            of(power_w=7.5, energy_wh=1500.0, runtime_s=9.0), id="all, one in another unit",
        ),
        pytest.param(
            METRICS, reading({"E": 2}, {"P": 7}), of(power_w=7.0, energy_wh=2000.0),
            id="power as it was and still is",
        ),
        pytest.param(METRICS, reading({"E": 2}), None, id="power is not known"),
        pytest.param(METRICS, reading({"other": 2}, {"P": 7}), None, id="nothing of it is said"),
        pytest.param(METRICS, reading({"P": None}), of(unknown=True), id="null is not 0"),
        pytest.param(
            METRICS, reading({"P": None, "E": 2}), of(unknown=True), id="null beside a number"
        ),
        pytest.param(
            METRICS, reading({"E": None}, {"P": 7}), of(power_w=7.0), id="a meter that is null"
        ),
        pytest.param({"state": "S"}, reading({"S": "idle"}), of(state=State.IDLE), id="state"),
        pytest.param(
            {"state": {"name": "S", "values": {"3": "running", "true": "idle"}}},
            reading({"S": 3}), of(state=State.RUNNING), id="a number that means a state",
        ),
        pytest.param(
            {"state": {"name": "S", "values": {"3": "running", "true": "idle"}}},
            reading({"S": True}), of(state=State.IDLE), id="true that means a state",
        ),
    ],
)  # fmt: skip
def test_samples(metrics: dict[str, Any], one: Reading, expected: Sample | None) -> None:
    assert sample(metrics, one) == expected


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        pytest.param({"P": "7"}, Reason.MALFORMED, id="text"),
        pytest.param({"P": True}, Reason.MALFORMED, id="true"),
        pytest.param({"P": float("nan")}, Reason.MALFORMED, id="not a number"),
        pytest.param({"P": -1}, Reason.OUT_OF_RANGE, id="negative"),
        pytest.param({"P": 1, "E": 1e300}, Reason.OUT_OF_RANGE, id="no such meter"),
    ],
)
def test_bad_values(said: dict[str, Any], reason: Reason) -> None:
    with pytest.raises(BadValueError) as caught:
        sample(METRICS, reading(said))
    assert caught.value.reason is reason


def test_a_time_that_nobody_can_write_down() -> None:
    with pytest.raises(BadValueError, match="years 1 to 9999") as caught:
        sample(METRICS, reading({"P": 1}, ts_ms=2**63))
    assert caught.value.reason is Reason.OUT_OF_RANGE


@pytest.mark.parametrize(
    ("stated", "rule"),
    [
        pytest.param(None, "metrics", id="null"),
        pytest.param({}, "metrics", id="none"),
        pytest.param({"energy_wh": "E"}, "power_w or for state", id="no power, no state"),
        pytest.param({"power_w": "P", "volts": "U"}, "volts", id="unknown field"),
        pytest.param({"power_w": ""}, "1 to 256", id="no name"),
        pytest.param({"power_w": "a\nb"}, "control", id="line break"),
        pytest.param({"power_w": {"name": "P"}}, "unit", id="half an object"),
        pytest.param({"power_w": {"name": "P", "unit": "hp"}}, "hp", id="unknown unit"),
        pytest.param({"state": {"name": "S", "values": {}}}, "values", id="no values"),
        pytest.param({"state": {"name": "S", "values": {"1": "on"}}}, "off, idle", id="no state"),
    ],
)
def test_refused_metrics(stated: object, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        stated_metrics(stated)


def test_equal_metrics_are_spelled_alike() -> None:
    one = stated_metrics({"energy_wh": {"name": "E", "unit": "Wh"}, "power_w": "P"})
    assert one == {"power_w": "P", "energy_wh": "E"}
    assert list(one) == ["power_w", "energy_wh"]
