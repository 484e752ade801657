"""A year of history for a whole city, written straight into rollups and segments.

Sent as heartbeats it would be 74 thousand million; so day rows are made by SQL, of a state that
is a function of instrument and hour, and the running totals of those as the roller makes them.
Only the 200 instruments of ``naive_ratio`` have raw heartbeats, one a minute for a month, and
their day rows are computed from those by plain window functions, so that both ways must give
the same figure.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from itertools import product, repeat
from typing import Any

import psycopg

from bench.rig import Rig
from models.segment import HOUR_US
from models.usage import Usage
from store.figures import totals
from store.figures.packed_hours import pack_day

SUBJECTS = 200
RAW_DAYS = 30
CLASS = "999999"

_DAYS = """
INSERT INTO rollup_day
SELECT instrument_key, day, running, idle, 86400000000 - running - idle - lost, 0, 0, 0, lost,
       NULL, NULL, running, 0, %(rated)s, running, %(readings)s, running, running, %(step)s, hours
FROM (
    SELECT instrument_key, day::date,
           (1 + (instrument_key * 7 + extract(doy FROM day)::int * 13) %% 11) * 3600000000::bigint
               AS running,
           (instrument_key + extract(doy FROM day)::int) %% 6 * 3600000000::bigint AS idle,
           CASE WHEN instrument_key %% 31 = 0 THEN 14400000000 ELSE 0 END AS lost
    FROM instrument, generate_series(%(first)s::date, %(last)s::date, interval '1 day') AS day
) AS made LEFT JOIN hours_made USING (running, idle, lost)
"""
_HOURS_MADE = """
CREATE TEMPORARY TABLE hours_made (running bigint, idle bigint, lost bigint, hours bytea)
"""
_STATUS = """
UPDATE instrument_status SET
    version = version + 1, first_at = %(first)s::date::timestamp AT TIME ZONE 'Asia/Shanghai',
    newest_ts = now(), newest_at = now(), newest_seq = 1, newest_boot_id = 'b', credit_from = now(),
    credit_until = now() + interval '1 hour', state = instrument_key %% 3, segment_from = now(),
    piece_from = now(), live_at = now(), live_until = now() + interval '1 hour',
    last_received_at = now(), power_w = 100
"""
_SUBJECTS = """
UPDATE instrument_version SET class_code = %(class)s WHERE instrument_key IN
    (SELECT instrument_key FROM instrument ORDER BY instrument_key LIMIT %(subjects)s)
"""
_RAW = """
INSERT INTO heartbeat (instrument_key, flags, state, ts, received_at, gateway_key, seq, power_w,
                       runtime_s, boot_id)
SELECT v.instrument_key, 1,
       (hashint4(v.instrument_key * 1000003 + (extract(epoch FROM ts) / 3600)::int) & 7) %% 3,
       ts, ts, v.gateway_key, extract(epoch FROM ts)::bigint / 60, 100, NULL, 'b'
FROM generate_series(
         %(first)s::date::timestamp AT TIME ZONE 'Asia/Shanghai',
         %(end)s::date::timestamp AT TIME ZONE 'Asia/Shanghai' - interval '1 minute',
         interval '1 minute') AS ts,
     instrument_version v
WHERE v.class_code = %(class)s
"""
#: What the question costs without anything derived: the reference of ``naive_ratio``.
NAIVE = """
SELECT instrument_key,
       sum(us(until) - us(ts)) FILTER (WHERE state = 2) AS running,
       sum(us(until) - us(ts)) FILTER (WHERE state = 1) AS idle,
       sum(us(until) - us(ts)) FILTER (WHERE state = 0) AS off
FROM (
    SELECT h.instrument_key, h.state, h.ts,
           least(lead(h.ts) OVER w, h.ts + interval '180 seconds', %(end)s) AS until
    FROM heartbeat h
    WHERE h.instrument_key = ANY (%(keys)s)
      AND h.ts >= %(start)s::timestamptz - interval '180 seconds' AND h.ts < %(end)s
    WINDOW w AS (PARTITION BY h.instrument_key ORDER BY h.ts)
) AS credited
WHERE until > %(start)s
GROUP BY instrument_key
"""
_FROM_RAW = """
UPDATE rollup_day r SET running_us = d.running, idle_us = d.idle, off_us = d.off,
       unknown_device_us = 0, effective_us = d.running
FROM (
    SELECT instrument_key, day,
           coalesce(sum(us) FILTER (WHERE state = 2), 0) AS running,
           coalesce(sum(us) FILTER (WHERE state = 1), 0) AS idle,
           coalesce(sum(us) FILTER (WHERE state = 0), 0) AS off
    FROM (
        SELECT instrument_key, state, (ts AT TIME ZONE 'Asia/Shanghai')::date AS day,
               60000000::bigint AS us
        FROM heartbeat
    ) AS minutes GROUP BY 1, 2
) AS d
WHERE r.instrument_key = d.instrument_key AND r.day = d.day
"""


DAY = timedelta(days=1)
_RATED_US, _READINGS, _STEP_US = 13_808_219_178, 8640, 10_000_000
#: Hours running, idle and lost that a day of `_DAYS` may have.
_KINDS = [*product(range(1, 12), range(6), (0, 4))]
#: From any month's first day into the next one.
LONG_MONTH = timedelta(days=32)


def load(rig: Rig, first: date, end: date, *, raw: bool = True, hours: bool = False) -> None:
    """Fills days ``[first, end)``; raw rows for the last ``RAW_DAYS`` of them.

    Args:
        rig: Its heartbeats and segments are removed.
        first: Local day of the rollups' zone.
        end: Exclusive; at most today.
        raw: Whether there are raw rows, and the instruments for them.
        hours: Whether days have their hours, as the roller makes them with each.
    """
    with psycopg.connect(rig.stack.database_url, autocommit=True) as connection:
        begin(connection, first, end)
        connection.execute(_HOURS_MADE)
        if hours:
            connection.cursor().executemany(
                "INSERT INTO hours_made VALUES (%s, %s, %s, %s)",
                [[*map(_hours_us, kind), pack_day(_hours(*kind))] for kind in _KINDS],
            )
        terms = {
            "rated": _RATED_US,
            "readings": _READINGS,
            "step": _STEP_US,
            "first": first,
            "last": end - DAY,
            "end": end,
            "class": CLASS,
            "subjects": SUBJECTS,
        }
        connection.execute(_DAYS, terms)
        finish(connection, first)
        if raw:
            connection.execute("ALTER TABLE rollup_day DISABLE TRIGGER USER")
            connection.execute(_SUBJECTS, terms)
            connection.execute(_RAW, {**terms, "first": end - RAW_DAYS * DAY})
            connection.execute(_FROM_RAW)
            connection.execute("ALTER TABLE rollup_day ENABLE TRIGGER USER")
            connection.execute("VACUUM ANALYZE")
        chunks = totals.due(connection, "Asia/Shanghai", most=10_000)
    make_totals(rig, chunks)


def _hours_us(hours: int) -> int:
    return hours * HOUR_US


def _hours(running: int, idle: int, lost: int) -> list[Usage]:
    """A day's hours, each of one state: as ``bookings.py`` has the pieces.

    Work begins at eight, or ends before the hours that are lost.
    """
    found = [Usage()] * 24
    for n in range(24):
        of = [n < running, running <= n < running + idle, running + idle <= n < 24 - lost]
        run, idles, off = (HOUR_US * one for one in of)
        known = n < 24 - lost
        found[(n + (14 if lost else 8)) % 24] = Usage(
            running_us=run,
            idle_us=idles,
            off_us=off,
            unknown_device_us=HOUR_US * (not known),
            effective_us=run,
            counter_us=run,
            counter_readings=_READINGS // (24 - lost) * known,
            witness_counter_us=run,
            witness_state_us=run,
            step_us=_STEP_US * known,
            rated_us=_RATED_US * (n + 1) // 24 - _RATED_US * n // 24,
        )
    return found


def begin(connection: psycopg.Connection[Any], first: date, end: date) -> None:
    """Empties what is filled, and makes filling it fast."""
    connection.execute("TRUNCATE heartbeat, segment, rollup_day, rollup_todo, dead_letter")
    connection.execute(
        "INSERT INTO service_setting VALUES ('rollup_zone', 'Asia/Shanghai'),"
        " ('rolled_through', (%s::date - 1)::text)"
        " ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value",
        [end],
    )
    # Indexes are made once all rows are there: half the time for nine million rows.
    connection.execute("SET maintenance_work_mem = '512MB'")
    connection.execute("ALTER TABLE rollup_day DROP CONSTRAINT rollup_day_pkey")
    connection.execute("DROP INDEX rollup_day_day")
    # Nothing of it is in the running totals yet, so there is nothing to mark.
    connection.execute("ALTER TABLE rollup_day DISABLE TRIGGER USER")


def finish(connection: psycopg.Connection[Any], first: date) -> None:
    """Makes what `begin` left out, and has all instruments heard from a day on."""
    connection.execute("ALTER TABLE rollup_day ADD PRIMARY KEY (instrument_key, day)")
    connection.execute("CREATE INDEX rollup_day_day ON rollup_day (day)")
    connection.execute(_STATUS, {"first": first})
    connection.execute("ALTER TABLE rollup_day ENABLE TRIGGER USER")
    connection.execute("VACUUM ANALYZE")


def make_totals(rig: Rig, chunks: Sequence[tuple[int, date]]) -> None:
    """Makes running totals that are due (`store.figures.totals.due`), on two cores."""
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(_make_totals, repeat(rig.stack.database_url), chunks))
    with psycopg.connect(rig.stack.database_url, autocommit=True) as connection:
        connection.execute(
            "VACUUM ANALYZE rollup_total, rollup_total_step, rollup_total_reach, rollup_hour"
        )


def _make_totals(url: str, due: tuple[int, date]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        totals.make(connection, *due)
