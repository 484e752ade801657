"""``session.py: sessions`` of many instruments, in arrays: the same sessions.

``measure_arrays.py`` sums them up; records (``store/reports``) are made of each one.
"""

from dataclasses import dataclass

import numpy as np

from models.group_arrays import Ints
from models.segment import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """Sessions of instruments by place and start, each cut to its instrument's window."""

    owner: Ints
    start_us: Ints
    end_us: Ints
    running_us: Ints

    @property
    def idle_us(self) -> Ints:
        """Idle time that they join; with the running time it fills them, exactly."""
        found: Ints = self.end_us - self.start_us - self.running_us
        return found


_NONE = np.zeros(0, np.int64)
NO_SESSIONS = Sessions(owner=_NONE, start_us=_NONE, end_us=_NONE, running_us=_NONE)


def find_sessions(
    owner: Ints,
    start_us: Ints,
    end_us: Ints,
    state: Ints,
    *,
    gap_us: Ints,
    min_us: Ints,
    low_us: Ints,
    high_us: Ints,
) -> Sessions:
    """Rule 11: running pieces joined over idle ones that leave no hole, then cut to windows.

    Args:
        owner: Of each piece, the instrument's place, from 0; pieces are sorted by it and start.
            They reach beyond the windows as ``session.py: sessions`` wants it; off pieces, and
            idle ones longer than the gap, need not be among them.
        start_us: Of each piece.
        end_us: Of each piece.
        state: Of each piece.
        gap_us: By instrument.
        min_us: By instrument.
        low_us: By instrument: where its window begins.
        high_us: By instrument: where it ends.

    Returns:
        Those of which a part lies within the window.
    """
    running = np.flatnonzero(state == State.RUNNING)
    if not len(running):
        return NO_SESSIONS
    # Between two pieces with the same number there is neither a hole nor off time.
    parted = (
        (owner[1:] != owner[:-1])
        | (end_us[:-1] != start_us[1:])
        | (state[1:] == State.OFF)
        | (state[:-1] == State.OFF)
    )
    unbroken = np.r_[0, np.cumsum(parted)][running]
    owner, start, end = owner[running], start_us[running], end_us[running]
    pause = np.r_[0, start[1:] - end[:-1]]
    opens = np.r_[True, unbroken[1:] != unbroken[:-1]] | (pause > gap_us[owner])
    first = np.flatnonzero(opens)
    last = np.r_[first[1:], len(running)] - 1
    of = owner[first]
    within = np.minimum(end, high_us[owner]) - np.maximum(start, low_us[owner])
    used = np.add.reduceat(np.maximum(within, 0), first)
    cut_start, cut_end = np.maximum(start[first], low_us[of]), np.minimum(end[last], high_us[of])
    chosen = (end[last] - start[first] >= min_us[of]) & (cut_start < cut_end)
    return Sessions(
        owner=of[chosen],
        start_us=cut_start[chosen],
        end_us=cut_end[chosen],
        running_us=used[chosen],
    )
