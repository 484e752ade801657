"""All that is looked for, as a step of housekeeping: so one worker does it.

What people do with an alert is the API's.
"""

import psycopg
import structlog

from ingest.alerting.book import Book
from ingest.alerting.kinds import WATCHES
from ingest.alerting.settings import AlertSettings
from ingest.alerting.silence import SilenceLook
from ingest.alerting.watch import Watches

log = structlog.get_logger(__name__)


class Alerts:
    """Looks now and then; its own state is only when to look next, and how far it came."""

    def __init__(self, settings: AlertSettings) -> None:
        """Prepares.

        Args:
            settings: Of the worker.
        """
        self._book = Book(settings)
        self._silence = SilenceLook(settings, self._book)
        self._watches = Watches([watch(settings) for watch in WATCHES], self._book)

    def look(self, connection: psycopg.Connection, *, at_once: bool = False) -> None:
        """Brings the alerts up to now, those whose time it is.

        Args:
            connection: In autocommit; its times are µs (``ingest.db.connection``) or any.
            at_once: Whatever is looked for, although it is not its time.
        """
        turns = self._silence.look(connection, at_once=at_once)
        turns += self._watches.look(connection, at_once=at_once)
        opened, closed, folded = (
            sum(len(getattr(turn, what)) for turn in turns) for what in ("begin", "end", "fold")
        )
        if opened or closed or folded:
            log.info("alerts", action="alerts", opened=opened, closed=closed, folded=folded)
