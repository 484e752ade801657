"""Hours in tenths whose sum is the rounded total: the method of the largest remainder.

Each part gets its whole tenths; what the rounded total has beyond them goes, a tenth each, to the
parts with the largest rests, of equal ones to the earlier. So a part is rounded up exactly where
its rest is greater than some rest, or equal to it and the part early enough: two numbers say what
millions of parts get, and nothing about them has to be kept.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TENTH_US = 360_000_000  # of an hour


class Shares(NamedTuple):
    """What each part gets, as a function of it."""

    #: What all parts add up to, in units: their sum, half a unit rounded up.
    total: int
    #: Parts with a greater rest are rounded up, µs.
    rest_us: int
    #: Of parts with just this rest, those up to this number.
    through: int
    unit_us: int = TENTH_US

    def of(self, number: int, part_us: int) -> int:
        """Units of one part.

        Args:
            number: Of the part, as `Apportioning.add` was told.
            part_us: How long it is.
        """
        whole, rest = divmod(part_us, self.unit_us)
        up = rest > self.rest_us or (rest == self.rest_us and number <= self.through)
        return whole + up


class Apportioning:
    """Parts while they come in; four bytes are kept of each."""

    def __init__(self, unit_us: int = TENTH_US) -> None:
        """Of no parts yet.

        Raises:
            ValueError: A rest of the unit does not fit into four bytes.
        """
        if not 0 < unit_us < 1 << 32:
            raise ValueError(f"a unit is {unit_us} µs; it must lie within 1 and {(1 << 32) - 1}")
        self._unit_us = unit_us
        self._firsts: list[int] = []
        self._rests: list[NDArray[np.uint32]] = []
        self._whole = 0
        self._sum_us = 0

    def add(self, first: int, parts_us: Sequence[int] | NDArray[np.int64]) -> None:
        """Parts numbered ``first`` and on, after all that were added before."""
        parts = np.asarray(parts_us, np.int64)
        if not len(parts):
            return
        self._firsts.append(first)
        self._rests.append((parts % self._unit_us).astype(np.uint32))
        self._whole += int((parts // self._unit_us).sum())
        self._sum_us += int(parts.sum())

    @property
    def sum_us(self) -> int:
        """All parts together."""
        return self._sum_us

    def settle(self) -> Shares:
        """What each part gets."""
        unit = self._unit_us
        total = (2 * self._sum_us + unit) // (2 * unit)
        up = total - self._whole
        if not up:
            return Shares(total, unit, 0, unit)
        rests = np.concatenate(self._rests)
        # Rests are less than a unit each: never more parts are rounded up than there are.
        least = int(np.partition(rests, len(rests) - up)[len(rests) - up])
        equal = np.flatnonzero(rests == least)
        last = int(equal[up - int((rests > least).sum()) - 1])
        lengths = np.cumsum([len(one) for one in self._rests])
        chunk = int(np.searchsorted(lengths, last, side="right"))
        before = int(lengths[chunk - 1]) if chunk else 0
        return Shares(total, least, self._firsts[chunk] + last - before, unit)


def apportion(parts_us: Sequence[int], unit_us: int = TENTH_US) -> list[int]:
    """Units of each part, which add up to the rounded total.

    >>> apportion([540_000_000, 540_000_000, 540_000_000])  # 0.15 h each: 0.45 h is 0.5 h
    [2, 2, 1]
    """
    apportioning = Apportioning(unit_us)
    apportioning.add(1, parts_us)
    shares = apportioning.settle()
    return [shares.of(number, part) for number, part in enumerate(parts_us, 1)]
