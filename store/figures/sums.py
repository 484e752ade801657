"""Figures of many instruments over whole days, as differences of two running totals each.

``totals.py`` makes the totals and says what a row of them holds.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np

from models.group_arrays import NAMES, Figures, Flags, Ints
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

    #: Instrument keys, ascending.
    keys: Ints
    _chunks: list[int] = field(default_factory=list)
    #: Rows of the instruments where the chunks stand one after the other.
    _rows: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    _first: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    _through: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    #: The last boundary that was read: where the next bucket begins.
    _kept: tuple[date, dict[int, Ints]] | None = None

    def open(self) -> Steps[None]:
        """Finds out how far the totals reach."""
        of_key = self.keys // CHUNK
        chunks, place = np.unique(of_key, return_inverse=True)
        self._chunks = chunks.tolist()
        self._rows = place * CHUNK + self.keys % CHUNK
        rows = yield from Query[tuple[int, date, date]](
            _SQL["reach"], {"chunks": self._chunks}, binary=True
        )
        reach = {chunk: (first.toordinal(), through.toordinal()) for chunk, first, through in rows}
        bounds = [reach.get(chunk, (1, 0)) for chunk in self._chunks]
        self._first = np.array([first for first, _ in bounds], np.int64)[place]
        self._through = np.array([through for _, through in bounds], np.int64)[place]

    @property
    def through(self) -> date:
        """The boundary up to which there are totals of all the instruments."""
        return date.fromordinal(max(int(self._through.min(initial=date.max.toordinal())), 1))

    def read(self, first: date, end: date) -> Steps[Days]:
        """Figures of days ``[first, end)``, at least one."""
        stale_rows = yield from Query[tuple[int]](
            _SQL["stale"], {"first": first, "end": end}, binary=True
        )
        early = yield from self._totals(first)
        late = yield from self._totals(end)
        steps = yield from self._steps(first, end)
        laid = np.empty((len(self._chunks) * CHUNK, _WIDTH), np.int64)
        for at, chunk in enumerate(self._chunks):
            part = laid[at * CHUNK : (at + 1) * CHUNK]
            np.subtract(late.get(chunk, _NOTHING), early.get(chunk, _NOTHING), out=part)
        sums = laid[self._rows]
        columns = np.zeros((len(self.keys), len(NAMES)), np.int64)
        columns[:, _PLACES] = sums[:, :_DAYS]
        columns[:, _STEP] = steps[self._rows]
        complete = (sums[:, _DAYS] == (end - first).days) & (self._through >= end.toordinal())
        if stale_rows:
            stale = np.array([key for (key,) in stale_rows], np.int64)
            complete &= ~np.isin(self.keys, stale)
        return Days(Figures(columns, sums[:, _SCHEDULED] > 0), complete)

    def _totals(self, boundary: date) -> Steps[dict[int, Ints]]:
        """By chunk; none where there is nothing before a first day."""
        if self._kept is not None and self._kept[0] == boundary:
            return self._kept[1]
        rows = yield from Query[tuple[date, int, bytes]](
            _SQL["totals"],
            {"boundaries": [boundary], "chunks": self._chunks},
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
            {"boundaries": sorted(boundaries), "level": level, "chunks": self._chunks},
            binary=True,
            heavy=True,
        )
        greatest = np.zeros((len(self._chunks), CHUNK), np.int64)
        places = {chunk: place for place, chunk in enumerate(self._chunks)}
        for _, chunk, steps in rows:
            row = greatest[places[chunk]]
            np.maximum(row, _numbers(steps), out=row)
        return greatest.reshape(-1)


def _numbers(packed: bytes) -> Any:
    """What ``totals.py: pack`` packed."""
    return np.frombuffer(packed, "<i8")
