"""Rows in PostgreSQL's binary ``COPY`` format, packed by hand: the hot path of writing.

A row is a count of fields, then each field as its length and its bytes; NULL has length -1.
Field order here is column order in the ``COPY`` statements below.
"""

from collections.abc import Iterable
from struct import Struct

import psycopg

from ingest.batch import Arrival, flags_of
from ingest.database import POSTGRES_EPOCH_US
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
    f"SELECT {', '.join(STATUS_COLUMNS)} FROM instrument_status WHERE instrument_key = ANY(%s)"
)

_HEADER = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
_TRAILER = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_HEARTBEAT_HEAD = Struct(">hiiihihiqiqii").pack
_SEGMENT = Struct(">hiiihiqiqiqiqiiiqiq").pack
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
    boot_bytes = None if boot is None else boot.encode()
    return b"".join(
        (
            _HEARTBEAT_HEAD(
                12,
                4,
                arrival.instrument_key,
                2,
                flags_of(arrival),
                2,
                arrival.state,
                8,
                arrival.ts_us - POSTGRES_EPOCH_US,
                8,
                arrival.inbound.received_us - POSTGRES_EPOCH_US,
                4,
                arrival.gateway_key,
            ),
            _NULL if seq is None else _INT8(8, seq),
            _NULL if power is None else _FLOAT8(8, power),
            _NULL if runtime is None else _FLOAT8(8, runtime),
            _NULL if energy is None else _FLOAT8(8, energy),
            _NULL if interval is None else _FLOAT8(8, interval),
            _NULL if boot_bytes is None else _LENGTH(len(boot_bytes)) + boot_bytes,
        )
    )


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


def copy_rows(cursor: psycopg.Cursor, statement: str, rows: Iterable[bytes]) -> None:
    """Sends packed rows in one ``COPY``; does nothing for none."""
    data = b"".join(rows)
    if not data:
        return
    with cursor.copy(statement) as copy:
        copy.write(b"".join((_HEADER, data, _TRAILER)))
