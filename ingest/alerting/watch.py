"""What a kind of alert is to those that run it: something that looks, and says what holds now."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import psycopg
import structlog

from ingest.alerting.book import Book, now_of
from models.alert_kind import AlertKind
from models.condition import Found, Turn, judge

log = structlog.get_logger(__name__)

#: The longer a look takes, the more seldom it is: it rests for this many times what it took.
REST = 30
#: Seconds after which one that failed is tried again, at least.
FAILED_S = 300.0


class Watch(ABC):
    """Looks for one condition, whatever kinds of alerts it is told by."""

    #: Of the alerts that it is told by.
    kinds: frozenset[AlertKind]
    #: Seconds from one look to the next, at least.
    every_s = 60.0
    #: Seconds from the start to the first look, at least: a worker that begins has what was queued
    #: meanwhile to write, and needs its memory and processor for that.
    first_s = 0.0
    #: How long it must not hold until its alert ends (s); 0 where it is judged by days or hours.
    steady_s = 0.0

    @property
    def name(self) -> str:
        """As the log calls it."""
        return type(self).__name__

    @abstractmethod
    def look(self, connection: psycopg.Connection, now_us: int) -> Found | None:
        """What holds now.

        Args:
            connection: In a transaction that sees one state of the database throughout; its times
                are µs (``ingest.db.connection``) or any, so statements ask for ``us(…)``.
            now_us: The database's clock.

        Returns:
            None: there is no telling now; all alerts stay as they are.
        """


class Watches:
    """Runs watches, each at its pace."""

    def __init__(self, watches: Iterable[Watch], book: Book) -> None:
        """Prepares.

        Args:
            watches: Any number.
            book: Where alerts are written.
        """
        self._watches: Sequence[Watch] = tuple(watches)
        began = time.monotonic()
        self._next = {watch: began + watch.first_s for watch in self._watches}
        self._book = book

    def look(self, connection: psycopg.Connection, *, at_once: bool = False) -> list[Turn]:
        """Has those look whose time it is.

        Args:
            connection: In autocommit.
            at_once: Whoever rests as well.

        Returns:
            What changed by each that looked.
        """
        turns = []
        for watch in self._watches:
            began = time.monotonic()
            if at_once or began >= self._next[watch]:
                rest_s = watch.every_s
                try:
                    turns.append(self._one(watch, connection))
                except Exception:
                    if connection.closed:
                        raise
                    # One kind that fails keeps neither the others nor rollups from going on.
                    log.exception("alerts of a kind wait", action="alerts", watch=watch.name)
                    rest_s = max(rest_s, FAILED_S)
                took = time.monotonic() - began
                self._next[watch] = time.monotonic() + max(rest_s, REST * took)
        return turns

    def _one(self, watch: Watch, connection: psycopg.Connection) -> Turn:
        # Looked at and written in transactions of their own: whoever acknowledges an alert
        # meanwhile must not make one of them fail.
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            now_us = now_of(connection)
            found = watch.look(connection, now_us)
        if found is None:
            return Turn()
        with connection.transaction():
            standing = self._book.standing(connection, watch.kinds)
            turn = judge(now_us, found, standing, int(watch.steady_s * 1_000_000))
            self._book.write(connection, now_us, turn)
        return turn
