"""Hours of many instruments' days, from where they are packed by the thousand.

``totals.py`` puts them there, ``packed_hours.py`` says how they are packed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.group_arrays import NAMES, Figures, Flags, Ints
from store.figures.chunks import Chunks
from store.figures.layout import Slots
from store.figures.leads import Leads
from store.figures.packed_hours import CODES, HEAD, SHORT
from store.figures.totals import CHUNK, HOURLY, PRESENT, SCHEDULED
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("totals")
_DAY = timedelta(days=1)
_STEP = NAMES.index("step_us")
_CHUNK = slice(None)
Floats = NDArray[np.float64]


class Share(NamedTuple):
    """Some instruments of one chunk."""

    #: Places in the chunk.
    inside: Ints
    #: Where their rows go.
    rows: Ints


@dataclass(frozen=True, slots=True)
class Lots:
    """Several lots of instruments, to be added up."""

    count: int
    #: By chunk: a row a lot, a column a place in the chunk; 1 where one is in it, 0 elsewhere.
    weights: dict[int, Floats]


@dataclass(slots=True)
class HoursReader:
    """Reads hours of the same instruments, day by day; the transaction as for ``sums.py``."""

    chunks: Chunks
    #: By day, of each instrument: 0, or what is written of it (``totals.py: HOURLY``).
    _present: dict[date, Ints] = field(default_factory=dict)
    #: The day that was read last: where the next bucket begins.
    _kept: tuple[date, dict[str, Ints]] | None = None
    _everyone: dict[int, Share] | None = None

    def shares(self, order: Ints) -> dict[int, Share]:
        """Some of the instruments by chunk, to be read in an order.

        Args:
            order: Places among the keys.
        """
        of, inside = self.chunks.of[order], self.chunks.keys[order] % CHUNK
        found = {}
        for at, chunk in enumerate(self.chunks.numbers):
            rows = np.flatnonzero(of == at)
            if len(rows):
                found[chunk] = Share(inside[rows], rows)
        return found

    def complete(self, days: Sequence[date], leads: Leads | None = None) -> Steps[Flags]:
        """Of which instruments the hours of all of some days are there, and stand.

        Args:
            days: Of the rollups' zone.
            leads: Of the instruments whose days before the first heartbeat's want none.
        """
        keys = self.chunks.keys
        found: Flags = np.ones(len(keys), np.bool_)
        if not days:
            return found
        unread = [day for day in days if day not in self._present]
        rows = yield from Query[tuple[date, int, bytes]](
            _SQL["present"],
            {"days": unread, "chunks": self.chunks.numbers, "present": PRESENT},
            binary=True,
            heavy=True,
        )
        everyone = self._all()
        for day in unread:
            self._present[day] = np.zeros(len(keys), np.int64)
        for day, chunk, packed in rows:
            share = everyone[chunk]
            self._present[day][share.rows] = unpack(packed, share.inside)[:, 0]
        for day in days:
            there = (self._present[day] > 0) & (self.chunks.through > day.toordinal())
            found &= there if leads is None else there | leads.before(day)
        stale = yield from self.chunks.stale(min(days), max(days) + _DAY)
        if len(stale):
            found &= ~np.isin(keys, stale)
        return found

    def scheduled(self, day: date) -> Flags:
        """Who has opening hours, on a day that `complete` was asked about."""
        found: Flags = self._present[day] == SCHEDULED
        return found

    def read(
        self, day: date, shares: dict[int, Share], names: Iterable[str] = NAMES
    ) -> Steps[dict[str, Ints]]:
        """The hours of a day, by figure: a row an instrument, a column an hour.

        Args:
            day: Of the rollups' zone.
            shares: Whose; of `shares`.
            names: Of the figures; those that are 0 throughout are left out.
        """
        rows = yield from self._rows(day, list(shares), [HOURLY.index(name) for name in names])
        count = sum(len(share.rows) for share in shares.values())
        found: dict[str, Ints] = {}
        for chunk, figure, packed in rows:
            name, share = HOURLY[figure], shares[chunk]
            values = unpack(packed, share.inside)
            if name not in found:
                found[name] = np.zeros((count, values.shape[1]), np.int64)
            found[name][share.rows] = values
        return found

    def lots(self, chosen: Sequence[Ints]) -> Lots:
        """Lots of the instruments.

        Args:
            chosen: Of each lot, places among the keys.
        """
        weights: dict[int, Floats] = {}
        for lot, places in enumerate(chosen):
            for chunk, share in self.shares(places).items():
                of_chunk = weights.setdefault(chunk, np.zeros((len(chosen), CHUNK)))
                of_chunk[lot, share.inside] = 1
        return Lots(len(chosen), weights)

    def sums(self, slots: Slots, lots: Lots, names: Sequence[str]) -> Steps[list[list[list[int]]]]:
        """Sums over several lots of instruments: of each lot, of each hour, one of each figure.

        Args:
            slots: Hours of a day.
            lots: Of `lots`.
            names: Of figures that fit into an hour: their sums are exact in a double.
        """
        figures = [HOURLY.index(name) for name in names]
        rows = yield from self._rows(slots.day, sorted(lots.weights), figures)
        found = np.zeros((lots.count, slots.high - slots.low, len(names)), np.int64)
        for chunk, figure, packed in rows:
            summed = weighed(packed, lots.weights[chunk])
            found[:, :, figures.index(figure)] += summed[:, slots.low : slots.high]
        return found.tolist()

    def _rows(
        self, day: date, chunks: Sequence[int], figures: Sequence[int]
    ) -> Steps[list[tuple[int, int, bytes]]]:
        return (
            yield from Query[tuple[int, int, bytes]](
                _SQL["hours"],
                {"day": day, "chunks": list(chunks), "figures": list(figures)},
                binary=True,
                heavy=True,
            )
        )

    def figures(self, slots: Slots) -> Steps[Figures]:
        """All the instruments' figures over some hours of a day."""
        if self._kept is None or self._kept[0] != slots.day:
            self._kept = slots.day, (yield from self.read(slots.day, self._all()))
        figures = Figures.zeros(len(self.chunks.keys))
        for name, hours in self._kept[1].items():
            part = hours[:, slots.low : slots.high]
            place = NAMES.index(name)
            figures.columns[:, place] = part.max(axis=1) if place == _STEP else part.sum(axis=1)
        figures.scheduled = self.scheduled(slots.day)
        return figures

    def _all(self) -> dict[int, Share]:
        if self._everyone is None:
            self._everyone = self.shares(np.arange(len(self.chunks.keys)))
        return self._everyone


def unpack(packed: bytes, inside: Ints | slice) -> Ints:
    """What ``packed_hours.py: pack_chunk`` packed, of some instruments.

    Args:
        packed: Of one figure.
        inside: Places in the chunk.

    Returns:
        A row an instrument, a column an hour; of 32 bits where that is enough.
    """
    count, kind, size = HEAD.unpack_from(packed)
    if kind == CODES:
        table = np.frombuffer(packed, "<i8", size, HEAD.size)
        codes = np.frombuffer(packed, np.uint8, offset=HEAD.size + table.nbytes)
        return table[codes.reshape(CHUNK, count)[inside]]
    dtype = "<u4" if kind == SHORT.encode() else "<i8"
    found: Ints = np.frombuffer(packed, dtype, offset=HEAD.size).reshape(CHUNK, count)[inside]
    return found


def weighed(packed: bytes, weights: Floats) -> Ints:
    """Sums of some instruments of a chunk: `unpack` and add up, in less than half the time.

    Args:
        packed: Of one figure that fits into an hour: sums of a chunk are exact in a double.
        weights: A row a sum, a column an instrument: 1 or 0.

    Returns:
        A row a sum, a column an hour.
    """
    count, kind, size = HEAD.unpack_from(packed)
    found: Ints
    if kind == CODES and size == 2:
        # All of an hour or nothing, mostly: counted, and by single floats, which hold 2^24.
        low, high = np.frombuffer(packed, "<i8", size, HEAD.size).tolist()
        codes = np.frombuffer(packed, np.uint8, offset=HEAD.size + 2 * 8).reshape(CHUNK, count)
        highs = (weights.astype(np.float32) @ codes.astype(np.float32)).astype(np.int64)
        all_of = weights.sum(axis=1, keepdims=True).astype(np.int64)
        found = low * all_of + (high - low) * highs
    else:
        found = (weights @ unpack(packed, _CHUNK).astype(np.float64)).astype(np.int64)
    return found
