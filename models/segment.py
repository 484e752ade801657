"""States, and the stretches of time that have one.

A *piece* is a closed segment as it is stored: cut at every full UTC hour. A *segment* is
maximal (rule 11); ``join`` makes segments of pieces. Heartbeats become pieces in ``fold.py``.
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
    """A half-open stretch ``[start_us, end_us)`` of one state, or one hour's piece of it."""

    start_us: int
    end_us: int
    state: State
    #: Longest credited step that overlaps the stretch, in whole (µs).
    step_us: int
    #: Increase of ``runtime_s`` counted at heartbeats within the stretch (rule 12).
    counter_us: int = 0
    #: Heartbeats within the stretch that carried ``runtime_s``.
    counter_readings: int = 0
    #: The part of ``counter_us`` from steps that lie in known time.
    witness_counter_us: int = 0
    #: Running time by state over those same steps.
    witness_state_us: int = 0


def join(pieces: Iterable[Segment]) -> Iterator[Segment]:
    """Maximal segments of sorted, disjoint pieces (rule 11).

    Args:
        pieces: Sorted by start, disjoint, half-open.

    Yields:
        Segments; neighbours that touch have different states.

    Raises:
        ValueError: ``pieces`` overlap or are unsorted.
    """
    whole: Segment | None = None
    for piece in pieces:
        if whole is None:
            whole = piece
        elif piece.start_us < whole.end_us:
            raise ValueError(
                f"piece at {piece.start_us} µs starts before the one ahead of it ends "
                f"({whole.end_us} µs); pieces must be sorted and disjoint"
            )
        elif piece.start_us == whole.end_us and piece.state is whole.state:
            whole = replace(
                whole,
                end_us=piece.end_us,
                step_us=max(whole.step_us, piece.step_us),
                counter_us=whole.counter_us + piece.counter_us,
                counter_readings=whole.counter_readings + piece.counter_readings,
                witness_counter_us=whole.witness_counter_us + piece.witness_counter_us,
                witness_state_us=whole.witness_state_us + piece.witness_state_us,
            )
        else:
            yield whole
            whole = piece
    if whole is not None:
        yield whole
