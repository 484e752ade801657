"""Each rule of time in state by name, MQTT in and HTTP out.

The worked examples are in ``test_examples.py``, random histories in ``test_properties.py``.
"""

import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from ingest.db.connection import connect
from ingest.metrics import Metrics
from ingest.write.batch import Inbound
from ingest.write.dead_letter import conflict_digest
from ingest.write.writer import Writer
from models.heartbeat import canonical_encoding
from models.wire import decode
from tests.live import (
    DAY,
    DAY_LENGTH,
    HOUR,
    MINUTE,
    SECOND,
    Live,
    at,
    beat,
    every_minute,
    iso,
    micros,
    now_us,
    until,
    wire,
)

LONG_AGO = iso(DAY - 1_000 * DAY_LENGTH)


# ---------------------------------------------------------------- 1. hold


@pytest.mark.parametrize(
    ("fields", "reported", "hold"),
    [
        pytest.param({}, None, 180, id="nothing said: 180 s"),
        pytest.param({"interval_s": 20}, None, 60, id="3 x the instrument's interval"),
        pytest.param({"interval_s": 20}, 40, 120, id="3 x the heartbeat's interval first"),
        pytest.param({"hold_s": 50, "interval_s": 20}, 40, 50, id="hold_s first of all"),
        pytest.param({"interval_s": 3_600}, None, 900, id="derived: at most 900 s"),
        pytest.param({}, 301, 900, id="the heartbeat's: at most 900 s"),
        pytest.param({}, 299.5, 898.5, id="just under the cap, in fractions"),
        pytest.param({"hold_s": 2_000}, 10, 2_000, id="hold_s may say more than 900 s"),
    ],
)
def test_rule_1_hold_from_every_source(
    live: Live, fields: dict[str, Any], reported: float | None, hold: float
) -> None:
    scope = live.instrument(**fields)
    more = {} if reported is None else {"interval_s": reported}
    live.publish(scope, beat("10:00", **more))
    assert live.total(scope, "09:00", "11:00")["running_s"] == hold


def test_rule_1_the_next_heartbeat_ends_the_credit(live: Live) -> None:
    scope = live.instrument(hold_s=600)
    live.publish(scope, beat("10:00"), beat("10:00:00.000001", "idle"), beat("10:05", "off"))
    spent = live.spent(scope, "10:00", "11:00")
    assert [float(spent[s]) for s in ("running", "idle", "off")] == [0.000001, 299.999999, 600]


def test_rule_1_a_heartbeat_ahead_of_now_credits_nothing_yet(live: Live) -> None:
    scope = live.instrument(hold_s=600)
    now = now_us()
    receipt = live.publish(scope, beat(now + 200 * SECOND))
    assert receipt["stored"] == 1
    assert live.spent(scope, now - HOUR, now + HOUR).keys() == {"unknown"}
    live.publish(scope, beat(now - MINUTE, "idle"))
    found = live.total(scope, now - MINUTE, now + HOUR)
    assert found["idle_s"] == found["window_s"], "the idle one is credited until now"
    assert live.status(scope)["activity"] == "idle"


# ---------------------------------------------------------------- 2. unknown


def test_rule_2_silence_is_unknown_never_off(live: Live) -> None:
    scope = live.instrument(hold_s=60)
    live.publish(
        scope, beat("10:00"), beat("10:10", "off"), beat("10:20", "idle"), beat("10:30", "off")
    )
    assert live.spent(scope, "09:00", "12:00") == {
        "running": 60, "idle": 60, "off": 120, "unknown": 3 * 3_600 - 240,
    }  # fmt: skip
    states = [item["state"] for item in live.timeline(scope, "09:00", "12:00")]
    assert states == [
        "unknown", "running", "unknown", "off", "unknown", "idle", "unknown", "off", "unknown",
    ]  # fmt: skip


def test_rule_2_an_instrument_never_heard_is_all_unknown(live: Live) -> None:
    scope = live.instrument()
    assert live.spent(scope, "00:00", "24:00") == {"unknown": 86_400}
    assert live.causes(scope, "00:00", "24:00") == {"before_first": 86_400}
    assert live.status(scope)["connectivity"] == "never_seen"
    assert live.total(scope, "00:00", "24:00")["utilization"] is None


# ---------------------------------------------------------------- 3. order


def messy_history(seed: int) -> list[dict[str, Any]]:
    rnd = random.Random(seed)
    found = []
    for n in range(60):
        ts = at("06:00") + n * rnd.choice([50, 90, 150]) * SECOND
        state = rnd.choice(["off", "idle", "running"])
        found.append(beat(ts, state, seq=n // 2, boot_id="x", runtime_s=float(7 * n)))
        if n % 5 == 0:
            found.append(beat(ts, rnd.choice(["off", "idle", "running"]), interval_s=10))
        if n % 7 == 0:
            found.append(dict(found[-1]))
    return found


def test_rule_3_any_order_any_batching_any_redelivery(live: Live) -> None:
    history = messy_history(3)
    rnd = random.Random(4)
    told = []
    for way in ("in order", "backwards", "shuffled", "one by one", "all twice"):
        scope = live.instrument(hold_s=100)
        beats = list(history)
        if way == "backwards":
            beats.reverse()
        elif way != "in order":
            rnd.shuffle(beats)
        size = {"in order": 200, "one by one": 3}.get(way, 17)
        for _ in range(2 if way == "all twice" else 1):
            for start in range(0, len(beats), size):
                live.publish(scope, *beats[start : start + size])
        answer = live.utilization(scope, "05:00", "12:00", bucket="hour")
        for usage in (answer["total"], *answer["buckets"]):
            del usage["as_of"]
        del answer["instrument_id"]
        timeline = live.timeline(scope, "05:00", "12:00")
        letters = sorted(
            (letter["ts"], letter["reason"]) for letter in live.letters(instrument=scope)
        )
        told.append((answer, timeline, live.sessions(scope, "05:00", "12:00"), letters))
    for other in told[1:]:
        assert other == told[0]


@pytest.mark.parametrize("turned", [False, True], ids=["in turn", "turned"])
@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        pytest.param({"state": "off"}, {"state": "idle"}, id="off before idle"),
        pytest.param({"state": "idle"}, {"state": "running"}, id="idle before running"),
        pytest.param(
            {"state": "off", "interval_s": 300}, {"state": "idle"}, id="state before interval"
        ),
        pytest.param(
            {"state": "idle", "interval_s": 10, "power_w": 2},
            {"state": "idle", "interval_s": 10.5, "power_w": 1},
            id="then the shorter interval",
        ),
        pytest.param(
            {"state": "idle", "power_w": 2},
            {"state": "idle", "interval_s": 1, "power_w": 1},
            id="none at all before any",
        ),
        pytest.param(
            {"state": "idle", "power_w": 1}, {"state": "idle", "power_w": 2}, id="then the encoding"
        ),
    ],
)
def test_rule_3_one_heartbeat_a_time(
    live: Live, winner: dict[str, Any], loser: dict[str, Any], turned: bool
) -> None:
    scope = live.instrument()
    rivals = [{"ts": at("10:00"), **winner}, {"ts": at("10:00"), **loser}]
    if turned:
        rivals.reverse()
    receipts = [live.publish(scope, rival) for rival in rivals]
    assert [receipt["rejected"] for receipt in receipts] == ([0, 0] if turned else [0, 1])
    (letter,) = live.letters(instrument=scope)
    payload = json.loads(live.get(f"dead-letters/{letter['id']}")["payload"])
    assert {name: payload.get(name) for name in loser} == loser
    stored = (
        "SELECT state, power_w, interval_s FROM heartbeat JOIN instrument USING (instrument_key)"
    )
    states = ["off", "idle", "running"]
    assert live.rows(f"{stored} WHERE instrument_id = %s", scope) == [
        (states.index(winner["state"]), winner.get("power_w"), winner.get("interval_s"))
    ]


def test_rule_3_no_setting_decides_which_one_stands(live: Live) -> None:
    """Whatever the hold was when they met, and whether it changed before or after."""
    found = []
    for turned in (False, True):
        for changed in ("before", "after", "never there"):
            more = {} if changed == "never there" else {"hold_s": 60}
            scope = live.instrument(interval_s=10, valid_from=LONG_AGO, **more)
            rivals = [beat("10:00", interval_s=300), beat("10:00")]
            if changed == "before":
                live.patch(f"instruments/{scope}", hold_s=None, valid_from=LONG_AGO)
            for rival in reversed(rivals) if turned else rivals:
                live.publish(scope, rival)
            if changed == "after":
                live.patch(f"instruments/{scope}", hold_s=None, valid_from=LONG_AGO)
                live.wait_for_rebuilds()
            found.append(live.total(scope, "09:00", "11:00")["running_s"])
    assert found == [30] * 6


def test_rule_3_a_loser_that_wins_now_takes_its_place_when_replayed(live: Live) -> None:
    """What migration 0011 asks for, of a conflict that another rule once decided."""
    scope = live.instrument(interval_s=10)
    live.publish(scope, beat("10:00", interval_s=300))
    loser = decode(json.dumps(wire(scope, beat("10:00"))).encode()).heartbeats[0][1]
    payload = canonical_encoding(loser)
    live.rows(
        "INSERT INTO dead_letter (digest, reason, gateway_id, topic, instrument_id, ts,"
        " received_at, live, payload, payload_bytes, payload_sha256, replay_requested_at)"
        " SELECT %s, 'conflict', gateway_id, 'instruments/v1/' || gateway_id || '/heartbeat', %s,"
        " h.ts, h.received_at, true, %s, %s, sha256(%s), now()"
        " FROM heartbeat h JOIN instrument USING (instrument_key)"
        " JOIN gateway USING (gateway_key) WHERE instrument_id = %s RETURNING 1",
        conflict_digest(payload), scope, payload, len(payload), payload, scope,
    )  # fmt: skip
    until(lambda: live.total(scope, "09:00", "11:00")["running_s"] == 30)
    told = live.rows(
        "SELECT replayed_at IS NOT NULL, payload LIKE '%%interval_s%%'::bytea FROM dead_letter"
        " WHERE instrument_id = %s ORDER BY 1",
        scope,
    )
    assert told == [(False, True), (True, False)]


# ---------------------------------------------------------------- 4. splits


def test_rule_4_splits_add_up(live: Live) -> None:
    scope = live.instrument(hold_s=100)
    live.publish(scope, *messy_history(5))
    rnd = random.Random(6)
    first, last = at("05:30"), at("09:30")
    names = (
        "window_s", "running_s", "idle_s", "off_s", "unknown_s", "effective_s",
        "session_idle_s", "rated_s",
    )  # fmt: skip

    def figures(start: int, end: int) -> dict[str, Any]:
        total = live.total(scope, start, end)
        found = {name: total[name] for name in names}
        found["counter"] = total["counter_running_s"] or 0
        return {**found, **total["unknown_by_cause"]}

    for _ in range(6):
        middle = rnd.randrange(first + 1, last)
        parts = [figures(first, middle), figures(middle, last)]
        assert {n: parts[0][n] + parts[1][n] for n in parts[0]} == figures(first, last)


@pytest.mark.parametrize("bucket", ["hour", "day", "week", "month"])
def test_rule_4_buckets_add_up_to_the_whole(live: Live, bucket: str) -> None:
    scope = live.instrument(hold_s=100)
    live.publish(scope, *messy_history(7))
    start, end = at("06:13:00.000001", DAY - 9 * DAY_LENGTH), at("08:59:59.999999")
    found = live.utilization(scope, start, end, bucket=bucket, tz="Europe/Berlin")
    for name in ("window_s", "running_s", "idle_s", "off_s", "unknown_s", "effective_s", "rated_s"):
        assert sum(b[name] for b in found["buckets"]) == found["total"][name], name
    edges = [(b["from"], b["to"]) for b in found["buckets"]]
    assert [to for _, to in edges[:-1]] == [since for since, _ in edges[1:]]


# ---------------------------------------------------------------- 5. carry-over, now


def test_rule_5_the_end_is_clipped_to_now(live: Live) -> None:
    scope = live.instrument(hold_s=600)
    now = now_us()
    live.publish(scope, beat(now - 5 * MINUTE))
    total = live.total(scope, now - MINUTE, now + DAY_LENGTH)
    assert now <= micros(total["as_of"]) <= now_us()
    assert total["running_s"] == total["window_s"], "carried over the start, up to now"
    assert micros(total["as_of"]) == now - MINUTE + int(total["window_s"] * SECOND)


def test_rule_5_a_window_that_lies_ahead_is_empty(live: Live) -> None:
    scope = live.instrument()
    now = now_us()
    live.publish(scope, beat(now))
    found = live.utilization(scope, now + HOUR, now + 3 * HOUR, bucket="hour")
    total = found["total"]
    assert found["buckets"] == []
    assert [total[f"{n}_s"] for n in ("window", "running", "unknown", "rated")] == [0, 0, 0, 0]
    assert total["coverage"] is total["utilization"] is total["calendar_utilization"] is None
    assert live.timeline(scope, now + HOUR, now + 3 * HOUR) == []


# ---------------------------------------------------------------- 6. late data


def test_rule_6_late_data_heals_at_a_bounded_cost(live: Live) -> None:
    scope = live.instrument(hold_s=180)
    long = [beat(t) for t in range(at("00:00", DAY - DAY_LENGTH), at("00:00"), 2 * MINUTE)]
    live.publish(scope, *long, beat(now_us(), "idle"))
    status = live.alive(scope)
    rewritten = live.metric("jishi_ingest_late_rows_rewritten_total")
    read = live.metric("jishi_ingest_late_rows_read_total")
    live.publish(
        scope,
        beat(
            "12:01",
            "off",
        )
        | {"ts": at("12:01", DAY - DAY_LENGTH)},
    )
    assert live.metric("jishi_ingest_late_rows_rewritten_total") - rewritten <= 4
    assert live.metric("jishi_ingest_late_rows_read_total") - read <= 100, "of 720"
    day = DAY - DAY_LENGTH
    assert live.spent(scope, at("12:00", day), at("13:00", day)) == {"running": 3_540, "off": 60}
    assert live.alive(scope) == status


# ---------------------------------------------------------------- 7. clocks


def test_rule_7_a_clock_that_runs_ahead(live: Live) -> None:
    scope = live.instrument(hold_s=180)
    chunks = "SELECT count(*) FROM timescaledb_information.chunks"
    before = live.rows(chunks)
    receipt = live.publish(scope, beat(now_us() + 400 * DAY_LENGTH))
    assert (receipt["stored"], receipt["rejected"]) == (0, 1)
    assert receipt["errors"] == [{"index": 0, "reason": "clock_future"}]
    assert live.rows(chunks) == before, "no chunk"
    assert live.letters(instrument=scope)[0]["reason"] == "clock_future"
    status = live.status(scope)
    assert status["flags"] == ["clock_future"]
    assert status["cause"] == "clock"
    assert status["last_heartbeat_at"] is None
    assert live.spent(scope, now_us() - HOUR, now_us()).keys() == {"unknown"}


def test_rule_7_300_seconds_are_the_limit(live: Live) -> None:
    scope = live.instrument(hold_s=180)
    assert live.publish(scope, beat(now_us() + 295 * SECOND))["stored"] == 1
    assert live.publish(scope, beat(now_us() + 310 * SECOND))["rejected"] == 1


def test_rule_7_the_flag_goes_once_the_clock_is_mended(live: Live) -> None:
    scope = live.instrument(hold_s=1)
    live.publish(scope, beat(now_us() + HOUR))
    assert live.status(scope)["flags"] == ["clock_future"]

    def mended() -> bool:
        live.publish(scope, beat(now_us(), seq=now_us()))
        return live.status(scope)["flags"] == []

    until(mended)


def test_rule_7_too_old_is_told_and_a_redelivery_is_not_news(live: Live) -> None:
    scope = live.instrument()
    stored, lost = beat(now_us() - 2 * HOUR, "idle"), beat(now_us() - 3 * HOUR, "idle")
    loser = {**stored, "state": "running"}
    assert live.publish(scope, stored)["stored"] == 1
    assert live.publish(scope, loser)["rejected"] == 1
    # The same service a while later: what it accepts begins an hour ago.
    again = arrival(live, scope, stored, loser, lost)
    (outcome,) = write(live, again, accept_past_us=HOUR)
    assert (outcome.stored, outcome.duplicates, outcome.rejected) == (0, 2, 1)
    assert outcome.errors == [(2, "too_old")]
    reasons = sorted(letter["reason"] for letter in live.letters(instrument=scope))
    assert reasons == ["conflict", "too_old"]


def test_rule_7_beyond_the_accepted_past(live: Live) -> None:
    scope = live.instrument()
    receipt = live.publish(scope, beat(now_us() - 7_301 * DAY_LENGTH))
    assert receipt["errors"] == [{"index": 0, "reason": "too_old"}]
    live.publish(scope, beat(now_us() // 1_000))  # as many milliseconds as these are seconds
    details = [letter["detail"] for letter in live.letters(instrument=scope)]
    assert sum("probably seconds were sent" in detail for detail in details) == 1, details
    assert live.spent(scope, "10:00", "11:00") == {"unknown": 3_600}
    assert live.causes(scope, "10:00", "11:00") == {"before_first": 3_600}


# ---------------------------------------------------------------- 8. skew


def test_rule_8_skew_is_the_smallest_difference_of_live_heartbeats(live: Live) -> None:
    gateway = live.gateway()
    scope = live.instrument(gateway=gateway)
    live.publish(scope, beat(now_us() - 50 * SECOND))
    nearest = now_us() - 20 * SECOND
    live.publish(scope, beat(nearest))
    most = (now_us() - nearest) / SECOND  # it has been received by now
    live.publish(scope, beat(now_us() - 90 * SECOND))
    live.publish(scope, beat(now_us() - SECOND), historical=True)

    def told() -> bool:
        """It is written every few seconds, with whatever batch comes by."""
        live.publish(scope, beat(now_us() - 60 * SECOND))
        skew = live.get(f"gateways/{gateway}")["skew_s"]
        return skew is not None and 20 <= skew <= most

    until(told)
    assert 20 <= live.status(scope)["clock_skew_s"] <= most


def test_rule_8_a_correction_holds_from_its_date(live: Live) -> None:
    gateway = live.gateway(valid_from=LONG_AGO)
    scope = live.instrument(gateway=gateway, hold_s=60)
    live.patch(f"gateways/{gateway}", clock_correction_s=-600, valid_from=iso(at("12:00")))
    live.publish(scope, beat("11:00"), beat("13:00"))
    assert live.spent(scope, "11:00", "11:01") == {"running": 60}, "not before its date"
    assert live.spent(scope, "12:50", "12:51") == {"running": 60}, "figures use corrected time"
    assert live.spent(scope, "13:00", "13:01") == {"unknown": 60}
    again = live.publish(scope, beat("13:00"))
    assert again["duplicates"] == 1, "the raw time stays the key"


# ---------------------------------------------------------------- 9. repeats


def test_rule_9_a_repeat_needs_the_same_seq_and_boot(live: Live) -> None:
    scope = live.instrument(hold_s=60)
    live.publish(
        scope,
        beat("10:00", seq=1, boot_id="a"),
        beat("10:10", seq=1, boot_id="b"),
        beat("10:20", seq=1),
        beat("10:30", seq=1),
        beat("10:40", seq=1),
        beat("10:50"),
        beat("10:55"),
    )
    # 10:30 repeats 10:20, 10:40 repeats the repeat; without a seq nothing is a repeat.
    assert live.spent(scope, "10:00", "11:00") == {"running": 300, "unknown": 3_300}
    assert live.status(scope)["flags"] == ["unsequenced"]


def test_rule_9_a_late_row_rejudges_its_successor(live: Live) -> None:
    scope = live.instrument(hold_s=60)
    live.publish(scope, beat("10:00", seq=1), beat("10:20", seq=1), beat("10:30", seq=2))
    assert live.total(scope, "10:00", "11:00")["running_s"] == 120
    live.publish(scope, beat("10:10", seq=9))
    assert live.total(scope, "10:00", "11:00")["running_s"] == 240, "10:20 follows another now"
    live.publish(scope, beat("10:29", seq=2))
    assert live.total(scope, "10:00", "11:00")["running_s"] == 240, "10:30 has become a repeat"


def test_rule_9_live_state_goes_back_when_the_newest_is_found_a_repeat(live: Live) -> None:
    scope = live.instrument(hold_s=3_000)
    now = now_us()
    live.publish(scope, beat(now - 40 * MINUTE, "idle", seq=1))
    live.publish(scope, beat(now - 10 * MINUTE, "running", seq=2))
    assert live.status(scope)["activity"] == "running"
    live.publish(scope, beat(now - 20 * MINUTE, "off", seq=2))
    status = live.status(scope)
    assert status["activity"] == "off", "the running one repeats what came before it"
    assert micros(status["last_heartbeat_at"]) == now - 20 * MINUTE
    assert "stale_repeat" in status["flags"]


# ---------------------------------------------------------------- 10. retained, historical


@pytest.mark.parametrize("way", ["historical", "retained"])
def test_rule_10_history_never_looks_alive(live: Live, way: str) -> None:
    scope = live.instrument(hold_s=3_600)
    now = now_us()
    first, second = beat(now - 50 * MINUTE, "idle"), beat(now - MINUTE, "running")
    if way == "historical":
        live.publish(scope, first, second, historical=True)
    else:
        # As a subscription's first messages come; the service has long been subscribed.
        write(live, arrival(live, scope, first, second, retained=True))
    status = live.status(scope)
    assert (status["connectivity"], status["activity"]) == ("offline", "unknown")
    assert live.total(scope, now - HOUR, now)["running_s"] == 60, "but it counts"
    live.publish(scope, second)
    status = live.status(scope)
    assert (status["connectivity"], status["activity"]) == ("online", "running")
    assert status["last_heartbeat_at"] == status["since"]


@pytest.mark.parametrize("turned", [False, True], ids=["live first", "live last"])
@pytest.mark.parametrize("apart", [False, True], ids=["one transaction", "two"])
def test_rule_10_live_if_any_arrival_of_its_time_was(live: Live, apart: bool, turned: bool) -> None:
    scope = live.instrument(hold_s=3_600)
    now = now_us() - MINUTE
    arrivals = [
        arrival(live, scope, beat(now, "running")),
        arrival(live, scope, beat(now, "idle"), retained=True),
    ]
    if turned:
        arrivals.reverse()
    for portion in [[one] for one in arrivals] if apart else [arrivals]:
        write(live, *portion)
    status = live.status(scope)
    assert (status["connectivity"], status["activity"]) == ("online", "idle")


def arrival(live: Live, scope: str, *heartbeats: dict[str, Any], retained: bool = False) -> Inbound:
    """A message as the pipeline hands it to the writer."""
    body = {"heartbeats": [wire(scope, heartbeat) for heartbeat in heartbeats]}
    return Inbound(
        gateway_id=live.gateway_of[scope],
        topic=f"instruments/v1/{live.gateway_of[scope]}/heartbeat",
        kind="heartbeat",
        retained=retained,
        arrived=None,
        received_us=now_us(),
        message=decode(json.dumps(body).encode()),
        live=not retained,
    )


def write(live: Live, *inbounds: Inbound, accept_past_us: int = DAY_LENGTH) -> Any:
    """Writes messages in one transaction, past the broker; their outcomes."""
    writer = Writer(
        Metrics(CollectorRegistry()),
        accept_past_us=accept_past_us,
        raw_retention_us=7_300 * DAY_LENGTH,
    )
    with connect(live.service.database_url, "test") as connection:
        writer.prepare(connection)
        return writer.write(connection, inbounds)


# ---------------------------------------------------------------- 11. segments, sessions


def test_rule_11_segments_are_maximal(live: Live) -> None:
    scope = live.instrument(hold_s=180)
    live.publish(scope, *every_minute("09:30", "12:30"))
    live.publish(scope, beat("12:45", "idle"))
    told = [
        (item["state"], item["cause"], item["from"][11:19], item["to"][11:19])
        for item in live.timeline(scope, "09:00", "13:00")
    ]
    assert told == [
        ("unknown", "before_first", "09:00:00", "09:30:00"),
        ("running", None, "09:30:00", "12:32:00"),
        ("unknown", "device", "12:32:00", "12:45:00"),
        ("idle", None, "12:45:00", "12:48:00"),
        ("unknown", "device", "12:48:00", "13:00:00"),
    ]


@pytest.mark.parametrize(
    ("gap", "sessions"),
    [
        pytest.param(300 * SECOND, 1, id="exactly the gap joins"),
        pytest.param(300 * SECOND + 1, 2, id="a microsecond more parts"),
    ],
)
def test_rule_11_the_gap(live: Live, gap: int, sessions: int) -> None:
    scope = live.instrument(hold_s=600)
    start = at("10:00")
    live.publish(
        scope,
        beat(start),
        beat(start + MINUTE, "idle"),
        beat(start + MINUTE + gap),
        beat(start + 2 * MINUTE + gap, "off"),
    )
    assert len(live.sessions(scope, "09:00", "11:00")) == sessions


@pytest.mark.parametrize(
    ("span", "sessions"), [(60 * SECOND, 1), (60 * SECOND - 1, 0)], ids=["exactly", "less"]
)
def test_rule_11_the_minimum(live: Live, span: int, sessions: int) -> None:
    scope = live.instrument(hold_s=600)
    live.publish(scope, beat("10:00"), beat(at("10:00") + span, "idle"))
    assert len(live.sessions(scope, "09:00", "11:00")) == sessions
    assert bool(live.total(scope, "09:00", "11:00")["effective_s"]) == bool(sessions)


@pytest.mark.parametrize("between", ["off", "unknown"])
def test_rule_11_off_and_unknown_part_sessions(live: Live, between: str) -> None:
    scope = live.instrument(hold_s=120)
    gap = [beat("10:02", "off")] if between == "off" else []
    live.publish(scope, beat("10:00"), *gap, beat("10:03"), beat("10:05", "idle"))
    assert [item["seconds"] for item in live.sessions(scope, "09:00", "11:00")] == [120, 120]


def test_rule_11_sessions_are_found_on_the_whole_timeline_then_cut(live: Live) -> None:
    scope = live.instrument(hold_s=600)
    live.publish(
        scope,
        beat("09:58"),
        beat("09:59", "idle"),
        beat("10:02"),
        beat("10:02:10", "idle"),
        beat("10:12", "off"),
    )
    (session,) = live.sessions(scope, "10:00", "10:02:05")
    assert (session["effective_s"], session["session_idle_s"]) == (5, 120)
    total = live.total(scope, "10:00", "10:01")
    assert (total["effective_s"], total["session_idle_s"]) == (0, 60)


def test_rule_11_gap_and_minimum_are_the_instruments(live: Live) -> None:
    scope = live.instrument(hold_s=600, session_gap_s=10, session_min_s=100)
    live.publish(
        scope, beat("10:00"), beat("10:01", "idle"), beat("10:01:11"), beat("10:02:50", "idle")
    )
    assert live.sessions(scope, "09:00", "11:00") == []
    live.patch(f"instruments/{scope}", session_gap_s=11)
    (session,) = live.sessions(scope, "09:00", "11:00")
    assert session["seconds"] == 170


def test_rule_11_provisional_near_now(live: Live) -> None:
    scope = live.instrument(hold_s=180)
    now = now_us()
    live.publish(scope, beat(now - HOUR), beat(now - 10 * MINUTE))
    # max(hold, gap + minimum) is 360 s.
    assert live.total(scope, now - HOUR, now - 350 * SECOND)["provisional"] is True
    assert live.total(scope, now - HOUR, now - 420 * SECOND)["provisional"] is False
    longer = live.instrument(hold_s=900)
    live.publish(longer, beat(now - HOUR), beat(now - 10 * MINUTE))
    assert live.total(longer, now - HOUR, now - 420 * SECOND)["provisional"] is True


# ---------------------------------------------------------------- 12. counters


def test_rule_12_a_step_counts_at_most_wall_time_and_slack(live: Live) -> None:
    scope = live.instrument(hold_s=180)
    live.publish(scope, beat("10:00", runtime_s=0), beat("10:01", runtime_s=500))
    assert live.total(scope, "10:00", "11:00")["counter_running_s"] == 62
    far = live.instrument(hold_s=180)
    live.publish(far, beat("10:00", runtime_s=0), beat("12:00", runtime_s=90_000))
    assert live.total(far, "10:00", "13:00")["counter_running_s"] == 7_272


def test_rule_12_null_without_readings_and_counted_at_the_later_time(live: Live) -> None:
    scope = live.instrument(hold_s=180)
    live.publish(scope, beat("09:58"), beat("09:59", runtime_s=10), beat("10:01", runtime_s=70))
    assert live.total(scope, "08:00", "09:58:30")["counter_running_s"] is None
    assert live.total(scope, "09:00", "10:00")["counter_running_s"] == 0
    assert live.total(scope, "10:00", "11:00")["counter_running_s"] == 60
    assert live.total(scope, "11:00", "12:00")["counter_running_s"] is None


@pytest.mark.parametrize(
    ("running", "flag"),
    [
        pytest.param(3_600, False, id="counter and state agree"),
        pytest.param(3_600 - 180, False, id="within 5 %"),
        pytest.param(3_600 - 240, True, id="more than 60 s and 5 %"),
    ],
)
def test_rule_12_counter_flag(live: Live, running: int, flag: bool) -> None:
    scope = live.instrument(hold_s=600)
    live.publish(
        scope,
        *[beat(at("10:00") + n * MINUTE, runtime_s=min(n * 60, running)) for n in range(61)],
    )
    assert live.total(scope, "09:00", "12:00")["counter_flag"] is flag


def test_rule_12_steps_in_unknown_time_raise_no_flag(live: Live) -> None:
    scope = live.instrument(hold_s=60)
    live.publish(scope, beat("10:00", runtime_s=0), beat("12:00", runtime_s=7_000))
    total = live.total(scope, "09:00", "13:00")
    assert (total["counter_running_s"], total["counter_flag"]) == (7_000, False)


def test_rule_12_a_late_reading_is_a_step_of_its_own(live: Live) -> None:
    """The first reading of all comes late, others follow."""
    scope = live.instrument(hold_s=600)
    live.publish(scope, *[beat(f"{hour}:30") for hour in range(10, 18)])
    live.publish(scope, beat("10:45", runtime_s=100))
    live.publish(scope, beat("17:32", runtime_s=250))
    assert live.total(scope, "17:00", "18:00")["counter_running_s"] == 150


def test_rule_12_a_repeat_that_is_none_any_more_brings_the_first_reading(live: Live) -> None:
    scope = live.instrument(hold_s=600)
    live.publish(scope, beat("10:00", seq=1), beat("10:30", seq=1, runtime_s=100))
    live.publish(scope, *[beat(f"{hour}:30") for hour in range(11, 18)])
    live.publish(scope, beat("10:15", seq=2))
    live.publish(scope, beat("17:32", runtime_s=250))
    assert live.total(scope, "17:00", "18:00")["counter_running_s"] == 150


# ---------------------------------------------------------------- 13. local time


def test_rule_13_zones_of_the_instrument_and_of_the_question(live: Live) -> None:
    scope = live.instrument(hold_s=180, timezone="Asia/Kolkata")
    live.publish(scope, beat("10:00"))
    days = live.utilization(scope, "00:00", "24:00", bucket="day")
    assert (days["tz"], days["buckets"][1]["from"][11:19]) == ("Asia/Kolkata", "18:30:00")
    days = live.utilization(scope, "00:00", "24:00", bucket="day", tz="Asia/Shanghai")
    assert days["buckets"][1]["from"][11:19] == "16:00:00"
    hours = live.utilization(scope, "10:00", "12:00", bucket="hour")
    assert hours["buckets"][1]["from"][11:19] == "10:30:00", "half an hour off UTC"


def test_rule_13_weeks_begin_on_monday(live: Live) -> None:
    scope = live.instrument(timezone="UTC")
    live.publish(scope, beat("10:00"))
    found = live.utilization(scope, DAY - 20 * DAY_LENGTH, DAY, bucket="week")
    inner = found["buckets"][1:]
    assert all(datetime.fromisoformat(b["from"]).weekday() == 0 for b in inner)
    assert all(b["window_s"] == 7 * 86_400 for b in inner[:-1])


# ---------------------------------------------------------------- 14. causes


def test_rule_14_causes_add_up_and_come_in_order(live: Live) -> None:
    gateway = live.gateway()
    scope = live.instrument(gateway=gateway, hold_s=60)
    live.say(gateway, online=True, session="s", ts=iso(at("09:00")))
    live.publish(scope, beat("10:00"))
    live.say(gateway, online=False, session="s", ts=iso(at("10:30")))
    live.say(gateway, online=True, session="t", ts=iso(at("11:30")))
    assert live.causes(scope, "09:00", "12:00") == {
        "before_first": 3_600,
        "device": 29 * 60 + 30 * 60,
        "gateway": 3_600,
    }
    causes = [item["cause"] for item in live.timeline(scope, "09:00", "12:00")]
    assert causes == ["before_first", None, "device", "gateway", "device"]
    # Before the first heartbeat of all nothing else is the cause.
    live.say(gateway, online=False, session="t", ts=iso(at("08:00")))
    assert live.causes(scope, "09:00", "10:00") == {"before_first": 3_600}


def test_rule_14_the_collector_comes_before_the_gateway(live: Live) -> None:
    """We were not listening: our own record says so, whatever the gateway did."""
    gateway = live.gateway()
    scope = live.instrument(gateway=gateway, hold_s=60)
    with live.database() as connection:
        ((since,),) = connection.execute("SELECT min(starts_at) FROM collector_listening")
        # As if it had been listening a year ago already, but for an hour of that day.
        for start, end in [(at("00:00"), at("10:00")), (at("11:00"), None)]:
            connection.execute(
                "INSERT INTO collector_listening (worker, gateways, starts_at, ends_at, closed)"
                " VALUES ('long ago', %s, %s, %s, true)",
                [[gateway], iso(start), since if end is None else iso(end)],
            )
    live.publish(scope, beat("09:00"))
    live.say(gateway, online=True, session="s", ts=iso(at("09:00")))
    live.say(gateway, online=False, session="s", ts=iso(at("10:30")))
    live.say(gateway, online=True, session="t", ts=iso(at("11:30")))
    assert live.causes(scope, "09:00", "12:00") == {
        "device": 59 * 60 + 30 * 60,
        "collector": 3_600,
        "gateway": 1_800,
    }


@pytest.mark.parametrize("heartbeat", ["06:00", "02:00"])
@pytest.mark.parametrize("spaced", [False, True], ids=["at-once", "spaced"])
def test_rule_14_batching_decides_nothing(live: Live, heartbeat: str, spaced: bool) -> None:
    """A will counts from the last message of its session, whatever comes with or after it."""
    gateway = live.gateway()
    scope = live.instrument(gateway=gateway, hold_s=60)
    live.publish(scope, beat(at("00:00", DAY - DAY_LENGTH)))
    said: list[tuple[str, dict[str, Any]]] = [
        ("status", {"online": True, "session": "a", "ts": iso(at("00:00"))}),
        ("status", {"online": False, "session": "a", "will": True}),
        ("status", {"online": True, "session": "b", "ts": iso(at("04:00"))}),
        ("heartbeat", wire(scope, beat(heartbeat))),
    ]
    for topic, body in said:
        live.publisher.send(
            f"instruments/v1/{gateway}/{topic}", json.dumps(body).encode(), wait=spaced
        )
        if spaced:
            live.settle(gateway)
    live.settle(gateway)
    held = 60 if heartbeat == "02:00" else 0
    assert live.causes(scope, "00:00", "04:00") == {"gateway": 4 * 3_600 - held}
    assert "gateway" not in live.causes(scope, "04:00", "08:00")


def test_rule_14_a_later_sessions_old_heartbeat_is_no_message_of_it(live: Live) -> None:
    gateway = live.gateway()
    scope = live.instrument(gateway=gateway, hold_s=60)
    live.publish(scope, beat(at("00:00", DAY - DAY_LENGTH)))
    live.say(gateway, online=True, session="a", ts=iso(at("00:00")))
    live.publish(scope, beat("05:00"))
    live.say(gateway, online=False, session="a", ts=iso(at("06:00")))
    live.say(gateway, online=True, session="b", ts=iso(at("07:00")))
    live.publish(scope, beat("03:00"))
    live.say(gateway, online=False, session="b", will=True)
    live.say(gateway, online=True, session="c", ts=iso(at("10:00")))
    assert live.causes(scope, "04:00", "12:00") == {
        "device": 3_600 + 59 * 60 + 2 * 3_600,
        "gateway": 4 * 3_600,
    }


def test_rule_14_a_late_will_of_an_older_session_is_ignored(live: Live) -> None:
    gateway = live.gateway()
    scope = live.instrument(gateway=gateway, hold_s=180)
    live.say(gateway, online=True, session="new", ts=iso(now_us()))
    live.publish(scope, beat(now_us()))
    live.say(gateway, online=False, session="old", will=True)
    assert live.get(f"gateways/{gateway}")["online"] is True
    assert live.status(scope)["connectivity"] == "online"
    live.say(gateway, online=False, session="new", will=True)
    assert live.get(f"gateways/{gateway}")["online"] is False


def test_rule_14_the_status_tells_the_cause(live: Live) -> None:
    gateway = live.gateway()
    scope = live.instrument(gateway=gateway, hold_s=1)
    assert live.status(scope)["cause"] == "before_first"
    live.publish(scope, beat(now_us() - MINUTE))
    # For as long as it holds it may pass for a clock that is a minute behind.
    until(lambda: live.status(scope)["cause"] == "device")
    live.say(gateway, online=False, session="s", ts=iso(now_us()))
    assert live.status(scope)["cause"] == "gateway"


# ---------------------------------------------------------------- 15. versions


def test_rule_15_hold_has_versions(live: Live) -> None:
    scope = live.instrument(hold_s=60, valid_from=LONG_AGO)
    live.patch(f"instruments/{scope}", hold_s=120, valid_from=iso(at("12:00")))
    live.publish(scope, beat("11:00"), beat("13:00"))
    assert live.total(scope, "11:00", "12:00")["running_s"] == 60
    assert live.total(scope, "13:00", "14:00")["running_s"] == 120
    live.publish(scope, beat("10:00"))
    assert live.total(scope, "10:00", "11:00")["running_s"] == 60, "whenever it arrives"


def test_rule_15_a_version_set_later_changes_what_is_stored(live: Live) -> None:
    scope = live.instrument(interval_s=20, valid_from=LONG_AGO)
    live.publish(scope, beat("11:00"), beat("13:00"), beat("15:00"))
    before = live.total(scope, "10:00", "16:00")
    assert before["running_s"] == 180
    live.patch(f"instruments/{scope}", interval_s=40, valid_from=iso(at("12:00")))
    live.wait_for_rebuilds()
    after = live.total(scope, "10:00", "16:00")
    assert after["running_s"] == 60 + 2 * 120
    assert after["revision"] != before["revision"]
    assert live.total(scope, "11:00", "12:00")["running_s"] == 60


def test_rule_15_all_that_is_stored_changes_where_a_clock_is_corrected(live: Live) -> None:
    """The first heartbeat's corrected time lies behind the device's own time of the second."""
    gateway = live.gateway(valid_from=LONG_AGO, clock_correction_s=3_600)
    scope = live.instrument(gateway=gateway, hold_s=60, valid_from=LONG_AGO)
    live.publish(scope, beat("10:30"), beat("11:20"), beat("13:00"))
    assert live.spent(scope, "11:00", "15:00") == {"running": 180, "unknown": 14_220}
    live.patch(f"instruments/{scope}", hold_s=300, valid_from=LONG_AGO)
    live.wait_for_rebuilds()
    assert live.spent(scope, "11:00", "15:00") == {"running": 900, "unknown": 13_500}


def test_rule_15_before_the_first_version_the_first_applies(live: Live) -> None:
    scope = live.instrument(hold_s=77)  # from now on
    live.publish(scope, beat("10:00"))
    assert live.total(scope, "10:00", "11:00")["running_s"] == 77


def test_rule_15_the_gateway_of_the_time(live: Live) -> None:
    old, new = live.gateway(), live.gateway()
    scope = live.instrument(gateway=old, hold_s=60, valid_from=LONG_AGO)
    live.patch(f"instruments/{scope}", gateway_id=new, valid_from=iso(at("12:00")))
    assert live.publish(scope, beat("11:00"), gateway=old)["stored"] == 1
    assert live.publish(scope, beat("13:00"), gateway=new)["stored"] == 1
    wrong = [
        live.publish(scope, beat("11:01"), gateway=new),
        live.publish(scope, beat("13:01"), gateway=old),
    ]
    assert [receipt["errors"][0]["reason"] for receipt in wrong] == ["wrong_gateway"] * 2
    assert live.total(scope, "10:00", "14:00")["running_s"] == 120


def test_rule_15_opening_hours_have_versions(live: Live) -> None:
    def hours(start: str, end: str) -> dict[str, Any]:
        days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
        return {**{day: [[start, end]] for day in days}, "holidays": "open"}

    scope = live.instrument(
        timezone="UTC", opening_hours=hours("09:00", "10:00"), valid_from=LONG_AGO
    )
    live.publish(scope, beat("10:00"))
    live.patch(
        f"instruments/{scope}", opening_hours=hours("09:00", "17:00"), valid_from=iso(at("12:00"))
    )
    day_before = DAY - DAY_LENGTH
    assert live.total(scope, day_before, DAY)["scheduled_s"] == 3_600
    assert live.total(scope, "00:00", "24:00")["scheduled_s"] == 3_600 + 5 * 3_600


def test_rule_15_the_zone_has_versions(live: Live) -> None:
    scope = live.instrument(timezone="UTC", valid_from=LONG_AGO)
    live.publish(scope, beat("10:00"))
    live.patch(f"instruments/{scope}", timezone="Asia/Tokyo", valid_from=iso(at("12:00")))
    assert live.utilization(scope, "00:00", "12:00")["tz"] == "UTC"
    assert live.utilization(scope, "00:00", "18:00")["tz"] == "Asia/Tokyo"


def test_rule_15_rated_hours_have_versions(live: Live) -> None:
    scope = live.instrument(timezone="UTC", rated_hours_per_year=1_000, valid_from=LONG_AGO)
    live.publish(scope, beat("10:00"))
    live.patch(f"instruments/{scope}", rated_hours_per_year=2_000, valid_from=iso(at("12:00")))
    year = datetime.fromtimestamp(DAY / SECOND, UTC).year
    length = datetime(year + 1, 1, 1, tzinfo=UTC) - datetime(year, 1, 1, tzinfo=UTC)
    hour = float(live.total(scope, "11:00", "12:00")["rated_s"])
    assert hour == pytest.approx(1_000 * 3_600 * 3_600 / length.total_seconds(), abs=2e-6)
    both = float(live.total(scope, "11:00", "13:00")["rated_s"])
    assert both == pytest.approx(3 * hour, abs=4e-6)
