"""Meters that disagree: an instrument's hour meter with its states, or its energy with its running.

The roller says so of the newest day that is over (rule 12), so it changes once a day.
"""

import psycopg

from ingest.alerting.watch import Watch
from ingest.sql import statements
from models.alert_kind import AlertKind
from models.condition import Condition, Found, Wider, at_widest

SQL = statements("alert_kinds")


class Meters(Watch):
    """By instrument; of half of those behind a gateway that have a meter it is told of that."""

    kinds = frozenset({AlertKind.INSTRUMENT_METER_DISAGREES, AlertKind.GATEWAY_METERS_DISAGREE})

    def look(self, connection: psycopg.Connection, now_us: int) -> Found:
        """As `Watch.look`."""
        holds = []
        wider = {}
        for row in connection.execute(SQL["meters"]):
            key, instrument_id, institution, gateway, gateway_id, home, metered, hours = row
            holds.append(
                Condition(
                    kind=AlertKind.INSTRUMENT_METER_DISAGREES,
                    key=key,
                    subject_id=instrument_id,
                    institution=institution,
                    since_us=now_us,
                    instruments=1,
                    detail={"meter": "hours" if hours else "energy"},
                )
            )
            wider[key] = Wider(
                AlertKind.GATEWAY_METERS_DISAGREE, gateway, gateway_id, home, metered
            )
        return at_widest(holds, wider)
