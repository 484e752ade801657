"""Rows 5 to 8, and 20 at the broker's side: the broker stops, dies, forgets, or is far away."""

import time

import pytest

from tests.faults.conftest import MakeRig
from tests.faults.proxy import Mode
from tests.faults.rig import Rig
from tests.faults.worker import eventually


def test_row_05_broker_restarted(rig: Rig) -> None:
    worker = rig.worker()
    kept = rig.gateways(71, receipts=True, only=["g0", "g1"])
    plain = rig.gateways(72, receipts=False, only=["g2", "g3"])
    rig.wait_stored(100)
    rig.broker.restart()
    stored = rig.stored
    rig.wait_stored(stored + 100)
    # Also what waits while we are away, and a broker that is away when we start.
    worker.kill()
    time.sleep(1)
    rig.broker.stop()
    worker.start(wait=False)
    time.sleep(1)
    rig.broker.start()
    worker.wait_ready()
    logs = kept.finish(), plain.finish()
    rig.wait_quiet()
    assert rig.check(*logs).lost == 0


def test_row_06_broker_killed_under_load(rig: Rig) -> None:
    """Its memory is lost: gateways with receipts send again, the others lose something."""
    worker = rig.worker(mqtt_window=20)
    kept = rig.gateways(81, receipts=True, only=["g0", "g1"])
    plain = rig.gateways(82, receipts=False, single=True, only=["g2", "g3"])
    rig.wait_stored(200)
    with rig.locked():
        rig.wait_in_flight(worker, 20)
        time.sleep(1)  # the broker has acknowledged more than it can hand over
        rig.broker.kill()
    rig.broker.start()
    stored = rig.stored
    rig.wait_stored(stored + 200)
    sure, log = kept.finish(), plain.finish()
    rig.wait_quiet()
    found = rig.check(sure, plain=[log])
    assert found.receipted == sure.heartbeats
    assert found.lost > 0, "the fault was too mild to show the difference"


def test_row_07_session_lost_then_late_acks(rig: Rig) -> None:
    worker = rig.worker(mqtt_window=20)
    kept = rig.gateways(91, receipts=True)
    rig.wait_stored(100)
    with rig.locked():
        rig.wait_in_flight(worker, 20)
        rig.broker.kill()
        rig.broker.start()
        # New messages now carry the packet ids of those that wait for the database.
        eventually(lambda: len(worker.said("mqtt_connect", session_present=False)) == 2, 15)
        rig.wait_in_flight(worker, 20)
    eventually(lambda: worker.metric("ingest_stale_acks_total") > 0, 10, "stale acks dropped")
    log = kept.finish()
    rig.wait_quiet()
    found = rig.check(log)
    assert found.receipted == found.stored == found.attempted


def test_row_08_broker_queue_full(make_rig: MakeRig) -> None:
    rig = make_rig(broker={"max_queued_messages": 50})
    worker = rig.worker(mqtt_window=20)
    kept = rig.gateways(101, receipts=True, only=["g0", "g1"])
    plain = rig.gateways(102, receipts=False, single=True, only=["g2", "g3"])
    rig.wait_stored(200)
    eventually(lambda: "jishi_broker_messages_dropped" in worker.metrics(), 10)
    with rig.locked():
        eventually(lambda: worker.metric("broker_messages_dropped") > 0, 20, "the broker says so")
    eventually(lambda: worker.said("broker_dropped"), 5, "an alarm in the log")
    # Who asks for no receipt goes on at full rate until then, and keeps the queue full.
    log, sure = plain.finish(), kept.finish()
    rig.wait_quiet()
    found = rig.check(sure, plain=[log])
    assert found.lost > 0
    assert found.receipted == sure.heartbeats


@pytest.mark.parametrize("fault", ["cut", "half_open", "black_hole", "latency"])
def test_row_20_between_ingest_and_broker(rig: Rig, fault: str) -> None:
    worker = rig.worker(mqtt_keep_alive="2s")
    kept = rig.gateways(111, receipts=True, only=["g0", "g1"])
    plain = rig.gateways(112, receipts=False, only=["g2", "g3"])
    rig.wait_stored(100)
    proxy = rig.broker_proxy
    if fault == "cut":
        for _ in range(3):
            proxy.cut()
            time.sleep(0.7)
    elif fault == "half_open":
        proxy.half_open()
    elif fault == "black_hole":
        proxy.mode = Mode.BLACK_HOLE
        eventually(lambda: worker.metric("ingest_broker_connected") == 0, 15, "noticed")
        proxy.mode = Mode.PASS
    else:
        proxy.delay = 0.3
    stored = rig.stored
    rig.wait_stored(stored + 100)
    proxy.delay = 0
    logs = kept.finish(), plain.finish()
    rig.wait_quiet()
    assert rig.check(*logs).lost == 0
