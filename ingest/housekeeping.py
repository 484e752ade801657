"""What ingest does beside the path: rollups, rebuilds and replays that were asked for, retention.

One worker at a time, by an advisory lock; every step is short and can be repeated.
"""

import threading
import time

import psycopg
import structlog

from ingest import retention, roller
from ingest.database import connect
from ingest.replay import replay_requested
from ingest.settings import IngestSettings
from ingest.writer import Writer

log = structlog.get_logger(__name__)

#: Any constant of ours; "rolls" in ASCII.
LOCK_KEY = 0x726F6C6C73
TURN = 1.0  # seconds
RETENTION_EVERY = 600.0  # seconds


class Housekeeping:
    """Runs in a thread of its own, over connections of its own."""

    def __init__(self, settings: IngestSettings, writer: Writer) -> None:
        self._settings = settings
        self._writer = writer
        self._stopping = threading.Event()
        self._swept = -RETENTION_EVERY

    def stop(self) -> None:
        """Ends ``run`` soon."""
        self._stopping.set()

    def run(self) -> None:
        """Works until stopped; a lost database only pauses it."""
        while not self._stopping.is_set():
            try:
                self._work()
            except psycopg.Error as error:
                log.warning("housekeeping pauses", action="housekeeping", error=str(error).strip())
                self._stopping.wait(2.0)

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
                row = plain.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_KEY]).fetchone()
                if row and row[0]:
                    break
                self._stopping.wait(5.0)
            self._writer.prepare(writing)
            zone = self._settings.timezone
            roller.ensure_zone(plain, zone)
            while not self._stopping.is_set():
                busy = replay_requested(writing, self._writer)
                busy += self._rebuild_one(writing)
                roller.close_days(plain, zone)
                busy += roller.roll(plain, zone, self._settings.calendar)
                if time.monotonic() - self._swept >= RETENTION_EVERY:
                    self._swept = time.monotonic()
                    retention.drop_old_rows(plain, self._settings.kept)
                    retention.drop_old_letters(plain, self._settings.dead_letter_retention)
                if not busy:
                    self._stopping.wait(TURN)

    def _rebuild_one(self, connection: psycopg.Connection) -> int:
        """Does one rebuild that a change of the registry asked for (rule 15)."""
        with connection.transaction():
            row = (
                connection.cursor(binary=True)
                .execute(
                    "SELECT rebuild_id, instrument_key, starts_at, ends_at FROM rebuild_todo"
                    " ORDER BY rebuild_id LIMIT 1 FOR UPDATE SKIP LOCKED"
                )
                .fetchone()
            )
            if row is None:
                return 0
            rebuild_id, key, low, high = row
            rebuilt = self._writer.refold(connection, key, low, high)
            connection.execute("DELETE FROM rebuild_todo WHERE rebuild_id = %s", [rebuild_id])
        log.info(
            "rebuilt",
            action="rebuild",
            instrument_key=key,
            removed=len(rebuilt.removed),
            added=len(rebuilt.added),
        )
        return 1
