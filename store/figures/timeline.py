"""Timelines and sessions of one instrument, read a stretch of time at a time.

What is summed up over windows is in ``figures.py``.
"""

from collections.abc import Iterator

from models.segment import Segment, join
from models.session import Session, sessions
from models.timeline import Stretch, append, tell
from models.usage import Window
from store.figures.subject import Subject
from store.figures.surroundings import Moment, load_surroundings
from store.run import Steps

# What is read at once: a month of pieces of one instrument.
_SLICE_US = 31 * 86_400_000_000


def _slices(window: Window) -> Iterator[Window]:
    start = window.start_us
    while start < window.end_us:
        end = min(start + _SLICE_US, window.end_us)
        yield Window(start_us=start, end_us=end)
        start = end


def load_timeline(
    subject: Subject, window: Window, moment: Moment, limit: int
) -> Steps[list[Stretch]]:
    """The first stretches of a window, one more than ``limit`` where there are more.

    Args:
        subject: The instrument.
        window: Clipped to now.
        moment: Of the answer.
        limit: How many are shown.
    """
    told: list[Stretch] = []
    for part in _slices(window):
        around = yield from load_surroundings([subject], part, moment)
        append(
            told,
            tell(
                around.pieces[subject.key],
                part,
                first_us=subject.track.first_at_us,
                collector_gaps=around.collector_gaps(subject),
                gateway_gaps=around.gateway_gaps(subject),
            ),
        )
        # The last one may go on in the next slice.
        if len(told) > limit + 1:
            return told[: limit + 1]
    return told[: limit + 1]


def load_sessions(
    subject: Subject, window: Window, moment: Moment, limit: int
) -> Steps[list[Session]]:
    """The first sessions that overlap a window, cut to it; see `load_timeline`."""
    segments: list[Segment] = []
    found: list[Session] = []
    read_to = window.start_us
    for part in _slices(window):
        around = yield from load_surroundings([subject], part, moment)
        # The margins of two slices overlap.
        fresh = [p for p in around.pieces[subject.key] if not segments or p.start_us >= read_to]
        if fresh:
            segments = list(join([*segments, *fresh]))
            read_to = segments[-1].end_us
        found = sessions(segments, subject.session_gap_us, subject.session_min_us, window)
        # The last one may go on in the next slice.
        if len(found) > limit + 1:
            break
    return found[: limit + 1]
