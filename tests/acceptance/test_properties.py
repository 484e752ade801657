"""Random heartbeats over MQTT, every figure over HTTP, equal to the oracle's to the microsecond.

Each case is one new instrument. Its heartbeats come in random batches with repeats, conflicts,
boots, late ones; two ingest workers take everything, so each heartbeat also comes twice; now
and then one worker is killed. The settings that count are registered before all heartbeats,
among them or after all. ``JISHI_PROPERTY_CASES`` says how many cases there are.
"""

import json
import os
import random
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests import oracle
from tests.chance import counted, examples, first_seed
from tests.live import (
    DAY_LENGTH,
    HOUR,
    MINUTE,
    SECOND,
    Live,
    iso,
    micros,
    now_us,
    until,
    us_of,
    wire,
)
from tests.strategies import BASE, heartbeats, moments, settings_versions, zones

CASES = counted("JISHI_PROPERTY_CASES", 100)
SHRINKS = bool(os.environ.get("JISHI_PROPERTY_SHRINK"))
TOGETHER = 6  # cases that are published together
ROUNDS = 4

#: Where the first version begins: whatever begins earlier would be the first instead.
LONG_AGO = iso(BASE - 365 * DAY_LENGTH)
AHEAD = "2100-01-01T00:00:00Z"

PROFILE = settings(
    # A failure costs seconds to try again: shrinking is asked for, not waited for.
    phases=[phase for phase in Phase if phase is not Phase.shrink or SHRINKS],
    max_examples=examples(max(CASES // (2 * TOGETHER), 1)),
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@dataclass
class Case:
    """One instrument: what it sends in which round, its settings, what is asked of it."""

    beats: list[dict]
    rounds: list[int]
    versions: list[dict]
    cuts: list[int]
    zone: str = "UTC"
    gap_s: int = 300
    min_s: int = 60
    #: Rounds that are sent before the settings are what they should be.
    late: int = 0
    #: Moves the case to this time; ``None``: so that now lies in the middle of it.
    base: int | None = BASE
    name: str = ""
    silences: list[tuple[int, int]] = field(default_factory=list)
    told: oracle.Timeline | None = None


@st.composite
def cases(draw: st.DrawFn) -> Case:
    beats = draw(heartbeats(most=14))
    versions = draw(settings_versions())
    if draw(st.integers(0, 3)) == 0:
        for version in versions:
            version["correction_s"] = draw(st.sampled_from([-300, -1, 0, 0.5, 90, 3_600]))
    rounds = st.lists(st.integers(0, ROUNDS - 1), min_size=len(beats), max_size=len(beats))
    return Case(
        beats=beats,
        rounds=draw(rounds),
        versions=versions,
        cuts=draw(st.lists(moments(5 * 3_600), min_size=2, max_size=4, unique=True).map(sorted)),
        zone=draw(zones),
        gap_s=draw(st.sampled_from([0, 60, 300, 600])),
        min_s=draw(st.sampled_from([0, 60, 120])),
        late=draw(st.sampled_from([0, 0, 2, ROUNDS])),
        base=draw(st.sampled_from([BASE, BASE, None])),
    )


def random_case(seed: int) -> Case:
    """A longer case than hypothesis likes to draw."""
    rnd = random.Random(seed)
    versions: list[dict] = [{}]
    if rnd.random() < 0.5:
        versions.append({"from": BASE + rnd.randrange(0, 4 * 3_600) * SECOND})
    corrects = rnd.random() < 0.2
    for version in versions:
        if rnd.random() < 0.4:
            version["hold_s"] = rnd.choice([1, 60, 180, 900, 7_200])
        if rnd.random() < 0.4:
            version["interval_s"] = rnd.choice([1, 10, 60, 600])
        if corrects:
            version["correction_s"] = rnd.choice([-300, -1, 0, 0.5, 90, 3_600])
    beats: list[dict] = []
    ts, seq, boot, runtime = BASE + rnd.randrange(0, 3_600) * SECOND, 1, None, 0.0
    for _ in range(rnd.randrange(0, 70)):
        ts += rnd.choice([1, SECOND, 10 * SECOND, *[60 * SECOND] * 6, 181 * SECOND, 900 * SECOND])
        seq += rnd.random() < 0.85
        if rnd.random() < 0.05:
            boot, seq, runtime = rnd.choice([None, "a", "b"]), 1, 0.0
        runtime += rnd.choice([0.0, 10.0, 59.5, 60.0, 61.0, 500.0])
        heartbeat: dict[str, Any] = {
            "ts": ts - rnd.randrange(0, 3_600) * SECOND if rnd.random() < 0.05 else ts,
            "state": rnd.choice(["off", "idle", "running", "running"]),
        }
        if rnd.random() < 0.7:
            heartbeat["seq"] = seq
            if boot:
                heartbeat["boot_id"] = boot
        if rnd.random() < 0.4:
            heartbeat["runtime_s"] = runtime
        if rnd.random() < 0.2:
            heartbeat["interval_s"] = rnd.choice([1, 10, 59.5, 100, 301, 3_600])
        beats.append(heartbeat)
        if rnd.random() < 0.1:
            beats.append({**heartbeat, "state": rnd.choice(["off", "idle", "running"])})
        if rnd.random() < 0.1:
            beats.append(dict(rnd.choice(beats)))
    cuts = sorted(BASE + rnd.randrange(0, 5 * 3_600 * SECOND) for _ in range(rnd.randrange(2, 5)))
    # Mostly in order, so that the quick way of ingest is taken as well.
    orderly = rnd.random() < 0.5
    rounds = [
        min(n * ROUNDS // max(len(beats), 1) + (rnd.random() < 0.1), ROUNDS - 1)
        if orderly
        else rnd.randrange(ROUNDS)
        for n in range(len(beats))
    ]
    if not orderly:
        rnd.shuffle(beats)
    return Case(
        beats=beats,
        rounds=rounds,
        versions=versions,
        cuts=cuts,
        zone=rnd.choice(["UTC", "Asia/Kolkata", "Australia/Lord_Howe"]),
        gap_s=rnd.choice([0, 60, 300, 600]),
        min_s=rnd.choice([0, 60, 120]),
        base=rnd.choice([BASE, BASE, None]),
        late=rnd.choice([0, 0, 2, ROUNDS]),
    )


# ---------------------------------------------------------------- sending


def place(case: Case) -> None:
    """Moves a case from the strategies' day to one that is accepted, hours staying hours."""
    now = now_us()
    if case.base is None:
        shift = now - BASE - 2 * HOUR
    else:
        shift = (now - 6 * DAY_LENGTH) // DAY_LENGTH * DAY_LENGTH - BASE // HOUR * HOUR
    case.beats = [{**b, "ts": b["ts"] + shift} for b in case.beats]
    ahead = now + 4 * MINUTE  # beyond 5 minutes ahead it would be refused
    kept = [(b, r) for b, r in zip(case.beats, case.rounds, strict=True) if b["ts"] < ahead]
    case.beats, case.rounds = [b for b, _ in kept], [r for _, r in kept]
    case.cuts = [cut + shift for cut in case.cuts]
    case.versions = [
        {**v, "from": v["from"] + shift} if "from" in v else dict(v) for v in case.versions
    ]


def register(live: Live, case: Case, shared: str) -> None:
    gateway = shared
    if any("correction_s" in version for version in case.versions):
        gateway = live.gateway(
            clock_correction_s=case.versions[0]["correction_s"], valid_from=LONG_AGO
        )
        for version in case.versions[1:]:
            live.patch(
                f"gateways/{gateway}",
                clock_correction_s=version["correction_s"],
                valid_from=iso(version["from"]),
            )
    fields = {"hold_s": 45, "interval_s": 7} if case.late else settings_of(case.versions[0])
    case.name = live.instrument(
        gateway=gateway,
        session_gap_s=case.gap_s,
        session_min_s=case.min_s,
        valid_from=LONG_AGO,
        **fields,
    )
    if not case.late:
        tell_settings(live, case)


def settings_of(version: dict) -> dict[str, Any]:
    """What a version says of an instrument; null where it says nothing."""
    return {name: version.get(name) for name in ("hold_s", "interval_s")}


def tell_settings(live: Live, case: Case) -> None:
    """Registers the settings of a case, and others for a time to come, which must do nothing."""
    path = f"instruments/{case.name}"
    live.patch(path, hold_s=33, interval_s=5, valid_from=AHEAD)
    for version in case.versions:
        since = iso(version["from"]) if "from" in version else LONG_AGO
        live.patch(path, valid_from=since, **settings_of(version))
    live.patch(path, hold_s=33, interval_s=5, valid_from=AHEAD)


def send(live: Live, together: Sequence[Case], kills: Sequence[int | None]) -> None:
    """Publishes the cases round by round; some rounds end with a worker's sudden death."""
    for number in range(ROUNDS + 1):
        for case in together:
            if number and case.late == number:
                tell_settings(live, case)
        if number == ROUNDS:
            break
        by_gateway: dict[str, list[tuple[str, dict]]] = {}
        for case in together:
            for heartbeat, turn in zip(case.beats, case.rounds, strict=True):
                if turn == number:
                    gateway = live.gateway_of[case.name]
                    by_gateway.setdefault(gateway, []).append((case.name, heartbeat))
        sent = []
        for gateway, batch in by_gateway.items():
            # Two messages, so that the workers may meet in the middle of them.
            half = len(batch) // 2
            for part in (batch[:half], batch[half:]):
                if part:
                    sent.append(live.start_publishing(part, gateway=gateway))
        kill = kills[number]
        if kill is not None:
            worker = live.service.ingests[kill]
            assert worker.pid is not None
            os.kill(worker.pid, signal.SIGKILL)
            until(worker.revive)
        for batch_id in sent:
            live.publisher.receipt(batch_id)
    for gateway in {live.gateway_of[case.name] for case in together}:
        live.settle(gateway)
    live.wait_for_rebuilds()


# ---------------------------------------------------------------- comparing


def silences(live: Live) -> list[tuple[int, int]]:
    """When no worker listened, by the workers' own record: killed ones leave gaps in it."""
    awake = "SELECT count(*) FROM collector_listening WHERE NOT closed"
    until(lambda: live.rows(awake) == [(len(live.service.ingests),)])
    rows = live.rows(
        "SELECT us(starts_at), CASE WHEN closed THEN us(ends_at) ELSE us(ends_at) + %s END"
        " FROM collector_listening ORDER BY 1",
        HOUR,
    )
    found = []
    until_us = rows[0][1]
    for start, end in rows[1:]:
        if start > until_us:
            found.append((until_us, start))
        until_us = max(until_us, end)
    return found


def timeline_of(case: Case, now: int) -> oracle.Timeline:
    """What the oracle makes of a case; the latest one is kept."""
    if case.told is None or case.told.now != now:
        case.told = _timeline_of(case, now)
    return case.told


def _timeline_of(case: Case, now: int) -> oracle.Timeline:
    named = [{**b, "instrument_id": case.name} for b in case.beats]
    return oracle.Timeline(
        named,
        now=now,
        versions=case.versions,
        collector_gaps=case.silences,
        session_gap_s=case.gap_s,
        session_min_s=case.min_s,
    )


def check_rows(live: Live, case: Case) -> None:
    """Every heartbeat is stored once, every conflict told once, every repeat flagged."""
    timeline = timeline_of(case, now_us())
    rows = live.rows(
        "SELECT us(ts), state, flags & 2 <> 0 FROM heartbeat JOIN instrument USING"
        " (instrument_key) WHERE instrument_id = %s ORDER BY ts",
        case.name,
    )
    counting = {row["ts"] for row in timeline.rows}
    assert rows == [
        (row["ts"], oracle.STATES.index(row["state"]), row["ts"] not in counting)
        for row in timeline.accepted
    ]
    letters = live.rows(
        "SELECT reason, convert_from(payload, 'UTF8') FROM dead_letter WHERE instrument_id = %s",
        case.name,
    )
    assert sorted(letters) == sorted(
        ("conflict", oracle.encoding(conflict).decode()) for conflict in timeline.conflicts
    )


def agree(usage: dict[str, Any], case: Case, start: int, end: int, as_of: int) -> None:
    """One answer against the oracle's figures, all of them."""
    timeline = timeline_of(case, as_of)
    found = timeline.figures(start, end)
    said = {
        "window": us_of(usage["window_s"]),
        "running": us_of(usage["running_s"]),
        "idle": us_of(usage["idle_s"]),
        "off": us_of(usage["off_s"]),
        **{name: us_of(usage["unknown_by_cause"][name]) for name in usage["unknown_by_cause"]},
        "effective": us_of(usage["effective_s"]),
        "session_idle": us_of(usage["session_idle_s"]),
    }
    assert said == {name: found[name] for name in said}, (iso(start), iso(end))
    assert us_of(usage["unknown_s"]) == sum(
        said[name] for name in ("before_first", "collector", "gateway", "device")
    )
    # A heartbeat that lies ahead has been counted, but has not happened.
    if not any(oracle.corrected(row, case.versions) >= as_of for row in timeline.rows):
        assert us_of(usage["counter_running_s"]) == (
            found["counter"] if found["readings"] else None
        )
        assert usage["counter_flag"] == timeline.counter_flag(start, end)
        assert (us_of(usage["resolution_s"]) or 0) == found["resolution"]


def whole(live: Live, case: Case, start: int, end: int, **more: Any) -> tuple[Any, int]:
    found = live.utilization(case.name, start, end, **more)
    return found, micros(found["total"]["as_of"])


def check_figures(live: Live, case: Case) -> None:
    for start, end in [*pairwise(case.cuts), (case.cuts[0], case.cuts[-1])]:
        if start < end:
            found, as_of = whole(live, case, start, end)
            agree(found["total"], case, start, min(end, as_of) if start < as_of else start, as_of)
    first, last = case.cuts[0], case.cuts[-1]
    if first == last:
        return
    found, as_of = whole(live, case, first, last, bucket="hour", tz=case.zone)
    inside = found["buckets"]
    edges = [micros(b["from"]) for b in inside] + [micros(b["to"]) for b in inside[-1:]]
    if inside:
        assert edges[0] == first
        assert edges[-1] == min(last, as_of)
    for (start, end), bucket in zip(pairwise(edges), inside, strict=True):
        agree(bucket, case, start, end, as_of)
    agree(found["total"], case, first, min(last, as_of) if first < as_of else first, as_of)


def check_timeline(live: Live, case: Case) -> None:
    first, last = case.cuts[0], case.cuts[-1]
    if first == last:
        return
    answer = live.get(
        f"instruments/{case.name}/timeline", from_=iso(first), to=iso(last), limit=10_000
    )
    as_of = micros(answer["as_of"])
    window = (first, min(last, as_of))
    timeline = timeline_of(case, as_of)
    expected = sorted(
        [
            (max(a, window[0]), min(b, window[1]), state)
            for a, b, state in timeline.segments
            if oracle.overlap((a, b), window)
        ]
        + (timeline.unknown(window) if window[0] < window[1] else [])
    )
    said = [
        (micros(i["from"]), micros(i["to"]), i["cause"] if i["state"] == "unknown" else i["state"])
        for i in answer["items"]
    ]
    assert said == expected

    answer = live.get(
        f"instruments/{case.name}/sessions", from_=iso(first), to=iso(last), limit=10_000
    )
    as_of = micros(answer["as_of"])
    window = (first, min(last, as_of))
    timeline = timeline_of(case, as_of)
    spans = [(runs[0][0], runs[-1][1], runs) for runs in timeline.sessions]
    assert [
        (micros(i["from"]), micros(i["to"]), us_of(i["effective_s"])) for i in answer["items"]
    ] == [
        (
            max(a, window[0]),
            min(b, window[1]),
            sum(oracle.overlap(run, window) for run in runs),
        )
        for a, b, runs in spans
        if oracle.overlap((a, b), window)
    ]


def check_status(live: Live, case: Case) -> None:
    status = live.status(case.name)
    as_of = micros(status["as_of"])
    timeline = timeline_of(case, as_of)
    if not timeline.rows:
        assert (status["connectivity"], status["since"]) == ("never_seen", None)
        return
    newest = timeline.rows[-1]
    at = oracle.corrected(newest, case.versions)
    online = as_of < at + oracle.hold_of(newest, case.versions)
    assert status["connectivity"] == ("online" if online else "offline")
    state = timeline.state_at(as_of - 1)
    edge = any(abs(as_of - moment) <= 1 for credit in timeline.credits for moment in credit[:2])
    if not edge or not online:
        assert status["activity"] == ((online and state) or "unknown")
    assert micros(status["last_heartbeat_at"]) == at


def check(live: Live, together: Sequence[Case], kills: Sequence[int | None]) -> None:
    shared = live.gateway()
    for case in together:
        place(case)
        register(live, case, shared)
    send(live, together, kills)
    gaps = silences(live)
    for case in together:
        case.silences = gaps
        check_rows(live, case)
        check_figures(live, case)
        check_timeline(live, case)
        check_status(live, case)


# ---------------------------------------------------------------- the tests

NO_KILLS: list[int | None] = [None] * ROUNDS


@PROFILE
@given(st.lists(cases(), min_size=1, max_size=TOGETHER))
def test_service_agrees_with_oracle(crowd: Live, together: list[Case]) -> None:
    check(crowd, together, NO_KILLS)


@pytest.mark.chance
@pytest.mark.parametrize("portion", range(max(CASES // 60, 1)))
def test_service_agrees_with_oracle_on_long_histories(crowd: Live, portion: int) -> None:
    first = first_seed() + 30 * portion
    check(crowd, [random_case(first + n) for n in range(30)], NO_KILLS)


@pytest.mark.parametrize("seed", range(3))
def test_workers_that_are_killed_change_nothing(crowd: Live, seed: int) -> None:
    rnd = random.Random(seed)
    kills = [rnd.choice([0, 1]) for _ in range(ROUNDS)]
    check(crowd, [random_case(1_000 + 12 * seed + n) for n in range(12)], kills)
    assert httpx.get(crowd.service.metrics_url, timeout=60).status_code == 200, "where it was told"


@pytest.mark.parametrize("seed", range(2))
def test_redelivery_in_any_order_changes_nothing(crowd: Live, seed: int) -> None:
    """Everything that was sent comes again, shuffled, in other batches (rule 3)."""
    rnd = random.Random(seed)
    together = [random_case(2_000 + 10 * seed + n) for n in range(10)]
    check(crowd, together, NO_KILLS)
    # Whether the counter disagrees is no word of ingest's: the roller says it of days that are
    # over, whenever it comes to them (tests/integration/api/figures/test_figures_history.py).
    dump = (
        "SELECT to_jsonb(s)"
        " - '{last_received_at,version,counter_disagrees,energy_disagrees}'::text[]"
        " FROM instrument_status s"
        " JOIN instrument USING (instrument_key) WHERE instrument_id = ANY(%s)"
        " ORDER BY instrument_key"
    )
    pieces = (
        "SELECT to_jsonb(s) FROM segment s JOIN instrument USING (instrument_key)"
        " WHERE instrument_id = ANY(%s) ORDER BY instrument_key, starts_at"
    )
    names = [case.name for case in together]
    before = crowd.rows(dump, names), crowd.rows(pieces, names)
    for case in together:
        again = list(case.beats)
        rnd.shuffle(again)
        gateway = crowd.gateway_of[case.name]
        cut = rnd.randrange(0, len(again) + 1)
        for part in (again[:cut], again[cut:]):
            body = json.dumps([wire(case.name, heartbeat) for heartbeat in part])
            crowd.publisher.send(f"instruments/v1/{gateway}/heartbeat", body.encode())
    for case in together:
        crowd.settle(crowd.gateway_of[case.name])
    assert (crowd.rows(dump, names), crowd.rows(pieces, names)) == before
    for case in together:
        check_rows(crowd, case)


@pytest.mark.parametrize("seed", range(2))
def test_windows_from_segments_and_from_rollups_are_one_figure(crowd: Live, seed: int) -> None:
    """Hours, days and the whole agree, before and after the days are rolled up (rule 4)."""
    rnd = random.Random(seed)
    together = [random_case(3_000 + 10 * seed + n) for n in range(10)]
    for case in together:
        case.base = BASE
    shared = crowd.gateway()
    for case in together:
        place(case)
        register(crowd, case, shared)
    send(crowd, together, NO_KILLS)
    midnight = (now_us() - 9 * DAY_LENGTH) // DAY_LENGTH * DAY_LENGTH - 8 * HOUR  # in Shanghai
    for case in together:
        odd = midnight + rnd.randrange(0, DAY_LENGTH)
        answers = []
        for _ in range(2):
            found = {
                bucket: crowd.utilization(
                    case.name, odd, midnight + 8 * DAY_LENGTH, bucket=bucket, tz="Asia/Shanghai"
                )
                for bucket in ("hour", "day", "week", "month", None)
            }
            total = found[None]["total"]
            for answer in found.values():
                assert comparable(answer["total"]) == comparable(total)
                if answer["buckets"]:
                    assert summed(answer["buckets"]) == summed([total])
            answers.append(total)
            crowd.wait_for_rollups(case.name)
        assert comparable(answers[0]) == comparable(answers[1])
        agree(total, case, odd, midnight + 8 * DAY_LENGTH, micros(total["as_of"]))


def comparable(usage: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in usage.items() if name != "as_of"}


def summed(usages: Sequence[dict[str, Any]]) -> dict[str, Decimal]:
    """The sums of everything that adds up."""
    sums: dict[str, Decimal] = {}
    for usage in usages:
        for name, value in {**usage, **usage["unknown_by_cause"]}.items():
            adds_up = name.endswith("_s") and name != "resolution_s"
            if (adds_up or name in usage["unknown_by_cause"]) and value is not None:
                sums[name] = sums.get(name, Decimal(0)) + value
    return sums
