"""What the rules of time in state make of a set of heartbeats, computed the plain way.

A direct scan over sorted rows, all in memory, one instrument at a time: slow, short, and
sharing nothing with the service but the contract. ``verify.py`` feeds it from a ledger and
compares its figures with the service's.
"""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import pairwise

from simulators.city.localtime import (
    DAY_S,
    ZONE_OFFSET_S,
    day_number,
    day_of,
    is_workday,
    local_day,
)

SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US
AHEAD_US = 300 * SECOND_US  # rule 7
DEFAULT_HOLD_US = 180 * SECOND_US
LONGEST_HOLD_US = 900 * SECOND_US
SESSION_GAP_US = 300 * SECOND_US
SESSION_MIN_US = 60 * SECOND_US
RUNNING = 2
WORDS = ("off", "idle", "running")
#: Of unknown time, the first that fits (rule 14).
CAUSES = ("before_first", "collector", "gateway", "device")

Interval = tuple[int, int]


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
    def interval_s(self) -> float | None:
        """The reporting interval that the heartbeat itself carries."""
        return self.rest[2]  # type: ignore[return-value]

    @property
    def identity(self) -> tuple[object, ...]:
        """Equal for equal heartbeats, whatever their spelling on the wire."""
        return (self.state, self.seq, self.boot_id, self.runtime_s, *self.rest)

    def encoding(self, instrument_id: str) -> bytes:
        """The known fields as the contract compares them last (rule 3)."""
        power_w, energy_wh, interval_s = self.rest
        known: dict[str, object] = {
            "instrument_id": instrument_id,
            "ts": f"{datetime.fromtimestamp(self.ts_us // SECOND_US, UTC):%Y-%m-%dT%H:%M:%S}"
            f".{self.ts_us % SECOND_US:06}Z",
            "state": WORDS[self.state],
        }
        for name, value in (
            ("power_w", power_w),
            ("runtime_s", self.runtime_s),
            ("energy_wh", energy_wh),
            ("interval_s", interval_s),
            ("seq", self.seq),
            ("boot_id", self.boot_id),
        ):
            if value is not None:
                is_whole = isinstance(value, float) and value.is_integer()
                known[name] = int(value) if is_whole else value  # type: ignore[call-overload]
        return json.dumps(known, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(slots=True, kw_only=True)
class Judged:
    """An instrument's rows as they should be stored."""

    #: By time, one a time; stale repeats flagged.
    rows: list[Row]
    #: Distinct heartbeats that lost against another of their time.
    conflicts: int


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
    #: Unknown time by cause, in the order of ``CAUSES``.
    cause_us: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    effective_us: int = 0
    session_idle_us: int = 0
    rated_us: int = 0
    #: ``None`` where there was no reading.
    counter_us: int | None = None
    #: Of the meter's increase, that of steps in known time; and the running time over them.
    witness_counter_us: int = 0
    witness_state_us: int = 0
    #: Longest credited step of the hour's pieces that overlap the window.
    step_us: int = 0

    @property
    def known_us(self) -> int:
        """Time with a state."""
        return sum(self.state_us)

    @property
    def unknown_us(self) -> int:
        """Time without one."""
        return self.window_us - self.known_us

    @property
    def counter_flag(self) -> bool:
        """Whether meter and state disagree (rule 12)."""
        meter, state = self.witness_counter_us, self.witness_state_us
        difference = abs(meter - state)
        return difference > 60 * SECOND_US and 20 * difference > max(meter, state)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedStatus:
    """What an instrument does at a moment."""

    connectivity: str
    activity: str
    #: Start of the present segment, an unknown one included; ``None`` before the first heartbeat.
    since_us: int | None
    #: Time of the newest heartbeat that counts.
    last_heartbeat_us: int | None
    is_stale: bool
    is_unsequenced: bool


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


def judge(attempted: Iterable[Row], instrument_id: str = "") -> Judged:
    """Settle equal times (rule 3), then find the stale repeats (rule 9)."""
    by_time: dict[int, list[Row]] = {}
    for row in attempted:
        by_time.setdefault(row.ts_us, []).append(row)
    rows: list[Row] = []
    conflicts = 0
    for ts_us in sorted(by_time):
        same = by_time[ts_us]
        winner = same[0]
        if len(same) > 1:
            distinct = {row.identity: row for row in same}
            winner = min(
                distinct.values(),
                key=lambda row: (row.state, row.interval_s or 0, row.encoding(instrument_id)),
            )
            conflicts += len(distinct) - 1
            # It spoke, whichever of them it meant.
            winner.live = any(row.live for row in same)
        rows.append(winner)
    for before, row in pairwise(rows):
        row.stale = row.seq is not None and row.seq == before.seq and row.boot_id == before.boot_id
    return Judged(rows=rows, conflicts=conflicts)


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

    def __init__(
        self,
        judged: Judged,
        now_us: int,
        rated_hours: int,
        *,
        unheard: Sequence[Interval] = (),
        gateway_off: Sequence[Interval] = (),
    ) -> None:
        """Scan an instrument's rows.

        Args:
            judged: Its rows.
            now_us: Nothing is credited after it.
            rated_hours: A year.
            unheard: When nobody listened; sorted, disjoint.
            gateway_off: When its gateway was off and somebody listened; sorted, disjoint.
        """
        self.rows = judged.rows
        self.now_us = now_us
        self._rated_hours = rated_hours
        self._unheard = unheard
        self._gateway_off = gateway_off
        self.credits = credits_of(judged.rows, now_us)
        self.segments = segments_of(self.credits)
        self.sessions = sessions_of(self.segments)
        #: Time of each reading, and sums up to it and with it: increase, the same in known
        #: time, running time over those steps.
        self._reading_at: list[int] = []
        self._readings: list[tuple[int, int, int]] = [(0, 0, 0)]
        self._read_meters()

    def _read_meters(self) -> None:
        """Steps of the hour meter (rule 12)."""
        before: tuple[int, int] | None = None
        previous: Row | None = None
        increase_us = known_us = running_us = 0
        gap = False
        since_running_us = 0
        for row in self.rows:
            if row.stale:
                continue
            if previous is not None:
                wall = row.ts_us - previous.ts_us
                gap = gap or wall > previous.hold_us
                if previous.state == RUNNING:
                    since_running_us += min(wall, previous.hold_us)
            previous = row
            if row.runtime_s is None:
                continue
            value = row.runtime_s * SECOND_US
            if before is not None:
                wall = row.ts_us - before[0]
                increase = value - before[1] if value >= before[1] else value
                increase = min(increase, wall + max(2 * SECOND_US, wall // 100))
                increase_us += increase
                if not gap:
                    known_us += increase
                    running_us += since_running_us
            self._reading_at.append(row.ts_us)
            self._readings.append((increase_us, known_us, running_us))
            before = (row.ts_us, value)
            gap = False
            since_running_us = 0

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
        low_us, high_us = start_us, end_us  # with the rest of the pieces that stand out
        at_us = start_us
        first = bisect_right(self.segments, start_us, key=lambda s: s[1])
        for i in range(first, len(self.segments)):
            begin, end, state, _ = self.segments[i]
            if begin >= end_us:
                break
            if begin < start_us:
                low_us = max(begin, start_us // HOUR_US * HOUR_US)
            if end > end_us:
                high_us = min(end, -(-end_us // HOUR_US) * HOUR_US)
            begin, end = max(begin, start_us), min(end, end_us)
            if begin > at_us:
                self._unknown(at_us, begin, found)
            at_us = end
            found.state_us[state] += end - begin
            if state == RUNNING:
                found.effective_us += self._in_sessions(begin, end)
        self._unknown(at_us, end_us, found)
        first = bisect_right(self.credits, low_us, key=lambda c: c.end_us)
        for i in range(first, len(self.credits)):
            one = self.credits[i]
            if one.start_us >= high_us:
                break
            found.step_us = max(found.step_us, one.end_us - one.start_us)
        first = bisect_right(self.sessions, start_us, key=lambda s: s.end_us)
        for i in range(first, len(self.sessions)):
            session = self.sessions[i]
            if session.start_us >= end_us:
                break
            span = min(session.end_us, end_us) - max(session.start_us, start_us)
            if span > 0:
                found.session_idle_us += span
        found.session_idle_us -= found.effective_us
        found.rated_us = rated_us(self._rated_hours, end_us) - rated_us(self._rated_hours, start_us)
        low = bisect_left(self._reading_at, start_us)
        high = bisect_left(self._reading_at, end_us)
        if low < high:
            before, after = self._readings[low], self._readings[high]
            found.counter_us = after[0] - before[0]
            found.witness_counter_us = after[1] - before[1]
            found.witness_state_us = after[2] - before[2]
        return found

    def _unknown(self, start_us: int, end_us: int, found: Figures) -> None:
        """An unknown stretch goes to the first cause that fits (rule 14)."""
        first = self.first_us
        cut_us = end_us if first is None else min(max(first, start_us), end_us)
        unheard = cover_us(self._unheard, cut_us, end_us)
        off = cover_us(self._gateway_off, cut_us, end_us)
        for cause, length in enumerate(
            (cut_us - start_us, unheard, off, end_us - cut_us - unheard - off)
        ):
            found.cause_us[cause] += length

    def _in_sessions(self, start_us: int, end_us: int) -> int:
        """How much of a running stretch lies in sessions: all or nothing of it does."""
        at = bisect_right(self.sessions, start_us, key=lambda s: s.end_us)
        if at < len(self.sessions) and self.sessions[at].start_us <= start_us:
            return end_us - start_us
        return 0

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

    def status(self, now_us: int) -> ExpectedStatus:
        """What it does at a moment that no accepted heartbeat lies behind."""
        if not self.rows:
            return ExpectedStatus(
                connectivity="never_seen",
                activity="unknown",
                since_us=None,
                last_heartbeat_us=None,
                is_stale=False,
                is_unsequenced=False,
            )
        newest = next(row for row in reversed(self.rows) if not row.stale)
        until_us = newest.ts_us + newest.hold_us
        live = next((row for row in reversed(self.rows) if row.live and not row.stale), None)
        is_online = live is not None and now_us < live.ts_us + live.hold_us
        if now_us >= until_us:
            activity, since_us = "unknown", until_us
        elif is_online:
            activity = WORDS[newest.state]
            since_us = self.segments[-1][0] if self.segments else newest.ts_us
        else:
            # It is spoken of, by history, and not alive.
            activity = "unknown"
            since_us = self.segments[-1][0] if live is None else live.ts_us + live.hold_us
        return ExpectedStatus(
            connectivity="online" if is_online else "offline",
            activity=activity,
            since_us=since_us,
            last_heartbeat_us=newest.ts_us,
            is_stale=self.rows[-1].stale,
            is_unsequenced=newest.seq is None,
        )


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


def cover_us(intervals: Sequence[Interval], start_us: int, end_us: int) -> int:
    """The same for intervals that are sorted and disjoint, and may be many."""
    total = 0
    for i in range(bisect_right(intervals, start_us, key=lambda one: one[1]), len(intervals)):
        begin, end = intervals[i]
        if begin >= end_us:
            break
        total += min(end, end_us) - max(begin, start_us)
    return total


def merge(intervals: Iterable[Interval]) -> list[Interval]:
    """Sorted and disjoint."""
    found: list[Interval] = []
    for start_us, end_us in sorted(intervals):
        if found and start_us <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end_us))
        elif start_us < end_us:
            found.append((start_us, end_us))
    return found


def subtract(intervals: Sequence[Interval], others: Sequence[Interval]) -> list[Interval]:
    """What of sorted, disjoint intervals no sorted, disjoint other covers."""
    found = []
    for start_us, end_us in intervals:
        for begin, end in others:
            if begin >= end_us:
                break
            if end <= start_us:
                continue
            if begin > start_us:
                found.append((start_us, begin))
            start_us = max(start_us, end)
        if start_us < end_us:
            found.append((start_us, end_us))
    return found


def is_future(ts_us: int, published_us: int) -> bool:
    """Whether a heartbeat is ``clock_future``, received when it was published."""
    return ts_us > published_us + AHEAD_US


def instant(us: int) -> str:
    """For people: local time with microseconds."""
    at = datetime.fromtimestamp(us // SECOND_US).astimezone()
    return f"{at:%Y-%m-%d %H:%M:%S}.{us % SECOND_US:06}{at:%z}"
