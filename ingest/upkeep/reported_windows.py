"""Measures windows of self-reports behind the writers' backs, as ``booking_days.py`` bookings.

What is kept, and why it is never wrong, is said in ``store/figures/reported_windows.py``.
"""

from datetime import datetime
from typing import Any

import psycopg

from ingest.sql import statements
from store.figures.reported_windows import measure_reported
from store.figures.surroundings import load_moment
from store.instant import from_us
from store.run import run

SQL = statements("reported_windows")
_LOCK = statements("roller")["lock"]
#: Windows in one transaction.
PORTION = 1_000


def measure_reported_windows(connection: psycopg.Connection[Any], calendar: str) -> int:
    """Measures one portion of what is due.

    Args:
        connection: In autocommit, with psycopg's own types.
        calendar: Name of the holidays' calendar.

    Returns:
        Windows looked at; 0 when none is due.
    """
    with connection.transaction():
        todo = connection.execute(SQL["take"], [PORTION]).fetchall()
        if not todo:
            return 0
        connection.execute(_LOCK, [sorted({key for key, _, _ in todo})])
        moment = run(connection, load_moment(calendar))
        found = run(connection, measure_reported(todo, moment))
        connection.execute(SQL["lock"], _windows(todo))
        if found.rows:
            *_, effective, unknown = zip(*found.rows, strict=True)
            windows = _windows([(key, start, end) for key, start, end, _, _ in found.rows])
            connection.execute(SQL["measured"], [*windows, list(effective), list(unknown)])
        if found.later:
            due = [from_us(at) for at in found.later.values()]
            connection.execute(SQL["later"], [*_windows(list(found.later)), due])
    return len(todo)


def _windows(
    places: list[tuple[int, int, int]],
) -> tuple[list[int], list[datetime], list[datetime]]:
    keys, starts, ends = zip(*places, strict=True)
    return list(keys), [from_us(at) for at in starts], [from_us(at) for at in ends]
