"""The status rows: locked first, or trusted; read where another worker changed them, written last.

Whoever holds them is alone with their instruments. What stands is remembered between
transactions, and good as long as the row's version is: who trusts that learns it from the update.
How a row is packed and unpacked: ``status_columns.py``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import psycopg
from psycopg import sql

from ingest.db.connection import Keys, Micros, read_longs
from ingest.sql import statements
from ingest.write.batch import Arrival
from ingest.write.copy_rows import PORTION, Rows
from ingest.write.status_columns import (
    COLUMNS,
    NAMES,
    gathered,
    pack_status,
    pack_statuses,
    read_gathered,
)
from models.columns import Ints
from models.fold import Track
from models.track_arrays import NONE, TrackArrays

SQL = statements("status_rows")
#: More rows than this are not kept between batches (memory).
KEPT = 50_000
#: Rows that are read together: a city's at once would come to 25 MB on their way.
READ_TOGETHER = 4_096
#: Of a row that is to be read: no version is below 0.
_UNKNOWN = -1

_COLUMNS = sql.SQL(", ").join(map(sql.Identifier, NAMES))
# Spelled once: to compose forty columns takes a millisecond, which each small batch would pay.
LANDING = sql.SQL(SQL["landing"]).format(columns=_COLUMNS).as_bytes()
READ = sql.SQL(SQL["read"]).format(columns=sql.SQL(", ").join(map(gathered, COLUMNS))).as_bytes()
COPY = sql.SQL(SQL["copy"]).format(columns=_COLUMNS).as_bytes()
_ASSIGNED = sql.SQL(", ").join(
    sql.SQL("{0} = i.{0}").format(sql.Identifier(name)) for name in NAMES[1:]
)
UPDATE = sql.SQL(SQL["update"]).format(assignments=_ASSIGNED).as_bytes()


class StatusMovedError(Exception):
    """Another worker wrote rows that were trusted: the transaction is to be begun anew."""


@dataclass(slots=True)
class StatusRow:
    """An instrument's status row as this worker last saw or wrote it."""

    version: int
    track: Track
    last_received_us: int = 0


@dataclass(frozen=True, slots=True)
class Advanced:
    """Instruments whose folds went on together."""

    count: int
    #: Their rows for ``COPY``, in portions.
    portions: list[bytes]


def prepare(connection: psycopg.Connection) -> None:
    """Readies a new connection for ``StatusRows.write``."""
    connection.execute(LANDING)
    connection.commit()


class StatusRows:
    """The rows of the transaction under way, and what is remembered of the ones before.

    What is remembered stands in arrays alone (``models/track_arrays.py``); a ``StatusRow`` is a
    copy, for whoever goes on row by row, and ``write`` puts it back.
    """

    def __init__(self, on_waiting: Callable[[], None]) -> None:
        """Prepares.

        Args:
            on_waiting: Called when the rest of a batch is mostly the database's work.
        """
        self._on_waiting = on_waiting
        self._held: Ints = np.zeros(0, np.int64)
        #: Whether the transaction under way trusts what is remembered.
        self.trusts = False
        #: Whether nobody else wrote our instruments, as far as was seen last.
        self._alone = True
        self._clear()

    def _clear(self) -> None:
        self._tracks = TrackArrays.fresh(0)
        self._versions: Ints = np.zeros(0, np.int64)
        #: 0: nothing was received yet.
        self._received: Ints = np.zeros(0, np.int64)
        #: Where an instrument's row stands in these, by its key; -1: nowhere.
        self._slots: Ints = np.zeros(0, np.int64)
        self._known = 0

    def lock(self, cursor: psycopg.Cursor, keys: Ints) -> None:
        """Locks rows in key order; reads those that another worker changed.

        Args:
            cursor: Binary, in the transaction.
            keys: Sorted, each once.
        """
        self._held = keys
        self.trusts = False
        if not len(keys):
            return
        found, versions = _locked(cursor, keys)
        if len(found) != len(keys):
            lacking = np.setdiff1d(keys, found)[:10].tolist()
            raise KeyError(f"instruments {lacking} have no row in instrument_status")
        self._make_room(keys)
        remembered = self._versions[self._slots[keys]]
        differ = remembered != versions
        known = remembered != _UNKNOWN
        if known.any():
            self._alone = not (differ & known).any()
        wanted = keys[differ]
        for first in range(0, len(wanted), READ_TOGETHER):
            cursor.execute(READ, [Keys(wanted[first : first + READ_TOGETHER])])
            read, found_versions, received, *columns = read_gathered(cursor)
            slots = self._slots[read]
            self._versions[slots] = found_versions
            self._received[slots] = np.where(received == NONE, 0, received)
            self._tracks.put_columns(slots, columns)

    def trust(self, keys: Ints) -> bool:
        """Takes what is remembered for what stands, without a lock; ``write`` finds out.

        Locking costs as much as a third of the update, which locks the same rows again.

        Args:
            keys: Sorted, each once.

        Returns:
            False where something is not remembered, or others were seen to write: then ``lock``.
        """
        if not self._alone or not len(keys) or keys[-1] >= len(self._slots):
            return False
        slots = self._slots[keys]
        if (slots < 0).any() or (self._versions[slots] == _UNKNOWN).any():
            return False
        self._held = keys
        self.trusts = True
        return True

    def rows(self, keys: Sequence[int]) -> dict[int, StatusRow]:
        """Copies of locked rows by key, in the keys' order."""
        slots = self._slots[np.array(keys, np.int64)]
        parts = (self._versions[slots].tolist(), self._tracks.tracks(slots))
        received = self._received[slots].tolist()
        return {key: StatusRow(*parts) for key, *parts in zip(keys, *parts, received, strict=True)}

    def tracks(self, keys: Ints) -> TrackArrays:
        """Copies of locked rows' tracks, in the keys' order."""
        return self._tracks.at(self._slots[keys])

    def write(
        self,
        cursor: psycopg.Cursor,
        rows: Mapping[int, StatusRow],
        arrivals: Mapping[int, Sequence[Arrival]],
        advanced: Advanced | None = None,
    ) -> None:
        """Writes the rows of instruments that something arrived from.

        Args:
            cursor: Binary, in the transaction.
            rows: By key; those that ``arrivals`` names are written.
            arrivals: By key.
            advanced: Instruments that went on in arrays; others than ``arrivals`` names.

        Raises:
            StatusMovedError: What was trusted did not stand any more.
        """
        if not arrivals and advanced is None:
            return
        with Rows(cursor, COPY) as sending:
            if arrivals:
                self._write_rows(sending, {key: rows[key] for key in arrivals}, arrivals)
            if advanced is not None:
                sending.add_portions(advanced.portions)
        self._on_waiting()
        if _updated(cursor) != len(arrivals) + (0 if advanced is None else advanced.count):
            raise StatusMovedError

    def _write_rows(
        self,
        sending: Rows,
        rows: Mapping[int, StatusRow],
        arrivals: Mapping[int, Sequence[Arrival]],
    ) -> None:
        packed: list[bytes] = []
        for key, row in rows.items():
            row.version += 1
            newest = row.last_received_us
            for arrival in arrivals[key]:
                received = arrival.inbound.received_us
                if received > newest:
                    newest = received
            row.last_received_us = newest
            packed.append(pack_status(key, row.version, newest or None, row.track))
            if len(packed) >= PORTION:
                sending.add(packed)
                packed.clear()
        sending.add(packed)
        slots = self._slots[np.array(list(rows), np.int64)]
        self._versions[slots] = [row.version for row in rows.values()]
        self._received[slots] = [row.last_received_us for row in rows.values()]
        self._tracks.put_tracks(slots, [row.track for row in rows.values()])

    def advance(self, keys: Ints, tracks: TrackArrays, received_us: Ints) -> Advanced:
        """Has instruments' folds stand elsewhere; ``write`` tells the database.

        Args:
            keys: The instruments', which are held.
            tracks: Where each stands now.
            received_us: The newest receipt of what arrived from each (µs).
        """
        order = np.argsort(keys)
        keys, tracks = keys[order], tracks.at(order)
        slots = self._slots[keys]
        self._versions[slots] += 1
        self._received[slots] = np.maximum(self._received[slots], received_us[order])
        self._tracks.put_at(slots, tracks)
        packed = pack_statuses(keys, self._versions[slots], self._received[slots], tracks)
        return Advanced(len(keys), list(packed))

    def committed(self) -> None:
        """The transaction is: what it wrote is remembered."""
        self._held = np.zeros(0, np.int64)
        if self._known > KEPT:
            self._clear()

    def failed(self) -> None:
        """It is not: what was gone on with no longer says what the database says."""
        self.forget(self._held)
        self._held = np.zeros(0, np.int64)
        self._alone = self._alone and not self.trusts

    def doubt(self, keys: Ints) -> None:
        """The same of a transaction that trusted, and that others may have begun after."""
        self.forget(keys)
        self._alone = False

    def forget(self, keys: Ints) -> None:
        """Has rows read anew when they are locked next."""
        slots = self._slots[keys[keys < len(self._slots)]]
        self._versions[slots[slots >= 0]] = _UNKNOWN

    def _make_room(self, keys: Ints) -> None:
        """Gives each key a place."""
        most = int(keys[-1]) + 1
        if most > len(self._slots):
            grown = np.full(max(most, 2 * len(self._slots)), -1, np.int64)
            grown[: len(self._slots)] = self._slots
            self._slots = grown
        new = keys[self._slots[keys] < 0]
        if not len(new):
            return
        self._slots[new] = np.arange(self._known, self._known + len(new))
        self._known += len(new)
        room = len(self._versions)
        if self._known > room:
            size = max(self._known, 2 * room)
            self._versions = np.concatenate([self._versions, np.full(size - room, _UNKNOWN)])
            self._received = np.concatenate([self._received, np.zeros(size - room, np.int64)])
            self._tracks.grow(size)


def _locked(cursor: psycopg.Cursor, keys: Ints) -> tuple[Ints, Ints]:
    """Keys and versions of the rows that are locked now."""
    cursor.execute(SQL["lock"], [Keys(keys)])
    result = cursor.pgresult
    assert result is not None
    sent = [result.get_value(0, column) for column in range(2)]
    none = np.zeros(0, np.int64)
    found = [none if value is None else read_longs(value) for value in sent]
    return found[0], found[1]


def _updated(cursor: psycopg.Cursor) -> int:
    """How many rows are written now; in key order, or two who do not lock first could deadlock."""
    # Planned anew each time, by asking in text: the plan for two hundred rows takes twice as long
    # for twenty thousand, and that for twenty thousand four times as long for two hundred.
    with cursor.connection.cursor() as plain:
        plain.execute(UPDATE)
        plain.nextset()
        return plain.rowcount


def flag_clocks(cursor: psycopg.Cursor, clock_future: Mapping[int, int]) -> None:
    """Notes receipts (µs) at which instruments' clocks ran ahead, by key."""
    if clock_future:
        receipts = [Micros(us) for us in clock_future.values()]
        cursor.execute(SQL["flag_clocks"], [list(clock_future), receipts])
