"""Writes down what begins and ends, and has webhooks told (``upkeep/webhooks.py`` sends)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg.types.json import Jsonb

from ingest.alerting.settings import AlertSettings
from ingest.db.connection import Micros
from ingest.sql import statements
from models.alert_kind import AlertKind
from models.condition import Because, Condition, Subject, Turn
from models.webhook import parse_quiet, quiet_until

SQL, OUTBOX = statements("alerts"), statements("webhooks")


class Book:
    """What stands, and what becomes of it."""

    def __init__(self, settings: AlertSettings) -> None:
        """Prepares.

        Args:
            settings: Quiet hours, and how long closed alerts are kept.
        """
        self._kept_us = int(settings.alert_retention.total_seconds() * 1_000_000)
        self._quiet = parse_quiet(settings.alert_quiet)
        self._zone = ZoneInfo(settings.timezone)

    def standing(
        self, connection: psycopg.Connection, kinds: Collection[AlertKind]
    ) -> dict[Subject, int | None]:
        """Alerts of some kinds that stand, each with since when it does not hold any more (µs)."""
        rows = connection.execute(SQL["standing"], [[kind.value for kind in kinds]])
        return {(AlertKind(kind), key): over_us for kind, key, over_us in rows}

    def write(self, connection: psycopg.Connection, now_us: int, turn: Turn) -> None:
        """Opens, closes and tells; within a transaction.

        Args:
            connection: Whose times are µs (``ingest.db.connection``) or any.
            now_us: The database's clock.
            turn: What changes.
        """
        now = Micros(now_us)
        opened = _opened(connection, turn.begin, now)
        closed = _closed(connection, turn.end, now, folded=False, because=turn.because)
        closed += _closed(connection, turn.fold, now, folded=True, because={})
        due = self._due(now_us)
        for statement, events in (("put_opened", opened), ("put_closed", closed)):
            if events:
                connection.execute(OUTBOX[statement], {"events": events, "due": due})
        if turn.over:
            sinces = [None if us is None else Micros(us) for us in turn.over.values()]
            connection.execute(SQL["over"], {**_named(turn.over), "sinces": sinces})

    def forget(self, connection: psycopg.Connection) -> None:
        """Drops what is closed for long."""
        connection.execute(SQL["forget"], [self._kept_us])

    def _due(self, now_us: int) -> Micros:
        """When webhooks are told: now, or at the end of quiet hours."""
        now = datetime.fromtimestamp(now_us / 1_000_000, UTC)
        until = quiet_until(now, self._quiet, self._zone)
        return Micros(now_us if until is None else int(until.timestamp()) * 1_000_000)


def now_of(connection: psycopg.Connection) -> int:
    """The database's clock (µs)."""
    row = connection.execute(SQL["now"]).fetchone()
    assert row is not None, "a clock always says something"
    return int(row[0])


def _opened(connection: psycopg.Connection, begin: Sequence[Condition], now: Micros) -> list[int]:
    """Opens alerts; the events' ids."""
    if not begin:
        return []
    rows = connection.execute(
        SQL["open"],
        {
            **_named(one.subject for one in begin),
            "ids": [one.subject_id for one in begin],
            "institutions": [one.institution for one in begin],
            "sinces": [Micros(one.since_us) for one in begin],
            "instruments": [one.instruments for one in begin],
            "details": [Jsonb(dict(one.detail)) for one in begin],
            "now": now,
        },
    )
    return [event for (event,) in rows]


def _closed(
    connection: psycopg.Connection,
    subjects: Sequence[Subject],
    now: Micros,
    *,
    folded: bool,
    because: Mapping[Subject, Because],
) -> list[int]:
    """Closes alerts; the events' ids."""
    if not subjects:
        return []
    reasons = [because.get(subject) for subject in subjects]
    told = {**_named(subjects), "now": now, "folded": folded, "because": reasons}
    rows = connection.execute(SQL["close"], told)
    return [event for (event,) in rows]


def _named(subjects: Iterable[Subject]) -> dict[str, Any]:
    subjects = list(subjects)
    return {"kinds": [kind.value for kind, _ in subjects], "keys": [key for _, key in subjects]}
