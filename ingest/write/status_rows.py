"""The status rows: locked first, read where another worker changed them, written last.

Whoever holds them is alone with their instruments. What stands is remembered between
transactions, and good as long as the row's version is. How a row is packed and unpacked:
``status_columns.py``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from ingest.db.connection import Keys, Micros
from ingest.sql import statements
from ingest.write.batch import Arrival
from ingest.write.copy_rows import PORTION, Rows
from ingest.write.status_columns import NAMES, pack_status, unpack_track
from models.fold import Track

SQL = statements("status_rows")
#: More rows than this are not kept between batches (memory).
KEPT = 50_000

_COLUMNS = sql.SQL(", ").join(map(sql.Identifier, NAMES))
LANDING = sql.SQL(SQL["landing"]).format(columns=_COLUMNS)
READ = sql.SQL(SQL["read"]).format(columns=_COLUMNS)
COPY = sql.SQL(SQL["copy"]).format(columns=_COLUMNS)
UPDATE = sql.SQL(SQL["update"]).format(
    assignments=sql.SQL(", ").join(
        sql.SQL("{0} = i.{0}").format(sql.Identifier(name)) for name in NAMES[1:]
    )
)


@dataclass(slots=True)
class StatusRow:
    """An instrument's status row as this worker last saw or wrote it."""

    version: int
    track: Track
    last_received_us: int = 0


def unpack_status(row: tuple) -> StatusRow:  # type: ignore[type-arg]
    """A row that ``READ`` gave."""
    return StatusRow(row[1], unpack_track(row), row[2] or 0)


def prepare(connection: psycopg.Connection) -> None:
    """Readies a new connection for ``StatusRows.write``."""
    connection.execute(LANDING)
    connection.commit()


class StatusRows:
    """The rows of the transaction under way, and what is remembered of the ones before."""

    def __init__(self, on_waiting: Callable[[], None]) -> None:
        """Prepares.

        Args:
            on_waiting: Called when the rest of a batch is mostly the database's work.
        """
        self._on_waiting = on_waiting
        self._known: dict[int, StatusRow] = {}
        self._held: list[int] = []

    def lock(self, cursor: psycopg.Cursor, keys: list[int]) -> dict[int, StatusRow]:
        """Locks rows in key order; reads those that another worker changed.

        Args:
            cursor: Binary, in the transaction.
            keys: Sorted.
        """
        self._held = keys
        if not keys:
            return {}
        known = self._known
        wanted = [
            key
            for key, version in cursor.execute(SQL["lock"], [Keys(keys)]).fetchall()
            if key not in known or known[key].version != version
        ]
        if wanted:
            for row in cursor.execute(READ, [Keys(wanted)]):
                known[row[0]] = unpack_status(row)
        return {key: known[key] for key in keys}

    def write(
        self,
        cursor: psycopg.Cursor,
        rows: Mapping[int, StatusRow],
        arrivals: Mapping[int, Sequence[Arrival]],
    ) -> None:
        """Writes the rows of instruments that something arrived from, by key."""
        if not arrivals:
            return
        with Rows(cursor, COPY) as sending:
            packed: list[bytes] = []
            for key, arrived in arrivals.items():
                row = rows[key]
                row.version += 1
                newest = row.last_received_us
                for arrival in arrived:
                    received = arrival.inbound.received_us
                    if received > newest:
                        newest = received
                row.last_received_us = newest
                packed.append(pack_status(key, row.version, newest or None, row.track))
                if len(packed) >= PORTION:
                    sending.add(packed)
                    packed.clear()
            sending.add(packed)
        self._on_waiting()
        cursor.execute(UPDATE)

    def committed(self) -> None:
        """The transaction is: what it wrote is remembered."""
        self._held = []
        if len(self._known) > KEPT:
            self._known.clear()

    def failed(self) -> None:
        """It is not: tracks were advanced in place and no longer say what the database says."""
        self.forget(self._held)
        self._held = []

    def forget(self, keys: Sequence[int]) -> None:
        """Has rows read anew when they are locked next."""
        for key in keys:
            self._known.pop(key, None)


def flag_clocks(cursor: psycopg.Cursor, clock_future: Mapping[int, int]) -> None:
    """Notes receipts (µs) at which instruments' clocks ran ahead, by key."""
    if clock_future:
        receipts = [Micros(us) for us in clock_future.values()]
        cursor.execute(SQL["flag_clocks"], [list(clock_future), receipts])
