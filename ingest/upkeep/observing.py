"""What there is to watch of the database and of the fleet, as metrics.

Each worker looks by itself: whichever of them is dead, the others still see. The statements are
in ``sql/observing.sql``.
"""

import threading
import time

import psycopg
import structlog
from psycopg.rows import dict_row

from ingest.db.query_watchdog import QueryWatchdog
from ingest.metrics import UNKNOWN, DatabaseMetrics
from ingest.sql import statements
from models.standby_lag import StandbyLag

log = structlog.get_logger(__name__)
SQL = statements("observing")

EVERY = 10.0  # seconds between two looks
#: The more there is to see the more seldom: a look waits for this many times what it took.
REST = 30
PATIENCE = 30.0  # seconds that one may take


class Observer:
    """Looks at the database from a thread of its own, and sets the metrics."""

    def __init__(self, url: str, worker: str, metrics: DatabaseMetrics) -> None:
        """Prepares; ``run`` looks.

        Args:
            url: The database.
            worker: Who looks, for the server's list of connections.
            metrics: What is set.
        """
        self._url = url
        self._worker = worker
        self._metrics = metrics
        self._lag = StandbyLag()
        self._watchdog = QueryWatchdog()
        self._stopping = threading.Event()

    def run(self) -> None:
        """Looks until stopped; a database that is away is one of the things to be seen."""
        while not self._stopping.is_set():
            try:
                with psycopg.connect(
                    self._url,
                    autocommit=True,
                    connect_timeout=5,
                    application_name=f"{self._worker} observing",
                    options=f"-c statement_timeout={PATIENCE:.0f}s",
                ) as connection:
                    while not self._stopping.is_set():
                        began = time.monotonic()
                        with self._watchdog.watch(connection, PATIENCE):
                            self.look(connection)
                        self._stopping.wait(max(EVERY, REST * (time.monotonic() - began)))
            except (psycopg.Error, OSError) as error:
                log.debug("database not seen", action="observing", error=str(error).strip())
                self._metrics.forget()
                self._stopping.wait(EVERY / 5)

    def stop(self) -> None:
        """Ends ``run``."""
        self._stopping.set()

    def look(self, connection: psycopg.Connection) -> None:
        """Sets every metric once.

        Args:
            connection: In autocommit.
        """
        metrics = self._metrics
        row = connection.cursor(row_factory=dict_row).execute(SQL["figures"]).fetchone()
        assert row is not None
        for name, figure in row.items():
            metrics.figures[name].set(figure)
        standbys = connection.execute(SQL["standbys"]).fetchall()
        metrics.standbys.set(len(standbys))
        metrics.standby_lag.set(
            self._lag.note(time.monotonic(), standbys[0][0], [there for _, there in standbys])
            if standbys
            else UNKNOWN
        )
        metrics.up.set(1)
