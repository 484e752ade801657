"""Compresses old raw heartbeats where the edition of TimescaleDB has it.

Debian's is the Apache edition and has not: there this does nothing. What is old enough for the
table to lose it is dropped in ``retention.py``.
"""

import threading
from dataclasses import dataclass, field
from datetime import timedelta

import psycopg
import structlog

from ingest.db.query_watchdog import QueryWatchdog
from ingest.sql import statements

log = structlog.get_logger(__name__)
SQL = statements("compression")

#: Earlier ones are known to give wrong results over compressed chunks.
OLDEST_VERSION = (2, 29, 2)
#: The chunk and whoever writes into it wait for each other: briefly, then another time.
LOCK_WAIT = "2s"
#: Seconds for one chunk: a day of a large city takes ten minutes.
PATIENCE = 7_200.0


def can_compress(connection: psycopg.Connection) -> bool:
    """Whether this TimescaleDB has compression that can be relied on."""
    row = connection.execute(SQL["edition"]).fetchone()
    return row is not None and row[1] == "timescale" and version_of(row[0]) >= OLDEST_VERSION


def version_of(text: str) -> tuple[int, ...]:
    """``2.29.2`` as numbers; what follows a hyphen does not count."""
    return tuple(int(part) for part in text.split("-")[0].split(".") if part.isdigit())


def in_the_way(connection: psycopg.Connection, pid: int) -> bool:
    """Whether somebody waits for a lock of the server process ``pid``."""
    row = connection.execute(SQL["waited_for"], [pid]).fetchone()
    return bool(row and row[0])


@dataclass(slots=True)
class Compression:
    """One chunk at a time, and only such as nobody wrote into since the look before."""

    _seen: dict[str, int] = field(default_factory=dict)

    def compress_one(self, connection: psycopg.Connection, after: timedelta) -> str | None:
        """Compresses the oldest chunk that is due, or does again what late rows were put into.

        Args:
            connection: In autocommit, with psycopg's own types; the edition has compression.
            after: Age from which a chunk is due.

        Returns:
            The chunk's name; ``None`` where none is due, or the due ones are still written to.

        Raises:
            psycopg.Error: Nothing was changed.
        """
        due: dict[str, int] = dict(connection.execute(SQL["candidates"], [after]).fetchall())
        before, self._seen = self._seen, due
        for chunk, rows in due.items():
            if before.get(chunk) != rows:
                continue
            try:
                with connection.transaction():
                    connection.execute(SQL["wait_at_most"], [LOCK_WAIT])
                    row = connection.execute(SQL["compress"], [chunk]).fetchone()
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
                log.info("not compressed now", action="compression", chunk=chunk, why=str(error))
                continue
            log.info("compressed", action="compression", chunk=chunk, bytes=row and row[0])
            return chunk
        return None


class Compressor:
    """Compresses in a thread and over a connection of its own, since it may take minutes.

    A chunk takes no rows meanwhile: a late heartbeat for that day, and its batch with it, would
    wait. So who waits for us is looked for every second, and we give way.
    """

    def __init__(self, url: str, name: str, after: timedelta, watchdog: QueryWatchdog) -> None:
        """Prepares; ``begin`` works.

        Args:
            url: The database, as the role that writes.
            name: Shown in ``pg_stat_activity``.
            after: Age from which a chunk is due.
            watchdog: Ends it when the database does not answer for hours.
        """
        self._url = url
        self._name = name
        self._after = after
        self._watchdog = watchdog
        self._work = Compression()
        self._thread: threading.Thread | None = None
        self._connection: psycopg.Connection | None = None

    def begin(self) -> None:
        """Compresses one chunk, unless that is being done already."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="compression", daemon=True)
            self._thread.start()

    def give_way(self, connection: psycopg.Connection) -> None:
        """Gives up what is being done if somebody waits for it; it is begun again another time."""
        working = self._connection
        if (
            working is None
            or working.closed
            or not in_the_way(connection, working.info.backend_pid)
        ):
            return
        log.info("compression gives way", action="compression")
        working.cancel_safe(timeout=5.0)

    def _run(self) -> None:
        try:
            with psycopg.connect(
                self._url,
                autocommit=True,
                application_name=f"{self._name} compression",
                connect_timeout=5,
            ) as connection:
                self._connection = connection
                with self._watchdog.watch(connection, PATIENCE):
                    self._work.compress_one(connection, self._after)
        except psycopg.Error as error:
            log.info("not compressed now", action="compression", why=str(error).strip())
        except Exception:
            log.exception("not compressed now", action="compression")
        finally:
            self._connection = None
