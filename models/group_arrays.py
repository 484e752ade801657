"""The sums of ``group.py`` for many instruments at once, in arrays: the same to the microsecond.

An instrument's own figures fit into 64 bits; sums over a nation's do not, and are Python
integers here as there. Where the figures come from is ``store/figures/sums.py``'s affair.
"""

from collections.abc import Mapping, Sequence
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
_COUNTERS = ("counter_us", "witness_counter_us", "witness_state_us")
_STATES = ("running_us", "idle_us", "off_us")
_WINDOW = NAMES[:7]
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

    #: Columns by `NAMES`, each in one piece of memory; 0 in both schedule columns where there is no
    #: schedule.
    columns: Ints
    #: Whether opening hours were in force at all; elsewhere both columns mean None.
    scheduled: Flags

    @classmethod
    def zeros(cls, count: int) -> "Figures":
        """Empty windows of that many instruments."""
        return cls(np.zeros((len(NAMES), count), np.int64).T, np.zeros(count, np.bool_))

    def heard_within(self, first_us: int) -> Flags:
        """Who was heard before so much of the window had passed: what is before the first is less.

        Args:
            first_us: Length of the window's first part, µs.
        """
        found: Flags = self.columns[:, _AT["unknown_before_first_us"]] < first_us
        return found

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
        return Figures(self.columns.T[:, rows].T, self.scheduled[rows])


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
    starts = starts_of(groups)
    tallies = tally_windows(
        {name: figures.columns[:, place, None] for name, place in _AT.items()},
        figures.scheduled,
        always_on,
        starts,
        basis=basis,
        sufficient_coverage=sufficient_coverage,
    )
    mixed = np.bitwise_xor.reduceat(digests(keys, figures), starts).tolist()
    for place, (tally,), digest in zip(groups[starts].tolist(), tallies, mixed, strict=True):
        found[place] = Sums(tally, digest)
    return found


def starts_of(groups: Ints) -> Ints:
    """Where each group begins; ``groups`` ascends and is not empty."""
    return np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])


def tally_windows(
    figures: Mapping[str, Ints],
    scheduled: Flags,
    always_on: Flags,
    starts: Ints,
    *,
    basis: Basis,
    sufficient_coverage: float,
) -> list[list[Tally]]:
    """Adds seen instruments up by group, for several windows at once.

    Args:
        figures: By `NAMES`: a row an instrument, those of a group together, and a column a window
            of at most ten years; names that are 0 throughout may be left out, but not all.
        scheduled: Of each instrument: whether opening hours were in force at all.
        always_on: Of each: whether it stands outside of means and bands.
        starts: Where each group begins, ascending from 0.
        basis: As for ``Tally``.
        sufficient_coverage: As for ``Tally``, of at most four decimals.

    Returns:
        Of each group, one of each window.
    """
    shape = next(iter(figures.values())).shape
    nothing = np.zeros(shape, np.int64)

    def column(name: str) -> Ints:
        return figures.get(name, nothing)

    def total(names: Sequence[str]) -> Ints:
        there = [figures[name] for name in names if name in figures]
        return sum(there[1:], start=there[0]) if there else nothing

    running, known, window = column("running_us"), total(_STATES), total(_WINDOW)
    rated, effective = column("rated_us"), column("effective_us")
    least = threshold(sufficient_coverage)
    sufficient = (window > 0) & (known * least.denominator >= window * least.numerator)
    ranked = sufficient & ~always_on[:, None]
    part, whole = {
        Basis.RATED: (effective, rated),
        Basis.CALENDAR: (running, window),
        Basis.SCHEDULED: (column("running_scheduled_us"), column("scheduled_us")),
        Basis.POWERED: (running, total(_STATES[:2])),
        Basis.KNOWN: (running, known),
    }[basis]
    bandable = ranked & (whole > 0)
    averaged = ranked & (known > 0)
    banded = [bandable & (part * one.denominator > whole * one.numerator) for one in BANDS]
    counts = [_counted(flags, starts) for flags in (sufficient, averaged, bandable, *banded)]
    with_hours = _counted(scheduled[:, None], starts)
    sizes = np.diff(starts, append=shape[0]).tolist()

    summed = {name: values for name, values in figures.items() if name != "step_us"}
    unread = column("counter_readings") == 0
    for name in _COUNTERS:
        if name in summed:
            summed[name] = np.where(unread, 0, summed[name])
    sums = {name: exact_sums(values, starts) for name, values in summed.items()}
    rated_ones = exact_sums(np.where(rated > 0, effective, 0), starts)
    ratios = _ratio_sums(running, known, averaged, starts)
    steps = np.maximum.reduceat(column("step_us"), starts, axis=0).tolist()

    def told(group: int, at: int) -> Tally:
        enough, means, banded_of, *above = (one[group][at] for one in counts)
        named: dict[str, int | None] = {name: of[group][at] for name, of in sums.items()}
        if with_hours[group][0]:
            named.setdefault("scheduled_us", 0)
            named.setdefault("running_scheduled_us", 0)
        else:
            named["scheduled_us"] = named["running_scheduled_us"] = None
        return Tally(
            basis=basis,
            sufficient_coverage=sufficient_coverage,
            instruments=sizes[group],
            sufficient=enough,
            usage=Usage(**named, step_us=steps[group][at]),  # type: ignore[arg-type]
            effective_rated_us=rated_ones[group][at],
            ratio_sum=ratios[group][at],
            ratios=means,
            banded=above,
            bandable=banded_of,
        )

    return [[told(group, at) for at in range(shape[1])] for group in range(len(starts))]


def _counted(flags: Flags, starts: Ints) -> list[list[int]]:
    """How many are set, by group and column."""
    return np.add.reduceat(flags, starts, axis=0, dtype=np.int64).tolist()  # type: ignore[no-any-return]


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


def _ratio_sums(running: Ints, known: Ints, averaged: Flags, starts: Ints) -> list[list[int]]:
    """Sums of ``(running << 80) // known`` of those averaged, by group and column."""
    # Of most hours all or nothing was in use: these want no division.
    wholly = _counted(averaged & (running == known), starts)
    rows, columns = np.nonzero(averaged & (running > 0) & (running < known))
    part, whole = running[rows, columns], known[rows, columns]
    width = running.shape[1]
    sizes = np.diff(starts, append=len(running))
    places = np.repeat(np.arange(len(starts)), sizes)[rows] * width + columns
    cells = len(starts) * width
    if len(whole) and int(whole.max()) >= _LONGEST_DIVIDED:
        total = [0] * cells
        for at, one, of in zip(places.tolist(), part.tolist(), whole.tolist(), strict=True):
            total[at] += (one << _DIGIT * _DIGITS) // of
    else:
        total = _divided(part, whole, places, cells)
    return [
        [(one << _DIGIT * _DIGITS) + total[at] for at, one in enumerate(row, n * width)]
        for n, row in enumerate(wholly)
    ]


def _divided(part: Ints, whole: Ints, places: Ints, cells: int) -> list[int]:
    """Sums of proper fractions as fixed-point integers, by long division."""
    total, rest = [0] * cells, part
    for _ in range(_DIGITS):
        digit, rest = np.divmod(rest << _DIGIT, whole)
        # Digits are short: their sums are exact in a double.
        summed = np.bincount(places, weights=digit, minlength=cells).astype(np.int64)
        total = [(one << _DIGIT) + more for one, more in zip(total, summed.tolist(), strict=True)]
    return total
