"""Sessions: running segments that short idle times do not part (rule 11).

``usage.py`` sums the same sessions into ``effective_us`` and ``session_idle_us`` while it
measures a window; here they are told one by one.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from models.interval import Interval
from models.segment import Piece, Segment, State
from models.usage import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One use of an instrument, ``[start_us, end_us)``; running and idle fill it, exactly."""

    start_us: int
    end_us: int
    #: Effective time.
    running_us: int
    #: Idle time between two running segments no further apart than the gap.
    idle_us: int


def sessions(
    segments: Iterable[Piece | Segment], gap_us: int, min_us: int, window: Window | None = None
) -> list[Session]:
    """Sessions of a timeline, in order of time.

    Args:
        segments: Segments or pieces, sorted, disjoint; for a window they must reach
            ``gap_us + min_us`` beyond it on both sides.
        gap_us: Running segments are joined over idle time no longer than this. Off and unknown
            always part them.
        min_us: A session's span is at least this.
        window: What to cut the sessions to, after they were found; None: nothing.

    Returns:
        Sessions that overlap ``window``, each only as far as it lies within: one that came in
        by its idle time alone has no running time.

    Raises:
        ValueError: ``gap_us`` or ``min_us`` is negative, or segments overlap.
    """
    if gap_us < 0 or min_us < 0:
        raise ValueError(
            f"session gap ({gap_us} µs) and minimum ({min_us} µs) must not be negative"
        )
    found: list[Session] = []
    runs: list[Interval] = []  # of the session being joined
    reach: int | None = None  # how far running and idle go without a break
    last_end: int | None = None
    for segment in segments:
        if last_end is not None and segment.start_us < last_end:
            raise ValueError(
                f"segment at {segment.start_us} µs starts before the one ahead of it ends "
                f"({last_end} µs); segments must be sorted and disjoint"
            )
        last_end = segment.end_us
        if segment.state is State.RUNNING:
            if not (runs and segment.start_us == reach) or segment.start_us - runs[-1][1] > gap_us:
                _close(found, runs, min_us, window)
                runs = []
            runs.append((segment.start_us, segment.end_us))
            reach = segment.end_us
        elif segment.state is State.IDLE and segment.start_us == reach:
            reach = segment.end_us
    _close(found, runs, min_us, window)
    return found


def _close(found: list[Session], runs: list[Interval], min_us: int, window: Window | None) -> None:
    """Adds the session of ``runs`` where it is long enough and within the window."""
    if not runs or runs[-1][1] - runs[0][0] < min_us:
        return
    start, end = runs[0][0], runs[-1][1]
    if window is not None:
        start, end = max(start, window.start_us), min(end, window.end_us)
        if start >= end:
            return
    running = sum(max(0, min(to, end) - max(since, start)) for since, to in runs)
    found.append(
        Session(start_us=start, end_us=end, running_us=running, idle_us=end - start - running)
    )
