"""What an instrument does all year, as a pure function of (seed, instrument, time).

A *usage day* runs from 06:00 to 06:00 local time, so that an overnight run belongs to one day
and a day can be computed alone. ``Habit`` holds what distinguishes an instrument; its yearly
budget of effective hours comes from ``city.py``, which calibrates the city. ``device.py``
samples the result.
"""

from dataclasses import dataclass
from datetime import date
from math import floor

from models.segment import State
from simulators.city.localtime import (
    DAY_S,
    ZONE_OFFSET_S,
    day_kind,
    day_number,
    day_of,
    kinds_before,
)
from simulators.city.randomness import Rng, unit

USAGE_DAY_START_S = 6 * 3_600  # local time of day at which a usage day begins
#: A day off inside a session must outlast the service's session gap (300 s) by a sampling step.
_MIN_GAP_S = 900
#: A change of samples takes so long, and up to so much more; a session does not end in one.
_PAUSE_S, _PAUSE_MORE_S, _PAUSE_LAST_S = 60, 140, 300
_MAX_ACTIVE_P = 0.97
_MAX_DAY_H = 23.0
_COMFORT_H = 15.0  # mean hours of a workday above which weekends are drawn in

Change = tuple[int, State]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """How a kind of instrument spends an active day."""

    name: str
    #: Effective hours of a typical active day.
    typical_h: float
    #: Hours of one session.
    session_h: float
    #: Use on a workday, a vacation workday, a weekend day and a holiday, relative to a workday.
    weights: tuple[float, float, float, float]
    #: Share of instruments that stay on (idle) when nobody uses them.
    standby: float
    #: Minutes between sample changes within a session; 0: it runs through.
    chunk_min: float

    @property
    def running_share(self) -> float:
        """Share of a typical session that runs; in the rest samples are changed (idle)."""
        if not self.chunk_min:
            return 1.0
        session_s = 3_600 * self.session_h
        pause_s = _PAUSE_S + (_PAUSE_MORE_S - 1) / 2
        # Half a stretch of running is left over at a session's end, on average.
        pauses = (session_s - _PAUSE_LAST_S) / (60 * self.chunk_min + pause_s) - 0.5
        return 1.0 - max(0.0, pauses) * pause_s / session_s


PATTERNS = {
    pattern.name: pattern
    for pattern in (
        Pattern(
            name="daytime",
            typical_h=6.0,
            session_h=1.6,
            weights=(1.0, 0.75, 0.12, 0.04),
            standby=0.25,
            chunk_min=45.0,
        ),
        Pattern(
            name="overnight",
            typical_h=11.0,
            session_h=9.0,
            weights=(1.0, 0.8, 0.45, 0.2),
            standby=0.85,
            chunk_min=0.0,
        ),
        Pattern(
            name="batch",
            typical_h=8.0,
            session_h=2.5,
            weights=(1.0, 1.0, 0.35, 0.15),
            standby=0.5,
            chunk_min=0.0,
        ),
        Pattern(
            name="campaign",
            typical_h=16.0,
            session_h=16.0,
            weights=(1.0, 1.2, 0.9, 0.8),
            standby=0.1,
            chunk_min=0.0,
        ),
        Pattern(
            name="office",
            typical_h=5.0,
            session_h=2.2,
            weights=(1.0, 0.85, 0.08, 0.02),
            standby=0.15,
            chunk_min=60.0,
        ),
        Pattern(
            name="continuous",
            typical_h=24.0,
            session_h=24.0,
            weights=(1.0, 1.0, 1.0, 1.0),
            standby=1.0,
            chunk_min=0.0,
        ),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """Everything that one instrument's behaviour depends on."""

    seed: int
    instrument: int
    pattern: str
    #: Effective hours in a calendar year that the days are drawn to add up to, about.
    hours_a_year: float
    #: Whether the institution has university vacations.
    vacations: bool


@dataclass(frozen=True, slots=True)
class _Plan:
    """A year's plan: chance of an active day and its hours, by kind of day."""

    p: tuple[float, float, float, float]
    hours: tuple[float, float, float, float]


def _plan(habit: Habit, year: int) -> _Plan:
    pattern = PATTERNS[habit.pattern]
    counts = kinds_before(year, habit.vacations)[-1]
    weights = pattern.weights
    # The days' sessions are laid out pauses included.
    spent_h = habit.hours_a_year / pattern.running_share
    for lift in (0.0, 0.25, 0.5, 0.75, 1.0):
        # Heavily used instruments run at weekends too: there are not enough workday hours.
        weights = tuple(w + (1.0 - w) * lift if w < 1.0 else w for w in pattern.weights)  # type: ignore[assignment]
        total = sum(c * w for c, w in zip(counts, weights, strict=True))
        if spent_h / total <= _COMFORT_H:
            break
    means = [spent_h * w / total for w in weights]
    p = tuple(min(_MAX_ACTIVE_P, m / pattern.typical_h) for m in means)
    hours = tuple(m / q if q > 0 else 0.0 for m, q in zip(means, p, strict=True))
    return _Plan(p, hours)  # type: ignore[arg-type]


class Behaviour:
    """One instrument's days. Keeps the plan of one year; otherwise without memory."""

    __slots__ = ("_plan", "_standby", "_year", "habit")

    def __init__(self, habit: Habit) -> None:
        self.habit = habit
        self._year = 0
        self._plan = _Plan((0, 0, 0, 0), (0, 0, 0, 0))
        pattern = PATTERNS[habit.pattern]
        self._standby = unit(habit.seed, habit.instrument, 7) < pattern.standby

    def sessions(self, day: int) -> list[tuple[int, int]]:
        """Usage sessions of one usage day.

        Args:
            day: Local day number of the usage day's beginning.

        Returns:
            Half-open ``(start, end)`` in seconds after the usage day's beginning, sorted, at
            least 900 s apart, within ``[0, 86400]``.
        """
        habit = self.habit
        if habit.pattern == "continuous":
            return _continuous(habit, day)
        date_ = day_of(day)
        if date_.year != self._year:
            self._plan = _plan(habit, date_.year)
            self._year = date_.year
        plan = self._plan
        kind = day_kind(day, habit.vacations)
        if not _active(habit, plan, date_, day):
            return []
        rng = Rng(habit.seed, habit.instrument, day, 1)
        mean = plan.hours[kind]
        spread = min(0.35, _MAX_DAY_H / mean - 1.0) if mean > 0 else 0.0
        hours = mean * (1.0 + spread * (2.0 * rng.unit() - 1.0))
        return _place(PATTERNS[habit.pattern], hours, rng)

    def changes(self, day: int) -> list[Change]:
        """The state's changes in one usage day.

        Args:
            day: Local day number of the usage day's beginning.

        Returns:
            ``(seconds since 1970 UTC, state)``, ascending; the first is the usage day's
            beginning. Neighbours may repeat a state across two days.
        """
        origin = day * DAY_S - ZONE_OFFSET_S + USAGE_DAY_START_S
        sessions = self.sessions(day)
        resting = State.IDLE if self._standby else State.OFF
        if not sessions:
            return [(origin, resting)]
        habit = self.habit
        rng = Rng(habit.seed, habit.instrument, day, 2)
        changes: list[Change] = []
        warm = max(0, sessions[0][0] - 120 - rng.below(1_500))
        if warm > 0:
            changes.append((origin, resting))
        chunk_min = PATTERNS[habit.pattern].chunk_min
        last = warm
        for start, end in sessions:
            if start > last or not changes:
                changes.append((origin + last, State.IDLE))
            at = start
            changes.append((origin + at, State.RUNNING))
            if chunk_min:
                while True:
                    at += int(60 * chunk_min * rng.between(0.5, 1.5))
                    pause = _PAUSE_S + rng.below(_PAUSE_MORE_S)
                    if at + pause + _PAUSE_LAST_S >= end:
                        break
                    changes.append((origin + at, State.IDLE))
                    at += pause
                    changes.append((origin + at, State.RUNNING))
            last = end
        if last < DAY_S:
            changes.append((origin + last, State.IDLE))
            cool = last + 300 + rng.below(2_400)
            if resting is State.OFF and cool < DAY_S:
                changes.append((origin + cool, State.OFF))
        if changes[0][0] != origin:
            changes.insert(0, (origin, resting))
        return _tidy(changes)


def usage_day(seconds: int) -> int:
    """The usage day that holds this second since 1970 UTC."""
    return (seconds + ZONE_OFFSET_S - USAGE_DAY_START_S) // DAY_S


def _tidy(changes: list[Change]) -> list[Change]:
    """Drop changes that change nothing, and all but the last at one time."""
    kept: list[Change] = []
    for at, state in changes:
        if kept and kept[-1][0] == at:
            kept.pop()
        if not kept or kept[-1][1] is not state:
            kept.append((at, state))
    return kept


def _active(habit: Habit, plan: _Plan, date_: date, day: int) -> bool:
    """Whether the instrument is used on this day.

    Points are laid along the running sum of the days' chances, one in each unit, and a day
    that holds a point is active. Each year then has the planned number of active days to
    within one, where independent draws would scatter by ten and blur the calibration.
    """
    jan1 = day_number(date(date_.year, 1, 1))
    rows = kinds_before(date_.year, habit.vacations)
    p = plan.p
    index = day - jan1
    low = _weighted(rows[index], p)
    high = _weighted(rows[index + 1], p)
    phase = unit(habit.seed, habit.instrument, date_.year, 3)
    loose = 1.0 - max(p)  # more would let two points fall into one day
    for k in range(floor(low - phase - loose), floor(high - phase) + 1):
        point = k + phase + loose * unit(habit.seed, habit.instrument, date_.year, 4, k)
        if low <= point < high:
            return True
    return False


def _weighted(counts: tuple[int, int, int, int], p: tuple[float, float, float, float]) -> float:
    return counts[0] * p[0] + counts[1] * p[1] + counts[2] * p[2] + counts[3] * p[3]


def _place(pattern: Pattern, hours: float, rng: Rng) -> list[tuple[int, int]]:
    """Lay ``hours`` of use into a usage day, the way of the pattern."""
    total = min(int(hours * 3_600), int(_MAX_DAY_H * 3_600))
    if total < 300:
        return []
    if pattern.name == "campaign":
        start = rng.below(max(1, DAY_S - total))
        return [(start, start + total)]
    if pattern.name == "overnight" and total > 4 * 3_600:
        # A short run by day to set the method up, then the long one through the night.
        first = int(rng.between(0.08, 0.2) * total)
        parts = [first, total - first]
        gaps = [int(rng.between(0.5, 3.0) * 3_600)]
    else:
        count = max(1, round(total / (pattern.session_h * 3_600)))
        if pattern.name == "batch":
            shares = [1.0] * count
        else:
            shares = [rng.between(0.5, 1.5) for _ in range(count)]
        scale = total / sum(shares)
        parts = [int(share * scale) for share in shares]
        parts[-1] += total - sum(parts)
        gaps = [int(rng.between(900, 4_500)) for _ in range(count - 1)]
    room = DAY_S - total - 600
    if sum(gaps) > room:
        most = max(_MIN_GAP_S, room // max(1, len(gaps)))
        gaps = [min(gap, most) for gap in gaps]
    while gaps and sum(gaps) > room:  # too many to part: one session fewer, as much use
        gaps.pop()
        parts[-2:] = [parts[-2] + parts[-1]]
    span = total + sum(gaps)
    earliest = 1_800 + rng.below(9_000)  # 06:30 to 09:00
    at = max(0, min(earliest, DAY_S - 300 - span))
    placed = []
    for part, gap in zip(parts, [*gaps, 0], strict=True):
        placed.append((at, at + part))
        at += part + gap
    return placed


def _continuous(habit: Habit, day: int) -> list[tuple[int, int]]:
    """Runs day and night but for an hour or three of upkeep about once a month."""
    rng = Rng(habit.seed, habit.instrument, day, 1)
    if not rng.chance(1 / 30):
        return [(0, DAY_S)]
    start = 9_000 + rng.below(20_000)
    return [(0, start), (start + 3_600 + rng.below(7_200), DAY_S)]
