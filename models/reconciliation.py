"""Bookings held against measured use: partitions of time, and a verdict a booking.

Time is *used* while the instrument runs within a session (``session.py``); what is not known is
neither used nor unused, so a verdict that unknown time could change is ``undetermined``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from models.interval import Interval, clip, intersect, length_us, merge, subtract
from models.segment import Piece, State
from models.usage import Window


class Verdict(StrEnum):
    """What became of a booking; ``late``, ``early_leave`` and ``overrun`` may stand together."""

    KEPT = "kept"
    LATE = "late"
    EARLY_LEAVE = "early_leave"
    OVERRUN = "overrun"
    NO_SHOW = "no_show"
    BLOCKED = "blocked"
    UNDETERMINED = "undetermined"


#: What is worth a look comes first.
WORST_FIRST = (
    Verdict.NO_SHOW,
    Verdict.LATE,
    Verdict.EARLY_LEAVE,
    Verdict.OVERRUN,
    Verdict.BLOCKED,
    Verdict.UNDETERMINED,
    Verdict.KEPT,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerances:
    """How far use may lie from its booking without a word (µs)."""

    early_us: int = 15 * 60_000_000
    grace_us: int = 30 * 60_000_000
    overrun_us: int = 15 * 60_000_000
    leave_us: int = 15 * 60_000_000

    @classmethod
    def of_seconds(cls, seconds: Mapping[str, int]) -> "Tolerances":
        """Of whole seconds by name: ``early_s`` and so on."""
        return cls(**{f"{name[:-1]}us": value * 1_000_000 for name, value in seconds.items()})

    def in_seconds(self) -> dict[str, int]:
        """What `of_seconds` takes."""
        return {
            f"{name[:-2]}s": getattr(self, name) // 1_000_000 for name in self.__dataclass_fields__
        }

    @property
    def reach_us(self) -> int:
        """How far beyond a booking its verdict looks."""
        return max(self.early_us, self.overrun_us) + 1


class Partition(NamedTuple):
    """How booked and used time of a window divide (µs); overlapping bookings count once.

    booked = used_booked + unused_booked + unknown_booked; used = used_booked + used_unbooked.
    """

    booked_us: int = 0
    used_booked_us: int = 0
    unused_booked_us: int = 0
    unknown_booked_us: int = 0
    used_us: int = 0
    used_unbooked_us: int = 0

    def __add__(self, other: object) -> "Partition":
        """The sum of two, field by field."""
        if not isinstance(other, Partition):
            return NotImplemented
        return Partition(*(a + b for a, b in zip(self, other, strict=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a stretch of one instrument's time was; sorted and disjoint."""

    #: Running within sessions.
    used: Sequence[Interval]
    #: Not credited by any heartbeat, what lies ahead of now included.
    unknown: Sequence[Interval]


def measured(
    pieces: Sequence[Piece], gap_us: int, min_us: int, window: Window, now_us: int
) -> Measured:
    """What of a window was used, and what is not known.

    Args:
        pieces: Of the timeline; they reach ``gap_us + min_us`` beyond the window on both sides.
        gap_us: Of sessions (rule 11).
        min_us: Of sessions (rule 11).
        window: Not clipped to now.
        now_us: What lies ahead is not known.
    """
    start, end = window.start_us, window.end_us
    known = merge((piece.start_us, min(piece.end_us, now_us)) for piece in pieces)
    return Measured(
        used=clip(running_in_sessions(pieces, gap_us, min_us), start, end),
        unknown=subtract([(start, end)] if start < end else [], known),
    )


def running_in_sessions(pieces: Sequence[Piece], gap_us: int, min_us: int) -> list[Interval]:
    """Running stretches that sessions are made of (rule 11).

    Args:
        pieces: Sorted and disjoint.
        gap_us: Idle time no longer than this joins.
        min_us: What a session spans at least.
    """
    found: list[Interval] = []
    runs: list[Interval] = []
    reach: int | None = None
    for piece in pieces:
        if piece.state is State.RUNNING:
            joins = runs and piece.start_us == reach and piece.start_us - runs[-1][1] <= gap_us
            if not joins:
                found += _long_enough(runs, min_us)
                runs = []
            runs.append((piece.start_us, piece.end_us))
            reach = piece.end_us
        elif piece.state is State.IDLE and piece.start_us == reach:
            reach = piece.end_us
    return merge(found + _long_enough(runs, min_us))


def _long_enough(runs: list[Interval], min_us: int) -> list[Interval]:
    return runs if runs and runs[-1][1] - runs[0][0] >= min_us else []


def partition(bookings: Sequence[Interval], found: Measured, window: Window) -> Partition:
    """How booked and used time of a window divide.

    Args:
        bookings: In any order; they may overlap.
        found: Of the window.
        window: Clipped to now.
    """
    booked = clip(merge(bookings), window.start_us, window.end_us)
    used = clip(found.used, window.start_us, window.end_us)
    used_booked = length_us(intersect(booked, used))
    unknown_booked = length_us(intersect(booked, found.unknown))
    total, all_used = length_us(booked), length_us(used)
    return Partition(
        booked_us=total,
        used_booked_us=used_booked,
        unused_booked_us=total - used_booked - unknown_booked,
        unknown_booked_us=unknown_booked,
        used_us=all_used,
        used_unbooked_us=all_used - used_booked,
    )


class _Facts(NamedTuple):
    late: bool
    early_leave: bool
    overrun: bool


def verdict(
    booking: Interval,
    found: Measured,
    *,
    blocked: Sequence[Interval],
    others: Sequence[Interval],
    tolerances: Tolerances,
) -> tuple[Verdict, ...]:
    """What became of a booking.

    Late, early leave, overrun and no-show each turn at most once as more time counts as used, so
    it is enough to look at unknown time all unused, and all used: where both say the same, so does
    whatever lies between.

    Args:
        booking: Half-open (µs).
        found: Of the booking and ``tolerances.reach_us`` around it.
        blocked: Maintenance, closed hours, down; sorted and disjoint.
        others: Other bookings of the instrument, sorted and disjoint: use within them is theirs.
        tolerances: In force at the booking's start.
    """
    start, end = booking
    if 2 * length_us(clip(blocked, start, end)) >= end - start:
        return (Verdict.BLOCKED,)
    least = _facts(booking, found.used, others, tolerances)
    most = _facts(booking, merge([*found.used, *found.unknown]), others, tolerances)
    if least != most:
        return (Verdict.UNDETERMINED,)
    if least is None:
        return (Verdict.NO_SHOW,)
    names = (Verdict.LATE, Verdict.EARLY_LEAVE, Verdict.OVERRUN)
    return tuple(name for name, holds in zip(names, least, strict=True) if holds) or (Verdict.KEPT,)


def _facts(
    booking: Interval, used: Sequence[Interval], others: Sequence[Interval], tolerances: Tolerances
) -> _Facts | None:
    """None: nobody came."""
    start, end = booking
    # Within its own time an overlapping booking takes nothing away.
    own = subtract(used, subtract(others, [booking]))
    within = clip(own, start, end)
    if not within:
        return None
    # Who began a little early was not late.
    first = clip(own, start - tolerances.early_us, end)[0][0]
    after = [stop for since, stop in own if since <= end < stop]
    return _Facts(
        late=first > start + tolerances.grace_us,
        early_leave=within[-1][1] < end - tolerances.leave_us,
        overrun=bool(after) and after[0] > end + tolerances.overrun_us,
    )
