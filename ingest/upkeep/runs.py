"""Runs of samples that last without another row come to count (docs/rules.md, "Samples").

A run counts as the state before it until it has lasted its dwell. Mostly its next sample shows
that; where none comes, its credit does, and then somebody has to look.
"""

import psycopg

from ingest.sql import statements
from ingest.write.writer import Writer

SQL = statements("housekeeping")


def count_lasting_runs(connection: psycopg.Connection, writer: Writer) -> int:
    """Judges again what has lasted by now.

    Args:
        connection: Prepared for ``writer``, idle.
        writer: Locks and writes, one transaction an instrument.

    Returns:
        Runs dealt with.
    """
    with connection.transaction():
        due = connection.cursor(binary=True).execute(SQL["runs_due"]).fetchall()
    for key, run_ts_us, newest_ts_us in due:
        writer.refold(connection, key, run_ts_us, newest_ts_us + 1)
    return len(due)
