"""How a fold's ``Track`` stands in ``instrument_status``: each column once, in ``Track``'s order.

Whoever writes, reads or compares status rows takes names and kinds from here: ingest's packing
(``ingest/write/status_columns.py``), and the tests that hold readers' SQL to it. A new column is
a field of ``Track``, a line here and a migration.
"""

from dataclasses import fields
from enum import Enum
from typing import NamedTuple

from models.fold import Track


class Kind(Enum):
    """What a column holds, by PostgreSQL's name of it."""

    INT = "integer"
    LONG = "bigint"
    TIME = "timestamp with time zone"
    STATE = "smallint"
    FLAG = "boolean"
    TEXT = "text"
    NUMBER = "double precision"


class Column(NamedTuple):
    """One column of ``instrument_status``."""

    name: str
    kind: Kind
    #: Whether it may be NULL.
    optional: bool = True

    @property
    def field(self) -> str:
        """The value's name outside the database, where times are microseconds."""
        return f"{self.name}_us" if self.kind is Kind.TIME else self.name


_OPTIONAL = {field.name for field in fields(Track) if field.default is None}


def _column(name: str, kind: Kind) -> Column:
    column = Column(name, kind)
    return column._replace(optional=column.field in _OPTIONAL)


#: What is as it was at first in every instrument that never sent a sample or a word.
JUDGES_COLUMNS = (
    _column("silence_until_us", Kind.LONG),
    _column("judged", Kind.FLAG),
    _column("online", Kind.FLAG),
    _column("level", Kind.STATE),
    _column("run_ts_us", Kind.LONG),
    _column("run_until_us", Kind.LONG),
)
TRACK_COLUMNS = (
    _column("first_at", Kind.TIME),
    _column("newest_ts", Kind.TIME),
    _column("newest_at", Kind.TIME),
    _column("newest_seq", Kind.LONG),
    _column("newest_boot_id", Kind.TEXT),
    _column("newest_stale", Kind.FLAG),
    _column("credit_from", Kind.TIME),
    _column("credit_until", Kind.TIME),
    _column("state", Kind.STATE),
    _column("segment_from", Kind.TIME),
    _column("piece_from", Kind.TIME),
    _column("piece_step_us", Kind.LONG),
    _column("piece_counter_us", Kind.LONG),
    _column("piece_counter_readings", Kind.INT),
    _column("piece_witness_counter_us", Kind.LONG),
    _column("piece_witness_state_us", Kind.LONG),
    _column("reading_at", Kind.TIME),
    _column("reading_us", Kind.LONG),
    _column("reading_running_us", Kind.LONG),
    _column("reading_gap", Kind.FLAG),
    _column("live_at", Kind.TIME),
    _column("live_until", Kind.TIME),
    _column("power_w", Kind.NUMBER),
    *JUDGES_COLUMNS,
)
