"""How fast a queued backlog drains into the database, and in how much memory.

The backlog lies at the broker, for ingest's persistent session and for the peer's, before
either starts; both drain the same messages into the same durable database. Whether the result
is exact is asked in ``exact.py``; the peers are in ``peers.py``.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass

import psycopg

from bench.exact import autopsy
from bench.publisher import make_session
from bench.rig import (
    FILTERS,
    Rig,
    connected_at,
    cpu_seconds,
    daytime_zone,
    metric,
    peak_rss_mb,
    publish,
    tree_cpu_seconds,
)

PATIENCE = 300.0  # seconds for a drain


@dataclass(frozen=True, slots=True)
class Drained:
    """One drain; rates in heartbeats per second."""

    #: From the moment that ingest was connected.
    rate: float
    #: From the start of its process, imports and registry included.
    rate_from_start: float
    rss_mb: float
    #: Microseconds of processor a message: ingest from its connection on, PostgreSQL with all
    #: that it does beside, the broker.
    ingest_cpu_us: float
    database_cpu_us: float
    broker_cpu_us: float


def queue_backlog(rig: Rig, messages: Iterable[tuple[str, bytes]], *, peer: bool) -> int:
    """Makes the sessions and publishes into them; how many messages lie there."""
    broker = rig.stack.broker
    for worker in (0, 1) if peer else (0,):
        account = broker.ingest_account(worker)
        assert account.client_id is not None
        filters = FILTERS if worker == 0 else FILTERS[:1]
        make_session(
            rig.stack.mqtt_host,
            rig.stack.mqtt_port,
            account.client_id,
            account.username,
            account.password,
            filters,
        )
    return publish(rig, messages)


def drain_ours(rig: Rig, messages: int, **settings: object) -> Drained:
    """Starts ingest on a queued backlog and waits until all of it is committed.

    Raises:
        TimeoutError: It was not within ``PATIENCE``; says what the logs say.
    """
    log = rig.stack.folder / "ingest.log"
    postgres = rig.stack.postgres
    began = time.time()
    broker_before = cpu_seconds(rig.stack.broker.pid)
    database_before = tree_cpu_seconds(postgres.pid) if postgres else 0.0
    child = rig.ingest(timezone=daytime_zone(began), **settings)
    child.start()
    try:
        assert child.pid is not None
        # Its own start is not the drain's: counted from the broker's answer on.
        until = time.monotonic() + 60
        while not (connected := connected_at(log, began)):
            if time.monotonic() > until:
                raise TimeoutError(f"ingest is not connected after 60 s{autopsy(rig)}")
            time.sleep(0.02)
        own_before = cpu_seconds(child.pid)
        url = child.wait_ready(PATIENCE)["metrics_url"]
        _wait(rig, url, messages)
        ended = time.time()
        own = cpu_seconds(child.pid) - own_before
        broker = cpu_seconds(rig.stack.broker.pid) - broker_before
        database = (tree_cpu_seconds(postgres.pid) if postgres else 0.0) - database_before
        return Drained(
            messages / (ended - connected),
            messages / (ended - began),
            peak_rss_mb(child.pid),
            own / messages * 1e6,
            database / messages * 1e6,
            broker / messages * 1e6,
        )
    finally:
        child.stop(30)


def _wait(rig: Rig, url: str, messages: int) -> None:
    """Looks seldom until the end is near: it is ingest itself that has to answer."""
    began = time.monotonic()
    while (drained := metric(url, "jishi_ingest_messages_total")) < messages:
        passed = time.monotonic() - began
        if passed > PATIENCE:
            raise TimeoutError(
                f"{drained:,.0f} of {messages:,} messages drained in {PATIENCE:.0f} s{autopsy(rig)}"
            )
        left = passed * (messages - drained) / max(drained, 1)
        time.sleep(min(max(left / 2, 0.02), 0.5))


def fill_window(rig: Rig, messages: int, *, window: int) -> float:
    """Peak memory of ingest in MB while its window is full and the database does not answer."""
    with psycopg.connect(rig.stack.database_url) as connection:
        connection.execute("LOCK TABLE instrument_status IN ACCESS EXCLUSIVE MODE")
        child = rig.ingest(timezone=daytime_zone(time.time()))
        child.start()
        try:
            url = child.wait_ready(PATIENCE)["metrics_url"]
            until = time.monotonic() + 30
            while (
                metric(url, "jishi_ingest_in_flight") < min(window, messages)
                and time.monotonic() < until
            ):
                time.sleep(0.1)
            connection.rollback()
            _wait(rig, url, messages)
            assert child.pid is not None
            return peak_rss_mb(child.pid)
        finally:
            child.stop(30)
