"""The sums of ``group.py`` for many instruments at once, in arrays: the same to the microsecond.

An instrument's own figures fit into 64 bits; sums over a nation's do not, and are Python
integers here as there. Where the figures come from is ``store/figures/sums.py``'s affair.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.group import BANDS, Basis, Tally
from models.ratios import threshold
from models.usage import Usage

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

#: Columns of ``Figures.columns``: the names of ``Usage``.
NAMES = Usage.__struct_fields__
_AT = {name: place for place, name in enumerate(NAMES)}
_STEP = _AT["step_us"]
_SUMMED = [place for place in range(len(NAMES)) if place != _STEP]
_COUNTERS = [_AT[n] for n in ("counter_us", "witness_counter_us", "witness_state_us")]
# As in group.py: ratios are summed as fixed-point integers of 80 binary places, here found
# sixteen at a time; that fits into 64 bits for denominators below this.
_DIGIT = 16
_DIGITS = 5
_LONGEST_DIVIDED = 1 << 47
_PRIME = (1 << 31) - 1
_MASK = (1 << 62) - 1
_HALF = 32


@dataclass(slots=True)
class Figures:
    """Figures of instruments, one row each."""

    #: Columns by `NAMES`; 0 in both schedule columns where there is no schedule.
    columns: Ints
    #: Whether opening hours were in force at all; elsewhere both columns mean None.
    scheduled: Flags

    @classmethod
    def zeros(cls, count: int) -> "Figures":
        """Empty windows of that many instruments."""
        return cls(np.zeros((count, len(NAMES)), np.int64), np.zeros(count, np.bool_))

    def add(self, other: "Figures") -> None:
        """Adds windows of the same instruments that overlap none of these (rule 4)."""
        steps = np.maximum(self.columns[:, _STEP], other.columns[:, _STEP])
        self.columns += other.columns
        self.columns[:, _STEP] = steps
        self.scheduled |= other.scheduled

    def put(self, row: int, usage: Usage) -> None:
        """Sets one instrument's figures."""
        self.columns[row] = [getattr(usage, name) or 0 for name in NAMES]
        self.scheduled[row] = usage.scheduled_us is not None

    def take(self, rows: Ints | Flags) -> "Figures":
        """Some of the instruments."""
        return Figures(self.columns[rows], self.scheduled[rows])


@dataclass(slots=True)
class Sums:
    """What a group's instruments add up to."""

    tally: Tally
    #: Of every instrument's own figures, in any order (`digests`).
    digest: int


def digests(keys: Ints, figures: Figures) -> Ints:
    """A number for each instrument that changes with its figures; combined by exclusive or."""
    mixed = np.zeros(len(keys), np.int64)
    for place in range(len(NAMES)):
        mixed ^= figures.columns[:, place] << place
    found: Ints = (mixed & _MASK) % _PRIME * (keys % _PRIME + 1)
    return found


def tally_arrays(
    keys: Ints,
    figures: Figures,
    always_on: Flags,
    groups: Ints,
    count: int,
    *,
    basis: Basis,
    sufficient_coverage: float,
) -> list[Sums]:
    """Adds seen instruments up by group.

    Args:
        keys: Of the instruments.
        figures: Theirs, in the same order; each a window of at most ten years.
        always_on: Whether they stand outside of means and bands.
        groups: Which group each belongs to, from 0.
        count: How many groups there are.
        basis: As for ``Tally``.
        sufficient_coverage: As for ``Tally``, of at most four decimals.

    Returns:
        One of each group, those of no instrument included.
    """
    found = [
        Sums(Tally(basis=basis, sufficient_coverage=sufficient_coverage), 0) for _ in range(count)
    ]
    if not len(keys):
        return found
    if (groups[1:] < groups[:-1]).any():
        order = np.argsort(groups, kind="stable")
        groups, keys, always_on = groups[order], keys[order], always_on[order]
        figures = figures.take(order)
    columns, scheduled = figures.columns, figures.scheduled
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    present = groups[starts].tolist()

    def column(name: str) -> Ints:
        return columns[:, _AT[name]]

    running, known = column("running_us"), columns[:, :3].sum(axis=1)
    window = columns[:, :7].sum(axis=1)
    least = threshold(sufficient_coverage)
    sufficient = (window > 0) & (known * least.denominator >= window * least.numerator)
    ranked = sufficient & ~always_on
    part, whole = {
        Basis.RATED: (column("effective_us"), column("rated_us")),
        Basis.CALENDAR: (running, window),
        Basis.SCHEDULED: (column("running_scheduled_us"), column("scheduled_us")),
        Basis.POWERED: (running, running + column("idle_us")),
        Basis.KNOWN: (running, known),
    }[basis]
    bandable = ranked & (whole > 0)
    averaged = ranked & (known > 0)
    counts = np.column_stack(
        [
            np.ones(len(keys), np.int64),
            sufficient,
            averaged,
            bandable,
            scheduled,
            *(bandable & (part * above.denominator > whole * above.numerator) for above in BANDS),
        ]
    ).astype(np.int64)
    counted = np.add.reduceat(counts, starts, axis=0).tolist()

    summed = columns[:, _SUMMED]
    unread = column("counter_readings") == 0
    if unread.any():
        summed[np.ix_(unread, _COUNTERS)] = 0
    effective_rated = np.where(column("rated_us") > 0, column("effective_us"), 0)
    sums = exact_sums(np.column_stack([summed, effective_rated]), starts)
    ratios = _ratio_sums(running, known, averaged, starts)
    steps = np.maximum.reduceat(column("step_us"), starts).tolist()
    mixed = np.bitwise_xor.reduceat(digests(keys, figures), starts).tolist()

    for n, place in enumerate(present):
        instruments, enough, means, banded_of, with_hours, *banded = counted[n]
        *values, effective_of_rated = sums[n]
        named: dict[str, int | None] = dict(zip((NAMES[at] for at in _SUMMED), values, strict=True))
        if not with_hours:
            named["scheduled_us"] = named["running_scheduled_us"] = None
        one = found[place]
        one.digest = mixed[n]
        tally = one.tally
        tally.instruments = instruments
        tally.sufficient = enough
        tally.usage = Usage(**named, step_us=steps[n])  # type: ignore[arg-type]
        tally.effective_rated_us = effective_of_rated
        tally.ratio_sum = ratios[n]
        tally.ratios = means
        tally.banded = banded
        tally.bandable = banded_of
    return found


def exact_sums(values: Ints, starts: Ints) -> list[list[int]]:
    """Sums of the rows from each start to the next, column by column.

    Args:
        values: Rows; a city's sums fit into 64 bits, a nation's need not.
        starts: Where the groups begin, ascending from 0.
    """
    largest = max(int(values.max()), -int(values.min()), 1)
    if largest < (1 << 62) // len(values):
        return np.add.reduceat(values, starts, axis=0).tolist()  # type: ignore[no-any-return]
    high = np.add.reduceat(values >> _HALF, starts, axis=0).tolist()
    low = np.add.reduceat(values & ((1 << _HALF) - 1), starts, axis=0).tolist()
    return [
        [(above << _HALF) + below for above, below in zip(*pair, strict=True)]
        for pair in zip(high, low, strict=True)
    ]


def _ratio_sums(running: Ints, known: Ints, averaged: Flags, starts: Ints) -> Sequence[int]:
    """Sums of ``(running << 80) // known`` of those averaged, by long division."""
    divisor = np.where(averaged, known, 1)
    rest = np.where(averaged, running, 0)
    if int(divisor.max()) >= _LONGEST_DIVIDED:
        return _plain_ratio_sums(rest, divisor, starts)
    # A ratio of 1 has no remainder: its whole is the first digit of all.
    digit, rest = np.divmod(rest, divisor)
    total = [int(one) for one in np.add.reduceat(digit, starts)]
    for _ in range(_DIGITS):
        digit, rest = np.divmod(rest << _DIGIT, divisor)
        total = [
            (one << _DIGIT) + more
            for one, more in zip(total, np.add.reduceat(digit, starts).tolist(), strict=True)
        ]
    return total


def _plain_ratio_sums(part: Ints, whole: Ints, starts: Ints) -> list[int]:
    ends = [*starts.tolist()[1:], len(part)]
    terms = zip(part.tolist(), whole.tolist(), strict=True)
    ratios = [(a << _DIGIT * _DIGITS) // b for a, b in terms]
    return [sum(ratios[a:b]) for a, b in zip(starts.tolist(), ends, strict=True)]
