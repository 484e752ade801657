"""Where instruments stand among those that are packed by the thousand, and how far that reaches.

``totals.py`` packs them; running totals are read by ``sums.py``, hours by ``hours.py``.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from models.group_arrays import Ints
from store.figures.totals import CHUNK
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("totals")


@dataclass(frozen=True, slots=True)
class Chunks:
    """Some instruments by chunk."""

    #: Instrument keys, ascending.
    keys: Ints
    #: Numbers of their chunks, ascending.
    numbers: list[int]
    #: Of each instrument, the place of its chunk among these.
    of: Ints
    #: Of each, the boundary that its chunk reaches, as an ordinal.
    through: Ints

    @classmethod
    def load(cls, keys: Ints) -> Steps["Chunks"]:
        """Finds out how far the chunks of some instruments reach."""
        chunks, place = np.unique(keys // CHUNK, return_inverse=True)
        numbers = chunks.tolist()
        rows = yield from Query[tuple[int, date, date]](
            _SQL["reach"], {"chunks": numbers}, binary=True
        )
        reach = {chunk: through.toordinal() for chunk, _, through in rows}
        through = np.array([reach.get(chunk, 0) for chunk in numbers], np.int64)[place]
        return cls(keys, numbers, place, through)

    @property
    def reach(self) -> date:
        """The boundary up to which there are totals of all the instruments."""
        return date.fromordinal(max(int(self.through.min(initial=date.max.toordinal())), 1))

    def stale(self, first: date, end: date) -> Steps[Ints]:
        """Keys of instruments, any, of whose days ``[first, end)`` one changed since."""
        rows = yield from Query[tuple[int]](
            _SQL["stale"], {"first": first, "end": end}, binary=True
        )
        return np.array([key for (key,) in rows], np.int64)
