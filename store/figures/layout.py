"""Which way a question about figures is worked out: chosen here, before any figure is read.

Two choices make the four ways that the package names: `plan_window` parts a window into whole days,
which are summed up already, and edges, which are not; `lay_out` says whether instruments are taken
one by one or all at once. What that will cost is in ``costs.py``.
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from models.ratios import threshold
from models.usage import Window
from models.zone import local_day, start_of_day
from store.figures.subject import zone_of
from store.figures.surroundings import Moment

_DAY = timedelta(days=1)
#: Edges, and buckets that part a day, are measured from segments, all instruments at once: some
#: days at most.
LONGEST_EDGES_US = 3 * 86_400_000_000
#: Fewer instruments than this are as fast one by one, where there are buckets or edges.
FEW = 200
_MOST_BUCKETS = 400
# Thresholds of more decimals would pass 64 bits in `tally_arrays`.
_FINEST_THRESHOLD = 10_000
# Ten years of a figure, times such a threshold, fit into 64 bits.
_LONGEST_US = 3_700 * 86_400_000_000


class Plan(NamedTuple):
    """A window, divided into whole local days of the rollups and what is left of it."""

    #: Days ``[first, end)``; empty where the window holds no whole day.
    first: date
    end: date
    edges: tuple[Window, ...]


def plan_window(window: Window, moment: Moment) -> Plan:
    """Divides a window, already clipped to now, at the first and last whole day within."""
    zone = zone_of(moment.rollup_zone)
    first = local_day(window.start_us, zone)
    if start_of_day(first, zone) < window.start_us:
        first += _DAY
    end = local_day(window.end_us, zone)
    if first >= end or not window.length_us:
        return Plan(first, first, (window,) if window.length_us else ())
    edges = (
        Window(start_us=window.start_us, end_us=start_of_day(first, zone)),
        Window(start_us=start_of_day(end, zone), end_us=window.end_us),
    )
    return Plan(first, end, tuple(edge for edge in edges if edge.length_us))


def days_window(first: date, end: date, moment: Moment) -> Window:
    """The time of the rollup zone's days ``[first, end)``."""
    zone = zone_of(moment.rollup_zone)
    return Window(start_us=start_of_day(first, zone), end_us=start_of_day(end, zone))


def missing_windows(
    plans: Sequence[Plan], has_row: Callable[[date], bool], moment: Moment
) -> list[Window]:
    """What of the planned windows has no rollup, in order; runs of days as one window each."""
    zone = zone_of(moment.rollup_zone)
    found: list[Window] = []
    for plan in plans:
        runs: list[Window] = []
        day = plan.first
        while day < plan.end:
            since = day
            while day < plan.end and not has_row(day):
                day += _DAY
            if since < day:
                runs.append(
                    Window(start_us=start_of_day(since, zone), end_us=start_of_day(day, zone))
                )
            day += _DAY
        found += sorted((*plan.edges, *runs), key=lambda window: window.start_us)
    return found


class Layout(NamedTuple):
    """How a question about many instruments is laid out."""

    #: What of the buckets is no whole day of the rollups.
    edges: frozenset[Window]
    #: Whether arrays answer it; else its instruments are taken one by one.
    at_once: bool


def lay_out(
    window: Window,
    buckets: Sequence[Window],
    sufficient_coverage: float,
    instruments: int,
    moment: Moment,
) -> Layout:
    """How figures of many instruments are worked out.

    Args:
        window: Clipped to now.
        buckets: Clipped to now, making up the window; none where no buckets are wanted.
        sufficient_coverage: From which on a figure is ranked.
        instruments: How many there are.
        moment: Of the answer.
    """
    if not (
        0 < window.length_us < _LONGEST_US
        and len(buckets) <= _MOST_BUCKETS
        and threshold(sufficient_coverage).denominator <= _FINEST_THRESHOLD
    ):
        return Layout(frozenset(), False)
    outer = plan_window(window, moment).edges
    edges = frozenset(edge for bucket in buckets for edge in plan_window(bucket, moment).edges)
    short = all(sum(edge.length_us for edge in some) <= LONGEST_EDGES_US for some in (outer, edges))
    few = instruments < FEW and bool(buckets or outer)
    return Layout(edges, short and not few)
