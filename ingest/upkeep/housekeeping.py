"""What ingest does beside the path: rollups, rebuilds, replays, retention, compression, alerts.

One worker at a time, by an advisory lock; every step is short and can be repeated.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import structlog

from ingest.alerting.alerts import Alerts
from ingest.db.connection import connect
from ingest.db.errors import ClockLeaptError
from ingest.db.query_watchdog import QueryWatchdog
from ingest.settings import IngestSettings
from ingest.sql import statements
from ingest.upkeep import retention, roller
from ingest.upkeep.booking_days import make_booking_days
from ingest.upkeep.compression import Compressor, can_compress
from ingest.upkeep.replay import replay_requested
from ingest.upkeep.reported_windows import measure_reported_windows
from ingest.upkeep.runs import count_lasting_runs
from ingest.write.writer import Writer

log = structlog.get_logger(__name__)
SQL = statements("housekeeping")

#: Any constant of ours; "rolls" in ASCII.
LOCK_KEY = 0x726F6C6C73
TURN = 1.0  # seconds
#: Seconds that one turn may take: a day of a large city is rolled up in portions.
PATIENCE = 600.0


class Housekeeping:
    """Runs in a thread of its own, over connections of its own."""

    def __init__(
        self, settings: IngestSettings, writer: Writer, trusts: Callable[[int], bool]
    ) -> None:
        """Prepares; ``run`` works.

        Args:
            settings: Of the worker.
            writer: Ours alone.
            trusts: Whether a time of the database (µs) is to be believed: by a clock that leapt
                no letter must be judged again, no history rebuilt, no day closed, and nothing
                dropped (rule 7).
        """
        self._settings = settings
        self._writer = writer
        self._trusts = trusts
        self._watchdog = QueryWatchdog()
        self._stopping = threading.Event()
        self._swept = float("-inf")
        self._compressor: Compressor | None = None
        self._alerts = Alerts(settings)

    def stop(self) -> None:
        """Ends ``run`` soon."""
        self._stopping.set()

    def run(self) -> None:
        """Works until stopped; a lost database only pauses it."""
        while not self._stopping.is_set():
            try:
                self._work()
            except (psycopg.Error, ClockLeaptError) as error:
                log.warning("housekeeping pauses", action="housekeeping", error=str(error).strip())
                self._stopping.wait(2.0)
            except Exception:
                # A bug of ours; rollups and replays of others must go on.
                log.exception("housekeeping pauses", action="housekeeping")
                self._stopping.wait(10.0)

    def _work(self) -> None:
        url = self._settings.database_url.get_secret_value()
        name = f"{self._settings.worker} housekeeping"
        with (
            psycopg.connect(
                url, autocommit=True, application_name=name, connect_timeout=5
            ) as plain,
            connect(url, name) as writing,
        ):
            while not self._stopping.is_set():
                with self._held(plain):
                    row = plain.execute(SQL["lock"], [LOCK_KEY]).fetchone()
                if row and row[0]:
                    break
                self._stopping.wait(5.0)
            with self._held(plain, writing):
                self._writer.prepare(writing)
                roller.ensure_zone(plain, self._settings.timezone)
                if self._compressor is None and can_compress(plain):
                    self._compressor = Compressor(
                        url, self._settings.worker, self._settings.compress_after, self._watchdog
                    )
            while not self._stopping.is_set():
                with self._held(plain, writing):
                    busy = self._turn(plain, writing)
                if not busy:
                    self._stopping.wait(TURN)

    @contextlib.contextmanager
    def _held(self, *connections: psycopg.Connection) -> Iterator[None]:
        with contextlib.ExitStack() as watches:
            for connection in connections:
                watches.enter_context(self._watchdog.watch(connection, PATIENCE))
            yield

    def _turn(self, plain: psycopg.Connection, writing: psycopg.Connection) -> int:
        settings = self._settings
        if not self._trusts(self._writer.now(writing)):
            return 0
        busy = replay_requested(writing, self._writer)
        busy += self._rebuild_one(writing)
        count_lasting_runs(writing, self._writer)
        roller.close_days(plain, settings.timezone)
        self._alerts.look(writing)
        rolled = roller.roll(plain, settings.timezone, settings.calendar)
        busy += rolled or roller.make_totals(plain, settings.timezone)
        busy += make_booking_days(plain, settings.calendar)
        busy += measure_reported_windows(plain, settings.calendar)
        if time.monotonic() - self._swept >= settings.retention_every.total_seconds():
            self._swept = time.monotonic()
            retention.drop_old_rows(plain, settings.kept)
            retention.drop_old_words(plain, settings.kept)
            retention.drop_old_letters(plain, settings.dead_letter_retention)
            if self._compressor is not None:
                self._compressor.begin()
        elif self._compressor is not None:
            self._compressor.give_way(plain)
        return busy

    def _rebuild_one(self, connection: psycopg.Connection) -> int:
        """Does one rebuild that a change of the registry asked for (rule 15)."""
        with connection.transaction():
            row = connection.cursor(binary=True).execute(SQL["next_rebuild"]).fetchone()
            if row is None:
                return 0
            rebuild_id, key, low, high = row
            rebuilt = self._writer.refold(connection, key, low, high)
            connection.execute(SQL["rebuilt"], [rebuild_id])
        log.info(
            "rebuilt",
            action="rebuild",
            instrument_key=key,
            removed=len(rebuilt.removed),
            added=len(rebuilt.added),
        )
        return 1
