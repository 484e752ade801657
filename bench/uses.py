"""A year of uses of a whole city, written straight into segments, rollups and annotations.

Every instrument is used once or twice a day, and says nothing between: ten million sessions a
year of 23,504. Each is a function of instrument and day; day rows say of it what the segments do.
"""

from datetime import date

import psycopg

from bench import history
from bench.rig import Rig
from store.figures import totals

#: Of an instrument's days this share has a second use.
SECOND_EVERY = 6
#: Of uses this share is spoken of.
ANNOTATED_EVERY = 5

# Uses of days: to an hour's end, twenty minutes, two of a pause, and twenty-eight.
_USES = """
    SELECT instrument_key AS key, day::date,
           (day + make_interval(hours => (instrument_key * 7 + n * 13) %% 10 + 8 + 5 * nth))
               AT TIME ZONE 'Asia/Shanghai' AS hour,
           make_interval(mins => (instrument_key * 11 + n * 7) %% 50) AS late,
           instrument_key + n + nth AS dice
    FROM instrument,
         (SELECT day, day::date - date '2000-01-01' AS n FROM generate_series(
              %(first)s::date::timestamp, %(last)s::date::timestamp, interval '1 day') AS day)
             AS days,
         LATERAL generate_series(0, ((instrument_key + n) %% %(second)s = 0)::int) AS nth
"""
_SEGMENTS = f"""
INSERT INTO segment (instrument_key, state, starts_at, ends_at, step_us)
SELECT key, state, hour + starts, hour + ends, 60000000
FROM ({_USES}) AS uses, LATERAL (VALUES
    (2, late, interval '60 minutes'),
    (2, interval '60 minutes', interval '80 minutes'),
    (1, interval '80 minutes', interval '82 minutes'),
    (2, interval '82 minutes', interval '110 minutes')) AS pieces (state, starts, ends)
"""
_DAYS = f"""
INSERT INTO rollup_day
SELECT key, day, running, idle, 0, 0, 0, 0, 86400000000 - running - idle, NULL, NULL, running, idle,
       13808219178, 0, 0, 0, 0, 60000000
FROM (SELECT key, day, sum(6480000000 - extract(epoch FROM late)::bigint * 1000000)::bigint
                 AS running, count(*) * 120000000 AS idle
      FROM ({_USES}) AS uses GROUP BY key, day) AS made
"""
_ANNOTATIONS = f"""
INSERT INTO annotation (instrument_key, at, purpose, user_type, user_unit, content, amount_cny,
                        samples, actor)
SELECT key, hour + interval '61 minutes',
       (ARRAY['teaching', 'research', 'service', 'other'])[1 + dice %% 4],
       (ARRAY['internal', 'external'])[1 + dice %% 2], 'Institute ' || dice %% 997,
       'Sample series ' || dice, dice %% 3000, dice %% 40, 'bench'
FROM ({_USES}) AS uses WHERE dice %% %(annotated)s = 0
"""


def load(rig: Rig, first: date, end: date) -> int:
    """Fills days ``[first, end)`` of the service's zone; how many uses.

    Args:
        rig: Its heartbeats, segments and rollups are removed.
        first: Local day.
        end: Exclusive; not after today.
    """
    terms = {"second": SECOND_EVERY, "annotated": ANNOTATED_EVERY}
    with psycopg.connect(rig.stack.database_url, autocommit=True) as connection:
        history.begin(connection, first, end)
        start = first
        while start < end:
            after = min(end, (start.replace(day=1) + history.LONG_MONTH).replace(day=1))
            days = {**terms, "first": start, "last": after - history.DAY}
            for statement in (_SEGMENTS, _DAYS, _ANNOTATIONS):
                connection.execute(statement, days)
            start = after
        history.finish(connection, first)
        row = connection.execute("SELECT count(*) FROM segment WHERE state = 1").fetchone()
        chunks = totals.due(connection, "Asia/Shanghai", most=10_000)
    history.make_totals(rig, chunks)
    return int(row[0]) if row else 0
