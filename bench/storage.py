"""What a heartbeat, and an instrument's year, take on disk, indexes included.

Read from the catalogue after the drains (raw rows, segments) and after the reads' history
(rollups); nothing is estimated but the multiplication by a year.
"""

from dataclasses import dataclass

import psycopg

from bench.beats import TICK_US
from bench.rig import Rig

_YEAR_US = 365 * 86_400_000_000
_HEARTBEATS = """
SELECT hypertable_size('heartbeat')::float8, hypertable_size('segment')::float8,
       (SELECT count(*) FROM heartbeat), (SELECT count(*) FROM segment)
"""
_ROLLUPS = """
SELECT c.relname, pg_total_relation_size(c.oid)::float8
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind = 'r' AND c.relname LIKE 'rollup%'
  AND c.relname <> 'rollup_todo'
ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Drained:
    """After a drain; bytes."""

    heartbeat: float
    segment: float
    #: Segments' share of a stored heartbeat.
    segments_share: float
    #: Pieces of segments that an instrument makes in a year of the workload: it changes once an
    #: hour, and pieces are cut at full hours.
    pieces_a_year: int = 2 * 365 * 24

    @property
    def raw_year(self) -> float:
        """An instrument's raw rows of a year, were they kept that long."""
        return self.heartbeat * _YEAR_US / TICK_US

    @property
    def segments_year(self) -> float:
        """An instrument's segments of a year."""
        return self.segment * self.pieces_a_year


def edition(rig: Rig) -> str:
    """``apache`` or ``timescale``."""
    with psycopg.connect(rig.stack.database_url) as connection:
        row = connection.execute("SHOW timescaledb.license").fetchone()
    return str(row[0]) if row else "unknown"


def of_drains(rig: Rig) -> Drained:
    """Raw rows and segments as they lie after the drains."""
    with psycopg.connect(rig.stack.database_url) as connection:
        row = connection.execute(_HEARTBEATS).fetchone()
    assert row is not None
    raw, segments, heartbeats, pieces = row
    return Drained(raw / heartbeats, segments / max(1, pieces), segments / heartbeats)


def of_rollups(rig: Rig, days: int) -> dict[str, float]:
    """Bytes of each rollup table by instrument and year."""
    with psycopg.connect(rig.stack.database_url) as connection:
        return {
            name: size / (rig.city.instruments * days) * 365
            for name, size in connection.execute(_ROLLUPS).fetchall()
        }


def database_mb(rig: Rig) -> float:
    """The whole database, MB."""
    with psycopg.connect(rig.stack.database_url) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None
    return float(row[0] / 1e6)
