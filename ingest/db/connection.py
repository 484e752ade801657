"""Connections of the write side: bounded waits, times as integer microseconds.

``timestamptz`` comes back as ``int`` microseconds since 1970 UTC, ``-infinity`` and
``infinity`` as ``PAST`` and ``FUTURE``; ``Micros`` hands one over. No datetime is ever made.
"""

from collections.abc import Sequence
from struct import Struct

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.adapt import Buffer, Dumper, Loader
from psycopg.pq import Format

from ingest.sql import statements
from models.timestamp import format_ts

SQL = statements("connection")

#: PostgreSQL counts from 2000; this is how much later that is than 1970 (µs).
POSTGRES_EPOCH_US = 946_684_800_000_000
PAST = -(2**63)
FUTURE = 2**63 - 1
#: Ends of open ranges of time in queries; PostgreSQL's timestamps reach further.
OLDEST_US = -62_135_596_800_000_000  # the start of the year 1
FAR_US = 253_402_300_799_000_000  # the end of the year 9999

_INT8 = Struct(">q")
_ARRAY_HEAD = Struct(">5i").pack


class Micros:
    """A time in microseconds since 1970 UTC, as a parameter: goes out as ``timestamptz``.

    Not an ``int``: psycopg would make lists of it lists of numbers.
    """

    __slots__ = ("us",)

    def __init__(self, us: int) -> None:
        self.us = us


class Keys:
    """A list of small integer keys as a parameter in binary, ``%b``.

    psycopg writes lists as text, number by number, unless it finds no better way: for a
    batch's 30,000 keys that costs more than all else about finding their rows.
    """

    __slots__ = ("keys",)

    def __init__(self, keys: Sequence[int] | NDArray[np.int64]) -> None:
        self.keys = keys


class _KeysDumper(Dumper):
    format = Format.BINARY
    oid = psycopg.postgres.types["int4"].array_oid

    def dump(self, obj: Keys) -> bytes:
        count = len(obj.keys)
        words = np.full(2 * count, 4, ">i4")  # each number follows its length
        words[1::2] = obj.keys
        element = psycopg.postgres.types["int4"].oid
        # Dimensions, no NULLs, what it is of, how many, counted from one.
        return _ARRAY_HEAD(1, 0, element, count, 1) + words.tobytes()


#: An array without NULLs in PostgreSQL's binary form: its head's size, then each length and number.
_ARRAY_HEAD_SIZE = 20
_LONGS = np.dtype([("length", ">i4"), ("value", ">i8")])


def read_longs(sent: bytes) -> NDArray[np.int64]:
    """A ``bigint[]`` without NULLs, as it came in binary; psycopg makes lists one by one."""
    return np.frombuffer(sent, _LONGS, offset=_ARRAY_HEAD_SIZE)["value"].astype(np.int64)


def read_floats(sent: bytes) -> NDArray[np.float64]:
    """The same of a ``double precision[]``."""
    return read_longs(sent).view(np.float64)


def read_times(sent: bytes) -> NDArray[np.int64]:
    """The same of a ``timestamptz[]``, as microseconds since 1970 UTC."""
    times = read_longs(sent)
    return np.where((times == PAST) | (times == FUTURE), times, times + POSTGRES_EPOCH_US)


class _MicrosDumper(Dumper):
    format = Format.BINARY
    oid = psycopg.postgres.types["timestamptz"].oid

    def dump(self, obj: Micros) -> bytes:
        us = obj.us
        return _INT8.pack(us if us in (PAST, FUTURE) else us - POSTGRES_EPOCH_US)


class _MicrosTextDumper(Dumper):
    """psycopg writes lists as text unless told otherwise."""

    oid = psycopg.postgres.types["timestamptz"].oid

    def dump(self, obj: Micros) -> bytes:
        if obj.us in (PAST, FUTURE):
            return b"-infinity" if obj.us == PAST else b"infinity"
        return format_ts(obj.us).encode()


class _MicrosLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> int:
        value: int = _INT8.unpack(data)[0]
        return value if value in (PAST, FUTURE) else value + POSTGRES_EPOCH_US


def connect(url: str, name: str, *, statement_timeout_s: float = 60.0) -> psycopg.Connection:
    """Opens a connection for writing.

    Args:
        url: PostgreSQL URL.
        name: Shown in ``pg_stat_activity``.
        statement_timeout_s: The server ends a statement after this long.

    Raises:
        psycopg.OperationalError: The database cannot be reached now.
    """
    connection = psycopg.connect(
        url,
        application_name=name,
        connect_timeout=5,
        keepalives=1,
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        # A network that swallows packets without a word ends the wait.
        tcp_user_timeout=10_000,
        options=f"-c statement_timeout={int(statement_timeout_s * 1000)} -c lock_timeout=30000"
        " -c timezone=UTC -c client_min_messages=warning",
    )
    # Late rows may lie in any number of compressed batches; TimescaleDB would refuse the
    # hundred-thousandth row that it must unpack to look for them.
    connection.execute(SQL["unpack_any"])
    connection.commit()
    connection.adapters.register_loader("timestamptz", _MicrosLoader)
    connection.adapters.register_dumper(Keys, _KeysDumper)
    connection.adapters.register_dumper(Micros, _MicrosTextDumper)
    connection.adapters.register_dumper(Micros, _MicrosDumper)
    return connection
