"""Figures of many instruments over whole days, as differences of two running totals each.

``totals.py`` makes the totals and says what a row of them holds.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from models.group_arrays import NAMES, Figures, Flags, Ints
from store.figures.chunks import Chunks
from store.figures.totals import CHUNK, LEVELS, SUMS
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("totals")
_WIDTH = len(SUMS)
# Where the totals' sums stand among the figures.
_PLACES = [NAMES.index(name) for name in SUMS[:-2]]
_STEP = NAMES.index("step_us")
_NOTHING = np.zeros((CHUNK, _WIDTH), np.int64)
_DAYS, _SCHEDULED = SUMS.index("days"), SUMS.index("scheduled_days")


@dataclass(slots=True)
class Days:
    """Whole days of some instruments."""

    figures: Figures
    #: Whether every one of the days is in them.
    complete: Flags


@dataclass(slots=True)
class TotalsReader:
    """Reads totals of the same instruments for one range of days after the other.

    Marks, totals and days are read by several statements: the transaction must see one state of
    the database throughout (REPEATABLE READ).
    """

    chunks: Chunks
    #: The last boundary that was read: where the next bucket begins.
    _kept: tuple[date, dict[int, Ints]] | None = None

    def read(self, first: date, end: date) -> Steps[Days]:
        """Figures of days ``[first, end)``, at least one."""
        chunks = self.chunks
        stale = yield from chunks.stale(first, end)
        early = yield from self._totals(first)
        late = yield from self._totals(end)
        steps = yield from self._steps(first, end)
        laid = np.empty((len(chunks.numbers) * CHUNK, _WIDTH), np.int64)
        for at, chunk in enumerate(chunks.numbers):
            part = laid[at * CHUNK : (at + 1) * CHUNK]
            np.subtract(late.get(chunk, _NOTHING), early.get(chunk, _NOTHING), out=part)
        rows = chunks.of * CHUNK + chunks.keys % CHUNK
        sums = laid[rows]
        figures = Figures.zeros(len(rows))
        figures.columns[:, _PLACES] = sums[:, :_DAYS]
        figures.columns[:, _STEP] = steps[rows]
        figures.scheduled = sums[:, _SCHEDULED] > 0
        complete = (sums[:, _DAYS] == (end - first).days) & (chunks.through >= end.toordinal())
        if len(stale):
            complete &= ~np.isin(chunks.keys, stale)
        return Days(figures, complete)

    def _totals(self, boundary: date) -> Steps[dict[int, Ints]]:
        """By chunk; none where there is nothing before a first day."""
        if self._kept is not None and self._kept[0] == boundary:
            return self._kept[1]
        rows = yield from Query[tuple[date, int, bytes]](
            _SQL["totals"],
            {"boundaries": [boundary], "chunks": self.chunks.numbers},
            binary=True,
            heavy=True,
        )
        found = {chunk: _numbers(sums).reshape(CHUNK, _WIDTH) for _, chunk, sums in rows}
        self._kept = boundary, found
        return found

    def _steps(self, first: date, end: date) -> Steps[Ints]:
        """The greatest step of the days: of the last 2^n of them, and of others before."""
        level = min((end - first).days.bit_length() - 1, LEVELS - 1)
        reach = timedelta(days=1 << level)
        boundaries = {first + reach}
        while end not in boundaries:
            boundaries.add(min(max(boundaries) + reach, end))
        rows = yield from Query[tuple[date, int, bytes]](
            _SQL["steps"],
            {"boundaries": sorted(boundaries), "level": level, "chunks": self.chunks.numbers},
            binary=True,
            heavy=True,
        )
        greatest = np.zeros((len(self.chunks.numbers), CHUNK), np.int64)
        places = {chunk: place for place, chunk in enumerate(self.chunks.numbers)}
        for _, chunk, steps in rows:
            row = greatest[places[chunk]]
            np.maximum(row, _numbers(steps), out=row)
        return greatest.reshape(-1)


def _numbers(packed: bytes) -> Any:
    """What ``totals.py: pack`` packed."""
    return np.frombuffer(packed, "<i8")
