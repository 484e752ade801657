"""``usage.py: measure`` for many instruments over one window, in arrays: the same figures.

What is rare is left to the other: an instrument whose unknown time has causes of its own, or
whose settings change within the window, comes with a flag instead of figures (``store/
measured.py`` knows which). A test holds the two together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.group_arrays import NAMES, Figures, Flags, Ints
from models.interval import Interval, clip, length_us
from models.segment import State
from models.session_arrays import find_sessions
from models.usage import Window

_AT = {name: place for place, name in enumerate(NAMES)}
_COUNTERS = ("counter_us", "counter_readings", "witness_counter_us", "witness_state_us")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """Pieces of many instruments, sorted by instrument and start; nothing lies after now."""

    #: The instrument's place, from 0.
    owner: Ints
    start_us: Ints
    end_us: Ints
    state: Ints
    step_us: Ints
    #: Columns as `_COUNTERS`: what `Piece` counts.
    counters: Ints

    def take(self, chosen: Flags | Ints) -> "Pieces":
        """Some of them."""
        return Pieces(
            owner=self.owner[chosen],
            start_us=self.start_us[chosen],
            end_us=self.end_us[chosen],
            state=self.state[chosen],
            step_us=self.step_us[chosen],
            counters=self.counters[chosen],
        )


def measure_arrays(
    pieces: Pieces,
    window: Window,
    *,
    first_us: Ints,
    session_gap_us: Ints,
    session_min_us: Ints,
    rated_us: Ints,
    schedules: Sequence[Sequence[Interval] | None],
    schedule_of: Ints,
    collector_gaps: Sequence[Interval],
) -> tuple[Figures, Flags]:
    """What a window of each instrument is made of; arguments as for ``measure``.

    Args:
        pieces: They reach beyond the window on both sides, as there.
        window: Clipped to now, not empty.
        first_us: By instrument; beyond all time where there is none.
        session_gap_us: By instrument.
        session_min_us: By instrument.
        rated_us: By instrument.
        schedules: Different ones.
        schedule_of: Which one each instrument has.
        collector_gaps: Of all instruments alike; those of gateways are the careful way's.

    Returns:
        Figures, and whether they are right: false for instruments with counters in pieces that
        the window cuts.
    """
    count, begin, finish = len(first_us), window.start_us, window.end_us
    margin = session_gap_us + session_min_us
    pieces = pieces.take(
        (pieces.end_us > begin - margin[pieces.owner])
        & (pieces.start_us < finish + margin[pieces.owner])
    )
    owner, start, end, state = pieces.owner, pieces.start_us, pieces.end_us, pieces.state
    figures = Figures.zeros(count)
    columns = figures.columns
    inside = _within(start, end, begin, finish)
    for name, one in (("running", State.RUNNING), ("idle", State.IDLE), ("off", State.OFF)):
        columns[:, _AT[f"{name}_us"]] = _by_owner(np.where(state == one, inside, 0), owner, count)
    np.maximum.at(columns[:, _AT["step_us"]], owner[inside > 0], pieces.step_us[inside > 0])
    whole = (start >= begin) & (end <= finish) & (pieces.counters[:, 1] > 0)
    for place, name in enumerate(_COUNTERS):
        columns[:, _AT[name]] = _by_owner(
            np.where(whole, pieces.counters[:, place], 0), owner, count
        )

    known = columns[:, :3].sum(axis=1)
    unknown = window.length_us - known
    # Nothing is known before the first heartbeat, and no other cause counts there.
    since = np.clip(first_us, begin, finish)
    before = since - begin
    collector = np.zeros(count, np.int64)
    for low, high in clip(collector_gaps, begin, finish):
        heard = _by_owner(_within(start, end, low, high), owner, count)
        collector += np.maximum(high - np.maximum(since, low), 0) - heard
    columns[:, _AT["unknown_before_first_us"]] = before
    columns[:, _AT["unknown_collector_us"]] = collector
    columns[:, _AT["unknown_device_us"]] = unknown - before - collector

    _add_sessions(pieces, window, session_gap_us, session_min_us, columns)
    for place, schedule in enumerate(schedules):
        if schedule is None:
            continue
        ours = schedule_of == place
        opened = clip(schedule, begin, finish)
        figures.scheduled |= ours
        columns[ours, _AT["scheduled_us"]] = length_us(opened)
        chosen = ours[owner] & (state == State.RUNNING) & (inside > 0)
        used = np.zeros(int(chosen.sum()), np.int64)
        for low, high in opened:
            used += _within(start[chosen], end[chosen], low, high)
        columns[:, _AT["running_scheduled_us"]] += _by_owner(used, owner[chosen], count)
    columns[:, _AT["rated_us"]] = rated_us

    right = np.ones(count, np.bool_)
    cut = (inside > 0) & ~((start >= begin) & (end <= finish)) & (pieces.counters[:, 1] > 0)
    right[owner[cut]] = False
    return figures, right


def _within(start: Ints, end: Ints, low: int, high: int) -> Ints:
    """How much of each piece lies within ``[low, high)``."""
    found: Ints = np.maximum(np.minimum(end, high) - np.maximum(start, low), 0)
    return found


def _by_owner(values: Ints, owner: Ints, count: int) -> Ints:
    """Sums by instrument; ``owner`` ascends."""
    found = np.zeros(count, np.int64)
    if len(owner):
        starts = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
        found[owner[starts]] = np.add.reduceat(values, starts)
    return found


def _add_sessions(
    pieces: Pieces, window: Window, gap_us: Ints, min_us: Ints, columns: Ints
) -> None:
    """Rule 11: sessions, cut to the window."""
    count = len(columns)
    found = find_sessions(
        pieces.owner,
        pieces.start_us,
        pieces.end_us,
        pieces.state,
        gap_us=gap_us,
        min_us=min_us,
        low_us=np.full(count, window.start_us),
        high_us=np.full(count, window.end_us),
    )
    columns[:, _AT["effective_us"]] = _by_owner(found.running_us, found.owner, count)
    columns[:, _AT["session_idle_us"]] = _by_owner(found.idle_us, found.owner, count)
