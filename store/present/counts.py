"""How many instruments are online and what they do, by group: one scan of the status rows.

Who they are comes from the roster, kept from question to question. Single instruments are in
``instruments.py``; a test holds the two together.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np

from models.group_arrays import exact_sums
from store.present.filters import Filters
from store.present.roster import Rosters
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("status")
# What `standings` numbers, in the columns of `Counts` from `instruments` on.
_KINDS = np.array(
    [
        (1, 0, 0, 1, 0, 0, 0, 1),  # never seen
        (1, 0, 1, 0, 0, 0, 0, 1),  # offline
        (1, 1, 0, 0, 0, 0, 0, 1),  # online, and nothing credits now
        (1, 1, 0, 0, 0, 0, 1, 0),  # online and off; then idle, running
        (1, 1, 0, 0, 0, 1, 0, 0),
        (1, 1, 0, 0, 1, 0, 0, 0),
    ],
    np.int64,
)


class Counts(NamedTuple):
    """Instruments of one group by connectivity and by activity."""

    key: str | None
    instruments: int
    online: int
    offline: int
    never_seen: int
    running: int
    idle: int
    off: int
    unknown: int
    #: What all of them cost, CNY.
    value_cny: Decimal
    #: What those cost that have been heard.
    value_seen_cny: Decimal

    @classmethod
    def of_all(cls, counts: "Sequence[Counts]") -> "Counts":
        """The sum over groups."""
        sums: list[Any] = [sum(column) for column in zip(*(one[1:] for one in counts), strict=True)]
        return cls(None, *(sums or [0] * (len(cls._fields) - 1)))


def count_by(
    group_by: str | None, filters: Filters, now_us: int, rosters: Rosters | None = None
) -> Steps[list[Counts]]:
    """Counts by group, in order of the key, that of no group last.

    Args:
        group_by: A word of `store.present.instruments.GROUPINGS`; None: everything is one group.
        filters: Which instruments.
        now_us: The transaction's now.
        rosters: The application's; none: read for this answer alone.
    """
    # In force now is what is in force at the end of a window that holds this microsecond.
    roster = yield from (rosters or Rosters()).load(now_us + 1)
    rows = roster.in_service(filters, now_us)
    standings = yield from Query[tuple[bytes | None]](_SQL["standings"], binary=True, heavy=True)
    if not len(rows):
        return []
    labels = None if group_by is None else roster.labels[group_by]
    codes = np.zeros(len(rows), np.int64) if labels is None else labels.codes[rows]
    # Whoever has no status row was never heard.
    kind_of = np.zeros(int(roster.keys[-1]) + 1, np.int64)
    packed = np.frombuffer(standings[0][0] or b"", ">i8").astype(np.int64)
    packed = packed[packed >> 4 < len(kind_of)]
    kind_of[packed >> 4] = packed & 15
    flags = _KINDS[kind_of[roster.keys[rows]]]
    value = roster.value_fen[rows]
    heard = np.where(flags[:, 3] == 0, value, 0)
    order = np.argsort(codes, kind="stable")
    codes = codes[order]
    starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
    sums = exact_sums(np.column_stack([flags, value, heard])[order], starts)
    counts = [
        Counts._make(
            [
                None if labels is None else labels.values[code],
                *numbers,
                Decimal(value_fen).scaleb(-2),
                Decimal(seen_fen).scaleb(-2),
            ]
        )
        for code, (*numbers, value_fen, seen_fen) in zip(codes[starts].tolist(), sums, strict=True)
    ]
    return sorted(counts, key=lambda one: (one.key is None, one.key or ""))
