"""Instruments by group, and sums over these of whatever each has."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from models.group_arrays import Ints, exact_sums
from store.present.roster import Roster


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Some instruments, each in a group."""

    #: Of the instruments; ascending.
    keys: Ints
    #: Of each, the place of its group.
    codes: Ints
    names: Sequence[str | None]

    @classmethod
    def of(cls, roster: Roster, rows: Ints, group_by: str | None) -> "Groups":
        """Groups of some of a roster's instruments.

        Args:
            roster: Whose.
            rows: Which; ascending.
            group_by: A word of `store.present.instruments.GROUPINGS`; None: all are one group.
        """
        keys = roster.keys[rows]
        if group_by is None:
            return cls(keys=keys, codes=np.zeros(len(rows), np.int64), names=[None])
        names, codes = roster.labels[group_by].parted(rows)
        return cls(keys=keys, codes=codes, names=names)

    def sums(self, keys: Ints, values: Ints) -> Iterator[tuple[str | None, list[int]]]:
        """Of each group that any has a row of: sums, column by column.

        Args:
            keys: Of the instrument that each row is of; any of these.
            values: Rows.
        """
        codes = self.codes[np.searchsorted(self.keys, keys)]
        order = np.argsort(codes, kind="stable")
        codes = codes[order]
        if not len(codes):
            return
        starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
        found = exact_sums(values[order], starts)
        yield from zip((self.names[code] for code in codes[starts].tolist()), found, strict=True)
