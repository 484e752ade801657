"""Drops raw heartbeats and dead letters that are past their time, carefully (rules 6, 7).

A chunk goes only when the clock and the newest accepted heartbeat both say that it is old, and
one day's chunks a run: a clock that leapt a year ahead cannot empty the table.
"""

from datetime import timedelta

import psycopg
import structlog

from ingest.sql import statements

log = structlog.get_logger(__name__)
SQL = statements("retention")


def drop_old_rows(connection: psycopg.Connection, keep: timedelta) -> list[str]:
    """Drops the oldest day's chunks of ``heartbeat`` if they are past ``keep``.

    Args:
        connection: In autocommit, with psycopg's own types.
        keep: How long raw rows are kept.

    Returns:
        Names of the chunks dropped.
    """
    row = connection.execute(SQL["ages"]).fetchone()
    assert row is not None
    now, newest, oldest_end, margin = row
    if newest is None or oldest_end is None:
        return []
    limit = min(now, newest) - keep - margin
    if oldest_end > limit:
        return []
    dropped = [str(name) for (name,) in connection.execute(SQL["drop_chunks"], [oldest_end])]
    log.info("raw heartbeats dropped", action="retention", until=str(oldest_end), chunks=dropped)
    return dropped


def drop_old_words(connection: psycopg.Connection, keep: timedelta) -> int:
    """Deletes what gateways said of themselves longer ago than raw rows are kept.

    The newest connection's words stay however old they are: its end is still to come.
    """
    return connection.execute(SQL["drop_words"], [keep]).rowcount


def drop_old_letters(connection: psycopg.Connection, keep: timedelta) -> int:
    """Deletes dead letters received longer ago than ``keep``, some thousands a run.

    As with raw rows the newest accepted heartbeat has a say; where none was ever accepted, all
    are kept.
    """
    return connection.execute(SQL["drop_letters"], [keep]).rowcount
