"""Computes daily rollups from segments and their running totals, behind the writers' backs.

``rollup_todo`` says which; a day of every instrument joins it once the day is over. Readers
take a missing row from segments, so this can be late but never wrong: the status rows are
locked while their segments are read, as ``rollup_forget`` locks them to delete.
"""

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import psycopg

from models.ratios import counter_disagrees
from models.zone import start_of_day
from store.figures import totals
from store.figures.figures import compute_days
from store.figures.rollup_columns import COLUMNS
from store.figures.subject import Subject, load_subjects, zone_of
from store.figures.surroundings import load_moment
from store.run import run

#: Instrument-days in one transaction.
PORTION = 1_000
#: After midnight, before the day of silent instruments is rolled (seconds).
DAY_SETTLES = 1_200

TAKE = """
SELECT instrument_key, day FROM rollup_todo
WHERE day <= least(
    (now() AT TIME ZONE %(zone)s)::date - 1,
    (SELECT value::date FROM service_setting WHERE name = 'rolled_through'))
ORDER BY instrument_key, day LIMIT %(most)s
"""
LOCK = (
    "SELECT 1 FROM instrument_status WHERE instrument_key = ANY(%s)"
    " ORDER BY instrument_key FOR NO KEY UPDATE"
)
# One statement a portion: every statement on the table also looks after the running totals.
UPSERT = f"""
INSERT INTO rollup_day (instrument_key, day, {", ".join(COLUMNS)})
SELECT * FROM unnest(%s::int[], %s::date[]{", %s::bigint[]" * len(COLUMNS)})
ON CONFLICT (instrument_key, day) DO UPDATE SET
    {", ".join(f"{c} = EXCLUDED.{c}" for c in COLUMNS)}
"""
NEWEST_READINGS = """
SELECT k.instrument_key, coalesce(d.witness_counter_us, 0), coalesce(d.witness_state_us, 0)
FROM unnest(%s::int[]) AS k (instrument_key)
LEFT JOIN LATERAL (
    SELECT witness_counter_us, witness_state_us FROM rollup_day r
    WHERE r.instrument_key = k.instrument_key AND r.counter_readings > 0
    ORDER BY r.day DESC LIMIT 1
) d ON true
"""
# The newest day that is over by the clock, and by the newest heartbeat where days are to be closed:
# a clock that leapt ahead must not close days that are still to come. All in one statement:
# whoever brings history, and said before that its days are done, is seen to have said so.
ENDED = """
SELECT over, CASE WHEN over > coalesce(after, '-infinity') THEN
           (SELECT (max(newest_ts) AT TIME ZONE %(zone)s)::date - 1 FROM instrument_status) END,
       after
FROM (SELECT (clock_timestamp() AT TIME ZONE %(zone)s - make_interval(secs => %(settles)s))::date
             - 1 AS over,
             (SELECT value::date FROM service_setting
              WHERE name = 'rolled_through' FOR UPDATE) AS after OFFSET 0) AS days
"""
CLOSE_DAYS = """
INSERT INTO rollup_todo (instrument_key, day)
SELECT s.instrument_key, d::date
FROM instrument_status s,
     generate_series(greatest(%(after)s::date + 1, (s.first_at AT TIME ZONE %(zone)s)::date),
                     %(through)s::date, interval '1 day') AS d
WHERE s.first_at IS NOT NULL
ON CONFLICT DO NOTHING
"""


def ensure_zone(connection: psycopg.Connection, zone: str) -> None:
    """Fixes the zone of the rollups, or has them all computed again when it changed.

    Args:
        connection: In autocommit.
        zone: IANA name.
    """
    with connection.transaction():
        # The upsert's row lock keeps two workers with different settings apart.
        before = connection.execute(
            "SELECT value FROM service_setting WHERE name = 'rollup_zone' FOR UPDATE"
        ).fetchone()
        if before is not None and before[0] == zone:
            return
        connection.execute(
            "INSERT INTO service_setting (name, value) VALUES ('rollup_zone', %s)"
            " ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value",
            [zone],
        )
        if before is not None:
            totals.forget_all(connection)
            connection.execute("DELETE FROM rollup_day")
            connection.execute("DELETE FROM rollup_todo")
            connection.execute("DELETE FROM service_setting WHERE name = 'rolled_through'")


def close_days(connection: psycopg.Connection, zone: str) -> None:
    """Queues the days that ended since the last call, for every instrument that was heard."""
    with connection.transaction():
        row = connection.execute(ENDED, {"zone": zone, "settles": DAY_SETTLES}).fetchone()
        assert row is not None
        over, newest, after = row
        if newest is None:
            return
        through = min(over, newest)
        if after is None:
            after = date(1970, 1, 1)
        if through <= after:
            return
        connection.execute(CLOSE_DAYS, {"after": after, "through": through, "zone": zone})
        connection.execute(
            "INSERT INTO service_setting (name, value) VALUES ('rolled_through', %s)"
            " ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value",
            [through.isoformat()],
        )


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
        todo = connection.execute(TAKE, {"zone": zone, "most": PORTION}).fetchall()
        if not todo:
            return 0
        days: dict[int, list[date]] = defaultdict(list)
        for key, day in todo:
            days[key].append(day)
        keys = list(days)
        connection.execute(LOCK, [keys])
        moment = run(connection, load_moment(calendar))
        subjects = run(connection, load_subjects(keys))
        ready = {
            key: _settled(subjects[key], days[key], moment.now_us, zone)
            for key in keys
            if key in subjects
        }
        usages = run(connection, compute_days(list(subjects.values()), ready, moment))
        with connection.cursor() as cursor:
            cursor.execute(
                UPSERT,
                [
                    [key for key, _ in usages],
                    [day for _, day in usages],
                    *([getattr(usage, name) for usage in usages.values()] for name in COLUMNS),
                ],
            )
            done = [(key, day) for key in keys for day in ready.get(key, ())]
            cursor.execute(
                "DELETE FROM rollup_todo t USING unnest(%s::int[], %s::date[]) AS d (key, day)"
                " WHERE t.instrument_key = d.key AND t.day = d.day",
                [[key for key, _ in done], [day for _, day in done]],
            )
            _flag_counters(cursor, sorted({key for key, _ in usages}))
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
    found = cursor.execute(NEWEST_READINGS, [keys]).fetchall()
    cursor.execute(
        "UPDATE instrument_status s SET counter_disagrees = f.flag"
        " FROM unnest(%s::int[], %s::bool[]) AS f (key, flag)"
        " WHERE s.instrument_key = f.key AND s.counter_disagrees <> f.flag",
        [
            [key for key, _, _ in found],
            [counter_disagrees(counter, state) for _, counter, state in found],
        ],
    )
