"""A window told stretch by stretch: segments, and unknown time with its cause (rules 11, 14).

``usage.py`` sums the same stretches; pieces are joined in ``segment.py``, unknown time is told
by ``cause.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.cause import Cause, unknown
from models.interval import Interval
from models.segment import Piece, State, join
from models.usage import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A maximal half-open part of a timeline that has one state, or none for one cause."""

    start_us: int
    end_us: int
    #: None: unknown.
    state: State | None
    #: Why it is unknown; None where it is known.
    cause: Cause | None = None
    #: Longest credited step of the segment (µs); 0 where it is unknown.
    step_us: int = 0


def tell(
    pieces: Sequence[Piece],
    window: Window,
    *,
    first_us: int | None,
    collector_gaps: Sequence[Interval] = (),
    gateway_gaps: Sequence[Interval] = (),
) -> list[Stretch]:
    """The stretches that make up ``window``, in order.

    Args:
        pieces: Sorted, disjoint; may reach beyond the window.
        window: Already clipped to now.
        first_us: Time of the instrument's first heartbeat; None when it has none.
        collector_gaps: When nobody was listening; sorted, disjoint.
        gateway_gaps: When the gateway was off; sorted, disjoint.

    Returns:
        Stretches that touch and fill the window, cut to it.
    """
    start_us, end_us = window.start_us, window.end_us
    known = [
        Stretch(
            start_us=max(segment.start_us, start_us),
            end_us=min(segment.end_us, end_us),
            state=segment.state,
            step_us=segment.step_us,
        )
        for segment in join(
            piece for piece in pieces if piece.end_us > start_us and piece.start_us < end_us
        )
    ]
    known += (
        Stretch(start_us=gap.start_us, end_us=gap.end_us, state=None, cause=gap.cause)
        for gap in unknown(
            pieces,
            window,
            first_us=first_us,
            collector_gaps=collector_gaps,
            gateway_gaps=gateway_gaps,
        )
    )
    return sorted(known, key=lambda part: part.start_us)


def append(told: list[Stretch], more: Sequence[Stretch]) -> None:
    """Adds the stretches of the next window, which touches; the one across the cut is joined."""
    more = list(more)
    if told and more:
        last, next_ = told[-1], more[0]
        if (
            last.end_us == next_.start_us
            and last.state is next_.state
            and last.cause is next_.cause
        ):
            told[-1] = replace(last, end_us=next_.end_us, step_us=max(last.step_us, next_.step_us))
            more = more[1:]
    told += more
