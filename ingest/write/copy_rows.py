"""Rows in PostgreSQL's binary ``COPY`` format, packed by hand: the hot path of writing.

A row is a count of fields, then each field as its length and its bytes; NULL has length -1.
Field order here is column order in the ``COPY`` statements below.
"""

from collections.abc import Iterable
from contextlib import ExitStack
from struct import Struct
from typing import Any

import psycopg

from ingest.db.connection import POSTGRES_EPOCH_US
from ingest.write.batch import Arrival, flags_of
from models.fold import Track
from models.segment import Segment

COPY_HEARTBEAT = (
    "COPY heartbeat (instrument_key, flags, state, ts, received_at, gateway_key, seq, power_w,"
    " runtime_s, energy_wh, interval_s, boot_id) FROM STDIN (FORMAT BINARY)"
)
COPY_SEGMENT = (
    "COPY segment (instrument_key, state, starts_at, ends_at, step_us, counter_us,"
    " counter_readings, witness_counter_us, witness_state_us) FROM STDIN (FORMAT BINARY)"
)
STATUS_COLUMNS = (
    "instrument_key",
    "version",
    "first_at",
    "newest_ts",
    "newest_at",
    "newest_seq",
    "newest_boot_id",
    "newest_stale",
    "credit_from",
    "credit_until",
    "state",
    "segment_from",
    "piece_from",
    "piece_step_us",
    "piece_counter_us",
    "piece_counter_readings",
    "piece_witness_counter_us",
    "piece_witness_state_us",
    "reading_at",
    "reading_us",
    "reading_running_us",
    "reading_gap",
    "live_at",
    "live_until",
    "power_w",
    "last_received_at",
)
COPY_STATUS = f"COPY status_in ({', '.join(STATUS_COLUMNS)}) FROM STDIN (FORMAT BINARY)"
#: COPY wants its types to the letter, so the landing table takes them from the real one.
CREATE_STATUS_IN = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS status_in ON COMMIT DELETE ROWS AS SELECT"
    " {columns} FROM instrument_status WHERE false"
).format(columns=", ".join(STATUS_COLUMNS))
UPDATE_STATUS = (
    f"UPDATE instrument_status s SET {', '.join(f'{c} = i.{c}' for c in STATUS_COLUMNS[1:])}"
    " FROM status_in i WHERE s.instrument_key = i.instrument_key"
)
SELECT_STATUS = (
    f"SELECT {', '.join(STATUS_COLUMNS)} FROM instrument_status WHERE instrument_key = ANY(%b)"
)

#: Rows that leave together.
PORTION = 1_000

_HEADER = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
_TRAILER = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_HEARTBEAT_HEAD = Struct(">hiiihihiqiqii").pack
_HEARTBEAT_USUAL = Struct(">hiiihihiqiqiiiqididiii").pack
_SEGMENT = Struct(">hiiihiqiqiqiqiiiqiq").pack
_STATUS_HEAD = Struct(">hiiiqiqiqiqiqi").pack
_STATUS_REST = Struct(">ibiqiqihiqiqiqiqiiiqiqiqiqiqibiqiqidiq").pack
_COUNT = Struct(">h").pack
_LENGTH = Struct(">i").pack
_INT2 = Struct(">ih").pack
_INT4 = Struct(">ii").pack
_INT8 = Struct(">iq").pack
_FLOAT8 = Struct(">id").pack
_TRUE, _FALSE = Struct(">ib").pack(1, 1), Struct(">ib").pack(1, 0)


def pack_heartbeat(arrival: Arrival) -> bytes:
    """One row of ``COPY_HEARTBEAT``."""
    heartbeat = arrival.heartbeat
    seq, power, runtime = heartbeat.seq, heartbeat.power_w, heartbeat.runtime_s
    energy, interval, boot = heartbeat.energy_wh, heartbeat.interval_s, heartbeat.boot_id
    received = arrival.inbound.received_us - POSTGRES_EPOCH_US
    ts = arrival.ts_us - POSTGRES_EPOCH_US
    boot_bytes = None if boot is None else boot.encode()
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
                2, arrival.state, 8, ts, 8, received, 4, arrival.gateway_key,
                8, seq, 8, power, 8, runtime, -1, -1, len(boot_bytes),
            )
            + boot_bytes
        )  # fmt: skip
    return b"".join(
        (
            _HEARTBEAT_HEAD(
                12, 4, arrival.instrument_key, 2, flags_of(arrival), 2, arrival.state,
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


def pack_segment(instrument_key: int, piece: Segment) -> bytes:
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


def _time(us: int | None) -> bytes:
    return _NULL if us is None else _INT8(8, us - POSTGRES_EPOCH_US)


def pack_status(instrument_key: int, version: int, track: Track, last_received_us: int) -> bytes:
    """One row of ``COPY_STATUS``."""
    boot = None if track.newest_boot_id is None else track.newest_boot_id.encode()
    seq, power, reading = track.newest_seq, track.power_w, track.reading_us
    if (
        boot is not None
        and last_received_us
        and None not in (seq, power, reading, track.live_at_us)
    ):
        # Nothing absent, as mostly: two calls instead of 26.
        row: Any = track  # what has a live time has all the others
        return b"".join(
            (
                _STATUS_HEAD(
                    len(STATUS_COLUMNS), 4, instrument_key, 8, version,
                    8, row.first_at_us - POSTGRES_EPOCH_US,
                    8, row.newest_ts_us - POSTGRES_EPOCH_US,
                    8, row.newest_at_us - POSTGRES_EPOCH_US,
                    8, seq, len(boot),
                ),
                boot,
                _STATUS_REST(
                    1, row.newest_stale,
                    8, row.credit_from_us - POSTGRES_EPOCH_US,
                    8, row.credit_until_us - POSTGRES_EPOCH_US,
                    2, row.state,
                    8, row.segment_from_us - POSTGRES_EPOCH_US,
                    8, row.piece_from_us - POSTGRES_EPOCH_US,
                    8, row.piece_step_us, 8, row.piece_counter_us,
                    4, row.piece_counter_readings,
                    8, row.piece_witness_counter_us, 8, row.piece_witness_state_us,
                    8, row.reading_at_us - POSTGRES_EPOCH_US,
                    8, reading, 8, row.reading_running_us, 1, row.reading_gap,
                    8, row.live_at_us - POSTGRES_EPOCH_US,
                    8, row.live_until_us - POSTGRES_EPOCH_US,
                    8, power, 8, last_received_us - POSTGRES_EPOCH_US,
                ),
            )
        )  # fmt: skip
    return b"".join(
        (
            _COUNT(len(STATUS_COLUMNS)),
            _INT4(4, instrument_key),
            _INT8(8, version),
            _time(track.first_at_us),
            _time(track.newest_ts_us),
            _time(track.newest_at_us),
            _NULL if seq is None else _INT8(8, seq),
            _NULL if boot is None else _LENGTH(len(boot)) + boot,
            _TRUE if track.newest_stale else _FALSE,
            _time(track.credit_from_us),
            _time(track.credit_until_us),
            _NULL if track.state is None else _INT2(2, track.state),
            _time(track.segment_from_us),
            _time(track.piece_from_us),
            _INT8(8, track.piece_step_us),
            _INT8(8, track.piece_counter_us),
            _INT4(4, track.piece_counter_readings),
            _INT8(8, track.piece_witness_counter_us),
            _INT8(8, track.piece_witness_state_us),
            _time(track.reading_at_us),
            _NULL if reading is None else _INT8(8, reading),
            _INT8(8, track.reading_running_us),
            _TRUE if track.reading_gap else _FALSE,
            _time(track.live_at_us),
            _time(track.live_until_us),
            _NULL if power is None else _FLOAT8(8, power),
            _time(last_received_us or None),
        )
    )


class Rows:
    """Rows on their way through one ``COPY``; use as a context.

    They leave in portions, so that the server inserts the first while the next are made. The
    ``COPY`` begins with the first row; without one there is none.
    """

    def __init__(self, cursor: psycopg.Cursor, statement: str) -> None:
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

    def _send(self) -> None:
        if self._copy is None:
            self._copy = self._open.enter_context(self._cursor.copy(self._statement))
            self._copy.write(_HEADER)
        self._copy.write(b"".join(self._waiting))
        self._waiting.clear()


def copy_rows(cursor: psycopg.Cursor, statement: str, rows: Iterable[bytes]) -> None:
    """Sends packed rows in one ``COPY``; does nothing for none."""
    with Rows(cursor, statement) as sending:
        sending.add(rows)
