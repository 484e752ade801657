"""Bookings held against measured use, instrument by instrument.

What a booking's verdict is, and how time divides, is ``models/reconciliation.py``'s. Instruments
without bookings are not measured: what they ran is their ``effective`` time, unbooked.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from models.interval import Interval, merge, subtract
from models.reconciliation import Partition, Tolerances, Verdict, measured, partition, verdict
from models.schedule import open_intervals
from models.usage import Window
from store.figures.figures import usages
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


@dataclass(slots=True)
class Held:
    """What a group's bookings came to."""

    instruments: int = 0
    bookings: int = 0
    time: Partition = field(default_factory=Partition)
    verdicts: Counter[Verdict] = field(default_factory=Counter)

    def add(self, time: Partition, judged: Sequence[Judged]) -> None:
        """Adds an instrument."""
        self.instruments += 1
        self.bookings += len(judged)
        self.time += time
        for one in judged:
            self.verdicts.update(one.verdicts)

    def add_group(self, other: "Held") -> None:
        """Adds a group of other instruments."""
        self.instruments += other.instruments
        self.bookings += other.bookings
        self.time += other.time
        self.verdicts.update(other.verdicts)


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
    rows = yield from Query[tuple[int, int, int, int, int]](_SQL["tolerances"], binary=True)
    return History(
        [start for start, *_ in rows],
        [
            Tolerances(
                early_us=early * 1_000_000,
                grace_us=grace * 1_000_000,
                overrun_us=overrun * 1_000_000,
                leave_us=leave * 1_000_000,
            )
            for _, early, grace, overrun, leave in rows
        ],
    )


def put_tolerances(valid_from_us: int, seconds: Mapping[str, int]) -> Steps[None]:
    """Writes a version."""
    yield Query(_SQL["tolerance_put"], {**seconds, "valid_from": from_us(valid_from_us)})


def booked_keys(keys: Sequence[int], window: Window) -> Steps[set[int]]:
    """Which of the instruments are booked at some time of a window."""
    rows = yield from Query[tuple[int]](
        _SQL["booked_instruments"], {"keys": list(keys), **_span(window)}, binary=True
    )
    return {key for (key,) in rows}


def hold(
    groups: Mapping[int, str | None], window: Window, moment: Moment
) -> Steps[dict[str | None, Held]]:
    """What bookings of groups came to.

    Args:
        groups: By instrument's key, the group that it is of.
        window: Clipped to now.
        moment: Of the answer.
    """
    found: dict[str | None, Held] = defaultdict(Held)
    booked = yield from booked_keys(list(groups), window)
    history = yield from load_tolerances()
    with_bookings = sorted(booked)
    for start in range(0, len(with_bookings), AT_ONCE):
        keys = with_bookings[start : start + AT_ONCE]
        told = yield from judge(keys, window, moment, history)
        for key, (time, judged) in told.items():
            found[groups[key]].add(time, judged)
    without = sorted(groups.keys() - booked)
    for start in range(0, len(without), 1_000):
        subjects = yield from load_subjects(without[start : start + 1_000])
        figures = yield from usages(
            list(subjects.values()), {key: [window] for key in subjects}, moment
        )
        for key, (usage,) in figures.items():
            used = usage.effective_us
            found[groups[key]].add(Partition(used_us=used, used_unbooked_us=used), ())
    return dict(found)


def judge(
    keys: Sequence[int], window: Window, moment: Moment, history: History
) -> Steps[dict[int, tuple[Partition, list[Judged]]]]:
    """How instruments' time divides, and what became of the bookings that begin in a window.

    Args:
        keys: Of the instruments; the caller bounds how many.
        window: Clipped to now.
        moment: Of the answer.
        history: Of the tolerances.
    """
    rows = yield from Query[tuple[int, int, int, int]](
        _SQL["bookings"], {"keys": list(keys), **_span(window)}, binary=True
    )
    reach = [(start, end) for _, _, start, end in rows]
    low = min([window.start_us, *(start for start, _ in reach)]) - history.reach_us
    high = max([window.end_us, *(end for _, end in reach)]) + history.reach_us
    wide = Window(start_us=low, end_us=high)
    # Neighbours of the bookings at the edges may own the use beside these.
    rows = yield from Query[tuple[int, int, int, int]](
        _SQL["bookings"], {"keys": list(keys), **_span(wide)}, binary=True
    )
    bookings: dict[int, list[Booked]] = defaultdict(list)
    for key, booking, start, end in rows:
        bookings[key].append(Booked(booking, start, end))
    maintained: dict[int, list[Interval]] = defaultdict(list)
    plans = yield from Query[tuple[int, int, int]](
        _PLANS["maintenance"], {"keys": list(keys), **_span(wide)}, binary=True
    )
    for key, start, end in plans:
        maintained[key].append((start, end))
    subjects = yield from load_subjects(keys)
    around = yield from load_surroundings(list(subjects.values()), wide, moment)
    return {
        key: _judge_one(
            subject,
            bookings[key],
            _blocked(subject, maintained[key], around),
            around,
            window,
            moment.now_us,
            history,
        )
        for key, subject in subjects.items()
    }


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


def _blocked(
    subject: Subject, maintenance: Sequence[Interval], around: Surroundings
) -> list[Interval]:
    """Maintenance and closed hours."""
    wide = around.window
    maintained = merge(maintenance)
    opened = (
        open_intervals(subject.hours, wide.start_us, wide.end_us, calendar=around.calendar)
        if subject.hours
        else None
    )
    if opened is None:
        return maintained
    return merge([*maintained, *subtract([(wide.start_us, wide.end_us)], opened)])


def load_answers(keys: Sequence[int]) -> Steps[dict[int, tuple[str, str, int]]]:
    """What institutions answered, by booking: text, who, when."""
    rows = yield from Query[tuple[int, str, str, int]](
        _SQL["answers"], {"keys": list(keys)}, binary=True
    )
    return {key: (text, actor, at) for key, text, actor, at in rows}


def answer(booking: int, text: str, actor: str, tenant: int | None) -> Steps[bool]:
    """Attaches an institution's answer; whether there is such a booking of its own."""
    if not (yield Query(_SQL["owned"], {"key": booking, "tenant": tenant})):
        return False
    yield Query(_SQL["answer"], {"key": booking, "text": text, "actor": actor})
    return True


def _span(window: Window) -> dict[str, Any]:
    return {"start": from_us(window.start_us), "end": from_us(window.end_us)}
