"""What a user would pick instead, in the same run on the same machine: the references.

Each does less than ours; ``PEERS`` says what it keeps and checks and what it does not. Node-RED
is in ``node_red.py``.
"""

import json
import time
from dataclasses import dataclass
from struct import Struct

import psycopg

from bench.beats import Stretch, rows, singles, state_at
from bench.exact import NotExactError
from bench.rig import FILTERS, Rig, run_shell, search_path
from ingest.db.connection import POSTGRES_EPOCH_US
from ingest.write.copy_rows import COPY_HEARTBEAT


@dataclass(frozen=True, slots=True)
class Peer:
    """One reference, in words."""

    name: str
    keeps: str
    checks: str
    lost: str


PEERS = (
    Peer(
        "Jishi",
        "each heartbeat once, typed; status, segments, rollup marks, dead letters",
        "form, range, registry, gateway, clocks, order, repeats, conflicts",
        "nothing: acknowledged after the commit, receipted",
    ),
    Peer(
        "mosquitto_sub | psql COPY",
        "each message's JSON in one column, redeliveries twice",
        "nothing but that it is JSON, and one line that is not ends the pipe",
        "all since the last COPY ended, which is acknowledged to the broker by then",
    ),
    Peer(
        "binary COPY",
        "the heartbeats' rows, made beforehand; no broker, no decoding",
        "the unique key; one row twice fails all of it",
        "what is not committed, which nobody has acknowledged",
    ),
    Peer(
        "one INSERT and COMMIT a message",
        "typed rows, redeliveries twice; no broker, nothing derived",
        "the column types",
        "nothing that was committed",
    ),
    Peer(
        "Node-RED, ten connections",
        "each message's JSON in one column, redeliveries twice",
        "that it is JSON",
        "what waits for the database, which is acknowledged to the broker by then",
    ),
)


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

    The rows go in at another time, so that they are new, and go again with their chunks.
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
        # Chunks of their own, dropped whole: rows deleted would still be counted as disk.
        connection.execute(
            "SELECT drop_chunks('heartbeat', older_than => to_timestamp(%s))",
            [(stretch.span_us[1] + offset_us / 2) / 1e6],
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
