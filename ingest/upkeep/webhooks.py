"""Tells alerts to webhooks: what is due in the outbox, signed, tried again with growing pauses.

Every worker's thread does it, each with what it took; a receiver that is slow or dead keeps
nobody from the database. What is put into the outbox, and when it is due, is ``ingest/alerting``'s.
"""

import json
import threading
import time
from typing import Any

import psycopg
import structlog

from ingest.alerting.settings import AlertSettings
from ingest.db.query_watchdog import QueryWatchdog
from ingest.sql import statements
from ingest.upkeep.posting import ForbiddenError, post
from models.timestamp import format_instant
from models.webhook import pause_after, signed
from store.sealing import CannotOpenError, Sealer

log = structlog.get_logger(__name__)
SQL = statements("webhooks")

EVERY = 1.0  # seconds
#: Longer than twenty receivers may take that are all as slow as they can be.
LEASE_S = 600
PATIENCE = 10.0  # seconds for one statement
GONE = 410  # the receiver says that it wants no more


class Webhooks:
    """Sends from a thread of its own."""

    def __init__(self, settings: AlertSettings, address: str, name: str) -> None:
        """Prepares; ``run`` sends.

        Args:
            settings: Keys that secrets are sealed with, and networks that may be told.
            address: The database, as the role that writes.
            name: How the connection calls itself.
        """
        self._settings, self._address, self._name = settings, address, name
        keys = settings.webhook_keys.get_secret_value()
        self._sealer = Sealer(keys) if keys else None
        self._watchdog = QueryWatchdog()
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Ends ``run`` once what it sends is sent."""
        self._stopping.set()

    def run(self) -> None:
        """Sends until stopped; without keys there is nothing that it could sign."""
        if self._sealer is None:
            self._stopping.wait()
            return
        while not self._stopping.is_set():
            try:
                with psycopg.connect(
                    self._address,
                    autocommit=True,
                    connect_timeout=5,
                    application_name=self._name,
                    options=f"-c statement_timeout={PATIENCE:.0f}s",
                ) as connection:
                    while not self._stopping.is_set():
                        if not self.send(connection):
                            self._stopping.wait(EVERY)
            except (psycopg.Error, OSError) as error:
                log.debug("webhooks wait", action="webhook", error=str(error).strip())
                self._stopping.wait(5.0)
            except Exception:
                # A bug of ours: heartbeats must go on all the same.
                log.exception("webhooks wait", action="webhook")
                self._stopping.wait(60.0)

    def send(self, connection: psycopg.Connection) -> int:
        """Tries what is due; how many that were.

        Args:
            connection: In autocommit: nothing is held while a receiver is waited for.
        """
        with self._watchdog.watch(connection, PATIENCE):
            taken = connection.execute(SQL["take"], {"lease_s": LEASE_S}).fetchall()
        for delivery_id, tries, name, url, sealed, *event in taken:
            status, error = self._try(url, sealed, event)
            values: dict[str, Any] = {"id": delivery_id, "status": status}
            statement = "delivered"
            if error:
                pause_s = None if status == GONE else pause_after(tries)
                statement = "failed"
                values |= {"error": error[:500], "pause_s": pause_s}
                log.warning(
                    "webhook not delivered" if pause_s else "webhook given up",
                    action="webhook",
                    webhook=name,
                    delivery=delivery_id,
                    tries=tries,
                    again_in_s=pause_s,
                    why=error[:500],
                )
            with self._watchdog.watch(connection, PATIENCE):
                connection.execute(SQL[statement], values)
        return len(taken)

    def _try(self, url: str, sealed: bytes, event: list[Any]) -> tuple[int | None, str]:
        """The answer's status, and why it is not delivered; empty where it is."""
        assert self._sealer is not None
        message_id, body = _message(*event)
        try:
            headers = signed(self._sealer.open(sealed), message_id, int(time.time()), body)
            status, said = post(url, body, headers, self._settings.webhook_allowed)
        except CannotOpenError:
            return None, "its secret was sealed with a key that JISHI_WEBHOOK_KEYS does not have"
        except ForbiddenError as error:
            return None, str(error)
        except (OSError, ValueError) as error:
            return None, f"{type(error).__name__}: {error}"
        told = said.decode("utf-8", "replace").strip()
        return status, "" if 200 <= status < 300 else f"HTTP {status} {told}".strip()


def _message(
    event_id: int,
    event: str,
    at_us: int,
    alert_id: int,
    kind: str,
    subject_id: str,
    institution_id: str | None,
    since_us: int,
    instruments: int,
    opened_us: int,
    detail: dict[str, Any],
    closed_because: str | None,
) -> tuple[str, bytes]:
    """A message's id and body: the same each time, of what does not change any more."""
    body = {
        "type": "alert.opened" if event == "opened" else "alert.closed",
        "timestamp": format_instant(at_us),
        "data": {
            "alert_id": alert_id,
            "kind": kind,
            "subject_id": subject_id,
            "institution_id": institution_id,
            "since": format_instant(since_us),
            "instruments": instruments,
            "detail": detail,
            "opened_at": format_instant(opened_us),
            "closed_at": None if event == "opened" else format_instant(at_us),
            "folded": event == "folded",
            "closed_because": None if event == "opened" else closed_because,
        },
    }
    return f"alert_event_{event_id}", json.dumps(body, ensure_ascii=False).encode()
