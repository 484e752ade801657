"""Surges of dead letters: so many of a gateway in an hour that somebody should see why.

Counted by full hours of receipt, so that the count of an hour is the same whoever looks when. It
begins as soon as an hour has that many, and ends once an hour is over that has not.
"""

from datetime import UTC, datetime

import psycopg

from ingest.alerting.settings import AlertSettings
from ingest.alerting.watch import Watch
from ingest.sql import statements
from models.alert_kind import AlertKind
from models.condition import Condition, Found, Wider, at_widest

SQL = statements("alert_kinds")
_HOUR_US = 3_600_000_000


class DeadLetters(Watch):
    """By gateway; of most of an institution's at once it is told of that."""

    kinds = frozenset({AlertKind.GATEWAY_DEAD_LETTERS, AlertKind.INSTITUTION_DEAD_LETTERS})

    def __init__(self, settings: AlertSettings) -> None:
        self._bound = settings.alert_dead_letters

    def look(self, connection: psycopg.Connection, now_us: int) -> Found:
        """As `Watch.look`."""
        since_us = now_us // _HOUR_US * _HOUR_US - _HOUR_US
        rows = connection.execute(
            SQL["dead_letters"],
            {
                "since": datetime.fromtimestamp(since_us / 1_000_000, UTC),
                "bound": self._bound,
            },
        ).fetchall()
        homes = connection.execute(SQL["homes"], [[row[0] for row in rows]]).fetchall()
        wider = {
            gateway: Wider(AlertKind.INSTITUTION_DEAD_LETTERS, key, institution_id, key, gateways)
            for gateway, key, institution_id, gateways, _ in homes
        }
        instruments = {gateway: count for gateway, *_, count in homes}
        return at_widest(
            [
                Condition(
                    kind=AlertKind.GATEWAY_DEAD_LETTERS,
                    key=key,
                    subject_id=gateway_id,
                    institution=wider[key].key if key in wider else None,
                    since_us=first_us,
                    instruments=instruments.get(key, 0),
                    detail={"letters": letters, "reason": reason, "bound": self._bound},
                )
                for key, gateway_id, first_us, letters, reason in rows
            ],
            wider,
        )
