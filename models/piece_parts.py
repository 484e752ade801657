"""Parts of a piece that windows cut, each with what the hour meter counted in it (rule 12).

A piece carries its counters as sums. Where a window begins or ends within it, the readings within
the piece say which part counted what: every step but the first lies between two of them, and what
the first counted is what the sums leave over. So nothing before the piece is needed.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from models.fold import counter_step_us
from models.segment import Piece, State


def part_piece(
    piece: Piece, edges: Sequence[int], times: Sequence[int], readings: Sequence[int]
) -> list[Piece]:
    """Cuts a piece at some moments.

    Args:
        piece: With readings in it, or without.
        edges: Where to cut, ascending, each strictly within the piece (µs).
        times: Corrected times of the heartbeats within the piece that count and carry a reading,
            in the fold's order (µs).
        readings: The hour meter at each (µs). Where retention has taken some, all that the piece
            counted counts at its start, which still adds up over any split.

    Returns:
        Neighbouring parts, whose counters add up to the piece's; each keeps its longest step.
    """
    bounds = [piece.start_us, *edges, piece.end_us]
    steps = _steps(piece, times, readings)
    if steps is None:
        first = replace(piece, end_us=bounds[1])
        return [first, *(_uncounted(piece, a, b) for a, b in pairwise(bounds[1:]))]
    return [
        steps.part(piece, start, end, bisect_left(times, start), bisect_left(times, end))
        for start, end in pairwise(bounds)
    ]


@dataclass(frozen=True, slots=True)
class _Steps:
    """The steps that readings close: all but the first within the piece, so in known time."""

    times: Sequence[int]
    increases: Sequence[int]
    #: What the first counts in known time, and running time by state over it.
    first_witnessed: int
    first_running: int

    def part(self, piece: Piece, start: int, end: int, low: int, high: int) -> Piece:
        """A part that holds readings ``[low, high)``."""
        if low == high:
            return _uncounted(piece, start, end)
        within = max(low, 1)
        counted = witnessed = sum(self.increases[within:high])
        running = 0
        if piece.state is State.RUNNING and within < high:
            running = self.times[high - 1] - self.times[within - 1]
        if low == 0:
            counted += self.increases[0]
            witnessed += self.first_witnessed
            running += self.first_running
        return replace(
            piece,
            start_us=start,
            end_us=end,
            counter_us=counted,
            counter_readings=high - low,
            witness_counter_us=witnessed,
            witness_state_us=running,
        )


def _uncounted(piece: Piece, start: int, end: int) -> Piece:
    return replace(
        piece,
        start_us=start,
        end_us=end,
        counter_us=0,
        counter_readings=0,
        witness_counter_us=0,
        witness_state_us=0,
    )


def _steps(piece: Piece, times: Sequence[int], readings: Sequence[int]) -> _Steps | None:
    """The steps; ``None`` where the readings are not all that the piece counted."""
    if not readings or len(readings) != piece.counter_readings:
        return None
    increases = [0]
    for (before_at, at), (before, now) in zip(pairwise(times), pairwise(readings), strict=True):
        increase, wall_us = now - before, at - before_at
        if not 0 <= increase <= wall_us:  # else it counts whole, as it mostly does
            increase = counter_step_us(before, now, wall_us)
        increases.append(increase)
    within = sum(increases)
    running = times[-1] - times[0] if piece.state is State.RUNNING else 0
    first = piece.counter_us - within
    witnessed = piece.witness_counter_us - within
    first_running = piece.witness_state_us - running
    # What the first counted lies in known time as a whole or not at all.
    if first < 0 or witnessed not in (0, first) or first_running < 0:
        return None
    increases[0] = first
    return _Steps(times, increases, witnessed, first_running)
