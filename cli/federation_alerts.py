"""Tells of cities that are away, beside following them: alerts, and webhooks that are told."""

import threading

import psycopg
import structlog

from ingest.alerting.book import Book
from ingest.alerting.kinds import FOLLOWER_WATCHES
from ingest.alerting.settings import FollowerSettings
from ingest.alerting.watch import Watches
from ingest.db.connection import connect
from ingest.upkeep.webhooks import Webhooks

log = structlog.get_logger(__name__)

NAME = "jishi-federation alerts"
TURN_S, RETRY_S = 1.0, 5.0


class FollowerAlerts:
    """Two threads of their own: a receiver that is slow keeps nobody from looking."""

    def __init__(self, address: str, stop: threading.Event) -> None:
        """Prepares.

        Args:
            address: The database, as the role that ingest has.
            stop: Set once all ends.

        Raises:
            ValueError: A setting is none.
        """
        settings = FollowerSettings.model_validate({})
        book = Book(settings)
        self._watches = Watches([watch(settings) for watch in FOLLOWER_WATCHES], book)
        self._webhooks = Webhooks(settings, address, NAME)
        self._address, self._stop = address, stop

    def start(self) -> None:
        """Begins; daemons, for what a receiver takes long to answer nobody waits at the end."""
        for work in (self._look, self._webhooks.run):
            threading.Thread(target=work, name=work.__qualname__, daemon=True).start()

    def _look(self) -> None:
        while not self._stop.is_set():
            try:
                with connect(self._address, NAME) as connection:
                    while not self._stop.wait(TURN_S):
                        self._watches.look(connection)
            except psycopg.Error as error:
                log.warning("alerts pause", action="alerts", error=str(error).strip())
                self._stop.wait(RETRY_S)
