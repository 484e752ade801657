"""Figures of many instruments over one window after the other, each part of it its own way.

Whole days come from running totals (``sums.py``), whole hours of other days from the hours beside
them (``hours.py``), and what is left is measured in arrays (``measured.py``).
"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from models.group_arrays import Figures, Flags, Ints
from models.timestamp import MIN_US
from models.usage import Window
from models.zone import local_day
from store.figures.chunks import Chunks
from store.figures.hours import HoursReader
from store.figures.layout import (
    LONGEST_EDGES_US,
    Slots,
    days_window,
    plan_window,
    slot_of,
    split_edge,
)
from store.figures.leads import Leads
from store.figures.measured import measure_rows
from store.figures.subject import zone_of
from store.figures.sums import TotalsReader
from store.figures.surroundings import Moment
from store.present.roster import Roster
from store.run import Steps

# How long after their end days may be without totals: measured meanwhile.
_NOT_YET = timedelta(days=2)
_DAY = timedelta(days=1)
#: Fewer instruments than this that were first heard within the window are as fast one by one.
FEW = 200


class _Parts(NamedTuple):
    """What a window is put together of."""

    #: Days ``[first, end)``, of totals.
    first: date
    end: date
    slots: list[Slots]
    pieces: list[Window]


class RowsReader:
    """Figures of some members of a roster; `measure` first, with all windows that will be read."""

    def __init__(self, roster: Roster, rows: Ints, moment: Moment) -> None:
        self._roster = roster
        self._rows = rows
        self._moment = moment
        #: Measured once: a window's edges are mostly those of its first and last bucket too.
        self._edges: dict[Window, tuple[Figures, Flags]] = {}
        self._days: list[date] = []
        #: Of those first heard within the windows, where they are many.
        self.leads: Leads | None = None
        self._late: tuple[date, date] = (date.max, date.min)

    def measure(self, windows: Iterable[Window]) -> Steps[None]:
        """Measures the edges of all of them; those close together with one look at the pieces."""
        chunks = yield from Chunks.load(self._roster.keys[self._rows])
        self._totals, self.hours = TotalsReader(chunks), HoursReader(chunks)
        today = local_day(self._moment.now_us, zone_of(self._moment.rollup_zone))
        reach = min(chunks.reach, today)
        self._late = reach, min(reach + _NOT_YET, today)
        parts = [self._parts(window) for window in windows]
        self._days = sorted({slots.day for one in parts for slots in one.slots})
        wanted = {piece for one in parts for piece in one.pieces}
        stretches: list[list[Window]] = []
        for edge in sorted(wanted, key=lambda edge: (edge.start_us, -edge.end_us)):
            if stretches and edge.end_us - stretches[-1][0].start_us <= LONGEST_EDGES_US:
                stretches[-1].append(edge)
            else:
                stretches.append([edge])
        for stretch in stretches:
            found = yield from measure_rows(self._roster, self._rows, stretch, self._moment)
            self._edges.update(zip(stretch, found, strict=True))

    def lead(self, window: Window, keys: Ints, first_us: Ints) -> Steps[bool]:
        """Has days before first heartbeats told of, where those who want it are many.

        Args:
            window: Of the answer.
            keys: Instruments whose figures were not complete, ascending.
            first_us: Times of their first heartbeats.

        Returns:
            Whether what was read is to be read again.
        """
        if (first_us > window.start_us).sum() < FEW:
            return False
        firsts = np.full(len(self._rows), MIN_US, np.int64)
        firsts[np.searchsorted(self._roster.keys[self._rows], keys)] = first_us
        self.leads = yield from Leads.load(self._roster, self._rows, firsts, window, self._moment)
        return True

    def right(self) -> Steps[Flags]:
        """Whose hours and edges are right, of all windows."""
        found = yield from self.hours.complete(self._days, self.leads)
        for piece in self._edges:
            found &= self._measured(piece)[1]
        return found

    def _measured(self, piece: Window) -> tuple[Figures, Flags]:
        measured, right = self._edges[piece]
        return (
            (measured, right)
            if self.leads is None
            else self.leads.with_piece(measured, right, piece)
        )

    def slot_of(self, bucket: Window) -> Slots | None:
        """The one rolled-up hour that a bucket is; None of any other."""
        found = slot_of(bucket, self._moment)
        return None if found is None or self._is_late(found.day) else found

    def day_of(self, bucket: Window) -> date | None:
        """The day of that hour."""
        found = self.slot_of(bucket)
        return None if found is None else found.day

    def read(self, window: Window) -> Steps[tuple[Figures, Flags]]:
        """Figures of one of the windows, and whether they are complete."""
        parts = self._parts(window)
        figures = Figures.zeros(len(self._rows))
        complete: Flags = np.ones(len(self._rows), np.bool_)
        if parts.first < parts.end:
            days = yield from self._totals.read(parts.first, parts.end, self.leads)
            figures, complete = days.figures, days.complete
            if self.leads is not None:
                whole = days_window(parts.first, parts.end, self._moment)
                self.leads.add_days(figures, whole)
        if parts.slots:
            days_of = [slots.day for slots in parts.slots]
            complete = complete & (yield from self.hours.complete(days_of, self.leads))
        for slots in parts.slots:
            figures.add((yield from self.hours.figures(slots)))
            if self.leads is not None:
                self.leads.add_days(figures, slots.window(self._moment))
        for piece in parts.pieces:
            measured, right = self._measured(piece)
            figures.add(measured)
            complete = complete & right
        return figures, complete

    def _parts(self, window: Window) -> _Parts:
        """The newest days have neither totals nor hours for a while after midnight.

        Then each is measured by itself: one edge for all of them would be measured again for each
        bucket, and could be right where a bucket's part of it, which may cut a piece, is not.
        """
        plan = plan_window(window, self._moment)
        slots: list[Slots] = []
        pieces: list[Window] = []
        for edge in plan.edges:
            whole, rest = split_edge(edge, self._moment)
            pieces += rest
            for one in whole:
                if self._is_late(one.day):
                    pieces.append(one.window(self._moment))
                else:
                    slots.append(one)
        end = plan.end
        while end > plan.first and self._is_late(end - _DAY):
            end -= _DAY
            pieces.append(days_window(end, end + _DAY, self._moment))
        return _Parts(plan.first, end, slots, pieces)

    def _is_late(self, day: date) -> bool:
        return self._late[0] <= day < self._late[1]
