"""How a question is worked out, all at once or one by one, and what that will cost.

Known from window, buckets and the number of instruments, before any figure is read; ``groups.py``
works it out just so. Costs are seconds of one core of an ordinary machine, the database's included:
they part what is quick from what is not, and nothing is promised by them.
"""

from collections.abc import Sequence
from typing import NamedTuple

from models.ratios import threshold
from models.usage import Window
from store.figures.figures import plan_window
from store.figures.surroundings import Moment

#: Edges, and buckets that part a day, are measured from segments, all instruments at once: some
#: days at most.
LONGEST_EDGES_US = 3 * 86_400_000_000
_MOST_BUCKETS = 400
# Thresholds of more decimals would pass 64 bits in `tally_arrays`.
_FINEST_THRESHOLD = 10_000
# Ten years of a figure, times such a threshold, fit into 64 bits.
_LONGEST_US = 3_700 * 86_400_000_000
_DAY_US = 86_400_000_000

# Measured with a city of a piece each half an hour; seconds.
_A_QUESTION = 0.002
_ROW_AT_ONCE = 3e-6
_ROW_AND_BUCKET_AT_ONCE = 1.5e-6
_ROW_AND_EDGE_DAY = 40e-6
_GROUP_AND_WINDOW = 14e-6
_ROW_AND_WINDOW = 25e-6
_ROW_AND_DAY_SUMMED = 3e-6
_ROW_AND_DAY_MEASURED = 80e-6
_WINDOW_TOLD = 40e-6
_ITEM_TOLD = 20e-6
_DAY_BY_HOUR_OF_WEEK = 240e-6


class Layout(NamedTuple):
    """How a question about groups can be laid out."""

    #: What of the buckets is no whole day of the rollups.
    edges: frozenset[Window]
    #: Whether arrays can answer it.
    at_once: bool


def lay_out(
    window: Window, buckets: Sequence[Window], sufficient_coverage: float, moment: Moment
) -> Layout:
    """How figures of many instruments are worked out.

    Args:
        window: Clipped to now.
        buckets: Clipped to now, making up the window; none where no buckets are wanted.
        sufficient_coverage: From which on a figure is ranked.
        moment: Of the answer.
    """
    if not (
        0 < window.length_us < _LONGEST_US
        and len(buckets) <= _MOST_BUCKETS
        and threshold(sufficient_coverage).denominator <= _FINEST_THRESHOLD
    ):
        return Layout(frozenset(), False)
    edges = frozenset(edge for bucket in buckets for edge in plan_window(bucket, moment).edges)
    at_once = all(
        sum(edge.length_us for edge in some) <= LONGEST_EDGES_US
        for some in (plan_window(window, moment).edges, edges)
    )
    return Layout(edges, at_once)


def at_once_s(
    rows: int,
    groups: int,
    window: Window,
    buckets: Sequence[Window],
    layout: Layout,
    moment: Moment,
) -> float:
    """What an answer costs that arrays work out."""
    edges = layout.edges | set(plan_window(window, moment).edges)
    edge_days = sum(edge.length_us for edge in edges) / _DAY_US
    return (
        _A_QUESTION
        + rows * (_ROW_AT_ONCE + len(buckets) * _ROW_AND_BUCKET_AT_ONCE)
        + rows * edge_days * _ROW_AND_EDGE_DAY
        + groups * (len(buckets) + 1) * _GROUP_AND_WINDOW
    )


def one_by_one_s(rows: int, window: Window, buckets: Sequence[Window], moment: Moment) -> float:
    """What figures of instruments cost that are worked out one after the other."""
    days = window.length_us / _DAY_US
    # One in the middle speaks for all: the first and the last are cut.
    sample = buckets[len(buckets) // 2] if buckets else window
    edges = sum(edge.length_us for edge in plan_window(sample, moment).edges)
    measured = days * edges / sample.length_us if sample.length_us else 0.0
    return _A_QUESTION + rows * (
        max(len(buckets), 1) * _ROW_AND_WINDOW
        + measured * _ROW_AND_DAY_MEASURED
        + (days - measured) * _ROW_AND_DAY_SUMMED
    )


def pieces_s(rows: int, window: Window) -> float:
    """What it costs to read all pieces of instruments: timelines, sessions, explanations."""
    return _A_QUESTION + rows * window.length_us / _DAY_US * _ROW_AND_DAY_MEASURED


def by_hour_of_week_s(rows: int, window: Window) -> float:
    """What a profile of instruments costs."""
    return _A_QUESTION + rows * window.length_us / _DAY_US * _DAY_BY_HOUR_OF_WEEK


def told_s(windows: int, items: int = 0) -> float:
    """What it costs to spell an answer's figures, and its other items."""
    return windows * _WINDOW_TOLD + items * _ITEM_TOLD
