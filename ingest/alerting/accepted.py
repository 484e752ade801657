"""Instruments that were accepted long ago, and that no heartbeat came of yet."""

import psycopg

from ingest.alerting.watch import Watch
from models.alert_kind import AlertKind
from models.condition import Condition, Found
from store.lifecycle.life_cycle import Silent, accepted_silent
from store.run import run

#: Local days from its acceptance on until nothing heard of it is an alert.
DAYS = 30


class Accepted(Watch):
    """By instrument: each one that was paid for has to be fitted by somebody."""

    kinds = frozenset({AlertKind.ACCEPTED_SILENT})
    every_s = 600.0

    def look(self, connection: psycopg.Connection, now_us: int) -> Found:
        """As `Watch.look`."""
        found = run(connection, accepted_silent(DAYS, now_us))
        return Found(
            holds=[_condition(one) for one in found if one.excused is None],
            excused={
                (AlertKind.ACCEPTED_SILENT, one.key): one.excused
                for one in found
                if one.excused is not None
            },
        )


def _condition(one: Silent) -> Condition:
    return Condition(
        kind=AlertKind.ACCEPTED_SILENT,
        key=one.key,
        subject_id=one.instrument_id,
        institution=one.institution_key,
        since_us=one.since_us,
        instruments=1,
        detail={"accepted_on": one.accepted_on.isoformat(), "days": DAYS},
    )
