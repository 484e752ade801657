"""Drops raw heartbeats and dead letters that are past their time, carefully (rules 6, 7).

A chunk goes only when the clock and the newest accepted heartbeat both say that it is old, and
one day's chunks a run: a clock that leapt a year ahead cannot empty the table.
"""

from datetime import timedelta

import psycopg
import structlog

log = structlog.get_logger(__name__)

OLDEST_CHUNK = """
SELECT min(range_end) FROM timescaledb_information.chunks WHERE hypertable_name = 'heartbeat'
"""
NEWEST_ACCEPTED = "SELECT max(newest_ts) FROM instrument_status"
#: A heartbeat at the border of what is taken is folded together with the row before it, which
#: may be as much older as the longest hold; and a transaction may have begun before we look.
MARGIN = (
    "SELECT greatest(coalesce(max(hold_us), 0), 3600000000) * interval '1 microsecond'"
    " FROM instrument_version"
)


def drop_old_rows(connection: psycopg.Connection, keep: timedelta) -> list[str]:
    """Drops the oldest day's chunks of ``heartbeat`` if they are past ``keep``.

    Args:
        connection: In autocommit, with psycopg's own types.
        keep: How long raw rows are kept.

    Returns:
        Names of the chunks dropped.
    """
    row = connection.execute(
        f"SELECT clock_timestamp(), ({NEWEST_ACCEPTED}), ({OLDEST_CHUNK}), ({MARGIN})"
    ).fetchone()
    assert row is not None
    now, newest, oldest_end, margin = row
    if newest is None or oldest_end is None:
        return []
    limit = min(now, newest) - keep - margin
    if oldest_end > limit:
        return []
    dropped = [
        str(name)
        for (name,) in connection.execute(
            "SELECT drop_heartbeat_chunks(%s::timestamptz)", [oldest_end]
        )
    ]
    log.info("raw heartbeats dropped", action="retention", until=str(oldest_end), chunks=dropped)
    return dropped


def drop_old_letters(connection: psycopg.Connection, keep: timedelta) -> int:
    """Deletes dead letters received longer ago than ``keep``, some thousands a run.

    As with raw rows the newest accepted heartbeat has a say; where none was ever accepted, all
    are kept.
    """
    cursor = connection.execute(
        "DELETE FROM dead_letter WHERE dead_letter_id IN (SELECT dead_letter_id FROM dead_letter"
        f" WHERE received_at < least(now(), ({NEWEST_ACCEPTED})) - %s"
        " ORDER BY received_at LIMIT 10000)",
        [keep],
    )
    return cursor.rowcount
