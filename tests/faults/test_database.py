"""Rows 9 to 14, and 20 at the database's side: it is away, killed, silent, full, or refuses."""

import json
import os
import signal
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import repeat
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from stack.account import server_account
from tests.faults.conftest import MakeRig
from tests.faults.memory import memory_mb
from tests.faults.proxy import Mode
from tests.faults.rig import DAY_US, Rig, recently
from tests.faults.worker import eventually
from tests.lacking import Part, lacking


def test_row_09_database_away(rig: Rig) -> None:
    worker = rig.worker()
    kept = rig.gateways(121, receipts=True, only=["g0", "g1"])
    plain = rig.gateways(122, receipts=False, single=True, only=["g2", "g3"], rounds_per_s=30)
    rig.wait_stored(300)
    before = memory_mb(worker.pid)
    rig.postgres.stop()
    time.sleep(4)
    during = memory_mb(worker.pid)
    rig.postgres.start()
    logs = kept.finish(), plain.finish()
    rig.wait_quiet(30)
    assert rig.check(*logs).lost == 0
    assert during - before < 40


def test_row_09_lag_is_the_age_of_what_is_not_written(rig: Rig) -> None:
    """Also while nothing can be written, and nothing once nothing waits."""
    worker = rig.worker()
    plain = rig.gateways(123, receipts=False, rounds=3)
    plain.finish()
    rig.wait_quiet()
    assert worker.metric("ingest_lag_seconds") == 0
    rig.postgres.stop()
    rig.publish([("g0", b"[]")])
    published = time.monotonic()
    eventually(lambda: worker.metric("ingest_in_flight") == 1, 10)
    eventually(lambda: worker.metric("ingest_lag_seconds") > 3, 20, "it grows")
    assert worker.metric("ingest_lag_seconds") <= time.monotonic() - published + 1
    rig.publish([("g1", b"[]")])
    assert worker.metric("ingest_lag_seconds") > 3  # the oldest one's
    (told,) = eventually(lambda: worker.said("trouble"), 20, "one line says so")
    assert told["kind"] == "database"
    assert told["why"]
    assert told["to_do"]
    rig.postgres.start()
    eventually(lambda: worker.metric("ingest_lag_seconds") == 0, 30, "nothing waits")
    (over,) = eventually(lambda: worker.said("trouble_over"), 10, "one line says that it is over")
    assert over["since"] == told["since"]
    assert over["lasted_s"] >= 3
    assert worker.log.read_text("utf-8").count('"batch not written"') < 10
    assert worker.metric("ingest_lag_seconds") == 0


@pytest.mark.parametrize("how", ["backend terminated", "backend killed", "postmaster killed"])
def test_row_10_database_killed(rig: Rig, how: str) -> None:
    rig.worker()
    kept = rig.gateways(131, receipts=True, only=["g0", "g1"])
    plain = rig.gateways(132, receipts=False, only=["g2", "g3"])
    rig.wait_stored(100)
    if how == "backend terminated":
        for _ in range(5):
            rig.ask(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE application_name LIKE 'ingest-1%%' AND datname = current_database()"
            )
            time.sleep(0.3)
    elif how == "backend killed":
        os.kill(_backend(rig), signal.SIGKILL)  # the postmaster restarts every one of them
        time.sleep(1)
    else:
        rig.postgres.kill()
        time.sleep(0.5)
        rig.postgres.start()
    eventually(lambda: _answers(rig), 30)
    stored = rig.stored
    rig.wait_stored(stored + 100)
    logs = kept.finish(), plain.finish()
    rig.wait_quiet()
    assert rig.check(*logs).lost == 0


@pytest.mark.parametrize(
    "fails", ["first ends", "second is begun", "both", "worker", "another wrote the row"]
)
def test_row_10_killed_with_two_batches_under_way(make_rig: MakeRig, fails: str) -> None:
    """One waits for a row, the next is written beside it: neither is lost, nor stored twice."""
    rig = make_rig(instruments=60)
    worker = rig.worker(batch_messages=40, batch_age="2s")
    # A process begins with little in a transaction.
    first = rig.gateways(133, receipts=False, rounds=60, rounds_per_s=200, spoil=False)
    known = first.finish()
    rig.wait_stored(60 * 240)
    later = recently(DAY_US)
    with psycopg.connect(rig.url) as holding:
        holding.execute(
            "SELECT FROM instrument_status JOIN instrument USING (instrument_key)"
            " WHERE instrument_id = 'g0-i7' FOR UPDATE OF instrument_status"
        )
        plain = rig.gateways(
            134, receipts=False, rounds=60, rounds_per_s=200, spoil=False, start_us=later
        )
        log = plain.finish()
        waits, begun = eventually(lambda: _under_way(rig), 20, "two transactions")
        ended = {"first ends": [waits], "second is begun": [begun], "both": [waits, begun]}
        if fails == "worker":
            worker.kill()
        for pid in ended.get(fails, ()):
            assert rig.ask("SELECT pg_terminate_backend(%s)", pid)
        if fails == "another wrote the row":
            holding.execute(
                "UPDATE instrument_status s SET version = version + 1 FROM instrument i"
                " WHERE i.instrument_key = s.instrument_key AND i.instrument_id = 'g0-i7'"
            )
            holding.commit()
        holding.rollback()
    if fails == "worker":
        worker.start()
    rig.wait_quiet()
    assert rig.check(known, log).lost == 0
    assert rig.stored == 120 * 240


@pytest.mark.parametrize("how", ["backend frozen", "network swallows"])
def test_row_11_database_hangs(rig: Rig, how: str) -> None:
    worker = rig.worker(database_timeout="1s")
    kept = rig.gateways(141, receipts=True, only=["g0", "g1"])
    plain = rig.gateways(142, receipts=False, only=["g2", "g3"])
    rig.wait_stored(100)
    if how == "backend frozen":
        backend = _backend(rig)
        os.kill(backend, signal.SIGSTOP)
        try:
            eventually(lambda: worker.said("query_watchdog"), 10, "given up")
        finally:
            os.kill(backend, signal.SIGCONT)
    else:
        rig.database_proxy.mode = Mode.BLACK_HOLE
        eventually(lambda: worker.said("query_watchdog"), 10, "given up")
        rig.database_proxy.mode = Mode.PASS
    stored = rig.stored
    rig.wait_stored(stored + 100)
    logs = kept.finish(), plain.finish()
    rig.wait_quiet()
    assert rig.check(*logs).lost == 0


def test_row_12_answer_to_commit_lost(rig: Rig) -> None:
    worker = rig.worker()
    kept = rig.gateways(151, receipts=True, only=["g0", "g1"])
    plain = rig.gateways(152, receipts=False, only=["g2", "g3"])
    for turn in range(1, 4):
        rig.wait_stored(100 * turn)
        rig.database_proxy.on_commit = lambda: None
        eventually(lambda turn=turn: rig.database_proxy.commits_swallowed == turn, 10)
    logs = kept.finish(), plain.finish()
    rig.wait_quiet()
    found = rig.check(*logs)
    assert found.lost == 0
    assert worker.metric("ingest_heartbeats_duplicate_total") > 0


def _fill(filler: Path) -> None:
    """Writes until nothing more fits; the database writes meanwhile, so how much is not known."""
    with (
        filler.open("wb", buffering=0) as file,
        pytest.raises(OSError, match="No space left"),
    ):
        deque(map(file.write, repeat(b"\0" * 4_096)), maxlen=0)


def test_row_13_disk_full(rig: Rig) -> None:
    with _small_disk(rig) as disk:
        worker = rig.worker()
        kept = rig.gateways(161, receipts=True, only=["g0", "g1"])
        plain = rig.gateways(162, receipts=False, only=["g2", "g3"], rounds_per_s=40)
        rig.wait_stored(100)
        filler = disk / "filler"
        _fill(filler)
        eventually(lambda: "could not extend" in worker.log.read_text(), 30, "53100 is met")
        time.sleep(1)
        filler.unlink()
        logs = kept.finish(), plain.finish()
        rig.wait_quiet()
        found = rig.check(*logs)
        assert found.lost == found.dead == 0


def test_row_13_read_only(rig: Rig) -> None:
    worker = rig.worker()
    plain = rig.gateways(163, receipts=False)
    rig.wait_stored(100)
    name = sql.Identifier(urlsplit(rig.url).path[1:])
    with psycopg.connect(rig.postgres.url_of("postgres"), autocommit=True) as connection:
        alter = sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = {}")
        connection.execute(alter.format(name, sql.Literal("on")))
        rig.ask(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name LIKE 'ingest-1%%' AND datname = current_database()"
        )
        eventually(lambda: "read-only" in worker.log.read_text(), 10, "25006 is met")
        time.sleep(1)
        connection.execute(alter.format(name, sql.Literal("off")))
    log = plain.finish()
    rig.wait_quiet()
    found = rig.check(log)
    assert found.lost == found.dead == 0


def test_row_13_locked_by_another(rig: Rig) -> None:
    worker = rig.worker(database_timeout="500ms")
    plain = rig.gateways(164, receipts=False)
    rig.wait_stored(100)
    with rig.locked():
        eventually(lambda: worker.said("write_retry"), 10, "57014 is met")
        time.sleep(2)
    log = plain.finish()
    rig.wait_quiet()
    found = rig.check(log)
    assert found.lost == found.dead == 0


def test_row_13_deadlock(rig: Rig) -> None:
    worker = rig.worker()
    plain = rig.gateways(165, receipts=False)
    rig.wait_stored(100)
    lock = (
        "SELECT FROM instrument_status"
        " WHERE instrument_key = (SELECT {}(instrument_key) FROM instrument) FOR UPDATE"
    )
    for _ in range(5):
        with psycopg.connect(rig.url) as other:
            other.execute("SET deadlock_timeout = '20s'")  # the other one is the victim
            other.execute(lock.format("max"))
            eventually(
                lambda: rig.ask("SELECT count(*) FROM pg_locks WHERE NOT granted"),
                10,
                "ingest waits",
                every=0.005,
            )
            other.execute(lock.format("min"))
            other.rollback()
        if "deadlock detected" in worker.log.read_text():
            break
    assert "deadlock detected" in worker.log.read_text()
    log = plain.finish()
    rig.wait_quiet()
    found = rig.check(log)
    assert found.lost == found.dead == 0


def test_row_14_one_row_refused(rig: Rig) -> None:
    """What only PostgreSQL refuses is found among hundreds and set aside alone."""
    with psycopg.connect(rig.url) as connection:
        connection.execute("ALTER TABLE heartbeat ADD CONSTRAINT odd CHECK (power_w <> 666)")
    worker = rig.worker()
    start = recently(3_600_000_000)
    beats = [
        {
            "instrument_id": iid,
            "ts": start // 1_000 + 60_000 * n,
            "state": "running",
            "seq": n,
            "power_w": 666 if (iid, n) == ("g0-i3", 7) else 100,
        }
        for n in range(30)
        for iid in rig.fleet["g0"]
    ]
    batch = {"batch_id": "odd one in", "heartbeats": beats}
    rig.publish([("g0", json.dumps(batch).encode())])
    eventually(lambda: rig.receipts, 15, "a receipt")
    receipt = rig.receipts[0]
    place = next(n for n, beat in enumerate(beats) if beat["power_w"] == 666)
    assert (receipt["stored"], receipt["rejected"]) == (299, 1)
    assert receipt["errors"] == [{"index": place, "reason": "malformed"}]
    assert rig.stored == 299
    assert rig.ask("SELECT count(*) FROM dead_letter") == 1
    assert "the database refuses it" in rig.ask("SELECT detail FROM dead_letter")
    assert worker.metric("ingest_rows_quarantined_total") == 1


def test_row_14_all_rows_refused(rig: Rig) -> None:
    """More than one in a hundred is our own fault: nothing is acknowledged, nothing set aside."""
    # Batches of hundreds: of a handful, however many were refused, the share would say nothing.
    worker = rig.worker(batch_age="1s")
    plain = rig.gateways(171, receipts=False)
    rig.wait_stored(100)
    with psycopg.connect(rig.url) as connection:
        connection.execute(
            "ALTER TABLE heartbeat ADD CONSTRAINT wrong CHECK (seq IS NULL) NOT VALID"
        )
    eventually(lambda: worker.metric("ingest_halted") == 1, 20, "halted", more=worker.tail)
    time.sleep(1)
    assert rig.ask("SELECT count(*) FROM dead_letter") == 0
    assert worker.metric("ingest_in_flight") > 0
    # Between two tries: mended amid one, the few that it had refused by then are set aside.
    rests = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ingest-1'"
        " AND state = 'idle' AND state_change < clock_timestamp() - interval '0.2 s'"
    )
    with psycopg.connect(rig.url) as connection:
        eventually(lambda: rig.ask(rests), 20, "a pause", more=worker.tail)
        connection.execute("ALTER TABLE heartbeat DROP CONSTRAINT wrong")
    eventually(lambda: worker.metric("ingest_halted") == 0, 20, "goes on")
    log = plain.finish()
    rig.wait_quiet()
    found = rig.check(log)
    assert found.lost == found.dead == 0


def test_row_14_somebody_wrote_beside_us(rig: Rig) -> None:
    """23505 is a race: the row is looked up and found to be a duplicate."""
    worker = rig.worker()
    start = recently(3_600_000_000)
    beat = {"instrument_id": "g0-i0", "ts": start // 1_000, "state": "idle"}
    with psycopg.connect(rig.url) as connection:
        connection.execute(
            "INSERT INTO heartbeat (instrument_key, flags, state, ts, received_at, gateway_key)"
            " SELECT instrument_key, 1, 1, to_timestamp(%s), now(), gateway_key"
            " FROM instrument, gateway WHERE instrument_id = 'g0-i0' AND gateway_id = 'g0'",
            [start // 1_000_000],
        )
    rig.publish([("g0", json.dumps({"batch_id": "race", "heartbeats": [beat]}).encode())])
    eventually(lambda: rig.receipts, 15, "a receipt", more=worker.tail)
    assert rig.receipts[0]["duplicates"] == 1
    assert worker.metrics()['jishi_ingest_write_retries_total{kind="look_up"}'] == 1
    assert rig.ask("SELECT count(*) FROM dead_letter") == 0


@pytest.mark.parametrize("fault", ["cut", "half_open", "refuse", "latency"])
def test_row_20_between_ingest_and_database(rig: Rig, fault: str) -> None:
    rig.worker(database_timeout="30s" if fault == "latency" else "1s")
    kept = rig.gateways(181, receipts=True, only=["g0", "g1"])
    plain = rig.gateways(182, receipts=False, only=["g2", "g3"])
    rig.wait_stored(100)
    proxy = rig.database_proxy
    if fault == "cut":
        for _ in range(5):
            proxy.cut()
            time.sleep(0.4)
    elif fault == "half_open":
        proxy.half_open()
    elif fault == "refuse":
        proxy.mode = Mode.REFUSE
        proxy.cut()
        time.sleep(2)
        proxy.mode = Mode.PASS
    else:
        proxy.delay = 0.02
    stored = rig.stored
    rig.wait_stored(stored + 100)
    proxy.delay = 0
    logs = kept.finish(), plain.finish()
    rig.wait_quiet()
    assert rig.check(*logs).lost == 0


# -- the means ---------------------------------------------------------------------------------


def _answers(rig: Rig) -> bool:
    try:
        return bool(rig.ask("SELECT true"))
    except psycopg.Error:
        return False


def _under_way(rig: Rig) -> tuple[int, int] | None:
    """The worker's backend that waits for a row, and the one whose heartbeats are written."""
    found = rig.ask(
        "SELECT array_agg(pid ORDER BY wait_event_type = 'Lock' DESC) FROM pg_stat_activity"
        " WHERE application_name = 'ingest-1' AND datname = current_database()"
        " AND (wait_event_type = 'Lock' OR state = 'idle in transaction')"
        " AND xact_start < clock_timestamp() - interval '0.3 s'"
    )
    return tuple(found) if found is not None and len(found) == 2 else None


def _backend(rig: Rig) -> int:
    return int(
        rig.ask(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'ingest-1'"
            " AND datname = current_database()"
        )
    )


@contextmanager
def _small_disk(rig: Rig) -> Iterator[Path]:
    """The heartbeats' chunks on a file system of their own that can really be full."""
    if os.geteuid() != 0:
        lacking(Part.ROOT, "mounting a small file system takes it")
    with ExitStack() as cleanup:
        place = Path(tempfile.mkdtemp(prefix="jishi-disk-"))
        cleanup.callback(place.rmdir)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=4m,mode=755", "jishi", place], capture_output=True
        )
        if done.returncode:
            lacking(Part.ROOT, f"no tmpfs: {done.stderr.decode().strip()}")
        cleanup.callback(subprocess.run, ["umount", "--lazy", place])
        account = server_account()
        folder = place / "space"
        folder.mkdir()
        os.chown(folder, account.uid, account.gid)
        name = f"small_{os.getpid()}"
        with psycopg.connect(rig.url, autocommit=True) as connection:
            connection.execute(f"CREATE TABLESPACE {name} LOCATION '{folder}'")
            connection.execute(f"SELECT attach_tablespace('{name}', 'heartbeat')")
        yield place
        for worker in rig.workers:
            worker.kill()
        with psycopg.connect(rig.url, autocommit=True) as connection:
            connection.execute("DROP TABLE heartbeat CASCADE")
            connection.execute(f"DROP TABLESPACE {name}")
