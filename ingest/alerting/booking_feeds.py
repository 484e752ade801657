"""Booking feeds that cannot be read: one cancels nothing, and somebody should know."""

import psycopg

from ingest.alerting.settings import AlertSettings
from ingest.alerting.watch import Watch
from ingest.sql import statements
from models.alert_kind import AlertKind
from models.condition import Condition, Found

SQL = statements("alert_kinds")


class BookingFeeds(Watch):
    """One that is lost at once, others after a while."""

    kinds = frozenset({AlertKind.BOOKING_FEED_FAILING})
    every_s = 15.0

    def __init__(self, settings: AlertSettings) -> None:
        self._after_us = int(settings.alert_feed_after.total_seconds() * 1_000_000)

    def look(self, connection: psycopg.Connection, now_us: int) -> Found:
        """As `Watch.look`."""
        # One that stands goes on although the address is not lost any more, until it is read.
        rows = connection.execute(SQL["failing_feeds"]).fetchall()
        return Found(
            holds=[
                Condition(
                    kind=AlertKind.BOOKING_FEED_FAILING,
                    key=key,
                    subject_id=name,
                    institution=institution,
                    since_us=since_us,
                    instruments=instruments,
                )
                for key, name, institution, since_us, is_told, instruments in rows
                if is_told or now_us - since_us >= self._after_us
            ]
        )
