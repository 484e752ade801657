"""Back-tests, MQTT in and HTTP out: they say what figures will say once the rule is set."""

import random
from decimal import Decimal
from typing import Any

from tests.live import DAY, SECOND, Live, at, beat, iso, micros

RULE = {"off_below_w": 5, "run_until_w": 40, "run_from_w": 50}
WATTS = [0.0, 4.9, 5.0, 20.0, 39.9, 40.0, 45.0, 50.0, 90.0, 1_500.0]
STATES = ("running", "idle", "off", "unknown")


def backtest(live: Live, *scopes: str, start: int, end: int, **rule: Any) -> Any:
    body = {"instrument_ids": scopes, "from": iso(start), "to": iso(end), "rule": {**RULE, **rule}}
    return live.post("power-rules/backtest", body)


def spent(told: dict[str, Any]) -> dict[str, Any]:
    return {name: told[f"{name}_s"] for name in STATES if told[f"{name}_s"]}


def some_samples(rnd: random.Random) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    ts = at("00:00", DAY - 86_400 * SECOND) + rnd.randint(0, 80_000) * SECOND
    while ts < at("12:00"):
        quick = rnd.random() < 0.97
        ts += rnd.choice([7, 30, 60, 179, 180, 181] if quick else [4_000, 20_000]) * SECOND
        ts += rnd.choice([0, 0, 1])
        said: dict[str, Any] = {"ts": ts, "power_w": rnd.choice(WATTS)}
        if rnd.random() < 0.1:
            said = beat(ts, rnd.choice(["off", "idle", "running"]))
        if rnd.random() < 0.1:
            said["interval_s"] = rnd.choice([10, 100])
        found.append(said)
    return found


def test_it_says_what_utilization_says_before_and_after(live: Live) -> None:
    rnd = random.Random(7)
    start, end = at("00:30"), at("11:17:03.5")
    asked = {**RULE, "run_until_w": 20, "dwell_start_s": 45, "dwell_stop_s": 300}
    old = [None, RULE, {**RULE, "off_below_w": 1, "dwell_stop_s": 100}]
    scopes = []
    for number in range(6):
        gateway = live.gateway(clock_correction_s=[0, 0, 90][number % 3], valid_from=iso(0))
        scope = live.instrument(
            gateway=gateway,
            power_rule=old[number % 3],
            hold_s=[None, 200][number % 2],
            valid_from=iso(0),
        )
        samples = some_samples(rnd)
        for at_once in range(0, len(samples), 400):
            live.publish(scope, *samples[at_once : at_once + 400])
        scopes.append(scope)
    told = backtest(live, *scopes, start=start, end=end, **asked)
    assert [one["instrument_id"] for one in told["items"]] == scopes
    for scope, one in zip(scopes, told["items"], strict=True):
        assert spent(one["in_force"]) == live.spent(scope, start, end)
        assert sum(spent(one["proposed"]).values()) == one["proposed"]["window_s"]
        assert len(one["power_s"]) == len(told["bins_w"])
        assert sum(one["power_s"]) <= one["proposed"]["window_s"] - one["proposed"]["unknown_s"]
    for when in ("in_force", "proposed"):
        for name in (*STATES, "window"):
            total = sum(one[when][f"{name}_s"] for one in told["items"])
            assert told["total"][when][f"{name}_s"] == total
    for scope in scopes:
        live.patch(f"instruments/{scope}", power_rule=asked, valid_from=told["rule_from"])
    live.wait_for_rebuilds()
    differ = 0
    for scope, one in zip(scopes, told["items"], strict=True):
        assert spent(one["proposed"]) == live.spent(scope, start, end)
        differ += one["proposed"] != one["in_force"]
    assert differ == len(scopes)


def test_power_is_told_in_seconds_by_bins(live: Live) -> None:
    scope = live.instrument(hold_s=60)
    watts = {"10:00": 0, "10:01": 4, "10:02": 45, "10:03": 45}
    live.publish(scope, *({"ts": at(time), "power_w": power} for time, power in watts.items()))
    told = backtest(live, scope, start=at("10:00"), end=at("11:00"))
    (one,) = told["items"]
    assert one["samples"] == told["total"]["samples"] == 4
    by_bin = dict(zip(told["bins_w"], one["power_s"], strict=True))
    assert {edge: told for edge, told in by_bin.items() if told} == {0: 60, 4: 60, 40: 120}
    assert spent(one["proposed"]) == {"off": 240, "unknown": 3_360}
    assert spent(one["in_force"]) == {"unknown": 3_600}
    assert one["power_rule"] is None
    assert told["rule"]["dwell_start_s"] == Decimal(0)
    assert micros(told["rule_from"]) == at("10:00") - 86_400 * SECOND


def test_a_device_on_change_is_carried_into_the_window(live: Live) -> None:
    rule = {**RULE, "silence_s": 86_400}
    scope = live.instrument(hold_s=86_400, power_rule=rule, valid_from=iso(0))
    live.publish(scope, {"ts": at("02:00"), "power_w": 90}, {"ts": at("22:00"), "power_w": 1})
    told = backtest(live, scope, start=at("21:00"), end=at("23:00"), run_until_w=95, run_from_w=95)
    assert spent(told["items"][0]["in_force"]) == {"running": 3_600, "off": 3_600}
    assert spent(told["items"][0]["proposed"]) == {"idle": 3_600, "off": 3_600}


def test_what_cannot_be_tried_is_refused_with_a_way_out(live: Live) -> None:
    scope = live.instrument()
    window = {"from": "2026-03-01", "to": "2026-03-02"}
    right = {"instrument_ids": [scope], "rule": RULE, **window}
    wrong = {
        "at most 31 days": {"to": "2026-04-02"},
        "must be later than `from`": {"to": "2026-03-01"},
        "off_below_w <= run_until_w <= run_from_w": {"rule": {**RULE, "off_below_w": 60}},
        "at most 200": {"instrument_ids": [f"scope-{n}" for n in range(201)]},
        "at least 1": {"instrument_ids": []},
    }
    for words, change in wrong.items():
        answer = live.http.post("/v1/power-rules/backtest", json={**right, **change})
        assert answer.status_code == 422, words
        assert words in answer.text
    missing = live.http.post("/v1/power-rules/backtest", json={**right, "instrument_ids": ["no"]})
    assert (missing.status_code, "'no'" in missing.json()["detail"]) == (404, True)


def test_examples_of_rules_can_be_tried_as_they_are(live: Live) -> None:
    scope = live.instrument()
    found = live.get("power-rules/presets")["items"]
    classes = {one["class_code"] for one in live.page_through("classes")}
    assert {one["class_code"] for one in found} <= classes
    for one in found:
        rule = {name: None if v is None else float(v) for name, v in one["rule"].items()}
        assert backtest(live, scope, start=at("10:00"), end=at("11:00"), **rule)["items"]


def test_nothing_is_written(live: Live) -> None:
    scope = live.instrument(power_rule=RULE, valid_from=iso(0))
    live.publish(scope, *({"ts": at(f"10:{n:02}"), "power_w": n} for n in range(60)))
    live.settle(live.gateway_of[scope])
    live.wait_for_rollups(scope)  # which ingest makes, whenever it comes to it

    def kept() -> list[Any]:
        tables = {
            "heartbeat": "instrument_key",
            "segment": "instrument_key",
            "rollup_day": "instrument_key",
            "instrument_status": "instrument_key",
            "instrument_version": "instrument_key",
        }
        # Yesterday is rolled up meanwhile perhaps: only what is older was waited for.
        only = {"rollup_day": " AND day < (now() AT TIME ZONE 'Asia/Shanghai')::date - 1"}
        with live.database() as connection:
            return [
                connection.execute(
                    f"SELECT t.xmin::text, t::text FROM {table} t JOIN instrument i USING ({key})"
                    f" WHERE instrument_id = %s{only.get(table, '')} ORDER BY 2",
                    (scope,),
                ).fetchall()
                for table, key in tables.items()
            ]

    before = kept()
    assert all(before)
    told = backtest(live, scope, start=at("10:00"), end=at("11:00"), off_below_w=30, dwell_stop_s=9)
    assert told["total"]["in_force"] != told["total"]["proposed"]
    assert kept() == before
