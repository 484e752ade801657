"""Has booking days made behind the writers' backs, as ``roller.py`` the days of figures.

What a booking day is, and why it is never wrong, is said in ``store/figures/booking_days.py``.
"""

from collections import defaultdict
from datetime import date
from typing import Any

import psycopg
from psycopg import sql

from ingest.sql import statements
from store.figures.booking_days import SUMS, compute_booking_days
from store.figures.judged import AT_ONCE, load_tolerances
from store.figures.surroundings import load_moment
from store.instant import from_us
from store.run import run

SQL = statements("booking_days")
_LOCK = statements("roller")["lock"]
#: Instrument-days in one transaction: those who change bookings wait for its end.
PORTION = 500


def _listed(form: str) -> sql.Composed:
    return sql.SQL(", ").join(sql.SQL(form).format(sql.Identifier(name)) for name in SUMS)


UPSERT = sql.SQL(SQL["upsert"]).format(
    columns=_listed("{}"),
    arrays=sql.SQL(", ").join([sql.SQL("%s::bigint[]")] * len(SUMS)),
    excluded=_listed("EXCLUDED.{}"),
)


def make_booking_days(connection: psycopg.Connection[Any], calendar: str) -> int:
    """Makes one portion of what is due.

    Args:
        connection: In autocommit, with psycopg's own types.
        calendar: Name of the holidays' calendar.

    Returns:
        Instrument-days looked at; 0 when none is due, or while bookings are changed.
    """
    with connection.transaction():
        alone = connection.execute(SQL["alone"]).fetchone()
        if alone is None or not alone[0]:
            return 0
        todo = connection.execute(SQL["take"], [PORTION]).fetchall()
        if not todo:
            return 0
        connection.execute(_LOCK, [sorted({key for key, _ in todo})])
        moment = run(connection, load_moment(calendar))
        history = run(connection, load_tolerances())
        days: dict[date, list[int]] = defaultdict(list)
        for key, day in todo:
            days[day].append(key)
        rows: list[tuple[Any, ...]] = []
        later: dict[tuple[int, date], int] = {}
        for day, keys in days.items():
            for at in range(0, len(keys), AT_ONCE):
                part = keys[at : at + AT_ONCE]
                made = run(connection, compute_booking_days(part, day, moment, history))
                rows += made.rows
                later |= {(key, day): due for key, due in made.later.items()}
        if rows:
            connection.execute(UPSERT, [list(column) for column in zip(*rows, strict=True)])
        done = [place for place in todo if place not in later]
        connection.execute(SQL["done"], [[key for key, _ in done], [day for _, day in done]])
        if later:
            connection.execute(
                SQL["later"],
                [
                    [key for key, _ in later],
                    [day for _, day in later],
                    [from_us(due) for due in later.values()],
                ],
            )
    return len(todo)


def forget_all(connection: psycopg.Connection[Any], zone: str) -> None:
    """Has all of them made anew, by the days of another zone."""
    for statement in ("clear", "mark_all"):
        connection.execute(SQL[statement], {"zone": zone})
