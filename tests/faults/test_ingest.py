"""Rows 1 to 4, 21 and 22: the ingest process itself dies, freezes, or there are two of it."""

import random
import time
from pathlib import Path

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.faults.rig import Rig
from tests.faults.worker import eventually

#: Its network thread ends without a word at the first message of gateway g3.
MUTE = """
import sys
from ingest.mqtt import packets
from ingest.mqtt import paho_reader
from ingest.mqtt.reader import Delivery
from ingest.service import main
def mute(topic, *rest):
    if "/g3/" in topic:
        raise SystemExit
    return Delivery(topic, *rest)
packets.Delivery = paho_reader.Delivery = mute
sys.exit(main())
"""


def test_nothing_happens(rig: Rig) -> None:
    """The rig and its checker agree with the service where no fault is injected."""
    rig.worker()
    kept = rig.gateways(1, receipts=True, only=["g0", "g1"])
    plain = rig.gateways(2, receipts=False, only=["g2"])
    single = rig.gateways(3, receipts=False, single=True, only=["g3"])
    rig.wait_stored(1_000)
    logs = [g.finish() for g in (kept, plain, single)]
    rig.wait_quiet()
    found = rig.check(*logs)
    assert found.lost == found.dead == 0
    assert found.receipted == sum(map(len, logs[0].attempted.values()))


def test_row_01_killed_mid_batch(rig: Rig) -> None:
    dice = random.Random(1)
    worker = rig.worker()
    kept = rig.gateways(11, receipts=True, only=["g0", "g1"])
    plain = rig.gateways(12, receipts=False, only=["g2", "g3"])
    for _ in range(4):
        time.sleep(dice.uniform(0.05, 0.8))
        worker.kill()
        worker.start()
    rig.wait_in_flight(worker, 0)
    logs = kept.finish(), plain.finish()
    rig.wait_quiet()
    assert rig.check(*logs).lost == 0


def test_row_02_killed_between_commit_and_puback(rig: Rig) -> None:
    worker = rig.worker()
    kept = rig.gateways(21, receipts=True, only=["g0", "g1"])
    plain = rig.gateways(22, receipts=False, only=["g2", "g3"])
    for turn in range(2):
        rig.wait_stored(200 * (turn + 1))
        rig.database_proxy.on_commit = worker.kill
        eventually(lambda: not worker.running, 10, "killed at its COMMIT")
        worker.start()
        # What it had committed and not acknowledged comes again and changes nothing.
        eventually(lambda: worker.metric("ingest_heartbeats_duplicate_total") > 0, 10, "duplicates")
    assert rig.database_proxy.commits_swallowed == 2
    logs = kept.finish(), plain.finish()
    rig.wait_quiet()
    assert rig.check(*logs).lost == 0


def test_row_02_what_says_no_time_comes_again_and_is_one_heartbeat(rig: Rig) -> None:
    """A device's message that its receipt dates: the second receipt is not a second heartbeat."""
    source = {"mapping": "shelly-gen1", "device": "plug", "channel": "relay/0"}
    with psycopg.connect(rig.url) as connection:
        connection.execute(
            "UPDATE instrument_version SET source = %s FROM instrument i"
            " WHERE i.instrument_key = instrument_version.instrument_key"
            " AND i.instrument_id = 'g0-i0'",
            (Jsonb(source),),
        )
    worker = rig.worker()
    # The same payload again and again is as many messages all the same.
    said = [number // 5 for number in range(150)]
    rig.database_proxy.on_commit = worker.kill
    rig.publish(
        [("g0", b"%d" % power) for power in said], below="native/shellies/plug/relay/0/power"
    )
    eventually(lambda: not worker.running, 10, "killed at its COMMIT")
    assert rig.stored > 0, "nothing was committed that comes again"
    worker.start()
    rig.wait_quiet()
    assert rig.ask("SELECT array_agg(power_w::int ORDER BY ts) FROM heartbeat") == said


def test_row_03_terminated_under_load(rig: Rig) -> None:
    worker = rig.worker(drain_deadline="5s")
    kept = rig.gateways(31, receipts=True, only=["g0", "g1"])
    plain = rig.gateways(32, receipts=False, only=["g2", "g3"], rounds_per_s=30)
    rig.wait_stored(300)
    began = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - began < 8
    assert worker.said("stop", event="stopped", drained=True)
    # All that was received was written and acknowledged: the broker has nothing to repeat.
    worker.start()
    eventually(lambda: worker.metric("ingest_messages_total") > 0, 10)
    logs = kept.finish(), plain.finish()
    rig.wait_quiet()
    assert rig.check(*logs).lost == 0


def test_row_03_second_signal_quits(rig: Rig) -> None:
    worker = rig.worker()
    plain = rig.gateways(33, receipts=False)
    rig.wait_stored(100)
    with rig.locked():
        rig.wait_in_flight(worker)
        worker.process.terminate()
        eventually(lambda: worker.said("stop", event="draining"), 5)
        worker.process.terminate()
        assert worker.wait(2) == 130
    worker.start()
    log = plain.finish()
    rig.wait_quiet()
    assert rig.check(log).lost == 0


def test_row_03_terminated_without_a_database(rig: Rig) -> None:
    """The drain has an end also where nothing can be written."""
    worker = rig.worker(drain_deadline="2s")
    plain = rig.gateways(34, receipts=False)
    rig.wait_stored(100)
    with rig.locked():
        rig.wait_in_flight(worker)
        assert worker.stop(within=6) == 0
    worker.start()
    log = plain.finish()
    rig.wait_quiet()
    assert rig.check(log).lost == 0


def test_row_04_frozen_past_keep_alive(rig: Rig) -> None:
    worker = rig.worker(mqtt_keep_alive="2s")
    kept = rig.gateways(41, receipts=True, only=["g0", "g1"])
    plain = rig.gateways(42, receipts=False, only=["g2", "g3"])
    rig.wait_stored(100)
    with rig.locked():
        rig.wait_in_flight(worker)
        worker.freeze()
        broker_log: Path = rig.broker.log
        eventually(lambda: "exceeded timeout" in broker_log.read_text(), 20, "broker gave it up")
        worker.thaw()
        time.sleep(0.2)
    eventually(lambda: worker.metric("ingest_stale_acks_total") > 0, 10, "stale acks dropped")
    logs = kept.finish(), plain.finish()
    rig.wait_quiet()
    assert rig.check(*logs).lost == 0


def test_row_21_network_thread_dies(rig: Rig) -> None:
    # Only paho's thread can be ended from a callback; the fast reader outlives even that.
    worker = rig.worker(command=("-c", MUTE), mqtt_reader="paho")
    plain = rig.gateways(51, receipts=False, only=["g0", "g3"])
    assert worker.wait(15) == 3
    assert worker.said("watchdog", why="the network thread is dead or stuck")
    successor = rig.worker()
    log = plain.finish()
    rig.wait_quiet()
    assert rig.check(log).lost == 0
    assert successor.running


def test_row_22_two_workers_with_overlapping_filters(rig: Rig) -> None:
    first, second = rig.worker(0), rig.worker(1)
    kept = rig.gateways(61, receipts=True, only=["g0", "g1"])
    plain = rig.gateways(62, receipts=False, only=["g2", "g3"])
    rig.wait_stored(400)
    first.kill()
    time.sleep(0.3)
    first.start()
    logs = kept.finish(), plain.finish()
    rig.wait_quiet()
    assert rig.check(*logs).lost == 0
    assert second.metric("ingest_heartbeats_duplicate_total") > 0


def test_row_22_disjoint_workers_one_dies(rig: Rig) -> None:
    first = rig.worker(0, gateways="g0,g1")
    second = rig.worker(1, gateways="g2, g3")
    plain = rig.gateways(63, receipts=False)
    rig.wait_stored(200)
    second.kill()
    before = rig.ask(
        "SELECT count(*) FROM heartbeat JOIN instrument USING (instrument_key)"
        " WHERE instrument_id LIKE 'g0%%'"
    )
    eventually(
        lambda: (
            rig.ask(
                "SELECT count(*) FROM heartbeat JOIN instrument USING (instrument_key)"
                " WHERE instrument_id LIKE 'g0%%'"
            )
            > before
        ),
        10,
        "the other worker's gateways go on",
    )
    second.start()
    log = plain.finish()
    rig.wait_quiet()
    assert rig.check(log).lost == 0
    assert first.metric("ingest_heartbeats_duplicate_total") < plain.log.heartbeats


@pytest.mark.parametrize("seed", [pytest.param(64, id="seed 64")])
def test_row_22_shared_subscription_one_dies(rig: Rig, seed: int) -> None:
    """Mosquitto keeps what a dead member was given until it is back; nothing is lost."""
    first = rig.worker(0, share_group="ingest")
    rig.worker(1, share_group="ingest")
    plain = rig.gateways(seed, receipts=False)
    rig.wait_stored(200)
    first.kill()
    time.sleep(0.5)
    first.start()
    log = plain.finish()
    rig.wait_quiet()
    assert rig.check(log).lost == 0
