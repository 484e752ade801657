"""Voucher orders: which measured time each line uses, and what that makes of it.

A line of an order says that an instrument was used for so long within a window. Lines of one
instrument are served one after the other: by the end of their windows, then by their start, then by
scheme, reference and line, so never by when they came. Each takes the earliest time within its
window that no line before it took, up to what it claims. Whoever has the longest to wait is last,
which leaves no time unused that some other order of serving could have used.

Time is offered three times: what was measured, the part of that which no missing heartbeat could
undo (`models/confirmed.py`), and what there could have been if all unknown time had been use. More
time never gives a line less, so what a line gets of the second and of the third are its bounds.
What time that is, is ``models/voucher_time.py``'s.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from models.interval import Interval, clip, intersect, length_us, merge, subtract
from models.self_report import HUNDREDTHS, RECORD_US

#: Which rule, as evidence names it; another rule is another number.
RULE = 2


class Verdict(StrEnum):
    """What a line is, by measured sessions."""

    COVERED = "covered"
    PARTLY = "partly"
    NONE = "none"
    UNDETERMINED = "undetermined"


class Doubt(StrEnum):
    """Why a line is undetermined; the first that fits."""

    #: Its window is not over.
    AHEAD = "ahead"
    #: Enough was measured, and heartbeats that were due beside it are missing.
    MISSING_HEARTBEATS = "missing_heartbeats"
    #: What is unknown of its window could make up what lacks.
    UNKNOWN = "unknown"


class Line(NamedTuple):
    """A line of an order, as far as it bears on its verdict."""

    scheme: str
    reference: str
    line: int
    start_us: int
    end_us: int
    claimed_us: int

    @property
    def turn(self) -> tuple[int, int, str, str, int]:
        """When it is served among its instrument's lines; no two are alike."""
        return self.end_us, self.start_us, self.scheme, self.reference, self.line


class Offered(NamedTuple):
    """An instrument's time, each part sorted and disjoint; the second lies within the first, the
    first within the third."""

    #: Running within sessions.
    measured: Sequence[Interval]
    #: Of that, what no missing heartbeat could undo.
    confirmed: Sequence[Interval]
    #: Running within sessions if all unknown time were running.
    possible: Sequence[Interval]

    def without(self, used: Sequence[Interval]) -> "Offered":
        """The same less what is used already."""
        return Offered(*(subtract(part, used) for part in self)) if used else self


class Judged(NamedTuple):
    """What a line is, and what of."""

    verdict: Verdict
    #: None unless undetermined.
    doubt: Doubt | None
    #: Measured time that it uses, and no other line.
    used: list[Interval]
    #: Of confirmed time alone.
    confirmed_us: int
    #: If all unknown time were running.
    possible_us: int

    @property
    def used_us(self) -> int:
        """Microseconds of measured time that it uses."""
        return length_us(self.used)


def tolerance_us(claimed_us: int) -> int:
    """What a claim may lack: as a self-report's record, the greater of 5 % and 0.1 h.

    >>> tolerance_us(3_600_000_000), tolerance_us(36_000_000_000)
    (360000000, 1800000000)
    """
    return max(claimed_us * HUNDREDTHS // 100, RECORD_US)


def needed_us(claimed_us: int) -> int:
    """What covers a claim: however small it is, something.

    >>> needed_us(3_600_000_000), needed_us(1_000_000), needed_us(0)
    (3240000000, 1, 0)
    """
    return max(claimed_us - tolerance_us(claimed_us), min(1, claimed_us))


def allot(lines: Iterable[Line], time: Sequence[Interval]) -> dict[Line, list[Interval]]:
    """What each line gets of some time.

    Args:
        lines: Of one instrument; in any order.
        time: Sorted and disjoint.
    """
    left = list(time)
    found: dict[Line, list[Interval]] = {}
    for line in sorted(lines, key=lambda one: one.turn):
        taken = _first(clip(left, line.start_us, line.end_us), line.claimed_us)
        left = subtract(left, taken)
        found[line] = taken
    return found


def _first(time: Iterable[Interval], most_us: int) -> list[Interval]:
    taken: list[Interval] = []
    for start, end in time:
        if most_us <= 0:
            break
        taken.append((start, min(end, start + most_us)))
        most_us -= end - start
    return taken


def held_back(
    closed: Sequence[tuple[Line, Sequence[Interval]]], confirmed: Sequence[Interval]
) -> list[Interval]:
    """Confirmed time that lines of closed periods would have used if what they used was no use.

    What is not confirmed of it may have come of heartbeats that were left out. Without it they
    would have taken other time of their windows, which is then no later line's for sure.

    Args:
        closed: Lines as they were closed, each with the measured time that it used.
        confirmed: Sorted and disjoint; of all their windows.
    """
    left = subtract(confirmed, merge(span for _, used in closed for span in used))
    held: list[Interval] = []
    for line, used in closed:
        doubtful_us = length_us(used) - length_us(intersect(used, confirmed))
        taken = _first(clip(left, line.start_us, line.end_us), doubtful_us)
        left = subtract(left, taken)
        held += taken
    return merge(held)


def judge(lines: Sequence[Line], offered: Offered, now_us: int) -> dict[Line, Judged]:
    """What each line is.

    Args:
        lines: All of one instrument that windows tie together; in any order.
        offered: Of all their windows; what lies ahead of now is possible.
        now_us: When it is judged.
    """
    measured, confirmed, possible = (allot(lines, part) for part in offered)
    found: dict[Line, Judged] = {}
    for line in lines:
        sure, most = length_us(confirmed[line]), length_us(possible[line])
        verdict, doubt = _verdict(line, length_us(measured[line]), sure, most, now_us)
        found[line] = Judged(verdict, doubt, measured[line], sure, most)
    return found


def _verdict(
    line: Line, used_us: int, sure_us: int, most_us: int, now_us: int
) -> tuple[Verdict, Doubt | None]:
    needed = needed_us(line.claimed_us)
    if not needed:
        return Verdict.NONE, None
    if sure_us >= needed:
        return Verdict.COVERED, None
    if most_us < needed and used_us:
        return Verdict.PARTLY, None
    if not most_us:
        return Verdict.NONE, None
    if line.end_us > now_us:
        return Verdict.UNDETERMINED, Doubt.AHEAD
    missing = used_us >= needed
    return Verdict.UNDETERMINED, Doubt.MISSING_HEARTBEATS if missing else Doubt.UNKNOWN


def tied(lines: Iterable[Line], asked: Iterable[Line]) -> list[Interval]:
    """The windows of those lines that bear on some, joined: what has to be read of an instrument.

    Args:
        lines: All of an instrument.
        asked: Some of these.
    """
    wanted = sorted({one.start_us for one in asked})
    whole = merge((one.start_us, one.end_us) for one in lines)
    return [span for span in whole if any(span[0] <= start < span[1] for start in wanted)]
