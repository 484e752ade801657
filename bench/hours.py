"""A month of days with their hours, made of pieces by the service's own code, on two cores."""

import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from itertools import repeat

import psycopg

from bench import bookings, history
from bench.rig import Rig
from ingest.upkeep import roller
from store.figures import totals
from store.figures.rollup_columns import COLUMNS
from store.figures.rollups import compute_days
from store.figures.subject import load_subjects
from store.figures.surroundings import load_moment
from store.run import run

#: Instruments whose month is rolled up in one transaction.
_PORTION = 40


def roll(rig: Rig, end: date) -> float:
    """Makes days and hours of the pieces, as the roller does, but on two cores.

    Returns:
        Processor time of Python, of an instrument and day (µs).
    """
    with psycopg.connect(rig.stack.database_url, autocommit=True) as connection:
        totals.forget_all(connection)
        keys = [key for (key,) in connection.execute("SELECT instrument_key FROM instrument")]
    portions = [keys[at : at + _PORTION] for at in range(0, len(keys), _PORTION)]
    with ProcessPoolExecutor(2) as pool:
        spent = sum(pool.map(_roll, repeat(rig.stack.database_url), portions, repeat(end)))
    with psycopg.connect(rig.stack.database_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE rollup_day")
        chunks = totals.due(connection, "Asia/Shanghai", most=10_000)
    history.make_totals(rig, chunks)
    return spent / (len(keys) * bookings.DAYS) * 1e6


def _roll(url: str, keys: Sequence[int], end: date) -> float:
    with psycopg.connect(url, autocommit=True) as connection:
        began = time.process_time()
        moment = run(connection, load_moment())
        subjects = run(connection, load_subjects(keys))
        days = [end - n * history.DAY for n in range(bookings.DAYS, 0, -1)]
        wanted = dict.fromkeys(keys, days)
        rows = run(connection, compute_days(list(subjects.values()), wanted, moment))
        columns = [[getattr(row.usage, name) for row in rows.values()] for name in COLUMNS]
        places = [[key for key, _ in rows], [day for _, day in rows]]
        hours = [row.hours for row in rows.values()]
        connection.execute(roller.UPSERT, [*places, hours, *columns])
        return time.process_time() - began
