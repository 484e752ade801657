"""Figures of instruments from segments, one by one: right whatever happened in the window.

What is summed up already comes from ``rollups.py``, many instruments at once from ``measured.py``.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple, TypeAlias

from models.rated import rated
from models.segment import Piece
from models.usage import Usage, Window, measure
from store.figures.readings import Cut, part_pieces
from store.figures.subject import Subject
from store.figures.surroundings import Moment, Surroundings, load_surroundings
from store.run import Steps

_START = attrgetter("start_us")
_DAY_US = 86_400_000_000
# Windows further apart than this are read apart: a month's edge and today, say.
_APART_US = 3 * _DAY_US
# What one reading of pieces holds in memory: at 60 pieces a day about 100,000.
_STRETCH_US = 62 * _DAY_US
_INSTRUMENT_DAYS = 1_500

_Stretches: TypeAlias = list[tuple[Window, tuple[tuple[int, Window], ...]]]


class _Part(NamedTuple):
    subject: Subject
    #: Index of the window asked for, and the part of it.
    parts: tuple[tuple[int, Window], ...]


def measure_windows(
    requests: Iterable[tuple[Subject, Sequence[Window]]], moment: Moment, *, grid_us: int = 1
) -> Steps[dict[int, list[tuple[Window, Usage]]]]:
    """Measures windows from segments, whatever the rollups say.

    Args:
        requests: Instruments, each once, with disjoint windows in order, clipped to now.
        moment: Of the answer.
        grid_us: Stretches are read from and to multiples of this: instruments whose windows are
            each one's own are read together, where it is a day.

    Returns:
        By instrument key: the windows asked for, each with its figures.
    """
    found: dict[int, list[tuple[Window, Usage]]] = {}
    alike: dict[Window, list[_Part]] = defaultdict(list)
    # Most are asked for the very same windows.
    stretches: dict[int, tuple[Sequence[Window], _Stretches]] = {}
    for subject, windows in requests:
        found[subject.key] = [(window, Usage()) for window in windows]
        if id(windows) not in stretches:
            # Kept beside, or its identity would pass on to another one.
            stretches[id(windows)] = (windows, _stretches(windows))
        for hull, parts in stretches[id(windows)][1]:
            alike[_widened(hull, grid_us)].append(_Part(subject, parts))
    seen: set[tuple[int, int]] = set()
    for hull, jobs in alike.items():
        size = max(1, _INSTRUMENT_DAYS * _DAY_US // max(hull.length_us, _DAY_US))
        for at in range(0, len(jobs), size):
            batch = jobs[at : at + size]
            around = yield from load_surroundings([job.subject for job in batch], hull, moment)
            parted = yield from _part_cut_pieces(batch, around)
            for job in batch:
                key = job.subject.key
                usages = _measure(job, around, parted.get(key, around.pieces[key]))
                for (index, _), usage in zip(job.parts, usages, strict=True):
                    window, total = found[key][index]
                    # The first part stands for itself: None + x is x, but 0 + None is not None.
                    whole = total + usage if (key, index) in seen else usage
                    seen.add((key, index))
                    found[key][index] = (window, whole)
    return found


def _widened(hull: Window, grid_us: int) -> Window:
    return Window(
        start_us=hull.start_us // grid_us * grid_us, end_us=-(-hull.end_us // grid_us) * grid_us
    )


def _stretches(windows: Sequence[Window]) -> _Stretches:
    """Windows gathered into stretches that are read at once; longer ones are cut."""
    found: _Stretches = []
    parts: list[tuple[int, Window]] = []

    def close() -> None:
        if parts:
            hull = Window(start_us=parts[0][1].start_us, end_us=parts[-1][1].end_us)
            found.append((hull, tuple(parts)))
            parts.clear()

    for index, window in enumerate(windows):
        start = window.start_us
        while start < window.end_us:
            if parts and (
                start - parts[-1][1].end_us > _APART_US
                or start - parts[0][1].start_us >= _STRETCH_US
            ):
                close()
            limit = (parts[0][1].start_us if parts else start) + _STRETCH_US
            part = Window(start_us=start, end_us=min(window.end_us, limit))
            parts.append((index, part))
            start = part.end_us
    close()
    return found


def _part_cut_pieces(batch: Sequence[_Part], around: Surroundings) -> Steps[dict[int, list[Piece]]]:
    """Parts counted pieces that windows cut: mostly none, since windows end on full hours.

    Returns:
        All pieces of the instruments of which any is cut, by instrument key.
    """
    cuts: list[Cut] = []
    for job in batch:
        key = job.subject.key
        pieces = around.pieces[key]
        edges: dict[int, list[int]] = {}
        for at in sorted({at for _, one in job.parts for at in (one.start_us, one.end_us)}):
            index = bisect_right(pieces, at, key=_START) - 1
            if index >= 0:
                piece = pieces[index]
                if piece.counter_readings and piece.start_us < at < piece.end_us:
                    edges.setdefault(index, []).append(at)
        cuts += (Cut(key, pieces[index], ends) for index, ends in edges.items())
    parts = yield from part_pieces(cuts)
    by_start: dict[int, dict[int, list[Piece]]] = defaultdict(dict)
    for cut, found in zip(cuts, parts, strict=True):
        by_start[cut.key][cut.piece.start_us] = found
    return {
        key: [part for piece in around.pieces[key] for part in cut.get(piece.start_us, (piece,))]
        for key, cut in by_start.items()
    }


def _measure(job: _Part, around: Surroundings, pieces: Sequence[Piece]) -> list[Usage]:
    subject = job.subject
    collector_gaps = around.collector_gaps(subject)
    gateway_gaps = around.gateway_gaps(subject)
    return [
        measure(
            pieces,
            window,
            first_us=subject.track.first_at_us,
            collector_gaps=collector_gaps,
            gateway_gaps=gateway_gaps,
            schedule=around.schedule(subject, window),
            session_gap_us=subject.session_gap_us,
            session_min_us=subject.session_min_us,
            rated_us=rated(subject.ratings, window),
        )
        for _, window in job.parts
    ]
