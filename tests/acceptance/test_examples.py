"""The contract's worked examples, MQTT in and HTTP out; ``hold`` is 180 s in all but one."""

import random
from decimal import Decimal

import pytest

from tests.live import DAY_LENGTH, HOUR, MINUTE, Live, at, beat, every_minute, iso, now_us, until


def test_example_1_hold_ends_the_credit(live: Live) -> None:
    scope = live.instrument(hold_s=180)
    live.publish(scope, beat("10:00"), beat("10:01"), beat("10:02"))
    assert live.spent(scope, "10:00", "11:00") == {"running": 300, "unknown": 3_300}


def test_example_2_a_credit_is_split_at_the_hour(live: Live) -> None:
    scope = live.instrument(hold_s=180)
    live.publish(scope, beat("10:59:30"), beat("11:00:20"))
    assert live.total(scope, "10:00", "11:00")["running_s"] == 30
    assert live.total(scope, "11:00", "12:00")["running_s"] == 200
    assert live.total(scope, "10:00", "12:00")["running_s"] == 230


def test_example_3_state_carries_over_the_start(live: Live) -> None:
    scope = live.instrument(hold_s=7_200)
    live.publish(scope, beat("09:59"), beat("11:30", "idle"))
    assert live.spent(scope, "10:00", "11:00") == {"running": 3_600}
    assert live.spent(scope, "11:00", "12:00") == {"running": 1_800, "idle": 1_800}


def test_example_4_the_bucket_that_now_is_in(live: Live) -> None:
    scope = live.instrument(hold_s=180)
    now = now_us()
    hour = now - now % HOUR
    live.publish(scope, *every_minute(hour, now))
    found = live.utilization(scope, hour, hour + 3 * HOUR, bucket="hour", tz="UTC")
    bucket = found["buckets"][0]
    assert 0 < bucket["window_s"] <= 3_600
    assert bucket["running_s"] == bucket["window_s"]
    assert bucket["utilization"] == 1
    assert len(found["buckets"]) <= 2, "the hours ahead are left out"


@pytest.mark.parametrize("batching", ["one by one", "at once"])
def test_example_5_redelivery_changes_nothing(live: Live, batching: str) -> None:
    scope = live.instrument(hold_s=180)
    heartbeats = [beat("10:00"), *[beat("10:01")] * 3, beat("10:02", "idle")]
    if batching == "at once":
        receipts = [live.publish(scope, *heartbeats)]
    else:
        receipts = [live.publish(scope, heartbeat) for heartbeat in heartbeats]
    assert sum(r["stored"] for r in receipts) == 3
    assert sum(r["duplicates"] for r in receipts) == 2
    assert sum(r["rejected"] for r in receipts) == 0
    assert live.spent(scope, "10:00", "10:02") == {"running": 120}
    stored = "SELECT count(*) FROM heartbeat JOIN instrument USING (instrument_key)"
    assert live.rows(f"{stored} WHERE instrument_id = %s", scope) == [(3,)]


@pytest.mark.parametrize("order", ["running first", "idle first", "one batch"])
def test_example_5b_the_lesser_use_wins(live: Live, order: str) -> None:
    scope = live.instrument(hold_s=180)
    rivals = [beat("10:00", "running"), beat("10:00", "idle")]
    if order == "one batch":
        live.publish(scope, *rivals)
    else:
        for rival in rivals if order == "running first" else reversed(rivals):
            live.publish(scope, rival)
    live.publish(scope, beat("10:01", "idle"))
    assert live.spent(scope, "10:00", "10:01") == {"idle": 60}
    (letter,) = live.letters(instrument=scope)
    assert letter["reason"] == "conflict"
    again = live.publish(scope, *rivals)
    assert (again["stored"], again["duplicates"], again["rejected"]) == (0, 2, 0)
    assert len(live.letters(instrument=scope)) == 1, "each conflict is told once"


def test_example_6_a_late_heartbeat_cuts_the_credit_before_it(live: Live) -> None:
    scope = live.instrument(hold_s=180)
    live.publish(scope, beat("10:00"), beat("10:02", "idle"))
    assert live.spent(scope, "10:00", "10:03") == {"running": 120, "idle": 60}
    live.publish(scope, beat("10:01", "idle"))
    assert live.spent(scope, "10:00", "10:03") == {"running": 60, "idle": 120}


def test_example_7_an_hour_that_comes_ten_days_late(live: Live) -> None:
    scope = live.instrument(hold_s=180)
    now = now_us()
    live.publish(scope, beat(now - 12 * DAY_LENGTH, "idle"), beat(now - MINUTE, "running"))
    hour = now - 10 * DAY_LENGTH
    hour -= hour % HOUR
    before = live.total(scope, hour, hour + HOUR)
    assert (before["running_s"], before["unknown_s"]) == (0, 3_600)
    status = live.alive(scope)
    rewritten = live.metric("jishi_ingest_late_rows_rewritten_total")

    receipt = live.publish(scope, *every_minute(hour, hour + HOUR))

    assert receipt["stored"] == 60
    after = live.total(scope, hour, hour + HOUR)
    assert (after["running_s"], after["unknown_s"]) == (3_600, 0)
    assert after["revision"] != before["revision"]
    assert live.spent(scope, hour + HOUR, hour + 2 * HOUR) == {"running": 120, "unknown": 3_480}
    assert live.alive(scope) == status
    # One piece for the hour, one for what its last minute holds.
    assert live.metric("jishi_ingest_late_rows_rewritten_total") - rewritten == 2


def test_example_8_a_stale_repeat_keeps_nothing_alive(live: Live) -> None:
    scope = live.instrument(hold_s=180)
    live.publish(scope, *[beat(f"10:0{minute}", seq=7, boot_id="b") for minute in range(3)])
    assert live.spent(scope, "10:00", "11:00") == {"running": 180, "unknown": 3_420}
    assert "stale_repeat" in live.status(scope)["flags"]


@pytest.mark.parametrize("death", ["its own word", "its will"])
def test_example_9_a_dead_gateway_and_its_replay(live: Live, death: str) -> None:
    gateway = live.gateway()
    scope = live.instrument(gateway=gateway, hold_s=180)
    topic = f"instruments/v1/{gateway}/status"
    will = {"online": False, "session": "s1", "will": True}
    with live.connection((topic, will)) as connection:
        live.say(gateway, online=True, session="s1", ts=iso(at("09:00")))
        live.publish(scope, *every_minute("09:30", "10:01"))
        if death == "its will":
            connection.drop()
        else:
            live.say(gateway, online=False, session="s1", ts=iso(at("10:00")))
        until(lambda: live.get(f"gateways/{gateway}")["online"] is False)
    live.say(gateway, online=True, session="s2", ts=iso(at("11:00")))
    assert live.get(f"gateways/{gateway}")["online"] is True
    assert live.spent(scope, "10:00", "11:00") == {"running": 180, "unknown": 3_420}
    assert live.causes(scope, "10:00", "11:00") == {"gateway": 3_420}
    live.publish(scope, *every_minute("10:01", "11:00"), historical=True)
    assert live.spent(scope, "10:00", "11:00") == {"running": 3_600}


def test_example_10_a_counter_that_starts_again(live: Live) -> None:
    scope = live.instrument(hold_s=180)
    live.publish(
        scope,
        beat("10:00", runtime_s=100, boot_id="a", seq=1),
        beat("10:01", runtime_s=110, boot_id="a", seq=2),
        beat("10:02", runtime_s=5, boot_id="b", seq=1),
        beat("10:03", runtime_s=15, boot_id="b", seq=2),
    )
    assert live.total(scope, "09:00", "11:00")["counter_running_s"] == 25


@pytest.mark.parametrize(
    ("day", "length"), [("2026-03-29", 82_800), ("2026-10-25", 90_000)], ids=["spring", "autumn"]
)
def test_example_11_days_of_a_clock_change(live: Live, day: str, length: int) -> None:
    scope = live.instrument(hold_s=7_200, timezone="Europe/Berlin")
    midnight = {"2026-03-29": 1_774_738_800, "2026-10-25": 1_792_879_200}[day] * 1_000_000
    live.publish(scope, *[beat(midnight + n * HOUR) for n in range(-2, 27)])
    found = live.utilization(scope, midnight - HOUR, midnight + 26 * HOUR, bucket="day")
    bucket = next(b for b in found["buckets"] if b["from"].startswith(iso(midnight)[:19]))
    assert (bucket["running_s"], bucket["window_s"]) == (length, length)


def test_example_12_days_are_local(live: Live) -> None:
    scope = live.instrument(hold_s=180, timezone="Asia/Shanghai")
    midnight = at("16:00")  # 00:00 in Shanghai
    live.publish(scope, *every_minute(midnight, midnight + 8 * HOUR - 2 * MINUTE))
    found = live.utilization(scope, midnight - DAY_LENGTH, midnight + DAY_LENGTH, bucket="day")
    assert [bucket["running_s"] for bucket in found["buckets"]] == [0, 8 * 3_600]


def test_example_13_opening_hours_and_maintenance(live: Live) -> None:
    week = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    scope = live.instrument(hold_s=180, timezone="UTC", opening_hours={**week, "holidays": "open"})
    maintenance = {"instrument_id": scope, "from": iso(at("13:00")), "to": iso(at("14:00"))}
    live.post("maintenance", maintenance)
    spans = [("00:00", "10:00", "idle"), ("10:00", "14:00", "running"), ("14:00", "18:00", "idle"),
             ("18:00", "20:00", "running"), ("20:00", "24:00", "idle")]  # fmt: skip
    for start, end, state in spans:
        live.publish(scope, *every_minute(start, end, state))
    total = live.total(scope, "00:00", "24:00")
    assert (total["scheduled_s"], total["running_scheduled_s"]) == (7 * 3_600, 3 * 3_600)
    assert float(total["scheduled_utilization"]) == 3 / 7
    assert total["running_s"] - total["running_scheduled_s"] == 3 * 3_600


def test_example_14_a_ratio_of_sums_beside_the_mean(live: Live) -> None:
    home = live.name("home")
    live.put(f"institutions/{home}", {"name": home})
    gateway = live.gateway(institution_id=home)
    a, b = (live.instrument(gateway=gateway, institution_id=home, hold_s=60) for _ in range(2))
    live.publish(a, *every_minute("08:00", "12:30"), *every_minute("12:30", "17:00", "idle"))
    live.publish(b, *every_minute("08:00", "18:00"))
    found = live.get(
        "utilization", from_=iso(at("08:00")), to=iso(at("18:00")), institution=home,
        group_by="institution", basis="known",
    )  # fmt: skip
    (group,) = found["groups"]
    assert (group["running_s"], group["window_s"]) == (Decimal(14.5 * 3_600), 20 * 3_600)
    assert float(group["utilization"]) == 14.5 / 19
    assert group["mean_utilization"] == Decimal("0.75")
    assert [band["instruments"] for band in group["bands"]] == [1, 1]


def test_example_15_one_session_joined_over_idle_gaps(live: Live) -> None:
    scope = live.instrument(hold_s=180)
    heartbeats = [beat(at("10:00") + n * MINUTE, "idle" if n % 6 else "running") for n in range(66)]
    random.Random(15).shuffle(heartbeats)
    live.publish(scope, *[h for h in heartbeats if h["ts"] < at("11:00")])
    total = live.total(scope, "10:00", "11:00")
    assert (total["effective_s"], total["session_idle_s"]) == (600, 2_700)
    (session,) = live.sessions(scope, "10:00", "11:00")
    assert (session["from"], session["seconds"]) == (iso(at("10:00"))[:19] + "Z", 3_300)
