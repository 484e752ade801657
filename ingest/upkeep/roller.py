"""Computes daily rollups from segments and their running totals, behind the writers' backs.

``rollup_todo`` says which; a day of every instrument joins it once the day is over. Readers
take a missing row from segments, so this can be late but never wrong: the status rows are
locked while their segments are read, as ``rollup_forget`` locks them to delete.
"""

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import psycopg
from psycopg import sql

from ingest.sql import statements
from ingest.upkeep import booking_days
from models.ratios import counter_disagrees
from models.zone import start_of_day
from store.figures import totals
from store.figures.rollup_columns import COLUMNS
from store.figures.rollups import compute_days
from store.figures.subject import Subject, load_subjects, zone_of
from store.figures.surroundings import load_moment
from store.run import run

SQL = statements("roller")
#: Instrument-days in one transaction.
PORTION = 1_000
#: After midnight, before the day of silent instruments is rolled (seconds).
DAY_SETTLES = 1_200


def _listed(form: str) -> sql.Composed:
    """The rollups' columns, each in a form, with commas between."""
    return sql.SQL(", ").join(sql.SQL(form).format(sql.Identifier(name)) for name in COLUMNS)


UPSERT = sql.SQL(SQL["upsert"]).format(
    columns=_listed("{}"),
    arrays=sql.SQL(", ").join([sql.SQL("%s::bigint[]")] * len(COLUMNS)),
    excluded=_listed("EXCLUDED.{}"),
)


def ensure_zone(connection: psycopg.Connection, zone: str) -> None:
    """Fixes the zone of the rollups, or has them all computed again when it changed.

    Args:
        connection: In autocommit.
        zone: IANA name.
    """
    with connection.transaction():
        # The upsert's row lock keeps two workers with different settings apart.
        before = connection.execute(SQL["zone"]).fetchone()
        if before is not None and before[0] == zone:
            return
        connection.execute(SQL["set_zone"], [zone])
        if before is not None:
            totals.forget_all(connection)
            connection.execute(SQL["forget_days"])
            connection.execute(SQL["forget_todo"])
            connection.execute(SQL["forget_rolled_through"])
            booking_days.forget_all(connection, zone)


def close_days(connection: psycopg.Connection, zone: str) -> None:
    """Queues the days that ended since the last call, for every instrument that was heard."""
    with connection.transaction():
        row = connection.execute(SQL["ended"], {"zone": zone, "settles": DAY_SETTLES}).fetchone()
        assert row is not None
        over, newest, after = row
        if newest is None:
            return
        through = min(over, newest)
        if after is None:
            after = date(1970, 1, 1)
        if through <= after:
            return
        connection.execute(SQL["close_days"], {"after": after, "through": through, "zone": zone})
        connection.execute(SQL["set_rolled_through"], [through.isoformat()])


def roll(connection: psycopg.Connection, zone: str, calendar: str) -> int:
    """Computes one portion of what is queued.

    Args:
        connection: In autocommit, with psycopg's own types.
        zone: IANA name of the rollups' zone.
        calendar: Name of the holidays' calendar.

    Returns:
        Queued days dealt with; 0 when nothing (that can be computed yet) is left.
    """
    with connection.transaction():
        todo = connection.execute(SQL["take"], {"zone": zone, "most": PORTION}).fetchall()
        if not todo:
            return 0
        days: dict[int, list[date]] = defaultdict(list)
        for key, day in todo:
            days[key].append(day)
        keys = list(days)
        connection.execute(SQL["lock"], [keys])
        moment = run(connection, load_moment(calendar))
        subjects = run(connection, load_subjects(keys))
        ready = {
            key: _settled(subjects[key], days[key], moment.now_us, zone)
            for key in keys
            if key in subjects
        }
        rows = run(connection, compute_days(list(subjects.values()), ready, moment))
        with connection.cursor() as cursor:
            cursor.execute(
                UPSERT,
                [
                    [key for key, _ in rows],
                    [day for _, day in rows],
                    [row.hours for row in rows.values()],
                    *([getattr(row.usage, name) for row in rows.values()] for name in COLUMNS),
                ],
            )
            done = [(key, day) for key in keys for day in ready.get(key, ())]
            cursor.execute(SQL["done"], [[key for key, _ in done], [day for _, day in done]])
            rolled = sorted({key for key, _ in rows})
            _flag_counters(cursor, rolled)
            cursor.execute(SQL["flag_energy"], {"keys": rolled, "zone": zone})
        return len(done)


def make_totals(connection: psycopg.Connection, zone: str) -> int:
    """Takes what was rolled up into the running totals, one chunk of instruments.

    Args:
        connection: In autocommit, with psycopg's own types.
        zone: IANA name of the rollups' zone.

    Returns:
        Chunks dealt with; 0 when nothing is due.
    """
    found = totals.due(connection, zone)
    for chunk, boundary in found:
        totals.make(connection, chunk, boundary)
    return len(found)


def _settled(subject: Subject, days: list[date], now_us: int, zone: str) -> list[date]:
    """The days whose figures cannot change any more by the mere passing of time (rule 11)."""
    tz = zone_of(zone)
    ready = []
    for day in sorted(days):
        end = start_of_day(day + timedelta(days=1), tz)
        if end + subject.settle_us(end) <= now_us:
            ready.append(day)
    return ready


def _flag_counters(cursor: psycopg.Cursor[Any], keys: list[int]) -> None:
    """Notes whether counter and state disagree, by the newest day with readings (rule 12).

    By the newest that there is, not the newest that was just computed: a late heartbeat has an
    older day computed again, and that must not speak for today. Where no day has readings any more
    (all of them turned out to be repeats), nothing disagrees.
    """
    found = cursor.execute(SQL["newest_readings"], [keys]).fetchall()
    cursor.execute(
        SQL["flag_counters"],
        [
            [key for key, _, _ in found],
            [counter_disagrees(counter, state) for _, counter, state in found],
        ],
    )
