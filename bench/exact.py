"""Whether what was stored is exactly what was sent; and, when it is not, what happened.

No rule is relaxed for speed: after each drain every row is counted and the derived time of each
instrument compared with what a plain window function over the raw rows gives. How fast it was is
``drain.py``'s.
"""

from pathlib import Path

import psycopg

from bench.beats import Stretch, state_at
from bench.rig import Rig

#: Lines of each log that a failure shows.
LINES = 25


class NotExactError(AssertionError):
    """A drain left rows or segments that differ from what was sent."""


COUNTS = """
SELECT (SELECT count(*) FROM heartbeat),
       (SELECT coalesce(sum(heartbeats * occurrences), 0)::bigint FROM dead_letter)
"""
REASONS = """
SELECT reason, sum(occurrences)::bigint, min(detail) FROM dead_letter GROUP BY 1 ORDER BY 2 DESC
"""
#: Rows of one stretch by state, to be compared with what its instruments said.
STATES = """
SELECT state, count(*) FROM heartbeat
WHERE ts >= to_timestamp(%s::float8 / 1e6) AND ts < to_timestamp(%s::float8 / 1e6)
GROUP BY 1 ORDER BY 1
"""
#: Running, idle and off microseconds by instrument, once from raw rows and once from segments
#: with the open piece, both up to the instrument's newest row.
CHECK_TIME = """
WITH raw AS (
    SELECT instrument_key, state, ts,
           least(lead(ts) OVER w, ts + make_interval(secs => %(hold)s)) AS until
    FROM heartbeat WINDOW w AS (PARTITION BY instrument_key ORDER BY ts)
), plain AS (
    SELECT r.instrument_key, r.state, sum(us(r.until) - us(r.ts)) AS us
    FROM raw r JOIN instrument_status s USING (instrument_key)
    WHERE r.ts < s.newest_ts
    GROUP BY 1, 2
), derived AS (
    SELECT instrument_key, state, sum(us) AS us FROM (
        SELECT instrument_key, state, us(ends_at) - us(starts_at) AS us FROM segment
        UNION ALL
        SELECT instrument_key, state, us(credit_from) - us(piece_from) FROM instrument_status
        WHERE credit_from > piece_from
    ) AS parts GROUP BY 1, 2
)
SELECT count(*) FILTER (WHERE p.us IS DISTINCT FROM d.us), count(*)
FROM plain p FULL JOIN derived d USING (instrument_key, state)
"""


def check(rig: Rig, heartbeats: int, stretch: Stretch | None = None) -> None:
    """Compares rows, their states and the derived time with what was sent.

    Args:
        rig: Its ingest has drained everything.
        heartbeats: How many were sent since the database was new; each is stored once, none
            is a dead letter.
        stretch: The last of what was sent, whole: counted by state as well.

    Raises:
        NotExactError: They differ; it says what the logs and the dead letters say.
    """
    with psycopg.connect(rig.stack.database_url) as connection:
        counts = connection.execute(COUNTS).fetchone()
        if counts != (heartbeats, 0):
            raise NotExactError(
                f"(rows, dead letters) are {counts} after {heartbeats:,} heartbeats were sent"
                f"{autopsy(rig)}"
            )
        if stretch is not None:
            sent = [0, 0, 0]
            for tick in range(stretch.first, stretch.end):
                for instrument in range(stretch.city.instruments):
                    sent[state_at(instrument, tick)] += 1
            kept = connection.execute(STATES, stretch.span_us).fetchall()
            if kept != [(state, count) for state, count in enumerate(sent) if count]:
                raise NotExactError(f"rows by state are {kept}, sent were {sent}{autopsy(rig)}")
        differing = connection.execute(CHECK_TIME, {"hold": 30}).fetchone()
        if differing is None or differing[0] or not differing[1]:
            raise NotExactError(
                f"(differing, compared) instrument-states: {differing}{autopsy(rig)}"
            )


def autopsy(rig: Rig) -> str:
    """What a failed run leaves behind: dead letters, sessions, the ends of the logs."""
    told = [""]
    try:
        with psycopg.connect(rig.stack.database_url) as connection:
            for reason, count, detail in connection.execute(REASONS):
                told.append(f"dead letters: {count:,} {reason}, such as: {detail}")
    except psycopg.Error as error:
        told.append(f"the database does not say: {error}")
    for name in ("ingest.log", "api.log", "mosquitto.log", "postgres.log"):
        told.extend(_end(rig.stack.folder / name))
    return "\n".join(told)


def _end(log: Path) -> list[str]:
    if not log.exists():
        return []
    lines = log.read_text("utf-8", "replace").splitlines()[-LINES:]
    return [f"--- {log.name}, the last {len(lines)} lines", *lines]
