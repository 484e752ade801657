"""Figures of many instruments over whole days, as differences of two running totals each.

``totals.py`` makes the totals and says what a row of them holds.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np

from models.group_arrays import NAMES, Figures, Flags, Ints
from store.figures.chunks import Chunks
from store.figures.leads import Leads
from store.figures.totals import CHUNK, LEVELS, SUMS
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("totals")
_WIDTH = len(SUMS)
_NOTHING = np.zeros((CHUNK, _WIDTH), np.int64)
# A row of the totals is the figures in their order but for the last, a maximum; then two counts.
_SUMMED = len(NAMES) - 1
assert (*SUMS[:_SUMMED], "step_us") == NAMES
_STEP, _DAYS, _SCHEDULED = _SUMMED, _SUMMED + 1, _SUMMED + 2


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
    #: By boundary: those of the range that was read first, the window, whose first and last bucket
    #: have them too; and the last one that was read, where the next bucket begins.
    _of_window: dict[date, dict[int, Ints]] = field(default_factory=dict)
    _last: dict[date, dict[int, Ints]] = field(default_factory=dict)

    def read(self, first: date, end: date, leads: Leads | None = None) -> Steps[Days]:
        """Figures of days ``[first, end)``, at least one.

        Args:
            first: Of the rollups' zone.
            end: Exclusive.
            leads: Of the instruments whose days before the first heartbeat's have no rollup.
        """
        chunks = self.chunks
        stale = yield from chunks.stale(first, end)
        early, late = yield from self._totals(first, end)
        # A column a figure from here on, as all that follows wants them.
        laid = np.empty((_WIDTH + 1, len(chunks.numbers) * CHUNK), np.int64)
        for at, chunk in enumerate(chunks.numbers):
            part = laid[:, at * CHUNK : (at + 1) * CHUNK]
            after, before = late.get(chunk, _NOTHING).T, early.get(chunk, _NOTHING).T
            np.subtract(after[:_SUMMED], before[:_SUMMED], out=part[:_SUMMED])
            np.subtract(after[_SUMMED:], before[_SUMMED:], out=part[_DAYS:])
        laid[_STEP] = yield from self._steps(first, end)
        laid = _taken(laid, chunks.of * CHUNK + chunks.keys % CHUNK)
        figures = Figures(laid[: len(NAMES)].T, laid[_SCHEDULED] > 0)
        due: Ints | int = (end - first).days
        if leads is not None:
            due = end.toordinal() - np.clip(leads.day, first.toordinal(), end.toordinal())
        complete = (laid[_DAYS] == due) & (chunks.through >= end.toordinal())
        if len(stale):
            complete &= ~np.isin(chunks.keys, stale)
        return Days(figures, complete)

    def _totals(self, first: date, end: date) -> Steps[tuple[dict[int, Ints], dict[int, Ints]]]:
        """Of two boundaries, by chunk; none where there is nothing before a first day."""
        found = self._of_window | self._last
        wanted = [boundary for boundary in (first, end) if boundary not in found]
        if wanted:
            found |= {boundary: {} for boundary in wanted}
            rows = yield from Query[tuple[date, int, bytes]](
                _SQL["totals"],
                {"boundaries": wanted, "chunks": self.chunks.numbers},
                binary=True,
                heavy=True,
            )
            for boundary, chunk, sums in rows:
                found[boundary][chunk] = _numbers(sums).reshape(CHUNK, _WIDTH)
        if not self._of_window:
            self._of_window = {first: found[first], end: found[end]}
        self._last = {end: found[end]}
        return found[first], found[end]

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


def _taken(columns: Ints, places: Ints) -> Ints:
    """Some places of each column; without a copy where they are all from one to another."""
    if len(places) and int(places[-1]) - int(places[0]) == len(places) - 1:
        return columns[:, int(places[0]) : int(places[-1]) + 1]
    found: Ints = columns.take(places, axis=1)
    return found


def _numbers(packed: bytes) -> Any:
    """What ``totals.py: pack`` packed."""
    return np.frombuffer(packed, "<i8")
