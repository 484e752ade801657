"""Rows 15 to 19: what is sent is poison, absurd, shuffled, contradictory or late."""

import json
import random
import time
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from ingest.upkeep.compression import Compression, can_compress, in_the_way
from store.dead_letters import find_dead_letter, list_dead_letters, request_replay
from store.run import run
from tests import oracle
from tests.faults.checker import FAR, _segments
from tests.faults.conftest import MakeRig
from tests.faults.gateways import STATES
from tests.faults.rig import DAY_US, Rig, recently, register
from tests.faults.worker import eventually
from tests.lacking import Part, lacking

MINUTE_US = 60_000_000


def beat(iid: str, ts_us: int, state: str = "running", **more: Any) -> dict[str, Any]:
    return {"instrument_id": iid, "ts": ts_us // 1_000, "state": state, **more}


def packed(what: Any) -> bytes:
    return json.dumps(what).encode()


POISON: list[bytes] = [
    b"\xff\xfe\x00not utf-8",
    b"{",
    b"[[[[[[[[" * 500,
    b"[" * 100_000,
    b"null",
    b"42",
    b'"text"',
    b"[1, 2, 3]",
    b'{"heartbeats": 7}',
    b'{"batch_id": "\\ud800", "heartbeats": []}',
    b'{"batch_id": "' + b"x" * 5_000 + b'", "heartbeats": []}',
    b'{"instrument_id": "a\\u0000b", "ts": 0, "state": "idle"}',
    b'{"instrument_id": "g0-i0", "ts": 1e400, "state": "idle"}',
    b'{"instrument_id": "g0-i0", "ts": ' + b"9" * 400 + b', "state": "idle"}',
    b'{"instrument_id": "g0-i0", "ts": true, "state": "idle"}',
    b'{"instrument_id": "g0-i0", "state": "idle"}',
    b'{"instrument_id": "g0-i0", "ts": 1, "state": "dancing"}',
    b'{"instrument_id": "\xc3\x28", "ts": 1, "state": "idle"}',
    packed(beat("nobody", recently(MINUTE_US))),
    packed(beat("g1-i0", recently(MINUTE_US))),
    packed(beat("g0-i0", recently(MINUTE_US), power_w=-1)),
    packed([beat("g0-i0", recently(MINUTE_US), seq=2**80)]),
    b"x" * 1_500_000,
    packed([{"instrument_id": "g0-i0"}] * 1_001),
]


def test_row_15_more_poison_than_the_window_holds(rig: Rig) -> None:
    worker = rig.worker(mqtt_window=10, batch_age="10ms")
    numbered = [b'{"poison": %d}' % n for n in range(1_200)]  # a flood: over 1,000 a minute
    poison = [*POISON, *numbered]
    left = 60 - time.monotonic() % 60
    if left < 20:
        time.sleep(left)  # of one minute, by the clock that the worker counts by
    rig.publish([("g0", payload) for payload in poison])
    start = recently(3_600_000_000)
    good = [beat("g0-i0", start + n * MINUTE_US, seq=n) for n in range(10)]
    rig.publish([("g0", packed({"batch_id": "good", "heartbeats": good}))])
    # What cannot be read is receipted, too, by its digest.
    receipts = rig.receipts
    good_one = {"batch_id": "good", "stored": 10}
    eventually(
        lambda: any(good_one.items() <= one.items() for one in receipts),
        20,
        "intake goes on",
        more=worker.tail,
    )
    assert rig.stored == 10
    letters = rig.ask("SELECT count(*) FROM dead_letter")
    assert letters >= len(poison) - 2, "an empty batch may be no dead letter"
    kept = rig.ask("SELECT count(*) FROM dead_letter WHERE payload IS NOT NULL")
    assert kept == 1_000, "of a flood the rest is kept as digests"
    assert rig.ask("SELECT max(octet_length(payload)) FROM dead_letter") <= 65_536
    eventually(lambda: worker.metric("ingest_in_flight") == 0, 5, "all acknowledged")
    rig.publish([("g0", payload) for payload in poison[:500]])
    rig.wait_quiet()
    assert rig.ask("SELECT count(*) FROM dead_letter") == letters, "again is not another one"


def test_row_16_absurd_timestamps(rig: Rig) -> None:
    rig.worker()
    start = recently(3_600_000_000)
    rig.publish([("g0", packed(beat("g0-i0", start)))])
    rig.wait_stored(1)
    chunks = "SELECT count(*) FROM timescaledb_information.chunks"
    before = rig.ask(chunks)
    absurd: list[Any] = [
        0, -1, 1, 10**9, 10**12, 4 * 10**12, 10**15, 10**18, 2**62, 2**63, 2**64, -(2**63), 10**40,
        1.5, -0.0, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z",
        "1969-12-31T23:59:59+14:00", "2262-04-11T23:47:17Z", "2038-01-19T03:14:08Z", "NaN",
        "infinity", "-infinity", "epoch", "2024-02-30T00:00:00Z", "1900-01-01T00:00:00-23:59",
        "", None, [], {},
        (recently(0) + 301 * 1_000_000) // 1_000 + 60_000,
        (recently(31 * DAY_US)) // 1_000,
    ]  # fmt: skip
    rig.publish(
        [
            ("g0", packed({"instrument_id": "g0-i0", "ts": ts, "state": "running", "seq": n}))
            for n, ts in enumerate(absurd)
        ]
    )
    rig.wait_quiet()
    assert rig.ask("SELECT count(*) FROM dead_letter") == len(absurd)
    assert rig.stored == 1
    assert rig.ask(chunks) == before


def test_row_17_log_shuffled_and_replayed(make_rig: MakeRig) -> None:
    """In order, and in any order, in other batches, twice over, with a crash: the same."""
    dice = random.Random(17)
    start = recently(2 * DAY_US)
    ids = [f"g0-i{n}" for n in range(4)]
    log = []
    for n in range(150):
        for iid in ids:
            if dice.random() < 0.1:
                continue
            ts = start + n * 50_000_000
            one = beat(iid, ts, dice.choice(["off", "idle", "running", "running"]), boot_id="b")
            one["seq"] = n if dice.random() < 0.95 else n - 1  # now and then a stale repeat
            if dice.random() < 0.5:
                one["runtime_s"] = n * 20 if dice.random() < 0.97 else 3
            if dice.random() < 0.2:
                one["interval_s"] = dice.choice([10, 30, 60])
            log.append(one)
            if dice.random() < 0.03:
                log.append({**one, "state": dice.choice(["off", "idle", "running"])})
    orderly, disorderly = make_rig(gateways=1, instruments=4), make_rig(gateways=1, instruments=4)
    for rig, beats, size in (
        (orderly, log, 40),
        (disorderly, dice.sample(log, len(log)) + dice.sample(log, len(log)), 7),
    ):
        worker = rig.worker(batch_heartbeats=100)
        messages = [("g0", packed(beats[i : i + size])) for i in range(0, len(beats), size)]
        rig.publish(messages[: len(messages) // 2])
        if rig is disorderly:
            worker.kill()
            worker.start()
        rig.publish(messages[len(messages) // 2 :])
        rig.wait_quiet()
    for what in (
        "SELECT instrument_key, ts, state, seq, runtime_s, interval_s, boot_id, flags"
        " FROM heartbeat ORDER BY 1, 2",
        "SELECT * FROM segment ORDER BY instrument_key, starts_at",
        "SELECT instrument_key, newest_ts, newest_seq, newest_stale, credit_from, credit_until,"
        " state, segment_from, piece_from, piece_step_us, piece_counter_us, reading_us,"
        " reading_running_us, live_at, live_until FROM instrument_status ORDER BY 1",
        "SELECT reason, instrument_id, ts, payload FROM dead_letter ORDER BY digest",
    ):
        assert _rows(orderly, what) == _rows(disorderly, what), what
    assert orderly.stored > 500
    assert orderly.ask("SELECT count(*) FROM dead_letter WHERE reason = 'conflict'") > 0


@pytest.mark.parametrize("order", ["rising", "falling", "mixed"])
def test_row_18_same_key_other_payload(rig: Rig, order: str) -> None:
    rig.worker()
    start = recently(3_600_000_000)
    claims = [beat("g0-i0", start, state, seq=1) for state in ("off", "idle", "running")]
    claims += [beat("g0-i0", start, "off", seq=1, power_w=5)]
    follow = beat("g0-i0", start + MINUTE_US, "idle", seq=2)
    if order == "falling":
        claims.reverse()
    elif order == "mixed":
        random.Random(18).shuffle(claims)
    for claim in [*claims, follow, *claims]:
        rig.publish([("g0", packed(claim))])
        rig.wait_stored(1)
    rig.wait_quiet()
    plain = [{**c, "ts": c["ts"] * 1_000} for c in [*claims, follow]]
    accepted, conflicts = oracle.settle(plain)
    assert rig.stored == len(accepted) == 2
    assert rig.ask("SELECT count(*) FROM dead_letter WHERE reason = 'conflict'") == len(conflicts)
    with psycopg.connect(rig.url) as connection:
        found = _segments(connection)["g0-i0"]
    assert found == oracle.Timeline(plain, now=FAR, versions=[{"hold_s": 180}]).segments


def test_row_19_late_into_an_old_chunk(rig: Rig) -> None:
    rig.worker()
    old = rig.gateways(191, receipts=True, start_us=recently(10 * DAY_US), only=["g0", "g1"])
    rig.wait_stored(300)
    logs = [old.finish()]
    # Between the stored minutes, and of other instruments into the same chunk.
    late = rig.gateways(
        192, receipts=True, start_us=recently(10 * DAY_US) + 30_000_000, only=["g0", "g2"]
    )
    rig.wait_stored(600)
    logs.append(late.finish())
    rig.wait_quiet()
    assert rig.check(*logs).lost == 0


COMPRESSED = "SELECT count(*) FROM timescaledb_information.chunks WHERE is_compressed"
#: Rows that lie uncompressed in chunks that are compressed.
BESIDE = (
    "SELECT count(*) FROM timescaledb_information.chunks WHERE is_compressed AND"
    " _timescaledb_functions.chunk_status_text(format('%%I.%%I', chunk_schema, chunk_name)"
    "::regclass) @> ARRAY['PARTIAL']"
)


def test_row_19_late_into_a_compressed_chunk(rig: Rig) -> None:
    """Also while it is being compressed, again and again; duplicates and conflicts among it."""
    with psycopg.connect(rig.url, autocommit=True) as connection:
        if not can_compress(connection):
            lacking(Part.COMMUNITY_EDITION)
    worker = rig.worker(compress_after="1d", retention_every="50ms")
    # Somebody must have spoken lately, or nothing counts as old.
    now: dict[str, Any] = {"rounds": 1, "start_us": recently(MINUTE_US), "spoil": False}
    young = rig.gateways(198, receipts=True, only=["g3"], **now).finish()
    start = recently(10 * DAY_US)
    more: dict[str, Any] = {"receipts": True, "only": ["g0", "g1"], "rounds": 60, "step_s": 1_800}
    first = rig.gateways(193, start_us=start, rounds_per_s=30, **more).finish()
    eventually(lambda: rig.ask(COMPRESSED) >= 2, 20, "chunks are compressed", more=worker.tail)

    # While the rest is, and what gets rows is once more: new minutes, other instruments, the
    # whole log again.
    between = rig.gateways(
        194, start_us=start + 30_000_000, rounds_per_s=10, **more | {"only": ["g0", "g2"]}
    )
    again = rig.gateways(193, start_us=start, rounds_per_s=10, **more).finish()
    late = between.finish()
    assert {again.receipts[batch_id]["stored"] for batch_id in again.batches} == {0}
    eventually(lambda: not rig.ask(BESIDE), 20, "compressed once more", more=worker.tail)
    rig.wait_quiet()
    assert rig.check(young, first, late).lost == 0
    assert rig.ask(COMPRESSED) >= 2

    # Rule 3 where the row that must give way is compressed.
    claim = beat("g3-i0", start, "running", seq=1)
    rig.publish([("g3", packed(claim))])
    eventually(lambda: rig.ask(BESIDE), 10, "it lies beside the compressed")
    eventually(lambda: not rig.ask(BESIDE), 20, "and then among them", more=worker.tail)
    for _ in range(2):
        rig.publish([("g3", packed({**claim, "state": "idle"})), ("g3", packed(claim))])
    rig.wait_quiet()
    of_g3 = "FROM heartbeat JOIN instrument USING (instrument_key) WHERE instrument_id = 'g3-i0'"
    old = f"{of_g3} AND ts < now() - interval '5 days'"
    assert rig.ask(f"SELECT array_agg(state) {old}") == [STATES.index("idle")]
    assert rig.ask("SELECT count(*) FROM dead_letter WHERE reason = 'conflict'") == 1
    assert not worker.said("write_retry", remedy="isolate")


def test_compression_leaves_alone_what_is_young_or_written_to(rig: Rig) -> None:
    with psycopg.connect(rig.url, autocommit=True) as connection:
        if not can_compress(connection):
            lacking(Part.COMMUNITY_EDITION)
        worker = rig.worker()
        rig.publish([("g3", packed(beat("g3-i9", recently(MINUTE_US))))])
        more: dict[str, Any] = {"receipts": True, "only": ["g0"], "rounds": 5, "rounds_per_s": 50}
        rig.gateways(195, start_us=recently(9 * DAY_US), **more).finish()
        rig.gateways(196, start_us=recently(DAY_US), **more).finish()
        rig.wait_quiet()
        work = Compression()
        week = timedelta(days=7)
        assert work.compress_one(connection, week) is None, "the first look only counts"
        rig.gateways(197, start_us=recently(9 * DAY_US) + 1_000_000, **more).finish()
        rig.wait_quiet()
        worker.stop()  # a backend tells the server's statistics when it has time, or ends
        assert work.compress_one(connection, week) is None, "rows came in since"
        assert work.compress_one(connection, week)
        assert work.compress_one(connection, week) is None
        assert rig.ask(COMPRESSED) == 1


def test_compression_gives_way_to_late_heartbeats(rig: Rig) -> None:
    """A day takes no rows while it is compressed; whoever waits for that is not kept waiting."""
    with (
        psycopg.connect(rig.url) as busy,
        psycopg.connect(rig.url, autocommit=True) as looking,
    ):
        busy.execute("LOCK TABLE heartbeat IN EXCLUSIVE MODE")
        assert not in_the_way(looking, busy.info.backend_pid)
        worker = rig.worker()
        rig.publish([("g0", packed(beat("g0-i0", recently(MINUTE_US))))])
        eventually(lambda: in_the_way(looking, busy.info.backend_pid), 10, more=worker.tail)
        busy.rollback()
        rig.wait_stored(1)


def test_dead_letters_replayed_are_exact(rig: Rig) -> None:
    """Registered later, they count as if they had been taken when they came."""
    worker = rig.worker()
    start = recently(3_600_000_000)
    strange = [beat("later-0", start + n * MINUTE_US, seq=n) for n in range(20)]
    rig.publish([("g0", packed(strange[:10])), ("new", packed(strange[10:]))])
    rig.publish([("g0", b"nonsense"), ("g0", b"x" * 100_000)])
    rig.wait_quiet()
    assert rig.ask("SELECT count(*) FROM dead_letter") == 22
    received = rig.ask("SELECT min(received_at) FROM dead_letter WHERE instrument_id = 'later-0'")
    register(rig.url, {"new": ["later-0"]})
    # Half came through a gateway that the instrument does not speak through.
    with psycopg.connect(rig.url) as connection:
        letters = run(connection, list_dead_letters(before_id=None, limit=100))
        assert letters
        asked = [
            run(connection, request_replay(letter.dead_letter_id, actor="test"))
            for letter in letters
        ]
    assert asked.count(True) == 21, "what was cut off cannot be replayed"
    eventually(
        lambda: rig.ask("SELECT count(*) FROM dead_letter WHERE replayed_at IS NOT NULL") == 10,
        10,
        more=worker.tail,
    )
    eventually(
        lambda: (
            not rig.ask(
                "SELECT count(*) FROM dead_letter WHERE replay_requested_at IS NOT NULL"
                " AND replayed_at IS NULL"
            )
        ),
        10,
        "every request is answered",
    )
    assert rig.stored == 10
    assert rig.ask("SELECT min(received_at) FROM heartbeat") >= received
    assert rig.ask("SELECT count(*) FROM dead_letter") == 22
    reasons = _rows(
        rig,
        "SELECT DISTINCT reason FROM dead_letter WHERE instrument_id = 'later-0'"
        " AND replayed_at IS NULL",
    )
    assert reasons == [("wrong_gateway",)]
    with psycopg.connect(rig.url) as connection:
        found = _segments(connection)["later-0"]
        letter = run(connection, find_dead_letter(letters[0].dead_letter_id))
    assert letter is not None
    first = start + 10 * MINUTE_US
    assert found == [(first, first + 9 * MINUTE_US + 180_000_000, "running")]


def test_dead_letter_that_the_database_still_refuses_stops_no_other(rig: Rig) -> None:
    with psycopg.connect(rig.url) as connection:
        connection.execute("ALTER TABLE heartbeat ADD CONSTRAINT odd CHECK (power_w <> 666)")
    worker = rig.worker()
    start = recently(3_600_000_000)
    rig.publish(
        [
            ("g0", packed(beat("g0-i0", start, power_w=666))),
            ("g0", packed(beat("later-0", start))),
        ]
    )
    rig.wait_quiet()
    register(rig.url, {"new": ["later-1"]})
    with psycopg.connect(rig.url) as connection:
        connection.execute(
            "UPDATE instrument SET instrument_id = 'later-0', changed_revision ="
            " (SELECT revision + 1 FROM registry_revision) WHERE instrument_id = 'later-1'"
        )
        connection.execute(
            "UPDATE instrument_version SET gateway_key = (SELECT gateway_key FROM gateway"
            " WHERE gateway_id = 'g0')"
        )
        connection.execute("UPDATE registry_revision SET revision = revision + 1")
        connection.execute("UPDATE dead_letter SET replay_requested_at = now()")
    eventually(lambda: rig.stored == 1, 10, "the other one is taken", more=worker.tail)
    eventually(
        lambda: rig.ask("SELECT count(*) FROM dead_letter WHERE replay_requested_at IS NULL") == 1,
        10,
        "the refused one's request is answered",
    )
    assert not worker.said("housekeeping")


def _rows(rig: Rig, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(rig.url) as connection:
        return connection.execute(query).fetchall()
