"""Connections of the write side: bounded waits, times as integer microseconds.

``timestamptz`` comes back as ``int`` microseconds since 1970 UTC, ``-infinity`` and
``infinity`` as ``PAST`` and ``FUTURE``; ``Micros`` hands one over. No datetime is ever made.
"""

from struct import Struct

import psycopg
from psycopg.adapt import Buffer, Dumper, Loader
from psycopg.pq import Format

from models.timestamp import format_ts

#: PostgreSQL counts from 2000; this is how much later that is than 1970 (µs).
POSTGRES_EPOCH_US = 946_684_800_000_000
PAST = -(2**63)
FUTURE = 2**63 - 1

_INT8 = Struct(">q")


class Micros:
    """A time in microseconds since 1970 UTC, as a parameter: goes out as ``timestamptz``.

    Not an ``int``: psycopg would make lists of it lists of numbers.
    """

    __slots__ = ("us",)

    def __init__(self, us: int) -> None:
        self.us = us


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
    connection.adapters.register_loader("timestamptz", _MicrosLoader)
    connection.adapters.register_dumper(Micros, _MicrosTextDumper)
    connection.adapters.register_dumper(Micros, _MicrosDumper)
    return connection
