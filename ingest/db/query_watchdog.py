"""Ends waits for a database that has stopped answering without a word.

``statement_timeout`` is the server's and does not help against a server that hangs, nor does
TCP where its kernel still answers. So whoever waits has it watched: when it does not end in
time, the connection's socket is shut, and the wait ends with an ``OperationalError``.
"""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator

import psycopg
import structlog

log = structlog.get_logger(__name__)

LOOK_EVERY = 0.2  # seconds


class QueryWatchdog:
    """Watches connections from a thread of its own; one object serves any number of threads."""

    def __init__(self) -> None:
        #: Waits that were ended.
        self.cuts = 0
        self._held: dict[int, tuple[float, psycopg.Connection]] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._watch, name="query-watchdog", daemon=True).start()

    @contextlib.contextmanager
    def watch(self, connection: psycopg.Connection, seconds: float) -> Iterator[None]:
        """Shuts the connection's socket if the block lasts longer than ``seconds``."""
        with self._lock:
            self._held[id(connection)] = (time.monotonic() + seconds, connection)
        try:
            yield
        finally:
            with self._lock:
                self._held.pop(id(connection), None)

    def _watch(self) -> None:
        while True:
            time.sleep(LOOK_EVERY)
            now = time.monotonic()
            with self._lock:
                for key, (until, connection) in list(self._held.items()):
                    if now >= until:
                        del self._held[key]
                        self.cuts += 1
                        _shut(connection)


def _shut(connection: psycopg.Connection) -> None:
    log.error("the database does not answer", action="query_watchdog")
    # A copy of the descriptor: the socket object must not close libpq's own.
    with (
        contextlib.suppress(OSError, psycopg.Error),
        socket.socket(fileno=os.dup(connection.fileno())) as sock,
    ):
        sock.shutdown(socket.SHUT_RDWR)
