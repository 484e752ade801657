"""Opens and closes alerts: gathers, has ``silence.py`` and ``feed_alert.py`` judge, writes.

A step of housekeeping, so that one worker does it. What is put into the outbox is sent by
``webhooks.py``; what people do with an alert is the API's.
"""

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import psycopg
import structlog

from ingest.db.connection import Micros
from ingest.settings import IngestSettings
from ingest.sql import statements
from models.feed_alert import KIND, FailingFeed, judge_feeds
from models.silence import (
    Device,
    Kind,
    Limits,
    Open,
    Silence,
    Subject,
    Verdict,
    judge,
    listening_since,
)
from models.webhook import parse_quiet, quiet_until

log = structlog.get_logger(__name__)
SQL, OUTBOX = statements("alerts"), statements("webhooks")

#: An alert that begins: kind, subject's key, institution, since when (µs), instruments.
_Begin: TypeAlias = tuple[str, int, int | None, int, int]
#: The longer a look takes, the more seldom it is: it rests for this many times what it took.
REST = 30


class Alerts:
    """Looks now and then; its own state is only when to look next."""

    def __init__(self, settings: IngestSettings) -> None:
        """Prepares.

        Args:
            settings: Of the worker.
        """

        def us(name: str) -> int:
            return int(getattr(settings, name).total_seconds() * 1_000_000)

        self._limits = Limits(
            after_us={
                Kind.INSTITUTION: us("alert_institution_after"),
                Kind.GATEWAY: us("alert_gateway_after"),
                Kind.INSTRUMENT: us("alert_instrument_after"),
            },
            steady_us=us("alert_steady"),
            newer_us=us("alert_newer"),
        )
        self._feed_after_us = us("alert_feed_after")
        self._kept_us = us("alert_retention")
        self._every = settings.alert_every.total_seconds()
        self._quiet = parse_quiet(settings.alert_quiet)
        self._zone = ZoneInfo(settings.timezone)
        self._next = 0.0

    def look(self, connection: psycopg.Connection) -> Verdict | None:
        """Brings the alerts up to now, if it is time.

        Args:
            connection: In autocommit; its times are µs (``ingest.db.connection``) or any.

        Returns:
            What changed; ``None``: it was not time.
        """
        began = time.monotonic()
        if began < self._next:
            return None
        with connection.transaction():
            verdict = self._judged(connection)
            self._judge_feeds(connection)
        self._next = time.monotonic() + max(self._every, REST * (time.monotonic() - began))
        if verdict.begin or verdict.end or verdict.fold:
            log.info(
                "alerts",
                action="alerts",
                opened=len(verdict.begin),
                closed=len(verdict.end),
                folded=len(verdict.fold),
            )
        return verdict

    def _judged(self, connection: psycopg.Connection) -> Verdict:
        now_us = _rows(connection, "now")[0][0]
        records = [
            (None if names is None else frozenset(names), start_us)
            for names, start_us in _rows(connection, "listening")
        ]
        since = {key: listening_since(records, name) for key, name in _rows(connection, "gateways")}
        standing = {
            (Kind(kind), key): Open(heard_since_us=heard_us)
            for kind, key, heard_us in _rows(connection, "standing")
        }
        # A nation's would not fit into memory at once.
        with connection.cursor("alert_devices") as cursor:
            cursor.itersize = 10_000
            devices = map(Device._make, cursor.execute(SQL["devices"]))
            verdict = judge(now_us, devices, since.get, standing, self._limits)
        now = _time(now_us)
        opened = _open(connection, [_opened(one) for one in verdict.begin], now)
        closed = _close(connection, _named(verdict.end), now, folded=False)
        closed += _close(connection, _named(verdict.fold), now, folded=True)
        self._tell(connection, now_us, opened, closed)
        if verdict.heard:
            heard = {"sinces": [_time(us) for us in verdict.heard.values()]}
            connection.execute(SQL["heard"], _named(verdict.heard) | heard)
        connection.execute(SQL["forget"], [self._kept_us])
        return verdict

    def _judge_feeds(self, connection: psycopg.Connection) -> None:
        now_us = _rows(connection, "now")[0][0]
        verdict = judge_feeds(
            now_us,
            map(FailingFeed._make, _rows(connection, "failing_feeds")),
            {key for (key,) in _rows(connection, "standing_feeds")},
            self._feed_after_us,
        )
        begin = [
            (KIND, one.feed, one.institution, one.since_us, one.instruments)
            for one in verdict.begin
        ]
        ended = {"kinds": [KIND] * len(verdict.end), "keys": verdict.end}
        opened = _open(connection, begin, _time(now_us))
        closed = _close(connection, ended, _time(now_us), folded=False)
        self._tell(connection, now_us, opened, closed)

    def _tell(
        self,
        connection: psycopg.Connection,
        now_us: int,
        opened: Sequence[int],
        closed: Sequence[int],
    ) -> None:
        """Puts events into the outbox."""
        due = self._due(now_us)
        for statement, events in (("put_opened", opened), ("put_closed", closed)):
            if events:
                connection.execute(OUTBOX[statement], {"events": events, "due": due})

    def _due(self, now_us: int) -> Micros:
        """When webhooks are told: now, or at the end of quiet hours."""
        now = datetime.fromtimestamp(now_us / 1_000_000, UTC)
        until = quiet_until(now, self._quiet, self._zone)
        return Micros(now_us if until is None else int(until.timestamp()) * 1_000_000)


def _rows(connection: psycopg.Connection, name: str) -> list[Any]:
    return connection.execute(SQL[name]).fetchall()


def _time(us: int | None) -> Micros | None:
    return None if us is None else Micros(us)


def _named(subjects: Iterable[Subject]) -> dict[str, Any]:
    subjects = list(subjects)
    return {"kinds": [kind.value for kind, _ in subjects], "keys": [key for _, key in subjects]}


def _opened(one: Silence) -> _Begin:
    return one.kind.value, one.key, one.institution, one.since_us, one.instruments


def _open(connection: psycopg.Connection, begin: Sequence[_Begin], now: Micros | None) -> list[int]:
    """Opens alerts; the events' ids."""
    if not begin:
        return []
    rows = connection.execute(
        SQL["open"],
        {
            "kinds": [kind for kind, *_ in begin],
            "keys": [key for _, key, *_ in begin],
            "institutions": [institution for _, _, institution, _, _ in begin],
            "sinces": [_time(since_us) for *_, since_us, _ in begin],
            "instruments": [instruments for *_, instruments in begin],
            "now": now,
        },
    )
    return [event for (event,) in rows]


def _close(
    connection: psycopg.Connection, subjects: dict[str, Any], now: Micros | None, *, folded: bool
) -> list[int]:
    """Closes alerts of ``_named`` subjects; the events' ids."""
    if not subjects["keys"]:
        return []
    rows = connection.execute(SQL["close"], {**subjects, "now": now, "folded": folded})
    return [event for (event,) in rows]
