"""When messages were received: the database's time of their arrival, in its order.

A transaction begins with a look at the database's clock (``read_moment``); ``Receipts`` tells
from it when each message of the batch came.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple

import psycopg

from ingest.sql import statements
from ingest.write.batch import Inbound
from models.zone import DEFAULT_ZONE

SQL = statements("receipts")
#: A receipt this much ahead of the clock (µs) was given by another clock, before a leap.
LEAP_US = 30_000_000


class Moment(NamedTuple):
    """What a transaction begins with."""

    #: The database's clock (µs).
    now_us: int
    #: The registry's revision.
    revision: int
    #: When the present day of the rollups began (µs).
    today_us: int
    #: Monotonic second at or before which the clock was read.
    asked: float


def read_moment(connection: psycopg.Connection) -> Moment:
    """Asks the database for the time and what else a transaction begins with."""
    # Read before the query, not after: what arrived is then dated at its arrival or later by
    # what the query takes. Dated before it, a gateway's goodbye counted from a moment at
    # which it still spoke, since the earlier of its word and its receipt is believed.
    asked = time.monotonic()
    row = connection.cursor(binary=True).execute(SQL["moment"], [DEFAULT_ZONE]).fetchone()
    assert row is not None
    now_us, revision, today_us = row
    return Moment(now_us, revision, today_us, asked)


def read_revision(cursor: psycopg.Cursor) -> int:
    """The registry's present revision."""
    row = cursor.execute(SQL["revision"]).fetchone()
    assert row is not None
    return int(row[0])


class Receipts:
    """Gives receipts that never go back; remembers the newest."""

    def __init__(self) -> None:
        self._newest_us = 0

    def date(self, inbounds: Sequence[Inbound], moment: Moment) -> None:
        """Gives each message its receipt: the database's time of its arrival.

        Receipts never go back, and a gateway's word has one of its own, so that they keep the order
        of arrival: by it a will counts from what came before it (``gateway_link.py``). So has what
        a device says, for it may be its heartbeat's time, and two of one time contradict.
        """
        now_us = received_us = moment.now_us
        before: float | None = None
        least_us = self._newest_us
        if least_us > now_us + LEAP_US:
            least_us = 0  # that was another clock
        for inbound in inbounds:
            arrived = inbound.arrived
            if arrived is None:
                continue
            if arrived != before:  # hundreds arrive with one read
                before = arrived
                waited = moment.asked - arrived
                received_us = now_us - (int(waited * 1_000_000) if waited > 0.0 else 0)
                if received_us < least_us:
                    received_us = least_us
            if inbound.kind != "heartbeat":
                received_us += 1
                inbound.received_us = received_us
                received_us += 1
                least_us = received_us
            else:
                inbound.received_us = received_us
        self._newest_us = max(least_us, received_us)
