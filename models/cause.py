"""Unknown time and its causes (rules 2 and 14), stretch by stretch, as timelines tell it.

``usage.py`` sums the same stretches while it measures a window.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from models.interval import Interval, clip, intersect, subtract
from models.segment import Piece
from models.usage import Window


class Cause(StrEnum):
    """Why time is unknown; the first that fits (rule 14)."""

    BEFORE_FIRST = "before_first"
    COLLECTOR = "collector"
    GATEWAY = "gateway"
    DEVICE = "device"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A half-open stretch ``[start_us, end_us)`` that no heartbeat credits, of one cause."""

    start_us: int
    end_us: int
    cause: Cause


def unknown(
    pieces: Iterable[Piece],
    window: Window,
    *,
    first_us: int | None,
    collector_gaps: Sequence[Interval] = (),
    gateway_gaps: Sequence[Interval] = (),
) -> list[Unknown]:
    """Unknown stretches of a window, each as long as one cause lasts.

    Args:
        pieces: Sorted, disjoint; may reach beyond the window.
        window: Already clipped to now.
        first_us: Time of the instrument's first heartbeat; None when it has none.
        collector_gaps: When nobody was listening; sorted, disjoint.
        gateway_gaps: When the gateway was off; sorted, disjoint.

    Returns:
        In order of time; neighbours that touch have different causes.
    """
    start, end = window.start_us, window.end_us
    if start == end:
        return []
    rest = subtract([(start, end)], [(piece.start_us, piece.end_us) for piece in pieces])
    first = end if first_us is None else min(max(first_us, start), end)
    found = [(gap, Cause.BEFORE_FIRST) for gap in clip(rest, start, first)]
    rest = clip(rest, first, end)
    for cause, gaps in ((Cause.COLLECTOR, collector_gaps), (Cause.GATEWAY, gateway_gaps)):
        found += [(gap, cause) for gap in intersect(rest, gaps)]
        rest = subtract(rest, gaps)
    found += [(gap, Cause.DEVICE) for gap in rest]
    joined: list[Unknown] = []
    for (since, until), cause in sorted(found):
        if joined and joined[-1].end_us == since and joined[-1].cause is cause:
            since = joined.pop().start_us
        joined.append(Unknown(start_us=since, end_us=until, cause=cause))
    return joined
