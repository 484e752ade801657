"""Row 22 once more: workers that share the gateways out by the registry, and change in number."""

import json
import os
import signal
import urllib.error
import urllib.request

import psycopg
import pytest

from models.share import share_of
from tests.faults.conftest import MakeRig
from tests.faults.rig import Rig, register
from tests.faults.worker import Worker, eventually
from tests.ports import free_port

OPEN = (
    "SELECT worker, gateways FROM collector_listening"
    " WHERE NOT closed AND ends_at > clock_timestamp() - interval '3 seconds'"
)


def listening(rig: Rig) -> dict[str, set[str] | None]:
    """For whom each worker says that it listens; ``None``: for all."""
    with psycopg.connect(rig.url) as connection:
        rows = connection.execute(OPEN).fetchall()
    return {worker: None if names is None else set(names) for worker, names in rows}


def shares(rig: Rig, workers: int) -> dict[str, set[str]]:
    """What each of ``workers`` should listen for."""
    found: dict[str, set[str]] = {}
    for gateway in rig.fleet:
        found.setdefault(f"ingest-{share_of(gateway, workers) + 1}", set()).add(gateway)
    return found


def wait_shared(rig: Rig, workers: int) -> None:
    eventually(
        lambda: listening(rig) == shares(rig, workers),
        30,
        f"{shares(rig, workers)} are listened for",
        more=lambda: listening(rig),
    )


def again(worker: Worker, share: str) -> None:
    """Starts a worker anew with another share."""
    worker.stop()
    worker.settings["ingest_worker"] = share
    worker.start()


def arrivals(rig: Rig) -> float:
    """Heartbeats that came to any worker."""
    return sum(
        worker.metric("ingest_heartbeats_stored_total")
        + worker.metric("ingest_heartbeats_duplicate_total")
        for worker in rig.workers
        if worker.running
    )


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    """Ten gateways of three instruments: each of three workers gets some."""
    rig = make_rig(gateways=10, instruments=3)
    assert len(shares(rig, 3)) == 3
    return rig


def test_row_22_shares_follow_the_registry_and_one_dies(rig: Rig) -> None:
    first = rig.worker(0, ingest_worker="1/2")
    rig.worker(1, ingest_worker="2/2")
    wait_shared(rig, 2)
    plain = rig.gateways(661, receipts=False)
    rig.wait_stored(100)

    news = {f"g{n}": [f"g{n}-i0", f"g{n}-i1"] for n in range(10, 16)}
    register(rig.url, news)
    rig.fleet |= news
    wait_shared(rig, 2)
    added = rig.gateways(662, receipts=False, only=list(news))
    first.kill()
    eventually(lambda: len(listening(rig)) == 1, 10, "its record ends with it")
    first.start()
    wait_shared(rig, 2)
    logs = plain.finish(), added.finish()
    rig.wait_quiet()
    assert rig.check(*logs).lost == 0


def test_row_22_the_number_of_workers_changes(rig: Rig) -> None:
    """From one for all to two, to three, and back: gateways without receipts lose nothing."""
    first = rig.worker(0)
    plain = rig.gateways(663, receipts=False, rounds_per_s=5)
    rig.wait_stored(50)
    again(first, "1/2")
    second = rig.worker(1, ingest_worker="2/2")
    wait_shared(rig, 2)
    again(first, "1/3")
    again(second, "2/3")
    third = rig.worker(2, ingest_worker="3/3")
    wait_shared(rig, 3)
    rig.wait_stored(rig.stored + 50)

    again(first, "1/2")
    again(second, "2/2")
    again(third, "3/2")
    wait_shared(rig, 2)
    log = plain.finish()
    rig.wait_quiet()
    third.stop()
    assert rig.check(log).lost == 0
    # Everybody has given up what is another's: what comes now comes once.
    eventually(lambda: _once(rig), 20, "each message comes to one worker")


def _once(rig: Rig) -> bool:
    before = arrivals(rig)
    log = rig.gateways(664, receipts=True, rounds=1, spoil=False).finish()
    rig.wait_quiet()
    return arrivals(rig) - before == log.heartbeats


def test_row_22_a_worker_without_delivery_takes_no_share(rig: Rig) -> None:
    """Its broker grants it every subscription; the other one gives nothing up for it."""
    first = rig.worker(0)
    plain = rig.gateways(665, receipts=False)
    rig.wait_stored(50)
    again(first, "1/2")
    rule = f"user {rig.broker.ingest_account(1).username}\n"
    acl = rig.broker.data_directory / "acl"
    whole = acl.read_text("utf-8")
    acl.write_text(whole.replace(rule, "user nobody\n"))
    os.kill(rig.broker.pid, signal.SIGHUP)
    port = free_port()
    second = rig.worker(1, start=False, ingest_worker="2/2", metrics_port=port)
    second.start(wait=False)
    second.metrics_url = f"http://127.0.0.1:{port}/metrics"
    told = eventually(lambda: second.said("trouble", kind="delivery"), 30, "it says so")
    assert "read instruments/v1/+/heartbeat" in told[0]["why"]
    assert told[0]["to_do"]
    with pytest.raises(urllib.error.HTTPError, match="503") as refusal:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=60)
    with refusal.value as answer:
        state = json.load(answer)
    assert (state["ready"], state["listening"], state["worker"]) == (False, False, "ingest-2")
    assert [trouble["kind"] for trouble in state["troubles"]] == ["delivery"]
    assert second.metric("ingest_broker_connected") == 1
    assert second.metric("ingest_delivering") == 0
    assert second.metric('ingest_trouble{kind="delivery"}') == 1
    # The first one still gets everything: it gave nothing up.
    assert set(listening(rig)) == {"ingest-1"}
    log = plain.finish()
    rig.wait_quiet()
    assert rig.check(log).lost == 0

    acl.write_text(whole)
    os.kill(rig.broker.pid, signal.SIGHUP)
    wait_shared(rig, 2)
    eventually(lambda: second.said("trouble_over", kind="delivery"), 10, "and that it is over")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=60) as answer:
        assert json.load(answer)["ready"]
    after = rig.gateways(666, receipts=False, rounds=5)
    logs = log, after.finish()
    rig.wait_quiet()
    assert rig.check(*logs).lost == 0
