"""Maintenance plans that are due: what has run is read from figures, a portion of plans a look."""

import psycopg

from ingest.alerting.settings import AlertSettings
from ingest.alerting.watch import Watch
from models.alert_kind import AlertKind
from models.condition import Condition, Found
from models.timestamp import format_instant
from store.figures.surroundings import load_moment
from store.lifecycle.due import DuePlan, load_due
from store.lifecycle.maintenance_plans import plans_of
from store.present.filters import Filters
from store.run import run

#: Plans in one look: the next one goes on behind them.
PORTION = 500
_LAST = 1 << 62


class Maintenance(Watch):
    """By plan: an instrument may be due for several, and each is somebody's work."""

    kinds = frozenset({AlertKind.MAINTENANCE_DUE})
    every_s = 15.0

    def __init__(self, settings: AlertSettings) -> None:
        self._calendar = settings.calendar
        self._after = 0

    def look(self, connection: psycopg.Connection, now_us: int) -> Found:
        """As `Watch.look`."""
        low = self._after
        plans = run(connection, plans_of(Filters(), PORTION, after_id=low))
        high = plans[-1].plan_id if len(plans) == PORTION else _LAST
        self._after = high if high < _LAST else 0
        moment = run(connection, load_moment(self._calendar))
        found = run(connection, load_due(plans, moment))
        return Found(
            holds=[_condition(one) for one in found if one.due.is_overdue],
            looked=lambda key: low < key <= high,
        )


def _condition(one: DuePlan) -> Condition:
    plan, due_us = one.plan, one.due.due_us
    assert due_us is not None, "what is overdue was due"
    return Condition(
        kind=AlertKind.MAINTENANCE_DUE,
        key=plan.plan_id,
        subject_id=plan.instrument_id,
        institution=plan.institution_key,
        since_us=due_us,
        instruments=1,
        detail={
            "plan_id": plan.plan_id,
            "plan": plan.name,
            "due_at": format_instant(due_us),
            "due_by": None if one.due.due_by is None else one.due.due_by.value,
        },
    )
