"""A day's log of 200 instruments, replayed in another order: every answer stays, byte for byte.

Also the days that are no ordinary ones, and ``jishi rebuild``.
"""

import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.chance import counted
from tests.live import DAY, DAY_LENGTH, HOUR, MINUTE, SECOND, Live, at, beat, iso, micros, wire

#: Behind eight gateways; `make test-faults` has two hundred.
INSTRUMENTS = counted("JISHI_REPLAY_INSTRUMENTS", 50)
EVERY = 20 * MINUTE
HOUSE = "log-house"


# ---------------------------------------------------------------- the log of a day


def log_of_a_day() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Gateway, instrument, heartbeat; in order of time, with faults as gateways have them."""
    rnd = random.Random(2_000)
    offsets = [rnd.randrange(0, EVERY) for _ in range(INSTRUMENTS)]
    meters = [0.0] * INSTRUMENTS
    states = ["idle"] * INSTRUMENTS
    for start in range(DAY, DAY + DAY_LENGTH, EVERY):
        for n in range(INSTRUMENTS):
            if rnd.random() < 0.15:
                states[n] = rnd.choice(["off", "idle", "running", "running"])
            if states[n] == "running":
                meters[n] += EVERY / SECOND
            if rnd.random() < 0.03:
                continue  # lost on the way
            heartbeat = beat(
                start + offsets[n],
                states[n],
                seq=(start - DAY) // EVERY if rnd.random() > 0.02 else 1,
                boot_id="b",
                runtime_s=meters[n],
                power_w=float(rnd.randrange(0, 900)),
            )
            yield f"log-gw{n % 8}", f"log-{n:03}", heartbeat
            if rnd.random() < 0.01:
                yield f"log-gw{n % 8}", f"log-{n:03}", {**heartbeat, "state": "off"}
            if rnd.random() < 0.02:
                yield f"log-gw{n % 8}", f"log-{n:03}", heartbeat


def register(live: Live) -> None:
    live.put(f"institutions/{HOUSE}", {"name": "House", "district_code": "310115"})
    for n in range(8):
        live.put(f"gateways/log-gw{n}", {"institution_id": HOUSE})
    fields = "instrument_id,name,institution_id,gateway_id,interval_s,class_code,lon,lat"
    rows = [
        f"log-{n:03},Instrument {n},{HOUSE},log-gw{n % 8},{EVERY // SECOND},"
        f"{['030100', '030200', '040100'][n % 3]},121.{n:03},31.2"
        for n in range(INSTRUMENTS)
    ]
    answer = live.http.post(
        "/v1/registry/import?type=instruments",
        content="\n".join([fields, *rows, ""]),
        headers={"Content-Type": "text/csv"},
    )
    assert answer.is_success, answer.text
    assert answer.json()["created"] == INSTRUMENTS, answer.text


def publish(live: Live, log: list[tuple[str, str, dict[str, Any]]], size: int) -> None:
    """In messages of at most ``size`` heartbeats, all of one gateway each."""
    by_gateway: dict[str, list[dict[str, Any]]] = {}

    def flush(gateway: str) -> None:
        body = json.dumps(by_gateway.pop(gateway)).encode()
        live.publisher.send(f"instruments/v1/{gateway}/heartbeat", body, wait=False)

    for gateway, instrument, heartbeat in log:
        waiting = by_gateway.setdefault(gateway, [])
        waiting.append(wire(instrument, heartbeat))
        if len(waiting) == size:
            flush(gateway)
    for gateway in list(by_gateway):
        flush(gateway)
    live.settle("log-gw0", patience=180.0)


def rolled_up(live: Live) -> None:
    for n in range(INSTRUMENTS):
        live.wait_for_rollups(f"log-{n:03}")


def answers(live: Live) -> dict[str, bytes]:
    """What every endpoint says, less what the moment of asking moves."""
    window = f"from={iso(DAY)}&to={iso(DAY + DAY_LENGTH)}".replace("+", "%2B")
    odd = f"from={iso(DAY + 7 * MINUTE + 1)}&to={iso(DAY + 22 * HOUR)}".replace("+", "%2B")
    only = f"institution={HOUSE}"
    paths = [f"instruments?{only}&limit=1000", f"status/summary?{only}"]
    for by in ("institution", "district", "class", "class_major", "gateway", "instrument"):
        paths.append(f"utilization?{window}&group_by={by}&{only}&limit=1000")
        paths.append(f"status/summary?group_by={by}&{only}" if by != "instrument" else paths[0])
    for basis in ("rated", "calendar", "scheduled", "powered", "known"):
        paths.append(f"utilization?{odd}&group_by=class&basis={basis}&bucket=hour&{only}")
    paths.append(f"profile?{window}&{only}")
    paths.append("available?class=030100&near=121.05,31.2")
    paths += [f"gateways/log-gw{n}" for n in range(8)]
    for n in range(0, INSTRUMENTS, 16):
        one = f"instruments/log-{n:03}"
        paths += [one, f"{one}/status"]
        paths += [f"{one}/{what}?{window}&limit=1000" for what in ("timeline", "sessions")]
        paths += [f"{one}/utilization?{odd}&bucket={b}" for b in ("hour", "day", "week", "month")]
        paths += [f"{one}/heartbeats?{window}&limit=1000", f"{one}/explain?{odd}"]
    return {path: told(live, path) for path in dict.fromkeys(paths)}


VOLATILE = re.compile(
    rb'"(as_of|revision|last_received_at|received_at|last_status_at|skew_at|skew_s|clock_skew_s)":'
    rb'("[^"]*"|null|[-0-9.]+)'
)


#: What differs between two services that know the same.
OTHERS = re.compile(rb'"(dead_letter_id|valid_from|created_at)":("[^"]*"|null|[0-9]+)')


def less(told: dict[str, bytes], pattern: re.Pattern[bytes]) -> dict[str, bytes]:
    return {path: pattern.sub(rb'"\1":0', text) for path, text in told.items()}


def told(live: Live, path: str) -> bytes:
    answer = live.http.get(f"/v1/{path}")
    assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
    return VOLATILE.sub(rb'"\1":0', answer.content)


def differing(before: dict[str, bytes], after: dict[str, bytes]) -> list[str]:
    """Paths whose answers differ, with the place where they begin to."""
    found = []
    for path, old in before.items():
        new = after[path]
        if old != new:
            alike = (a == b for a, b in zip(old, new, strict=False))
            place = next((n for n, same in enumerate(alike) if not same), 0)
            was, now = (text[max(place - 80, 0) : place + 80] for text in (old, new))
            found.append(f"{path}: {was!r} != {now!r}")
    return found


def test_a_shuffled_replay_changes_no_answer(live: Live, crowd: Live) -> None:
    log = list(log_of_a_day())
    rnd = random.Random(4)
    register(live)
    publish(live, log, 500)
    rolled_up(live)
    before = answers(live)

    again = list(log)
    rnd.shuffle(again)
    publish(live, again, 100)
    rolled_up(live)
    assert differing(before, answers(live)) == []

    # And where it never came in any other order, to two workers at once.
    register(crowd)
    rnd.shuffle(again)
    publish(crowd, again, 500)
    rolled_up(crowd)
    # Its registry and dead letters are other ones, made at another time.
    assert differing(less(before, OTHERS), less(answers(crowd), OTHERS)) == []


# ---------------------------------------------------------------- days of other lengths


def local_midnight(day: str, offset: str) -> int:
    return micros(f"{day}T00:00:00{offset}")


@pytest.mark.parametrize(
    ("zone", "day", "offset", "hours"),
    [
        pytest.param("Europe/Berlin", "2026-03-29", "+01:00", 23, id="Berlin, spring"),
        pytest.param("Europe/Berlin", "2025-10-26", "+02:00", 25, id="Berlin, autumn"),
        pytest.param("America/New_York", "2026-03-08", "-05:00", 23, id="New York, spring"),
        pytest.param("America/New_York", "2025-11-02", "-04:00", 25, id="New York, autumn"),
        pytest.param("Asia/Shanghai", "2024-02-29", "+08:00", 24, id="a leap day"),
    ],
)
def test_days_of_a_clock_change_and_a_leap_day(
    live: Live, zone: str, day: str, offset: str, hours: int
) -> None:
    midnight = local_midnight(day, offset)
    scope = live.instrument(timezone=zone, hold_s=1_800)
    beats = [beat(midnight + n * 15 * MINUTE) for n in range(-8, 4 * hours + 8)]
    live.publish(scope, *beats)
    end = midnight + hours * HOUR
    days = live.utilization(scope, midnight - HOUR, end + HOUR, bucket="day")["buckets"]
    assert [b["running_s"] for b in days] == [3_600, hours * 3_600, 3_600]
    each = live.utilization(scope, midnight, end, bucket="hour")["buckets"]
    assert [b["running_s"] for b in each] == [3_600] * hours
    (month,) = live.utilization(scope, midnight, end, bucket="month")["buckets"]
    assert month["running_s"] == hours * 3_600
    live.wait_for_rollups(scope)
    again = live.utilization(scope, midnight - HOUR, end + HOUR, bucket="day")["buckets"]
    assert [b["running_s"] for b in again] == [3_600, hours * 3_600, 3_600]
    assert [b["revision"] for b in again] == [b["revision"] for b in days]


def test_a_leap_year_is_a_day_longer_for_rated_time(live: Live) -> None:
    scope = live.instrument(timezone="UTC", rated_hours_per_year=1_000)
    leap, plain = (
        [
            (datetime(year, month, 1, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC))
            // timedelta(microseconds=1)
            for month in (2, 3)
        ]
        for year in (2024, 2025)
    )
    live.publish(scope, beat(leap[0]))
    assert live.total(scope, *leap)["window_s"] == 29 * 86_400
    year_2024 = live.total(
        scope, local_midnight("2024-01-01", "Z"), local_midnight("2025-01-01", "Z")
    )
    year_2025 = live.total(
        scope, local_midnight("2025-01-01", "Z"), local_midnight("2026-01-01", "Z")
    )
    assert year_2024["rated_s"] == year_2025["rated_s"] == 3_600_000
    assert (
        live.total(scope, *plain)["rated_s"]
        > live.total(scope, leap[0], leap[0] + 28 * DAY_LENGTH)["rated_s"]
    )


# ---------------------------------------------------------------- rebuild


def rebuild(live: Live, start: int, end: int, *scopes: str) -> str:
    command = [sys.executable, "-m", "cli", "rebuild", "--from", iso(start), "--to", iso(end)]
    for scope in scopes:
        command += ["--instrument", scope]
    environment = {**os.environ, "JISHI_DATABASE_URL": live.service.database_url}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("correction", [600, 3_600, -600, -3_600, 5_400.5])
def test_a_backdated_correction_takes_hold_with_a_rebuild(live: Live, correction: float) -> None:
    gateway = live.gateway(valid_from=iso(DAY - 400 * DAY_LENGTH))
    scope = live.instrument(gateway=gateway, hold_s=60)
    times = [at("10:00"), at("11:30"), at("15:00")]
    live.publish(scope, *[beat(ts, runtime_s=float(n)) for n, ts in enumerate(times)])
    before = live.timeline(scope, DAY, DAY + DAY_LENGTH)
    live.patch(
        f"gateways/{gateway}",
        clock_correction_s=correction,
        valid_from=iso(DAY - 400 * DAY_LENGTH),
    )
    assert live.timeline(scope, DAY, DAY + DAY_LENGTH) == before
    rebuild(live, DAY, DAY + DAY_LENGTH, scope)
    timeline = live.timeline(scope, DAY, DAY + DAY_LENGTH)
    running = [micros(item["from"]) for item in timeline if item["state"] == "running"]
    assert running == [ts + int(correction * SECOND) for ts in times]
    assert [item["cause"] for item in timeline if item["cause"]] == ["before_first"] + 3 * [
        "device"
    ]
    assert timeline[0]["to"] == timeline[1]["from"]
    assert micros(live.status(scope)["last_heartbeat_at"]) == running[-1]
    said = rebuild(live, DAY, DAY + DAY_LENGTH, scope)
    assert said.splitlines()[-1].endswith(" 0 differences"), said


def messy(seed: int) -> list[dict[str, Any]]:
    rnd = random.Random(seed)
    found = []
    ts = at("08:00")
    for n in range(150):
        ts += rnd.choice([30, 60, 60, 60, 300]) * SECOND
        state = rnd.choice(["off", "idle", "running"])
        found.append(beat(ts, state, seq=n - n % 3, runtime_s=float(n * 20)))
    return found


def test_rebuild_reports_nothing_on_healthy_data(live: Live) -> None:
    scopes = []
    for seed in range(3):
        scopes.append(live.instrument(hold_s=120))
        beats = messy(seed)
        random.Random(seed).shuffle(beats)
        for start in range(0, len(beats), 40):
            live.publish(scopes[-1], *beats[start : start + 40])
    pieces = (
        "SELECT to_jsonb(s) FROM segment s JOIN instrument USING (instrument_key)"
        " WHERE instrument_id = ANY(%s) ORDER BY instrument_key, starts_at"
    )
    before = live.rows(pieces, scopes)
    for start, end in [
        (DAY, DAY + DAY_LENGTH),
        (at("09:13:07"), at("10:00")),
        (at("09:00"), at("09:01")),
    ]:
        said = rebuild(live, start, end, *scopes)
        assert said.splitlines()[-1].endswith(" 0 differences"), said
    assert live.rows(pieces, scopes) == before


@pytest.mark.parametrize("damage", ["state", "end", "gone", "added"])
def test_rebuild_tells_and_mends_damage(live: Live, damage: str) -> None:
    scope = live.instrument(hold_s=120)
    live.publish(scope, *messy(9))
    before = live.timeline(scope, DAY, DAY + DAY_LENGTH)
    which = (
        "instrument_key = (SELECT instrument_key FROM instrument WHERE instrument_id = %s)"
        " AND starts_at = (SELECT min(starts_at) FROM segment JOIN instrument USING"
        " (instrument_key) WHERE instrument_id = %s AND starts_at > %s)"
    )
    statement = {
        "state": f"UPDATE segment SET state = (state + 1) %% 3 WHERE {which}",
        "end": f"UPDATE segment SET ends_at = ends_at - interval '1 microsecond' WHERE {which}",
        "gone": f"DELETE FROM segment WHERE {which}",
        "added": (
            "INSERT INTO segment (instrument_key, state, starts_at, ends_at, step_us)"
            " SELECT instrument_key, 2, starts_at + interval '1 microsecond', ends_at, 1"
            f" FROM segment WHERE {which}"
        ),
    }[damage]
    with live.database() as connection:
        done = connection.execute(statement, [scope, scope, iso(at("09:30"))])
        assert done.rowcount == 1
    said = rebuild(live, DAY, DAY + DAY_LENGTH, scope)
    count = {"state": 2, "end": 2, "gone": 1, "added": 1}[damage]
    assert said.splitlines()[-1].endswith(f" {count} differences"), said
    assert said.count(scope) >= count
    assert live.timeline(scope, DAY, DAY + DAY_LENGTH) == before
    said = rebuild(live, DAY, DAY + DAY_LENGTH, scope)
    assert said.splitlines()[-1].endswith(" 0 differences"), said
    # The first one changed figures and is in the audit; the second changed none and is not.
    [(actor, was, became)] = live.rows(
        "SELECT actor, before, after FROM audit"
        " WHERE action = 'rebuild' AND object_type = 'instrument' AND object_id = %s",
        scope,
    )
    assert actor.startswith("command line")
    assert (was["from"], was["pieces"] + became["pieces"]) == (became["from"], count)
    assert was["institution_id"] == became["institution_id"] is not None
