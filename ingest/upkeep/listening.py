"""The collector's own record of when it was listening (rule 14).

One row a connection, extended every second while the broker has us subscribed. What lies
between rows is time in which nobody listened.
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime

import psycopg
import structlog

from ingest.db.query_watchdog import QueryWatchdog
from ingest.mqtt.share import ShareKeeper
from ingest.mqtt.sparkplug_nodes import NodeKeeper
from ingest.sql import statements
from ingest.troubles import Kind
from models.listening import EXTEND_EVERY_S

log = structlog.get_logger(__name__)
SQL = statements("listening")

PATIENCE = 5.0  # seconds for one statement
#: A clock that goes on like this from one extension to the next (s) is believed.
LEAP = 30.0


class ListeningRecord:
    """Writes the record of one worker."""

    def __init__(
        self, worker: str, gateways: list[str] | None, trusts: Callable[[int], bool]
    ) -> None:
        """Describes the worker.

        Args:
            worker: Its name.
            gateways: Whom it listens for; ``None``: all.
            trusts: Whether a time of the database (µs) is to be believed after a leap.
        """
        self._worker = worker
        self._trusts = trusts
        #: Whom we listen for now; may be replaced at any time.
        self.gateways = gateways
        self._row: int | None = None
        self._row_gateways: list[str] | None = None
        self._fresh = True
        #: Database's time minus monotonic time at the last extension (s).
        self._offset: float | None = None

    def note(self, connection: psycopg.Connection, *, connected: bool) -> None:
        """Says whether we listen now; called about once a second.

        Args:
            connection: In autocommit.
            connected: Whether the broker has us subscribed.
        """
        now = self._clock(connection)
        if now is None:
            return
        if self._fresh:
            connection.execute(SQL["close_earlier"], [self._worker])
            self._fresh = False
        gateways = self.gateways
        if gateways != self._row_gateways:
            self.close(connection)
        if not connected or gateways == []:
            self.close(connection)
        elif self._row is None:
            told = {"worker": self._worker, "gateways": gateways, "now": now}
            row = connection.execute(SQL["begin"], told).fetchone()
            self._row = row[0] if row else None
            self._row_gateways = gateways
        else:
            connection.execute(SQL["extend"], [now, self._row])

    def close(self, connection: psycopg.Connection) -> None:
        """Ends the present row."""
        if self._row is not None:
            connection.execute(SQL["close"], [self._row])
            self._row = None

    def lost(self) -> None:
        """The broker has not subscribed us now: the present row is not to be extended.

        Needs no database, so that a row does not reach over an absence of both.
        """
        self._row = None

    def _clock(self, connection: psycopg.Connection) -> datetime | None:
        """The database's time; None where it leapt, and says nothing of when we listened.

        A row that reached a year ahead would excuse nobody's silence for a year. So what is
        written is the time that was looked at, not the one at which it is written.
        """
        row = connection.execute(SQL["clock"]).fetchone()
        assert row is not None
        now, seconds = row
        offset = float(seconds) - time.monotonic()
        if self._offset is not None and abs(offset - self._offset) > LEAP:
            if not self._trusts(int(seconds * 1_000_000)):
                return None
            # It stands where it should have stood all along: what was said before ends there.
            self.close(connection)
        self._offset = offset
        found: datetime = now
        return found


def connection_name(worker: str, state: Kind | None) -> str:
    """What a worker's connection is called in ``pg_stat_activity``, at most 63 bytes.

    `jishi doctor` reads it there.
    """
    how = "listening" if state is None else f"without {state.value}"
    return f"{worker.encode()[:40].decode(errors='ignore')} {how}"


class Listener:
    """Keeps the record from a thread of its own: a database that hangs stops nothing else."""

    def __init__(
        self,
        record: ListeningRecord,
        url: str,
        name: str,
        keeper: ShareKeeper | None = None,
        nodes: NodeKeeper | None = None,
    ) -> None:
        """Prepares; ``run`` works.

        Args:
            record: What is kept.
            url: The database.
            name: Of the worker.
            keeper: Says for whom we listen, where that follows the registry.
            nodes: Says which edge nodes there are, where we are a Sparkplug host.
        """
        self._record = record
        self._keeper = keeper
        self._nodes = nodes
        self._url = url
        self._name = name
        self._watchdog = QueryWatchdog()
        self._stopping = threading.Event()
        self._connection: psycopg.Connection | None = None
        #: What is wrong with the worker; shows in the connection's name, which can be read
        #: where a row cannot be written. May be replaced at any time.
        self.state: Kind | None = None
        self._shown: Kind | None = None
        #: Why the record cannot be kept now; mostly empty.
        self.why_not = ""

    def run(self, listening: Callable[[], bool]) -> None:
        """Extends the record every second until stopped; a lost database only pauses it.

        Args:
            listening: Whether the broker has us subscribed now.
        """
        while True:
            stopping = self._stopping.is_set()
            connected = listening() and not stopping
            try:
                self._note(connected=connected)
                self.why_not = ""
            except (psycopg.Error, OSError) as error:
                log.debug("record not extended", action="listening", error=str(error))
                self.why_not = f"{type(error).__name__}: {str(error).strip()}"
                if not isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
                    self._disconnect()
                # Else it stays, and its name says that we are here.
                if not connected:
                    self._record.lost()
            if stopping:
                self._disconnect()
                return
            self._stopping.wait(EXTEND_EVERY_S)

    def stop(self) -> None:
        """Closes the record and ends ``run``."""
        self._stopping.set()

    def _note(self, *, connected: bool) -> None:
        state = self.state
        if self._connection is None or self._connection.closed:
            self._shown = None
            self._connection = psycopg.connect(
                self._url,
                autocommit=True,
                connect_timeout=2,
                application_name=connection_name(self._name, None),
                options="-c statement_timeout=2000",
            )
        with self._watchdog.watch(self._connection, PATIENCE):
            if state is not self._shown:
                self._connection.execute(SQL["name"], [connection_name(self._name, state)])
                self._shown = state
            if self._keeper is not None:
                self._keeper.look(self._connection)
                self._record.gateways = self._keeper.listening_for()
            self._record.note(self._connection, connected=connected)
            if self._nodes is not None:
                self._nodes.look(self._connection)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
