"""Bookings of few instruments held against measured use, from segments: verdicts one by one.

What a booking's verdict is, and how time divides, is ``models/reconciliation.py``'s; what is
summed up already comes from ``booking_days.py``.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from psycopg.rows import dict_row

from models.interval import Interval, merge, subtract
from models.reconciliation import Partition, Tolerances, Verdict, measured, partition, verdict
from models.schedule import open_intervals
from models.usage import Window
from store.figures.subject import Subject, load_subjects
from store.figures.surroundings import Moment, Surroundings, load_surroundings
from store.instant import from_us
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("reconciled")
_PLANS = statements("plans")
#: Instruments measured at a time: bounds the pieces in memory.
AT_ONCE = 50
_DEFAULT = Tolerances()


class Booked(NamedTuple):
    """A booking of an instrument."""

    booking_key: int
    start_us: int
    end_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A booking, what became of it, and its own time."""

    booking: Booked
    verdicts: tuple[Verdict, ...]
    used_us: int
    unknown_us: int


class History(NamedTuple):
    """Tolerances by the time from which they hold; before the first, the first."""

    starts: Sequence[int]
    tolerances: Sequence[Tolerances]

    def at(self, at_us: int) -> Tolerances:
        """In force at a time."""
        if not self.starts:
            return _DEFAULT
        return self.tolerances[max(0, bisect_right(self.starts, at_us) - 1)]

    @property
    def reach_us(self) -> int:
        """How far beyond its window a question looks."""
        return max(one.reach_us for one in self.tolerances or [_DEFAULT])


def load_tolerances() -> Steps[History]:
    """All versions of the tolerances."""
    rows = yield Query(_SQL["tolerances"], binary=True, rows=dict_row)
    return History(
        [row.pop("start_us") for row in rows], [Tolerances.of_seconds(row) for row in rows]
    )


def put_tolerances(start_us: int, tolerances: Tolerances) -> Steps[None]:
    """Writes a version; what was made of bookings from then on is made anew."""
    history = yield from load_tolerances()
    if not history.starts:
        # What held until now was nobody's choice, and goes on holding for the past.
        yield from _put_version(0, _DEFAULT)
    yield from _put_version(start_us, tolerances)
    yield Query(_SQL["forget_from"], {"valid_from": from_us(start_us)})


def _put_version(start_us: int, one: Tolerances) -> Steps[None]:
    yield Query(_SQL["tolerance_put"], {"valid_from": from_us(start_us), **one.in_seconds()})


def judge(
    keys: Sequence[int], window: Window, moment: Moment, history: History
) -> Steps[dict[int, tuple[Partition, list[Judged]]]]:
    """How instruments' time divides, and what became of the bookings that begin in a window.

    Args:
        keys: Of the instruments; at most ``AT_ONCE``.
        window: Clipped to now.
        moment: Of the answer.
        history: Of the tolerances.
    """
    subjects = yield from load_subjects(keys)
    return (yield from judge_subjects(subjects, window, moment, history))


def judge_subjects(
    subjects: Mapping[int, Subject], window: Window, moment: Moment, history: History
) -> Steps[dict[int, tuple[Partition, list[Judged]]]]:
    """As ``judge``, of instruments by key."""
    keys = list(subjects)
    rows = yield from _load_bookings(keys, window)
    low = min([window.start_us, *(start for _, _, start, _ in rows)]) - history.reach_us
    high = max([window.end_us, *(end for _, _, _, end in rows)]) + history.reach_us
    wide = Window(start_us=low, end_us=high)
    # Neighbours of the bookings at the edges may own the use beside these.
    rows = yield from _load_bookings(keys, wide)
    bookings: dict[int, list[Booked]] = defaultdict(list)
    for key, booking, start, end in rows:
        bookings[key].append(Booked(booking, start, end))
    stopped: dict[int, list[Interval]] = defaultdict(list)
    plans = yield from Query[tuple[int, int, int]](
        _PLANS["stopped"], {"keys": keys, **span(wide)}, binary=True
    )
    for key, start, end in plans:
        stopped[key].append((start, end))
    around = yield from load_surroundings(list(subjects.values()), wide, moment)
    return {
        key: _judge_one(
            subject,
            bookings[key],
            _blocked(subject, stopped[key], around),
            around,
            window,
            moment.now_us,
            history,
        )
        for key, subject in subjects.items()
    }


def _load_bookings(keys: Sequence[int], window: Window) -> Steps[list[tuple[int, int, int, int]]]:
    return (
        yield from Query[tuple[int, int, int, int]](
            _SQL["bookings"], {"keys": list(keys), **span(window)}, binary=True
        )
    )


def _judge_one(
    subject: Subject,
    bookings: Sequence[Booked],
    blocked: Sequence[Interval],
    around: Surroundings,
    window: Window,
    now_us: int,
    history: History,
) -> tuple[Partition, list[Judged]]:
    found = measured(
        around.pieces[subject.key],
        subject.session_gap_us,
        subject.session_min_us,
        around.window,
        now_us,
    )
    time = partition([(one.start_us, one.end_us) for one in bookings], found, window)
    judged = []
    for one in bookings:
        if not window.start_us <= one.start_us < window.end_us:
            continue  # it is told where it begins
        booking = (one.start_us, one.end_us)
        own = partition([booking], found, Window(start_us=one.start_us, end_us=one.end_us))
        judged.append(
            Judged(
                booking=one,
                verdicts=verdict(
                    booking,
                    found,
                    blocked=blocked,
                    others=merge((b.start_us, b.end_us) for b in bookings if b is not one),
                    tolerances=history.at(one.start_us),
                ),
                used_us=own.used_booked_us,
                unknown_us=own.unknown_booked_us,
            )
        )
    return time, judged


def _blocked(subject: Subject, stopped: Sequence[Interval], around: Surroundings) -> list[Interval]:
    """Maintenance, downtime and closed hours."""
    wide = around.window
    stopped = merge(stopped)
    opened = (
        open_intervals(subject.hours, wide.start_us, wide.end_us, calendar=around.calendar)
        if subject.hours
        else None
    )
    if opened is None:
        return stopped
    return merge([*stopped, *subtract([(wide.start_us, wide.end_us)], opened)])


def span(window: Window) -> dict[str, Any]:
    """A window as statements name it."""
    return {"start": from_us(window.start_us), "end": from_us(window.end_us)}
