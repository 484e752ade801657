"""States, and the stretches of time that have one.

A *piece* is what is stored: cut at every full UTC hour. A *segment* is maximal (rule 11); ``join``
makes segments of pieces. Heartbeats become pieces in ``fold.py``.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum

HOUR_US = 3_600_000_000


class State(IntEnum):
    """What an instrument does; the lesser use sorts first (rule 3)."""

    OFF = 0
    IDLE = 1
    RUNNING = 2

    @property
    def word(self) -> str:
        """The state as the wire and the API spell it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A maximal half-open stretch ``[start_us, end_us)`` of one state (rule 11)."""

    start_us: int
    end_us: int
    state: State
    #: Longest credited step that overlaps the stretch, in whole (µs).
    step_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a segment within one UTC hour, as it is stored, with what meters said in it."""

    start_us: int
    end_us: int
    state: State
    #: Longest credited step that overlaps the piece, in whole (µs).
    step_us: int
    #: Increase of ``runtime_s`` counted at heartbeats within the piece (rule 12).
    counter_us: int = 0
    #: Heartbeats within the piece that carried ``runtime_s``.
    counter_readings: int = 0
    #: The part of ``counter_us`` from steps that lie in known time.
    witness_counter_us: int = 0
    #: Running time by state over those same steps.
    witness_state_us: int = 0


def join(parts: Iterable[Piece | Segment]) -> Iterator[Segment]:
    """Maximal segments of sorted, disjoint parts (rule 11).

    Args:
        parts: Pieces, or segments that more pieces follow; sorted by start, disjoint, half-open.

    Yields:
        Segments; neighbours that touch have different states.

    Raises:
        ValueError: ``parts`` overlap or are unsorted.
    """
    whole: Segment | None = None
    for part in parts:
        if whole is not None and part.start_us < whole.end_us:
            raise ValueError(
                f"piece at {part.start_us} µs starts before the one ahead of it ends "
                f"({whole.end_us} µs); pieces must be sorted and disjoint"
            )
        if whole is not None and part.start_us == whole.end_us and part.state is whole.state:
            step_us = max(whole.step_us, part.step_us)
            whole = replace(whole, end_us=part.end_us, step_us=step_us)
            continue
        if whole is not None:
            yield whole
        whole = Segment(
            start_us=part.start_us, end_us=part.end_us, state=part.state, step_us=part.step_us
        )
    if whole is not None:
        yield whole
