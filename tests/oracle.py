"""What the figures must be, computed by brute force from a list of heartbeats.

It shares no code with the service, not even a type: plain dicts in, plain numbers out, every
rule written down again as directly as the contract states it. It sorts and scans whole lists;
where a sum over all pairs is shorter than a clever loop, it sums over all pairs.

A heartbeat is a dict: ``ts`` (microseconds since 1970 UTC) and ``state`` (``off``, ``idle``,
``running``); ``seq``, ``boot_id``, ``interval_s``, ``runtime_s``, ``power_w``, ``energy_wh`` where
it carries them; ``clock``, the versions of its gateway's ``correction_s``, where gateways differ.
A version of the settings is a dict: ``from`` (microseconds; absent for the
first) and ``hold_s``, ``interval_s``, ``correction_s`` where they are set. All intervals are
half-open pairs of microseconds; all results are microseconds.
"""

import json
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

SECOND = 1_000_000
HOUR = 3_600 * SECOND
STATES = ("off", "idle", "running")  # the lesser use first
COMPACT = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


# ---------------------------------------------------------------- settings (rules 1, 8, 15)


def setting(versions, ts, name):
    """The value in force at ``ts``; before the first version, the first applies."""
    in_force = versions[0] if versions else {}
    for version in versions:
        if version.get("from") is not None and version["from"] <= ts:
            in_force = version
    return in_force.get(name)


@lru_cache(maxsize=10_000)  # few values, asked for again and again
def microseconds(seconds):
    return round(Fraction(str(seconds)) * SECOND)


def hold_of(heartbeat, versions):
    own = setting(versions, heartbeat["ts"], "hold_s")
    if own is not None:
        return microseconds(own)
    interval = heartbeat.get("interval_s")
    if interval is None:
        interval = setting(versions, heartbeat["ts"], "interval_s")
    if interval is None:
        return 180 * SECOND
    return min(3 * microseconds(interval), 900 * SECOND)


def corrected(heartbeat, versions):
    clock = heartbeat.get("clock", versions)
    return heartbeat["ts"] + microseconds(setting(clock, heartbeat["ts"], "correction_s") or 0)


# ---------------------------------------------------------------- which heartbeats count


def encoding(heartbeat):
    """The known fields as compact JSON with sorted keys; what rule 3 compares last."""
    ts = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=heartbeat["ts"])
    known = {"ts": ts.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "state": heartbeat["state"]}
    for name in ("instrument_id", "power_w", "runtime_s", "energy_wh", "interval_s"):
        if heartbeat.get(name) is not None:
            value = heartbeat[name]
            whole = isinstance(value, float) and value == int(value)
            known[name] = int(value) if whole else value
    for name in ("seq", "boot_id"):
        if heartbeat.get(name) is not None:
            known[name] = heartbeat[name]
    return COMPACT.encode(known).encode()


def settle(attempted):
    """Rule 3: one heartbeat per time.

    Returns the accepted heartbeats in order of time, and the conflicts: every other one, once.
    """
    by_time = {}
    for heartbeat in attempted:
        by_time.setdefault(heartbeat["ts"], {})[encoding(heartbeat)] = heartbeat
    accepted, conflicts = [], []
    for ts in sorted(by_time):
        ranked = sorted(
            (STATES.index(h["state"]), h.get("interval_s") or 0, encoded)
            for encoded, h in by_time[ts].items()
        )
        accepted.append(by_time[ts][ranked[0][2]])
        conflicts += [by_time[ts][encoded] for _, _, encoded in ranked[1:]]
    return accepted, conflicts


def without_repeats(accepted, versions=()):
    """Rule 9: drops what has the ``seq`` and ``boot_id`` of the row before it, repeats included."""
    rows = sorted(accepted, key=lambda h: (corrected(h, versions), h["ts"]))
    counting = []
    for index, row in enumerate(rows):
        before = rows[index - 1] if index else {}
        repeat = (
            row.get("seq") is not None
            and row.get("seq") == before.get("seq")
            and row.get("boot_id") == before.get("boot_id")
        )
        if not repeat:
            counting.append(row)
    return counting


# ---------------------------------------------------------------- intervals


def overlap(first, second):
    return max(0, min(first[1], second[1]) - max(first[0], second[0]))


def cut(intervals, window):
    inside = [(max(a, window[0]), min(b, window[1])) for a, b in intervals]
    return [(a, b) for a, b in inside if a < b]


# ---------------------------------------------------------------- the timeline


class Timeline:
    """One instrument as of ``now``.

    ``heartbeats`` is everything that was attempted and is not to be refused for another reason
    than ``conflict``: any order, any repetition. ``versions`` must be in order of time.
    """

    def __init__(
        self,
        heartbeats,
        *,
        now,
        versions=(),
        collector_gaps=(),
        gateway_gaps=(),
        schedule=None,
        session_gap_s=300,
        session_min_s=60,
    ):
        self.now = now
        self.collector_gaps = collector_gaps
        self.gateway_gaps = gateway_gaps
        self.schedule = schedule
        self.gap = microseconds(session_gap_s)
        self.minimum = microseconds(session_min_s)
        self.accepted, self.conflicts = settle(heartbeats)
        self.rows = without_repeats(self.accepted, versions)
        times = [corrected(row, versions) for row in self.rows]
        self.first = times[0] if times else None

        # Rule 1: [t, min(t_next, t + hold, now)).
        self.credits = []
        for index, row in enumerate(self.rows):
            start = times[index]
            end = min(start + hold_of(row, versions), now)
            if index + 1 < len(times):
                end = min(end, times[index + 1])
            if start < end:
                self.credits.append((start, end, row["state"]))

        # Rule 11: maximal stretches of one state.
        self.segments = []
        for start, end, state in self.credits:
            if self.segments and self.segments[-1][1:] == (start, state):
                self.segments[-1] = (self.segments[-1][0], end, state)
            else:
                self.segments.append((start, end, state))

        self.sessions = self._sessions()
        self.readings = self._readings(times)

    def _sessions(self):
        """Lists of running segments, joined over idle, long enough."""
        joined = []
        for index, (start, end, state) in enumerate(self.segments):
            if state != "running":
                continue
            previous = self.segments[max(index - 2, 0) : index]
            over_idle = (
                len(previous) == 2
                and previous[0][2] == "running"
                and previous[1][2] == "idle"
                and previous[0][1] == previous[1][0]
                and previous[1][1] == start
                and previous[1][1] - previous[1][0] <= self.gap
            )
            if over_idle:
                joined[-1].append((start, end))
            else:
                joined.append([(start, end)])
        return [runs for runs in joined if runs[-1][1] - runs[0][0] >= self.minimum]

    def _readings(self, times):
        """Rule 12: (time, increase, in known time, running by state), one per reading."""
        carrying = [
            (time, microseconds(row["runtime_s"]))
            for time, row in zip(times, self.rows, strict=True)
            if row.get("runtime_s") is not None
        ]
        readings = []
        for index, (time, value) in enumerate(carrying):
            if index == 0:
                readings.append((time, 0, False, 0))
                continue
            before, old = carrying[index - 1]
            wall = time - before
            increase = value - old if value >= old else value
            increase = min(increase, wall + max(2 * SECOND, wall // 100))
            step = (before, time)
            credited = sum(overlap((a, b), step) for a, b, _ in self.credits)
            running = sum(overlap((a, b), step) for a, b, s in self.credits if s == "running")
            readings.append((time, increase, credited == wall, running))
        return readings

    def state_at(self, moment):
        for start, end, state in self.credits:
            if start <= moment < end:
                return state
        return None

    def cause_at(self, moment):
        """Rule 14, for a moment that is unknown."""
        if self.first is None or moment < self.first:
            return "before_first"
        if any(start <= moment < end for start, end in self.collector_gaps):
            return "collector"
        if any(start <= moment < end for start, end in self.gateway_gaps):
            return "gateway"
        return "device"

    def unknown(self, window):
        """Unknown stretches of a window with their causes, each as long as one cause lasts."""
        edges = {window[0], window[1], self.first}
        for start, end, _ in self.credits:
            edges |= {start, end}
        for start, end in (*self.collector_gaps, *self.gateway_gaps):
            edges |= {start, end}
        edges = sorted(e for e in edges if e is not None and window[0] <= e <= window[1])
        stretches = []
        for start, end in pairwise(edges):
            if self.state_at(start) is not None:
                continue
            cause = self.cause_at(start)
            if stretches and stretches[-1][1:] == (start, cause):
                stretches[-1] = (stretches[-1][0], end, cause)
            else:
                stretches.append((start, end, cause))
        return stretches

    def figures(self, start, end):
        """Every additive figure of ``[start, end)``, clipped to now (rule 5)."""
        window = (start, max(start, min(end, self.now)))
        found = {"window": window[1] - window[0]}

        for state in STATES:
            found[state] = sum(overlap((a, b), window) for a, b, s in self.credits if s == state)
        for cause in ("before_first", "collector", "gateway", "device"):
            found[cause] = sum(b - a for a, b, c in self.unknown(window) if c == cause)

        found["scheduled"] = found["running_scheduled"] = None
        if self.schedule is not None:
            opened = cut(self.schedule, window)
            found["scheduled"] = sum(b - a for a, b in opened)
            found["running_scheduled"] = sum(
                overlap((a, b), hours)
                for hours in opened
                for a, b, state in self.credits
                if state == "running"
            )

        found["effective"] = found["session_idle"] = 0
        for runs in self.sessions:
            effective = sum(overlap(run, window) for run in runs)
            span = overlap((runs[0][0], runs[-1][1]), window)
            found["effective"] += effective
            found["session_idle"] += span - effective

        inside = [r for r in self.readings if window[0] <= r[0] < window[1]]
        found["readings"] = len(inside)
        found["counter"] = sum(increase for _, increase, _, _ in inside)
        found["witness_counter"] = sum(increase for _, increase, known, _ in inside if known)
        found["witness_state"] = sum(running for _, _, known, running in inside if known)

        found["resolution"] = self.resolution(window)
        return found

    def counter_flag(self, start, end):
        found = self.figures(start, end)
        counter, state = found["witness_counter"], found["witness_state"]
        return abs(counter - state) > max(60 * SECOND, Fraction(5, 100) * max(counter, state))

    def resolution(self, window):
        """The longest credited step of a segment, cut at full UTC hours, that overlaps."""
        longest = 0
        for start, end, _ in self.segments:
            hour = start // HOUR * HOUR
            while hour < end:
                piece = (max(start, hour), min(end, hour + HOUR))
                if overlap(piece, window):
                    steps = [b - a for a, b, _ in self.credits if overlap((a, b), piece)]
                    longest = max(longest, *steps)
                hour += HOUR
        return longest


# ---------------------------------------------------------------- second by second


def walk(timeline, start, end):
    """States and causes of whole seconds, one at a time; for heartbeats on whole seconds."""
    seconds = dict.fromkeys((*STATES, "before_first", "collector", "gateway", "device"), 0)
    moment = start
    while moment < min(end, timeline.now):
        state = None
        for row in reversed(timeline.rows):
            if row["ts"] <= moment:
                if moment < row["ts"] + hold_of(row, ()):
                    state = row["state"]
                break
        seconds[state or timeline.cause_at(moment)] += 1
        moment += SECOND
    return {name: count * SECOND for name, count in seconds.items()}
