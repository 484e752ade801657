"""Rows in PostgreSQL's binary ``COPY`` format, packed by hand: the hot path of writing.

A row is a count of fields, then each field as its length and its bytes; NULL has length -1.
Field order here is column order in ``ingest/sql/copy_rows.sql``. Status rows are packed in
``status_columns.py``.
"""

from collections.abc import Iterable
from contextlib import ExitStack
from struct import Struct
from typing import Any

import psycopg
from psycopg.abc import Query

from ingest.db.connection import POSTGRES_EPOCH_US
from ingest.sql import statements
from ingest.write.batch import Arrival, flags_of
from models.heartbeat import STATELESS
from models.segment import Piece

SQL = statements("copy_rows")
COPY_HEARTBEAT, COPY_SEGMENT = SQL["heartbeat"], SQL["segment"]

#: Rows that leave together.
PORTION = 1_000

_HEADER = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
_TRAILER = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_HEARTBEAT_HEAD = Struct(">hiiihihiqiqii").pack
_HEARTBEAT_USUAL = Struct(">hiiihihiqiqiiiqididiii").pack
_SEGMENT = Struct(">hiiihiqiqiqiqiiiqiq").pack
_LENGTH = Struct(">i").pack
_INT8 = Struct(">iq").pack
_FLOAT8 = Struct(">id").pack


def pack_heartbeat(arrival: Arrival) -> bytes:
    """One row of ``COPY_HEARTBEAT``."""
    heartbeat = arrival.heartbeat
    seq, power, runtime = heartbeat.seq, heartbeat.power_w, heartbeat.runtime_s
    energy, interval, boot = heartbeat.energy_wh, heartbeat.interval_s, heartbeat.boot_id
    received = arrival.inbound.received_us - POSTGRES_EPOCH_US
    ts = arrival.ts_us - POSTGRES_EPOCH_US
    boot_bytes = None if boot is None else boot.encode()
    state: int | None = arrival.state
    if state is None:
        state = STATELESS
    if (
        energy is interval is None
        and seq is not None
        and power is not None
        and runtime is not None
        and boot_bytes is not None
    ):
        # What most devices send, in one call.
        return (
            _HEARTBEAT_USUAL(
                12, 4, arrival.instrument_key,
                2, arrival.origin | arrival.live | arrival.stale << 1,  # flags_of, without a call
                2, state, 8, ts, 8, received, 4, arrival.gateway_key,
                8, seq, 8, power, 8, runtime, -1, -1, len(boot_bytes),
            )
            + boot_bytes
        )  # fmt: skip
    return b"".join(
        (
            _HEARTBEAT_HEAD(
                12, 4, arrival.instrument_key, 2, flags_of(arrival), 2, state,
                8, ts, 8, received, 4, arrival.gateway_key,
            ),
            _NULL if seq is None else _INT8(8, seq),
            _NULL if power is None else _FLOAT8(8, power),
            _NULL if runtime is None else _FLOAT8(8, runtime),
            _NULL if energy is None else _FLOAT8(8, energy),
            _NULL if interval is None else _FLOAT8(8, interval),
            _NULL if boot_bytes is None else _LENGTH(len(boot_bytes)) + boot_bytes,
        )
    )  # fmt: skip


def pack_segment(instrument_key: int, piece: Piece) -> bytes:
    """One row of ``COPY_SEGMENT``."""
    return _SEGMENT(
        9,
        4,
        instrument_key,
        2,
        piece.state,
        8,
        piece.start_us - POSTGRES_EPOCH_US,
        8,
        piece.end_us - POSTGRES_EPOCH_US,
        8,
        piece.step_us,
        8,
        piece.counter_us,
        4,
        piece.counter_readings,
        8,
        piece.witness_counter_us,
        8,
        piece.witness_state_us,
    )


class Rows:
    """Rows on their way through one ``COPY``; use as a context.

    They leave in portions, so that the server inserts the first while the next are made. The
    ``COPY`` begins with the first row; without one there is none.
    """

    def __init__(self, cursor: psycopg.Cursor, statement: Query) -> None:
        self._cursor = cursor
        self._statement = statement
        self._waiting: list[bytes] = []
        self._open = ExitStack()
        self._copy: psycopg.Copy | None = None

    def __enter__(self) -> "Rows":
        return self

    def __exit__(self, *error: Any) -> None:
        if error[0] is None and self._waiting:
            self._send()
        if error[0] is None and self._copy is not None:
            self._copy.write(_TRAILER)
        self._open.__exit__(*error)

    def add(self, rows: Iterable[bytes]) -> None:
        """Takes packed rows."""
        self._waiting.extend(rows)
        if len(self._waiting) >= PORTION:
            self._send()

    def add_portions(self, portions: Iterable[bytes]) -> None:
        """Takes many packed rows in one each (``packing.py``), and sends them."""
        for portion in portions:
            self._waiting.append(portion)
            self._send()

    def _send(self) -> None:
        if self._copy is None:
            self._copy = self._open.enter_context(self._cursor.copy(self._statement))
            self._copy.write(_HEADER)
        self._copy.write(b"".join(self._waiting))
        self._waiting.clear()


def copy_portions(cursor: psycopg.Cursor, statement: Query, portions: Iterable[bytes]) -> None:
    """Sends portions of packed rows in one ``COPY``; does nothing for none."""
    with Rows(cursor, statement) as sending:
        sending.add_portions(portions)


def copy_rows(cursor: psycopg.Cursor, statement: Query, rows: Iterable[bytes]) -> None:
    """Sends packed rows in one ``COPY``; does nothing for none."""
    with Rows(cursor, statement) as sending:
        sending.add(rows)
