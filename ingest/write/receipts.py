"""When messages were received: the database's time of their arrival, in its order.

A transaction begins with a look at the database's clock (``read_moment``); ``Receipts`` tells
from it when each message of the batch came.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import psycopg

from ingest.sql import statements
from ingest.write.batch import Inbound
from ingest.write.inbounds import Inbounds
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
        batch = Inbounds.of(inbounds)
        least_us = self._newest_us
        if least_us > moment.now_us + LEAP_US:
            least_us = 0  # that was another clock
        came = np.flatnonzero(~np.isnan(batch.arrived))
        waited = (moment.asked - batch.arrived[came]) * 1_000_000
        found = moment.now_us - np.maximum(waited, 0.0).astype(np.int64)
        # Between two words that have receipts of their own nothing but the clock decides.
        first = 0
        for word in np.flatnonzero(np.isin(came, batch.others)).tolist():
            np.maximum(found[first:word], least_us, out=found[first:word])
            found[word] = least_us = max(int(found[word]), least_us) + 1
            least_us += 1
            first = word + 1
        np.maximum(found[first:], least_us, out=found[first:])
        received_us = batch.received_us.copy()
        received_us[came] = found
        batch.receive(received_us)
        last_us = int(found[-1]) if len(found) else moment.now_us
        self._newest_us = max(least_us, last_us)
