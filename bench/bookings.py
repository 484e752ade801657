"""A month of pieces for the whole city, and of bookings for a fifth of it.

The pieces are what ``history.py``'s day rows say, hour by hour, so that answers from either agree.
Bookings begin and end beside what was used, as people do; what they came to by day is made by the
service's own upkeep.
"""

from datetime import date

import psycopg

from bench import history
from bench.rig import Rig
from ingest.upkeep.booking_days import make_booking_days

DAYS = 30
#: One instrument of so many is booked, each twice a day.
BOOKED_EVERY = 5

_PIECES = """
INSERT INTO segment (instrument_key, state, starts_at, ends_at, step_us)
SELECT key, CASE WHEN n < running THEN 2 WHEN n < running + idle THEN 1 ELSE 0 END,
       hour, hour + interval '1 hour', 10000000
FROM (
    SELECT instrument_key AS key, n, 1 + (instrument_key * 7 + doy * 13) %% 11 AS running,
           (instrument_key + doy) %% 6 AS idle,
           -- Work begins at eight; what is off by night is the day's own.
           (day + make_interval(hours => (n + 8) %% 24)) AT TIME ZONE 'Asia/Shanghai' AS hour
    FROM instrument_version,
         (SELECT day, extract(doy FROM day)::int AS doy FROM generate_series(
              %(first)s::date::timestamp, %(last)s::date::timestamp, interval '1 day') AS day)
             AS days,
         generate_series(0, 23) AS n
    WHERE class_code IS DISTINCT FROM %(raw)s AND (instrument_key %% 31 <> 0 OR n < 20)
) AS hours
"""
_FEED = """
INSERT INTO booking_feed (name, timezone) VALUES ('bench', 'Asia/Shanghai') RETURNING feed_key
"""
_BOOKINGS = """
INSERT INTO booking (feed_key, uid, recurrence_id, instrument_key, starts_at, ends_at, is_cancelled)
SELECT %(feed)s, key || ' ' || day || ' ' || nth, '', key, starts,
       starts + make_interval(mins => 90 + (key * 3 + n * 7) %% 120), false
FROM (
    SELECT key, day, n, nth, (day + make_interval(hours => 8 + 6 * nth,
               mins => (key * 11 + n * 17 + nth * 5) %% 60)) AT TIME ZONE 'Asia/Shanghai' AS starts
    FROM (SELECT instrument_key AS key FROM instrument_version
          WHERE class_code IS DISTINCT FROM %(raw)s AND instrument_key %% %(every)s = 0) AS booked,
         (SELECT day::date, day::date - date '2000-01-01' AS n FROM generate_series(
              %(first)s::date::timestamp, %(last)s::date::timestamp, interval '1 day') AS day)
             AS days,
         generate_series(0, 1) AS nth
) AS made
"""


def load(rig: Rig, end: date) -> int:
    """Fills the last days before ``end``, whose rollups are there; how many bookings."""
    terms = {
        "first": end - DAYS * history.DAY,
        "last": end - history.DAY,
        "raw": history.CLASS,
        "every": BOOKED_EVERY,
    }
    with psycopg.connect(rig.stack.database_url, autocommit=True) as connection:
        connection.execute(_PIECES, terms)
        row = connection.execute(_FEED).fetchone()
        assert row is not None
        count = connection.execute(_BOOKINGS, {**terms, "feed": row[0]}).rowcount
        connection.execute("VACUUM ANALYZE")
    return count


def make_days(rig: Rig) -> None:
    """Makes what the bookings came to by day, as upkeep does between two batches."""
    with psycopg.connect(rig.stack.database_url, autocommit=True) as connection:
        while make_booking_days(connection, "CN"):
            pass
        connection.execute("VACUUM ANALYZE booking_day")
