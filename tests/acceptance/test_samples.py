"""Samples, MQTT in and HTTP out: the worked examples of docs/rules.md, and what shows them."""

import random
from typing import Any

import pytest

from tests.live import Live, at, beat, iso
from tests.sample_examples import AT_ONCE, EXAMPLES, RULE, Example


def sent(example: Example) -> list[dict[str, Any]]:
    """Heartbeats as a gateway writes them."""
    found = []
    for number, (time, what) in enumerate(example.said):
        said: dict[str, Any] = {"ts": at(time)}
        said["state" if isinstance(what, str) else "power_w"] = what
        if example.seqs:
            said["seq"] = example.seqs[number]
        found.append(said)
    return found


def registered(live: Live, example: Example) -> str:
    rule = None if example.rule is None else {**RULE, **example.rule}
    scope = live.instrument(hold_s=example.hold_s, power_rule=rule, valid_from=iso(at("00:00")))
    if example.later:
        since, changes = example.later
        changed = {**RULE, **(example.rule or {}), **changes}
        live.patch(f"instruments/{scope}", power_rule=changed, valid_from=iso(at(since)))
    return scope


@pytest.mark.parametrize(
    "example", [one for one in EXAMPLES if not one.has_words], ids=lambda one: one.name[:3]
)
def test_worked_example(live: Live, example: Example) -> None:
    """In one batch; then the same again, one by one and twice each, in any order."""
    first, second = registered(live, example), registered(live, example)
    heartbeats = sent(example)
    live.publish(first, *heartbeats)
    random.Random(example.name).shuffle(heartbeats)
    for heartbeat in [*heartbeats, *heartbeats]:
        live.start_publishing([(second, heartbeat)])
    live.settle(live.gateway_of[second])
    for scope in (first, second):
        assert live.spent(scope, *example.window) == example.seconds


def test_a_late_sample_ends_a_run_that_had_lasted(live: Live) -> None:
    scope = live.instrument(hold_s=180, power_rule=RULE, valid_from=iso(at("00:00")))
    live.publish(scope, sample("10:00", 20), sample("10:01", 90), sample("10:02", 90))
    assert live.spent(scope, "10:00", "10:05") == {"idle": 60, "running": 240}
    live.publish(scope, sample("10:01:30", 20))
    assert live.spent(scope, "10:00", "10:05") == {"idle": 120, "running": 180}


def test_a_rule_of_earlier_days_judges_what_is_stored(live: Live) -> None:
    scope = live.instrument(hold_s=180)
    live.publish(scope, sample("10:00", 20), sample("10:01", 90), sample("10:02", 90))
    assert live.spent(scope, "10:00", "10:05") == {"unknown": 300}
    live.patch(f"instruments/{scope}", power_rule={**RULE, **AT_ONCE}, valid_from=iso(at("09:00")))
    live.wait_for_rebuilds()
    assert live.spent(scope, "10:00", "10:05") == {"idle": 60, "running": 240}


def test_what_makes_a_state_is_told(live: Live) -> None:
    scope = live.instrument(hold_s=180, power_rule=RULE, valid_from=iso(at("00:00")))
    live.publish(
        scope,
        sample("10:00", 20),
        sample("10:01", 90),
        sample("10:01:30", 45),
        beat("10:01:50", "idle"),
    )
    told = live.get(f"instruments/{scope}/explain", from_=iso(at("10:00")), to=iso(at("10:02")))
    samples = told["heartbeats"]
    assert [(one["sample"], one["level"], one["state"]) for one in samples] == [
        (True, "idle", "idle"),
        (True, "running", "idle"),
        (True, "running", "idle"),
        (False, None, "idle"),
    ]
    assert samples[0]["power_rule"]["dwell_start_s"] == 60
    assert samples[3]["power_rule"] is None
    assert 16 in samples[0]["rules"]


def test_a_rule_that_cannot_be_is_refused(live: Live) -> None:
    scope = live.instrument()
    answer = live.http.patch(
        f"/v1/instruments/{scope}", json={"power_rule": {**RULE, "run_until_w": 60}}
    )
    assert answer.status_code == 422
    assert "off_below_w <= run_until_w <= run_from_w" in answer.text


def sample(time: str, watts: float) -> dict[str, Any]:
    return {"ts": at(time), "power_w": watts}
