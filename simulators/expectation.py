"""What the rules of time in state make of a set of heartbeats, computed the plain way.

A direct scan over sorted rows, all in memory, one instrument at a time: slow, short, and
sharing nothing with the service but the contract. ``verify.py`` feeds it from a ledger and
compares its figures with the service's.
"""

import json
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise

from .localtime import DAY_S, ZONE_OFFSET_S, day_number, day_of, is_workday, local_day

SECOND_US = 1_000_000
AHEAD_US = 300 * SECOND_US  # rule 7
DEFAULT_HOLD_US = 180 * SECOND_US
LONGEST_HOLD_US = 900 * SECOND_US
SESSION_GAP_US = 300 * SECOND_US
SESSION_MIN_US = 60 * SECOND_US
RUNNING = 2
WORDS = ("off", "idle", "running")


# Millions are made in a verification: slots, and no checks.
@dataclass(slots=True)
class Row:
    """One heartbeat that was attempted and that the rules accept."""

    ts_us: int
    state: int
    hold_us: int
    seq: int | None
    boot_id: str | None
    runtime_s: int | None
    #: The other fields, for telling two heartbeats of one time apart.
    rest: tuple[object, ...]
    live: bool
    stale: bool = False

    @property
    def identity(self) -> tuple[object, ...]:
        """Equal for equal heartbeats, whatever their spelling on the wire."""
        return (self.state, self.seq, self.boot_id, self.runtime_s, *self.rest)


@dataclass(slots=True, kw_only=True)
class Judged:
    """An instrument's rows as they should be stored."""

    #: By time, one a time; stale repeats flagged.
    rows: list[Row]
    #: Distinct heartbeats that lost against another of their time.
    conflicts: int
    #: Losers that only the canonical encoding told apart from the winner.
    ties: int


@dataclass(frozen=True, slots=True)
class Credit:
    """``[start, end)`` that one heartbeat credits to its state."""

    start_us: int
    end_us: int
    state: int


@dataclass(frozen=True, slots=True)
class UsageSession:
    """A usage session: running time joined over short idle gaps."""

    start_us: int
    end_us: int
    running_us: int
    idle_us: int


@dataclass(slots=True, kw_only=True)
class Figures:
    """One instrument's window, all times in µs."""

    window_us: int = 0
    state_us: list[int] = field(default_factory=lambda: [0, 0, 0])
    before_first_us: int = 0
    effective_us: int = 0
    session_idle_us: int = 0
    rated_us: int = 0
    counter_us: int | None = None
    #: Longest credited step that overlaps the window, and that of segments which do.
    step_us: int = 0
    segment_step_us: int = 0

    @property
    def known_us(self) -> int:
        """Time with a state."""
        return sum(self.state_us)

    @property
    def unknown_us(self) -> int:
        """Time without one."""
        return self.window_us - self.known_us


def hold_us(
    registered_hold_s: float | None,
    heartbeat_interval_s: float | None,
    registered_interval_s: float | None,
) -> int:
    """How long a heartbeat's state lasts (rule 1)."""
    if registered_hold_s is not None:
        return round(registered_hold_s * SECOND_US)
    interval_s = heartbeat_interval_s or registered_interval_s
    if interval_s is None:
        return DEFAULT_HOLD_US
    return min(LONGEST_HOLD_US, round(3 * interval_s * SECOND_US))


def judge(attempted: Iterable[Row]) -> Judged:
    """Settle equal times (rule 3), then find the stale repeats (rule 9)."""
    by_time: dict[int, list[Row]] = {}
    for row in attempted:
        by_time.setdefault(row.ts_us, []).append(row)
    rows: list[Row] = []
    conflicts = ties = 0
    for ts_us in sorted(by_time):
        same = by_time[ts_us]
        winner = same[0]
        if len(same) > 1:
            distinct = {row.identity: row for row in same}
            ranked = sorted(distinct.values(), key=lambda row: (row.state, row.hold_us))
            winner = ranked[0]
            conflicts += len(ranked) - 1
            ties += sum((r.state, r.hold_us) == (winner.state, winner.hold_us) for r in ranked[1:])
            # Live if any arrival of it was.
            winner.live = any(r.live for r in same if r.identity == winner.identity)
        rows.append(winner)
    for before, row in pairwise(rows):
        row.stale = row.seq is not None and row.seq == before.seq and row.boot_id == before.boot_id
    return Judged(rows=rows, conflicts=conflicts, ties=ties)


def credits_of(rows: Sequence[Row], now_us: int) -> list[Credit]:
    """What each heartbeat credits (rule 1), stale repeats left out."""
    counting = [row for row in rows if not row.stale]
    credited = []
    for i, row in enumerate(counting):
        end_us = min(row.ts_us + row.hold_us, now_us)
        if i + 1 < len(counting):
            end_us = min(end_us, counting[i + 1].ts_us)
        if end_us > row.ts_us:
            credited.append(Credit(row.ts_us, end_us, row.state))
    return credited


def segments_of(credited: Sequence[Credit]) -> list[tuple[int, int, int, int]]:
    """Maximal stretches of one state: start, end, state, longest step."""
    segments: list[tuple[int, int, int, int]] = []
    for one in credited:
        step_us = one.end_us - one.start_us
        if segments and segments[-1][1] == one.start_us and segments[-1][2] == one.state:
            start_us, _, state, longest = segments[-1]
            segments[-1] = (start_us, one.end_us, state, max(longest, step_us))
        else:
            segments.append((one.start_us, one.end_us, one.state, step_us))
    return segments


def sessions_of(segments: Sequence[tuple[int, int, int, int]]) -> list[UsageSession]:
    """Running segments joined over idle gaps (rule 11), on the whole timeline."""
    sessions = []
    start_us = end_us = running_us = 0
    for begin, end, state, _ in segments:
        if state != RUNNING:
            continue
        if running_us:
            gap = begin - end_us
            idle = sum(
                min(e, begin) - max(s, end_us)
                for s, e, st, _ in _between(segments, end_us, begin)
                if st == 1
            )
            if gap <= SESSION_GAP_US and idle == gap:
                end_us = end
                running_us += end - begin
                continue
        if running_us and end_us - start_us >= SESSION_MIN_US:
            sessions.append(
                UsageSession(start_us, end_us, running_us, end_us - start_us - running_us)
            )
        start_us, end_us, running_us = begin, end, end - begin
    if running_us and end_us - start_us >= SESSION_MIN_US:
        sessions.append(UsageSession(start_us, end_us, running_us, end_us - start_us - running_us))
    return sessions


def _between(
    segments: Sequence[tuple[int, int, int, int]], start_us: int, end_us: int
) -> Sequence[tuple[int, int, int, int]]:
    first = bisect_left(segments, start_us, key=lambda s: s[0])
    last = bisect_left(segments, end_us, key=lambda s: s[0])
    return segments[first:last]


class Instrument:
    """One instrument's expected history up to a moment; answers windows of it."""

    def __init__(self, judged: Judged, now_us: int, rated_hours: int) -> None:
        self.rows = judged.rows
        self.now_us = now_us
        self._rated_hours = rated_hours
        self.credits = credits_of(judged.rows, now_us)
        self.segments = segments_of(self.credits)
        self.sessions = sessions_of(self.segments)
        self.readings = [
            (row.ts_us, row.runtime_s * SECOND_US)
            for row in judged.rows
            if not row.stale and row.runtime_s is not None
        ]

    @property
    def first_us(self) -> int | None:
        """Time of the first heartbeat."""
        return self.rows[0].ts_us if self.rows else None

    def figures(self, start_us: int, end_us: int) -> Figures:
        """The window ``[start, end)``, cut at now."""
        end_us = max(start_us, min(end_us, self.now_us))
        found = Figures(window_us=end_us - start_us)
        if end_us <= start_us:
            return found
        first = self.first_us
        found.before_first_us = (
            end_us - start_us if first is None else max(0, min(end_us, first) - start_us)
        )
        low = bisect_right(self.credits, start_us, key=lambda c: c.end_us)
        for i in range(low, len(self.credits)):
            one = self.credits[i]
            if one.start_us >= end_us:
                break
            overlap = min(one.end_us, end_us) - max(one.start_us, start_us)
            found.state_us[one.state] += overlap
            found.step_us = max(found.step_us, one.end_us - one.start_us)
        low = bisect_right(self.segments, start_us, key=lambda s: s[1])
        for i in range(low, len(self.segments)):
            begin, end, state, longest = self.segments[i]
            if begin >= end_us:
                break
            found.segment_step_us = max(found.segment_step_us, longest)
            if state == RUNNING:
                found.effective_us += self._in_sessions(max(begin, start_us), min(end, end_us))
        low = bisect_right(self.sessions, start_us, key=lambda s: s.end_us)
        for i in range(low, len(self.sessions)):
            session = self.sessions[i]
            if session.start_us >= end_us:
                break
            span = min(session.end_us, end_us) - max(session.start_us, start_us)
            if span > 0:
                found.session_idle_us += span
        found.session_idle_us -= found.effective_us
        found.rated_us = rated_us(self._rated_hours, end_us) - rated_us(self._rated_hours, start_us)
        found.counter_us = self._counter(start_us, end_us)
        return found

    def _in_sessions(self, start_us: int, end_us: int) -> int:
        """How much of a running stretch lies in sessions: all or nothing of it does."""
        at = bisect_right(self.sessions, start_us, key=lambda s: s.end_us)
        if at < len(self.sessions) and self.sessions[at].start_us <= start_us:
            return end_us - start_us
        return 0

    def _counter(self, start_us: int, end_us: int) -> int | None:
        """Increase of the hour meter (rule 12), each step at the later reading's time."""
        low = bisect_left(self.readings, start_us, key=lambda r: r[0])
        high = bisect_left(self.readings, end_us, key=lambda r: r[0])
        if low == high:
            return None
        total = 0
        for i in range(max(1, low), high):
            (before_at, before), (at, value) = self.readings[i - 1], self.readings[i]
            increase = value - before if value >= before else value
            wall = at - before_at
            total += min(increase, wall + max(2 * SECOND_US, wall // 100))
        return total

    def running(self, start_us: int, end_us: int) -> list[tuple[int, int]]:
        """Running stretches, cut to the window."""
        found = []
        for i in range(
            bisect_right(self.segments, start_us, key=lambda s: s[1]), len(self.segments)
        ):
            begin, end, state, _ = self.segments[i]
            if begin >= end_us:
                break
            if state == RUNNING:
                found.append((max(begin, start_us), min(end, end_us)))
        return found

    def status(self, now_us: int) -> tuple[str, str]:
        """Connectivity and activity at a moment not before the last heartbeat."""
        if not self.rows:
            return "never_seen", "unknown"
        live = [row for row in self.rows if row.live and not row.stale]
        if not live or now_us >= live[-1].ts_us + live[-1].hold_us:
            return "offline", "unknown"
        for one in reversed(credits_of(self.rows, now_us + 1)):
            if one.start_us <= now_us:
                return "online", WORDS[one.state] if now_us < one.end_us else "unknown"
        return "online", "unknown"


def rated_us(hours: int, at_us: int) -> int:
    """R(t): rated time from 1970 to a moment, spread evenly over local years (section 6)."""
    day = day_of(local_day(at_us // SECOND_US))
    start_us = _local_midnight_us(date(day.year, 1, 1))
    length_us = _local_midnight_us(date(day.year + 1, 1, 1)) - start_us
    a_year_us = hours * 3_600 * SECOND_US
    return (day.year - 1970) * a_year_us + a_year_us * (at_us - start_us) // length_us


def _local_midnight_us(day: date) -> int:
    return (day_number(day) * DAY_S - ZONE_OFFSET_S) * SECOND_US


def _among_holidays(day: int) -> bool:
    """Whether a weekend day lies in one stretch of days off with a holiday on a weekday."""
    for step in (-1, 1):
        near = day
        while not is_workday(day_of(near)):
            if day_of(near).weekday() < 5:
                return True
            near += step
    return False


_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def open_intervals(opening_hours: str, day: int) -> list[tuple[int, int]] | None:
    """Opening hours of one ordinary local day.

    Args:
        opening_hours: The registry's JSON.
        day: Local day number.

    Returns:
        Open intervals in µs since 1970; ``None`` where the calendar's word is needed: a
        holiday, a weekend day that is worked, or one among holidays.
    """
    on = day_of(day)
    if is_workday(on) is (on.weekday() >= 5) or _among_holidays(day):
        return None
    hours = json.loads(opening_hours)
    midnight_us = _local_midnight_us(on)
    return [
        (midnight_us + _clock_us(begin), midnight_us + _clock_us(end))
        for begin, end in hours.get(_WEEKDAYS[on.weekday()], [])
    ]


def _clock_us(text: str) -> int:
    hour, minute = text.split(":")
    return (int(hour) * 3_600 + int(minute) * 60) * SECOND_US


def overlap_us(intervals: Sequence[tuple[int, int]], start_us: int, end_us: int) -> int:
    """How much of ``[start, end)`` the intervals cover."""
    return sum(max(0, min(e, end_us) - max(s, start_us)) for s, e in intervals)


def is_future(ts_us: int, published_us: int) -> bool:
    """Whether a heartbeat is ``clock_future``, received when it was published."""
    return ts_us > published_us + AHEAD_US


def instant(us: int) -> str:
    """For people: local time with microseconds."""
    at = datetime.fromtimestamp(us // SECOND_US).astimezone()
    return f"{at:%Y-%m-%d %H:%M:%S}.{us % SECOND_US:06}{at:%z}"


def tally(reasons: Iterable[str]) -> Counter[str]:
    """How many of each reason."""
    return Counter(reasons)
