"""Many instruments' folds go on at once: what ``fold.py: advance`` does row by row, over arrays.

For rows that state a state, are live, repeat nothing, and whose instrument was never judged by
power: the plain case. ``fold.py`` is the definition, in the same order; a property holds the two
together, byte by byte. Turn by turn each instrument that has another row takes it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.columns import Floats, Ints, Texts
from models.fold import COUNTER_SLACK_US
from models.segment import HOUR_US, State
from models.track_arrays import NONE, TrackArrays

_RUNNING = int(State.RUNNING)
#: What a piece has, in the order of ``Piece``.
PIECE_FIELDS = (
    "start_us",
    "end_us",
    "state",
    "step_us",
    "counter_us",
    "counter_readings",
    "witness_counter_us",
    "witness_state_us",
)
#: Where a track has what its piece counted.
_COUNTED = (
    "piece_counter_us",
    "piece_counter_readings",
    "piece_witness_counter_us",
    "piece_witness_state_us",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainRows:
    """Rows of plain instruments, each one's together and in order of time; times corrected."""

    at_us: Ints
    state: Ints
    hold_us: Ints
    #: ``NONE`` where there is none, as in a track.
    seq: Ints
    boot_id: Texts
    runtime_us: Ints
    #: NaN where there is none.
    power_w: Floats


def advance_all(
    tracks: TrackArrays, rows: PlainRows, firsts: Ints, counts: Ints
) -> tuple[Ints, list[Ints]]:
    """Takes the next rows of some instruments.

    Args:
        tracks: Of as many instruments; changed in place.
        rows: All newer than their track's newest row, strictly rising, without a repeat.
        firsts: Where each instrument's rows begin.
        counts: How many they are, falling: whoever has most comes first.

    Returns:
        The pieces that the rows close: the instrument of each, and columns of ``PIECE_FIELDS``.
    """
    closed = _Closed()
    for turn in range(int(counts[0])):
        # Those that have another row stand in front, so that slices serve.
        some = int(np.searchsorted(-counts, -turn, side="left"))
        track = {name: column[:some] for name, column in tracks.columns.items()}
        _advance(track, rows, firsts[:some] + turn, closed)
    return closed.found()


class _Closed:
    """Closed pieces, gathered in portions."""

    def __init__(self) -> None:
        self._owners: list[Ints] = []
        self._pieces: list[list[Ints]] = []

    def cut(self, track: dict[str, NDArray[Any]], who: Ints, end: Ints, step: Ints) -> None:
        """Ends some instruments' open pieces, and begins their next."""
        self._owners.append(who)
        self._pieces.append(
            [
                track["piece_from_us"][who],
                end,
                track["state"][who],
                np.maximum(step, track["piece_step_us"][who]),
                *(track[name][who] for name in _COUNTED),
            ]
        )
        track["piece_from_us"][who] = end
        track["piece_step_us"][who] = 0
        for name in _COUNTED:
            track[name][who] = 0

    def found(self) -> tuple[Ints, list[Ints]]:
        """Whose they are, and their columns."""
        if not self._owners:
            none = np.zeros(0, np.int64)
            return none, [none] * len(PIECE_FIELDS)
        columns = [np.concatenate(parts) for parts in zip(*self._pieces, strict=True)]
        return np.concatenate(self._owners), columns


def _advance(
    track: dict[str, NDArray[Any]], rows: PlainRows, at_row: Ints, closed: _Closed
) -> None:
    """One more row each, as ``fold.advance`` takes it; ``track`` are views."""
    at, state = rows.at_us[at_row], rows.state[at_row]
    track["newest_ts_us"][:] = at
    track["newest_at_us"][:] = at
    track["newest_seq"][:] = rows.seq[at_row]
    track["newest_boot_id"][:] = rows.boot_id[at_row]
    track["newest_stale"][:] = False

    begins = track["credit_from_us"] == NONE
    if begins.any():
        np.copyto(track["first_at_us"], at, where=begins & (track["first_at_us"] == NONE))
        np.copyto(track["segment_from_us"], at, where=begins)
        np.copyto(track["piece_from_us"], at, where=begins)
    _close_steps(track, at, state, ~begins, closed)
    _read_counters(track, at, rows.runtime_us[at_row])
    until = at + rows.hold_us[at_row]
    track["credit_from_us"][:] = at
    track["credit_until_us"][:] = until
    track["state"][:] = state
    track["power_w"][:] = rows.power_w[at_row]
    track["live_at_us"][:] = at
    track["live_until_us"][:] = until
    track["silence_until_us"][:] = 0


def _close_steps(
    track: dict[str, NDArray[Any]],
    at: Ints,
    state: Ints,
    goes_on: NDArray[np.bool_],
    closed: _Closed,
) -> None:
    """Ends the open credits at the next rows' times or their holds, whichever come first."""
    credit_until, old_state = track["credit_until_us"], track["state"]
    step_end = np.minimum(at, credit_until)
    step = step_end - track["credit_from_us"]
    running = goes_on & (old_state == _RUNNING)
    np.add(track["reading_running_us"], step, out=track["reading_running_us"], where=running)
    # A step overlaps every piece that is cut off here, and so counts in each of them whole.
    piece_from = track["piece_from_us"]
    hour_end = piece_from - piece_from % HOUR_US + HOUR_US
    who = np.flatnonzero(goes_on & (step_end >= hour_end))
    while len(who):
        closed.cut(track, who, hour_end[who], step[who])
        hour_end[who] += HOUR_US
        who = who[step_end[who] >= hour_end[who]]
    lapsed = goes_on & (at > credit_until)
    ends = lapsed | (goes_on & (state != old_state))
    track["reading_gap"] |= lapsed
    who = np.flatnonzero(ends & (step_end > piece_from))
    if len(who):
        closed.cut(track, who, step_end[who], step[who])
    np.copyto(track["segment_from_us"], at, where=ends)
    np.copyto(piece_from, at, where=ends)
    longest = track["piece_step_us"]
    np.copyto(longest, 0, where=ends)
    np.copyto(longest, step, where=goes_on & ~ends & (step_end > piece_from) & (step > longest))


def _read_counters(track: dict[str, NDArray[Any]], at: Ints, runtime: Ints) -> None:
    """Takes the hour meters' readings (rule 12)."""
    reads = runtime != NONE
    if not reads.any():
        return
    counted = reads & (track["reading_at_us"] != NONE)
    before, wall = track["reading_us"], at - track["reading_at_us"]
    increase = runtime - before
    most = wall + np.maximum(COUNTER_SLACK_US, wall // 100)
    usual = (increase >= 0) & (increase <= wall)
    reset = np.minimum(np.where(runtime >= before, increase, runtime), most)
    increase = np.where(usual, increase, reset)
    known = counted & ~track["reading_gap"]
    running = track["reading_running_us"]
    for name, more, where in (
        ("piece_counter_us", increase, counted),
        ("piece_witness_counter_us", increase, known),
        ("piece_witness_state_us", running, known),
        ("piece_counter_readings", 1, reads),
    ):
        np.add(track[name], more, out=track[name], where=where)
    np.copyto(track["reading_at_us"], at, where=reads)
    np.copyto(before, runtime, where=reads)
    np.copyto(running, 0, where=reads)
    np.copyto(track["reading_gap"], False, where=reads)
