"""The sums of ``group.py`` for many instruments at once, in arrays: the same to the microsecond.

An instrument's own figures fit into 64 bits; sums over a nation's do not, and are Python
integers here as there. Where the figures come from is ``store/figures/sums.py``'s affair.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.difference import SECONDS
from models.group import BANDS, Basis, Tally
from models.ratios import ratio, seconds, threshold
from models.usage import Usage

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

#: Columns of ``Figures.columns``: the names of ``Usage``.
NAMES = Usage.__struct_fields__
_AT = {name: place for place, name in enumerate(NAMES)}
_STEP = _AT["step_us"]
_COUNTERS = ("counter_us", "witness_counter_us", "witness_state_us")
_SCHEDULES = ("scheduled_us", "running_scheduled_us")
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


def ranked_arrays(
    figures: Figures, heard: Flags, always_on: Flags, name: str, sufficient_coverage: float
) -> tuple[list[Any], list[bool]]:
    """What ``group.py: ranked_fields`` gives of groups of one instrument each.

    Args:
        figures: Of the instruments; 0 of those not heard.
        heard: Who has a heartbeat before the window's end.
        always_on: Who stands outside of means.
        name: Of a count, of seconds or of a ratio.
        sufficient_coverage: As for ``Tally``, of at most four decimals.

    Returns:
        Of each instrument the number, and whether its figures are sufficient.

    Raises:
        KeyError: There is no such number.
    """

    def total(*names: str) -> Ints:
        return sum((column(one) for one in names[1:]), start=column(names[0]))

    def column(name: str) -> Ints:
        found: Ints = figures.columns[:, _AT[name]]
        return found

    def told(us: Ints, there: Flags | None = None) -> list[Any]:
        found = [seconds(one) for one in us.tolist()]
        if there is None:
            return found
        return [one if known else None for one, known in zip(found, there.tolist(), strict=True)]

    running, known, window = column("running_us"), total(*_STATES), total(*_WINDOW)
    unknown, rated = window - known, column("rated_us")
    least = threshold(sufficient_coverage)
    sufficient = (window > 0) & (known * least.denominator >= window * least.numerator)
    ratios = {
        "coverage": (known, window),
        "utilization": (running, known),
        "calendar_utilization": (running, window),
        "utilization_high": (running + unknown, window),
        "powered_utilization": (running, total(*_STATES[:2])),
        "scheduled_utilization": (column("running_scheduled_us"), column("scheduled_us")),
        "rated_utilization": (column("effective_us"), rated),
    }
    values: list[Any]
    match name:
        case _ if name in ratios:
            pairs = zip(*(terms.tolist() for terms in ratios[name]), strict=True)
            values = [ratio(part, whole) for part, whole in pairs]
        case "instruments":
            values = [1] * len(heard)
        case "sufficient_instruments":
            values = sufficient.astype(np.int64).tolist()
        case "never_seen_instruments":
            values = (~heard).astype(np.int64).tolist()
        case "mean_utilization":
            averaged = sufficient & ~always_on & (known > 0)
            places = _DIGIT * _DIGITS
            values = [
                ratio((part << places) // whole, 1 << places) if there else None
                for part, whole, there in zip(
                    running.tolist(), known.tolist(), averaged.tolist(), strict=True
                )
            ]
        case "counter_running_s":
            values = told(column("counter_us"), column("counter_readings") > 0)
        case "resolution_s":
            values = told(column("step_us"), column("step_us") > 0)
        case "window_s":
            values = told(window)
        case "unknown_s":
            values = told(unknown)
        case "scheduled_s" | "running_scheduled_s":
            values = told(column(f"{name.removesuffix('_s')}_us"), figures.scheduled)
        case _ if name in SECONDS:
            values = told(column(f"{name.removesuffix('_s')}_us"))
        case _:
            raise KeyError(name)
    return values, sufficient.tolist()


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
    counts = zip(
        *(_counted(flags, starts) for flags in (sufficient, averaged, bandable, *banded)),
        strict=True,
    )
    sizes = np.repeat(np.diff(starts, append=shape[0]), shape[1]).tolist()
    rated_ones = flat_sums(np.where(rated > 0, effective, 0), starts)
    ratios = _ratio_sums(running, known, averaged, starts)
    cells = zip(sizes, _usages(figures, scheduled, starts), rated_ones, ratios, counts, strict=True)
    tallies = [
        Tally(
            basis=basis,
            sufficient_coverage=sufficient_coverage,
            instruments=size,
            sufficient=enough,
            usage=usage,
            effective_rated_us=rated_one,
            ratio_sum=ratio,
            ratios=means,
            banded=above,
            bandable=banded_of,
        )
        for size, usage, rated_one, ratio, (enough, means, banded_of, *above) in cells
    ]
    return [tallies[at : at + shape[1]] for at in range(0, len(tallies), shape[1])]


def _usages(figures: Mapping[str, Ints], scheduled: Flags, starts: Ints) -> list[Usage]:
    """Sums by group, of each window of each: column by column, then a call a sum."""
    shape = next(iter(figures.values())).shape
    readings = figures.get("counter_readings")
    sums: dict[str, Sequence[int | None]] = {}
    for name in NAMES:
        values = figures.get(name)
        if values is None or (name in _COUNTERS and readings is None):
            sums[name] = [0] * (len(starts) * shape[1])
        elif name == "step_us":
            sums[name] = np.maximum.reduceat(values, starts, axis=0).ravel().tolist()
        else:
            read = np.where(readings == 0, 0, values) if name in _COUNTERS else values
            sums[name] = flat_sums(read, starts)
    with_hours = np.repeat(np.add.reduceat(scheduled, starts, dtype=np.int64) > 0, shape[1])
    if not with_hours.all():
        for name in _SCHEDULES:
            pairs = zip(sums[name], with_hours.tolist(), strict=True)
            sums[name] = [one if there else None for one, there in pairs]
    rows = zip(*sums.values(), strict=True)
    return [Usage(**dict(zip(NAMES, row, strict=True))) for row in rows]


def _counted(flags: Flags, starts: Ints) -> list[int]:
    """How many are set, by group and column."""
    return np.add.reduceat(flags, starts, axis=0, dtype=np.int64).ravel().tolist()


def exact_sums(values: Ints, starts: Ints) -> list[list[int]]:
    """Sums of the rows from each start to the next, column by column.

    Args:
        values: Rows; a city's sums fit into 64 bits, a nation's need not.
        starts: Where the groups begin, ascending from 0.
    """
    width = values.shape[1]
    flat = flat_sums(values, starts)
    return [flat[at : at + width] for at in range(0, len(flat), width)]


def flat_sums(values: Ints, starts: Ints) -> list[int]:
    """The same, one row after the other."""
    largest = max(int(values.max()), -int(values.min()), 1)
    if largest < (1 << 62) // len(values):
        return np.add.reduceat(values, starts, axis=0).ravel().tolist()
    high = np.add.reduceat(values >> _HALF, starts, axis=0).ravel().tolist()
    low = np.add.reduceat(values & ((1 << _HALF) - 1), starts, axis=0).ravel().tolist()
    return [(above << _HALF) + below for above, below in zip(high, low, strict=True)]


def _ratio_sums(running: Ints, known: Ints, averaged: Flags, starts: Ints) -> list[int]:
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
    return [(one << _DIGIT * _DIGITS) + more for one, more in zip(wholly, total, strict=True)]


def _divided(part: Ints, whole: Ints, places: Ints, cells: int) -> list[int]:
    """Sums of proper fractions as fixed-point integers, by long division."""
    digits, rest = [], part
    for _ in range(_DIGITS):
        digit, rest = np.divmod(rest << _DIGIT, whole)
        # Digits are short: their sums are exact in a double.
        summed = np.bincount(places, weights=digit, minlength=cells)
        digits.append(summed.astype(np.int64))
    # Sums of 2^31 of them, two digits together, fit into 64 bits.
    first, second, third, fourth, fifth = digits
    pairs = ((second << _DIGIT) + third, (fourth << _DIGIT) + fifth)
    return [
        (high << 4 * _DIGIT) + (middle << 2 * _DIGIT) + low
        for high, middle, low in zip(first.tolist(), *(one.tolist() for one in pairs), strict=True)
    ]
