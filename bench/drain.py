"""How fast a queued backlog drains: ours, and what a user would pick instead.

The backlog lies at the broker, for ingest's persistent session and for the peer's, before
either starts; both drain the same messages into the same durable database. After each drain
every row is counted and every segment compared with what a plain window function over the raw
rows gives: no rule is relaxed for speed.
"""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from struct import Struct

import psycopg

from bench.beats import TICK_US, Stretch, batches, rows, singles, state_at
from bench.publisher import Publisher, make_session
from bench.rig import (
    FILTERS,
    Rig,
    connected_at,
    cpu_seconds,
    metric,
    peak_rss_mb,
    run_shell,
    search_path,
)
from ingest.database import POSTGRES_EPOCH_US
from ingest.rows import COPY_HEARTBEAT

PATIENCE = 300.0  # seconds for a drain


@dataclass(frozen=True, slots=True)
class Drained:
    """One drain; rates in heartbeats per second."""

    #: From the moment that ingest was connected.
    rate: float
    #: From the start of its process, imports and registry included.
    rate_from_start: float
    rss_mb: float
    #: Microseconds of processor a message, in ingest (its start included) and in the broker.
    ingest_cpu_us: float = 0.0
    broker_cpu_us: float = 0.0


class NotExactError(AssertionError):
    """A drain left rows or segments that differ from what was sent."""


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


def publish(rig: Rig, messages: Iterable[tuple[str, bytes]]) -> int:
    """Publishes with the account that may do so for any gateway."""
    account = rig.stack.broker.publisher
    assert account is not None
    with Publisher(
        rig.stack.mqtt_host,
        rig.stack.mqtt_port,
        "bench-publisher",
        account.username,
        account.password,
    ) as publisher:
        return publisher.publish(messages)


def drain_ours(rig: Rig, messages: int, **settings: object) -> Drained:
    """Starts ingest on a queued backlog and waits until all of it is committed."""
    log = rig.stack.folder / "ingest.log"
    began = time.time()
    broker = cpu_seconds(rig.stack.broker.pid)
    child = rig.ingest(**settings)
    child.start()
    try:
        url = child.wait_ready(60)["metrics_url"]
        until = time.monotonic() + PATIENCE
        name = "jishi_ingest_messages_total"
        while metric(url, name) < messages:
            if time.monotonic() > until:
                raise TimeoutError(f"{metric(url, name):.0f} of {messages} messages drained")
            time.sleep(0.05)
        ended = time.time()
        connected = connected_at(log, began)
        assert child.pid is not None
        return Drained(
            messages / (ended - connected),
            messages / (ended - began),
            peak_rss_mb(child.pid),
            cpu_seconds(child.pid) / messages * 1e6,
            (cpu_seconds(rig.stack.broker.pid) - broker) / messages * 1e6,
        )
    finally:
        child.stop(30)


def drain_pipe(rig: Rig, messages: int) -> float:
    """``mosquitto_sub | psql COPY`` on the same backlog; messages per second.

    It keeps each message's JSON in one column and checks, derives and acknowledges by commit
    nothing: what is in the pipe when the database fails is lost.
    """
    account = rig.stack.broker.ingest_account(1)
    with psycopg.connect(rig.stack.database_url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS pipe")
        connection.execute("CREATE TABLE pipe (received_at timestamptz DEFAULT now(), j jsonb)")
    seconds = run_shell(
        f"mosquitto_sub -V 5 -h {rig.stack.mqtt_host} -p {rig.stack.mqtt_port} -c"
        f" -i {account.client_id} -u {account.username} -P '{account.password}' -q 1"
        f" -x 4294967295 -D connect receive-maximum 65535 -t '{FILTERS[0]}' -C {messages}"
        f" | psql -q '{rig.stack.database_url}' -c"
        r""" "COPY pipe (j) FROM STDIN (FORMAT csv, QUOTE e'\x01', DELIMITER e'\x02')" """,
        {"PATH": search_path()},
    )
    with psycopg.connect(rig.stack.database_url) as connection:
        kept = connection.execute("SELECT count(*) FROM pipe").fetchone()
    if not kept or kept[0] != messages:
        raise NotExactError(f"the pipe kept {kept} of {messages} messages")
    return messages / seconds


def copy_bare(rig: Rig, stretch: Stretch, most: int, *, offset_us: int) -> float:
    """Binary ``COPY`` of the same rows into the same hypertable; rows per second.

    The rows go in at another time, so that they are new, and are deleted again.
    """
    pack = Struct(">hiiihihiqiqiiiqididiiii").pack
    with psycopg.connect(rig.stack.database_url) as connection:
        keys = [
            key
            for (key,) in connection.execute(
                "SELECT instrument_key FROM instrument ORDER BY instrument_id"
            )
        ]
        data = bytearray(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        count = 0
        for instrument, tick, ts in rows(stretch):
            if count >= most:
                break
            count += 1
            at = ts + offset_us - POSTGRES_EPOCH_US
            boot = f"b{instrument % 9973}".encode()
            data += pack(
                12, 4, keys[instrument], 2, 1, 2, state_at(instrument, tick), 8, at, 8, at, 4, 1,
                8, tick, 8, 180.5, 8, float(tick), -1, -1, len(boot), 0,
            )[:-4] + boot  # fmt: skip
        data += b"\xff\xff"
        began = time.perf_counter()
        with connection.cursor() as cursor, cursor.copy(COPY_HEARTBEAT) as copy:
            for at in range(0, len(data), 1 << 18):
                copy.write(bytes(data[at : at + (1 << 18)]))
        connection.commit()
        seconds = time.perf_counter() - began
        low = stretch.origin_us + stretch.first * TICK_US + offset_us
        connection.execute(
            "DELETE FROM heartbeat WHERE ts >= to_timestamp(%s) AND ts < to_timestamp(%s)",
            [low / 1e6, low / 1e6 + 86_400],
        )
    return count / seconds


def insert_each(rig: Rig, stretch: Stretch, most: int) -> float:
    """One insert and one commit a message, as tutorials have it; messages per second."""
    with psycopg.connect(rig.stack.database_url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS tutorial")
        connection.execute(
            "CREATE TABLE tutorial (ts timestamptz NOT NULL, instrument_id text NOT NULL,"
            " state text, power_w float8, runtime_s float8, seq bigint, boot_id text)"
        )
        connection.execute("SELECT create_hypertable('tutorial', by_range('ts'))")
        payloads = [payload for _, payload in singles(stretch, most)]
        began = time.perf_counter()
        for payload in payloads:
            said = json.loads(payload)
            connection.execute(
                "INSERT INTO tutorial VALUES (to_timestamp(%s), %s, %s, %s, %s, %s, %s)",
                [
                    said["ts"] / 1000, said["instrument_id"], said["state"], said["power_w"],
                    said["runtime_s"], said["seq"], said["boot_id"],
                ],
                prepare=True,
            )  # fmt: skip
        seconds = time.perf_counter() - began
        connection.execute("DROP TABLE tutorial")
    return len(payloads) / seconds


CHECK_ROWS = "SELECT count(*) FROM heartbeat"
#: Running, idle and off microseconds by instrument, once from raw rows and once from segments
#: with the open piece, both up to the instrument's newest row.
CHECK_TIME = """
WITH raw AS (
    SELECT instrument_key, state, ts,
           least(lead(ts) OVER w, ts + make_interval(secs => %(hold)s)) AS until
    FROM heartbeat WINDOW w AS (PARTITION BY instrument_key ORDER BY ts)
), plain AS (
    SELECT r.instrument_key, r.state, sum(us(r.until) - us(r.ts)) AS us
    FROM raw r JOIN instrument_status s USING (instrument_key)
    WHERE r.ts < s.newest_ts
    GROUP BY 1, 2
), derived AS (
    SELECT instrument_key, state, sum(us) AS us FROM (
        SELECT instrument_key, state, us(ends_at) - us(starts_at) AS us FROM segment
        UNION ALL
        SELECT instrument_key, state, us(credit_from) - us(piece_from) FROM instrument_status
        WHERE credit_from > piece_from
    ) AS parts GROUP BY 1, 2
)
SELECT count(*) FILTER (WHERE p.us IS DISTINCT FROM d.us), count(*)
FROM plain p FULL JOIN derived d USING (instrument_key, state)
"""


def check(rig: Rig, heartbeats: int) -> None:
    """Compares rows and derived time with what was sent.

    Raises:
        NotExactError: They differ.
    """
    with psycopg.connect(rig.stack.database_url) as connection:
        stored = connection.execute(CHECK_ROWS).fetchone()
        if stored is None or stored[0] != heartbeats:
            raise NotExactError(f"{stored} rows stored of {heartbeats} sent")
        differing = connection.execute(CHECK_TIME, {"hold": 30}).fetchone()
        if differing is None or differing[0]:
            raise NotExactError(f"(differing, compared) instrument-states: {differing}")


def stretches(rig: Rig, origin_us: int, heartbeats: int) -> Iterator[Stretch]:
    """Stretches of whole ticks, one after the other, each of at least ``heartbeats``."""
    ticks = -(-heartbeats // rig.city.instruments)
    first = 0
    while True:
        yield Stretch(rig.city, origin_us, first, first + ticks)
        first += ticks


def fill_window(rig: Rig, messages: int, *, window: int) -> float:
    """Peak memory of ingest in MB while its window is full and the database does not answer."""
    with psycopg.connect(rig.stack.database_url) as connection:
        connection.execute("LOCK TABLE instrument_status IN ACCESS EXCLUSIVE MODE")
        child = rig.ingest()
        child.start()
        try:
            url = child.wait_ready(60)["metrics_url"]
            until = time.monotonic() + 30
            while (
                metric(url, "jishi_ingest_in_flight") < min(window, messages)
                and time.monotonic() < until
            ):
                time.sleep(0.1)
            connection.rollback()
            until = time.monotonic() + PATIENCE
            while metric(url, "jishi_ingest_messages_total") < messages:
                if time.monotonic() > until:
                    raise TimeoutError("the window did not drain")
                time.sleep(0.1)
            assert child.pid is not None
            return peak_rss_mb(child.pid)
        finally:
            child.stop(30)


def bytes_per_heartbeat(rig: Rig) -> tuple[float, float]:
    """Bytes on disk a stored heartbeat: its row with indexes, and its share of segments."""
    with psycopg.connect(rig.stack.database_url) as connection:
        row = connection.execute(
            "SELECT hypertable_size('heartbeat')::float8 / count(*),"
            " hypertable_size('segment')::float8 / count(*) FROM heartbeat"
        ).fetchone()
    assert row is not None
    return row[0], row[1]


__all__ = ["batches", "check", "copy_bare", "drain_ours", "drain_pipe", "insert_each"]
