"""The long forms: a hundred kills, outages of minutes, half an hour of random faults.

Skipped unless JISHI_SLOW=1. Their size comes from the environment: JISHI_FAULT_KILLS (100),
JISHI_FAULT_KILL_RATE (that of the others; a busy machine may not carry it between two kills),
JISHI_FAULT_OUTAGE_S (600), JISHI_FAULT_SOAK_S (1800), JISHI_FAULT_RATE (2000 heartbeats/s),
JISHI_FAULT_SEED (1); which reader from JISHI_MQTT_READER (fast). Figures are printed as they
come, also when all is well.
"""

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

import psycopg
import pytest

from tests.faults.conftest import MakeRig
from tests.faults.memory import MemoryRecord, memory_mb, peak_memory_mb
from tests.faults.rig import DAY_US, Rig, recently
from tests.faults.worker import Worker, eventually

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("JISHI_FAULT_KILLS", "100"))
OUTAGE_S = float(os.environ.get("JISHI_FAULT_OUTAGE_S", "600"))
SOAK_S = float(os.environ.get("JISHI_FAULT_SOAK_S", "1800"))
RATE = int(os.environ.get("JISHI_FAULT_RATE", "2000"))
KILL_RATE = int(os.environ.get("JISHI_FAULT_KILL_RATE", str(RATE)))
SEED = int(os.environ.get("JISHI_FAULT_SEED", "1"))

ROUNDS_PER_S = 5.0


Say: TypeAlias = Callable[[str], None]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Prints past pytest's capture: the figures are the point, also when all is well."""

    def line(text: str) -> None:
        with capsys.disabled():
            print(text, flush=True)

    return line


@pytest.fixture
def city(make_rig: MakeRig) -> Rig:
    """Twenty gateways that together send the rate in five rounds a second."""
    return make_rig(gateways=20, instruments=round(RATE / ROUNDS_PER_S / 20))


def half(rig: Rig, first: bool) -> list[str]:
    names = list(rig.fleet)
    return names[: len(names) // 2] if first else names[len(names) // 2 :]


def test_row_01_many_kills(make_rig: MakeRig, say: Say) -> None:
    dice = random.Random(SEED)
    city = make_rig(gateways=20, instruments=round(KILL_RATE / ROUNDS_PER_S / 20))
    worker = city.worker()
    more = {"rounds_per_s": ROUNDS_PER_S, "start_us": recently(10 * DAY_US), "window": 2_000}
    kept = city.gateways(1_001, receipts=True, only=half(city, True), **more)
    plain = city.gateways(1_002, receipts=False, only=half(city, False), **more)
    began = time.monotonic()
    for number in range(1, KILLS + 1):
        time.sleep(dice.uniform(0.02, 1.5))
        worker.kill()
        worker.start()
        if number % 10 == 0:
            say(f"{time.monotonic() - began:5.0f} s  {number:3} kills, {city.stored} stored")
    logs = kept.finish(120), plain.finish(120)
    city.wait_quiet(120)
    found = city.check(*logs)
    lasted = time.monotonic() - began
    say(f"{KILLS} kills in {lasted:.0f} s at {KILL_RATE} heartbeats/s, seed {SEED}")
    say(f"  {found}")
    assert found.lost == found.dead == 0


def test_row_06_broker_killed_measured(city: Rig, say: Say) -> None:
    """What gateways without receipts lose when the broker is killed under load."""
    worker = city.worker()
    more = {"rounds_per_s": ROUNDS_PER_S, "spoil": False}
    kept = city.gateways(1_061, receipts=True, only=half(city, True), **more)
    plain = city.gateways(1_062, receipts=False, single=True, only=half(city, False), **more)
    time.sleep(5)
    for _ in range(3):
        city.broker.kill()
        city.broker.start()
        time.sleep(5)
    city.postgres.stop()  # now its queue is full of what it acknowledged
    time.sleep(10)
    city.broker.kill()
    city.broker.start()
    city.postgres.start()
    time.sleep(5)
    sure, log = kept.finish(120), plain.finish(120)
    city.wait_quiet(120)
    found = city.check(sure, plain=[log])
    say(
        f"broker killed 3 times under load and once after 10 s without a database: plain"
        f" publishers lost {found.lost} of {log.heartbeats}, receipted gateways 0 of"
        f" {sure.heartbeats} ({sure.resent} batches sent again)"
    )
    assert worker.running
    assert found.receipted == sure.heartbeats


def test_row_09_long_outage(city: Rig, say: Say) -> None:
    worker = city.worker()
    more = {"rounds_per_s": ROUNDS_PER_S, "start_us": recently(20 * DAY_US), "spoil": False}
    # All of it is sent, to fill the broker; true gateways stop at their window.
    kept = city.gateways(
        1_091, receipts=True, only=half(city, True), window=10**9, retry_s=3_600, **more
    )
    plain = city.gateways(1_092, receipts=False, only=half(city, False), **more)
    city.wait_stored(RATE * 3)
    say(f"\n   s  phase   ingest MB  broker MB  ({RATE} heartbeats/s)")
    began = time.monotonic()

    def sample(phase: str) -> None:
        say(
            f"{time.monotonic() - began:4.0f}  {phase:7} {memory_mb(worker.pid):9.0f}"
            f"  {memory_mb(city.broker.pid):9.0f}"
        )

    sample("before")
    steady = memory_mb(worker.pid)
    city.postgres.stop()
    step = max(OUTAGE_S / 10, 5)
    while time.monotonic() - began < OUTAGE_S:
        time.sleep(min(step, max(OUTAGE_S - (time.monotonic() - began), 0)))
        sample("away")
    most = memory_mb(worker.pid)
    city.postgres.start()
    back = time.monotonic()
    while True:
        time.sleep(2)
        sample("back")
        # Caught up: what comes is stored within two seconds, while more keeps coming.
        sent = kept.log.heartbeats + plain.log.heartbeats
        if city.stored >= sent - 2 * RATE:
            break
        assert time.monotonic() - back < max(OUTAGE_S, 120), "does not catch up"
    caught_up = time.monotonic() - back
    logs = kept.finish(180), plain.finish(180)
    city.wait_quiet(120)
    sample("end")
    found = city.check(*logs)
    say(
        f"database away for {OUTAGE_S:.0f} s at {RATE} heartbeats/s: caught up {caught_up:.0f} s"
        f" after its return; ingest {steady:.0f} MB before, {most:.0f} MB at the end of the outage,"
        f" {peak_memory_mb(worker.pid):.0f} MB at most"
    )
    say(f"  {found}")
    assert found.lost == found.dead == 0
    assert most - steady < 100


def test_soak_under_random_faults(city: Rig, say: Say) -> None:
    """Two workers with half of the gateways each, and somebody who asks the API meanwhile.

    The one worker is killed, ended and frozen; the other lives through all that befalls broker,
    database and network, so that its memory over the whole time can be looked at.
    """
    dice = random.Random(SEED)
    # Above what a busy machine needs for a batch: it is the faults' effects that are looked for.
    short = {"database_timeout": "20s", "mqtt_keep_alive": "10s", "drain_deadline": "5s"}
    worker = city.worker(0, gateways=",".join(half(city, True)), **short)
    steady = city.worker(1, gateways=",".join(half(city, False)), **short)
    kept = city.gateways(
        1_900,
        receipts=True,
        rounds_per_s=ROUNDS_PER_S,
        start_us=recently(29 * DAY_US),
        window=2_000,
        retry_s=10,
    )
    span = f"from={iso(recently(30 * DAY_US))}&to={iso(recently(0))}"
    total = f"/v1/utilization?{span}"
    asker = city.asker(
        total,
        f"/v1/utilization?{span}&group_by=institution",
        f"/v1/instruments/g0-i0/utilization?{span}&bucket=day",
        "/v1/status/summary?group_by=institution",
    )
    city.wait_stored(RATE)
    memory = MemoryRecord(
        {"killed": lambda: worker.pid, "steady": lambda: steady.pid}
        | {"broker": lambda: city.broker.pid}
    )
    memory.start()
    counts: dict[str, int] = {}
    began = told = time.monotonic()
    say(f"\n   s  faults  stored   attempted  ingest MB  other  broker  ({RATE} heartbeats/s)")
    while time.monotonic() - began < SOAK_S:
        time.sleep(dice.uniform(1, 12))
        fault = dice.choice(FAULTS)
        counts[fault.__name__] = counts.get(fault.__name__, 0) + 1
        fault(city, worker, dice)
        if not worker.running:
            worker.start(wait=False)
        assert steady.running, steady.tail()
        if time.monotonic() - told > 60:
            told = time.monotonic()
            say(
                f"{told - began:4.0f} {sum(counts.values()):7} {city.stored:8}"
                f" {kept.log.heartbeats:10} {memory.now('steady'):10.0f}"
                f" {memory.now('killed'):6.0f} {memory.now('broker'):7.0f}"
            )
    lasted = time.monotonic() - began
    log = kept.finish(300)
    if not worker.metrics_url:
        worker.wait_ready(120)
    city.wait_quiet(120)
    asker.stop()
    memory.stop()
    found = city.check(log)
    status, figures = asker.ask(total)
    say(
        f"{lasted:.0f} s, seed {SEED}, {RATE} heartbeats/s, {sum(counts.values())} faults: {counts}"
        f"\n  {found}"
        f"\n  memory of the ingest that lived through it: {memory.samples['steady'][0][1]:.0f} MB"
        f" at the start, at most {memory.most('steady', until=lasted / 3):.0f},"
        f" {memory.most('steady', lasted / 3, 2 * lasted / 3):.0f} and"
        f" {memory.most('steady', 2 * lasted / 3):.0f} in the thirds of the time,"
        f" {memory.now('steady'):.0f} at the end; of the killed one {memory.most('killed'):.0f} at"
        f" most, {worker.starts} starts; broker {memory.most('broker'):.0f} at most,"
        f" {memory.now('broker'):.0f} at the end"
        f"\n  the API was asked {asker.statuses.total()} times: {dict(asker.statuses)}, slowest"
        f" {asker.slowest:.1f} s; other than 200, 503, 504: {asker.wrong or 'none'}"
    )
    assert found.attempted == found.stored
    assert found.receipted == log.heartbeats
    assert status == 200
    assert round(figures["overall"]["running_s"] * 1e6) == found.running_us
    assert not asker.wrong
    assert memory.most("steady") < 200
    # Flat: what it needed in the last third it had needed before; a short run proves nothing.
    assert SOAK_S < 600 or memory.most("steady", 2 * lasted / 3) < 1.15 * memory.most(
        "steady", 0, lasted * 2 / 3
    )


def iso(us: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(us // 1_000_000))


# -- faults of the soak ------------------------------------------------------------------------


def kill_ingest(_rig: Rig, worker: Worker, _dice: random.Random) -> None:
    worker.kill()


def end_ingest(_rig: Rig, worker: Worker, _dice: random.Random) -> None:
    worker.stop()


def freeze_ingest(_rig: Rig, worker: Worker, dice: random.Random) -> None:
    worker.freeze()
    time.sleep(dice.uniform(0.5, 10))
    worker.thaw()


def restart_broker(rig: Rig, _worker: Worker, _dice: random.Random) -> None:
    rig.broker.restart()


def kill_broker(rig: Rig, _worker: Worker, _dice: random.Random) -> None:
    rig.broker.kill()
    rig.broker.start()


def restart_database(rig: Rig, _worker: Worker, dice: random.Random) -> None:
    rig.postgres.stop()
    time.sleep(dice.uniform(0, 10))
    rig.postgres.start()


def kill_database(rig: Rig, _worker: Worker, _dice: random.Random) -> None:
    rig.postgres.kill()
    rig.postgres.start()


def end_backends(rig: Rig, _worker: Worker, _dice: random.Random) -> None:
    rig.ask(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE application_name LIKE 'ingest-%%' AND datname = current_database()"
    )


def cut_broker(rig: Rig, _worker: Worker, _dice: random.Random) -> None:
    rig.broker_proxy.cut()


def cut_database(rig: Rig, _worker: Worker, _dice: random.Random) -> None:
    rig.database_proxy.cut()


def lose_an_answer(rig: Rig, _worker: Worker, _dice: random.Random) -> None:
    rig.database_proxy.on_commit = lambda: None


def kill_at_commit(rig: Rig, worker: Worker, _dice: random.Random) -> None:
    rig.database_proxy.on_commit = lambda: worker.signal(signal.SIGKILL)
    try:
        eventually(lambda: not worker.running, 20)
    except AssertionError:
        rig.database_proxy.on_commit = None
    worker.kill()


def lock_rows(rig: Rig, _worker: Worker, dice: random.Random) -> None:
    # A stranger's rows are in no order, ingest's are: PostgreSQL may end either of the two.
    with suppress(psycopg.errors.DeadlockDetected), psycopg.connect(rig.url) as connection:
        connection.execute("SELECT FROM instrument_status LIMIT 5 FOR UPDATE")
        time.sleep(dice.uniform(0, 8))
        connection.rollback()


FAULTS: list[Callable[[Rig, Worker, random.Random], None]] = [
    kill_ingest,
    end_ingest,
    freeze_ingest,
    restart_broker,
    kill_broker,
    restart_database,
    kill_database,
    end_backends,
    cut_broker,
    cut_database,
    lose_an_answer,
    kill_at_commit,
    lock_rows,
]
