"""A month of pieces for the whole city, of bookings for a fifth of it, and of self-reports.

The pieces are what ``history.py``'s day rows say, hour by hour, so that answers from either agree.
Bookings are people's: on working days, some on Saturdays, beside what was used and not quite so,
now and then over another's, by instruments that nobody came to, stood in the way of unknown time,
or ran on. What they came to by day is made by the service's own upkeep.
"""

from datetime import date

import psycopg

from bench import history
from bench.rig import Rig
from ingest.upkeep.booking_days import make_booking_days
from ingest.upkeep.reported_windows import measure_reported_windows

DAYS = 30
#: One instrument of so many is booked, two or three times a working day.
BOOKED_OF = 5
#: One institution of so many reports hours use by use, and not by month.
BY_USE_OF = 10

_PIECES = """
INSERT INTO segment (instrument_key, state, starts_at, ends_at, step_us)
SELECT key, CASE WHEN n < running THEN 2 WHEN n < running + idle THEN 1 ELSE 0 END,
       hour, hour + interval '1 hour', 10000000
FROM (
    SELECT instrument_key AS key, n, 1 + (instrument_key * 7 + doy * 13) %% 11 AS running,
           (instrument_key + doy) %% 6 AS idle,
           -- Work begins at eight; what is off by night is the day's own. Where four hours are
           -- unknown, work ends before these, and they are the forenoon's.
           (day + make_interval(hours => (n + CASE WHEN instrument_key %% 31 = 0 THEN 14 ELSE 8 END)
                                         %% 24)) AT TIME ZONE 'Asia/Shanghai' AS hour
    FROM instrument_version,
         (SELECT day, extract(doy FROM day)::int AS doy FROM generate_series(
              %(first)s::date::timestamp, %(last)s::date::timestamp, interval '1 day') AS day)
             AS days,
         generate_series(0, 23) AS n
    WHERE instrument_key %% 31 <> 0 OR n < 20
) AS hours
"""
_FEED = """
INSERT INTO booking_feed (name, timezone) VALUES ('bench', 'Asia/Shanghai') RETURNING feed_key
"""
_BOOKINGS = """
INSERT INTO booking (feed_key, uid, recurrence_id, instrument_key, starts_at, ends_at, is_cancelled)
SELECT %(feed)s, key || ' ' || n || ' ' || nth, '', key, starts,
       starts + make_interval(mins => 90 + dice %% 150), dice %% 23 = 0
FROM (
    SELECT key, n, nth, dice, (day + make_interval(
               -- The first begins with the day's work; the third is by others, over the second.
               hours => 8 + CASE nth WHEN 0 THEN 0 WHEN 1 THEN 4 ELSE 5 END,
               mins => dice %% 40 - 10)) AT TIME ZONE 'Asia/Shanghai' AS starts
    FROM (SELECT instrument_key AS key FROM instrument_version
          WHERE instrument_key %% %(of)s = 0) AS booked,
         (SELECT day::timestamp, day::date - date '2000-01-01' AS n,
                 extract(isodow FROM day)::int AS weekday
          FROM generate_series(%(first)s::date::timestamp, %(last)s::date::timestamp,
                               interval '1 day') AS day) AS days,
         generate_series(0, 2) AS nth,
         LATERAL (SELECT hashint4(key * 1009 + n * 7 + nth) & 65535 AS dice) AS thrown
    WHERE weekday < 6 AND (nth < 2 OR dice %% 2 = 0) OR weekday = 6 AND dice %% 7 = 0
) AS made
"""
#: By month, of every institution's instruments; some say more than was measured, some say it twice.
_REPORTS = """
INSERT INTO self_report (instrument_key, starts_at, ends_at, user_type, hours_us, actor)
SELECT v.instrument_key, %(start)s::date::timestamp AT TIME ZONE 'Asia/Shanghai',
       %(end)s::date::timestamp AT TIME ZONE 'Asia/Shanghai', user_type,
       (sum(r.effective_us) * (90 + dice %% 25) / 100)::bigint, 'bench'
FROM instrument_version v JOIN rollup_day r USING (instrument_key),
     (VALUES ('internal'), ('external')) AS t (user_type),
     LATERAL (SELECT hashint4(v.instrument_key) & 65535 AS dice) AS thrown
WHERE r.day BETWEEN %(first)s AND %(last)s AND v.institution_key %% %(by_use)s <> 0
  AND (user_type = 'internal' OR dice %% 10 = 0)
GROUP BY v.instrument_key, user_type, dice
"""
_REPORTS_BY_USE = """
INSERT INTO self_report (instrument_key, starts_at, ends_at, user_type, hours_us, actor)
SELECT instrument_key, starts_at, ends_at, '', us(ends_at) - us(starts_at), 'bench'
FROM (SELECT DISTINCT b.instrument_key, b.starts_at, b.ends_at
      FROM booking b JOIN instrument_version v USING (instrument_key)
      WHERE v.institution_key %% %(by_use)s = 0 AND NOT is_cancelled) AS booked
"""


def load(rig: Rig, end: date, days: int = DAYS) -> tuple[int, int]:
    """Fills the last days before ``end``, whose rollups are there.

    Returns:
        How many bookings, and how many self-reports.
    """
    first = end - days * history.DAY
    terms = {
        "first": first,
        "last": end - history.DAY,
        "start": first,
        "end": end,
        "of": BOOKED_OF,
        "by_use": BY_USE_OF,
    }
    with psycopg.connect(rig.stack.database_url, autocommit=True) as connection:
        connection.execute(_PIECES, terms)
        row = connection.execute(_FEED).fetchone()
        assert row is not None
        count = connection.execute(_BOOKINGS, {**terms, "feed": row[0]}).rowcount
        reports = sum(
            connection.execute(one, terms).rowcount for one in (_REPORTS, _REPORTS_BY_USE)
        )
        connection.execute("VACUUM ANALYZE")
    return count, reports


def make_days(rig: Rig) -> None:
    """Makes what bookings came to by day, and what reports are held to, as upkeep does."""
    with psycopg.connect(rig.stack.database_url, autocommit=True) as connection:
        while make_booking_days(connection, "CN"):
            pass
        while measure_reported_windows(connection, "CN"):
            pass
        connection.execute("VACUUM ANALYZE booking_day, reported_window")
