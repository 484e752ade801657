"""Which way a question about figures is worked out: chosen here, before any figure is read.

Two choices make the ways that the package names: `plan_window` parts a window into whole days,
which are summed up already, and edges, of which `split_edge` takes the whole hours; `lay_out` says
whether instruments are taken one by one or all at once. What that will cost is in ``costs.py``.
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from models.ratios import threshold
from models.segment import HOUR_US
from models.usage import Window
from models.zone import local_day, start_of_day
from store.figures.subject import zone_of
from store.figures.surroundings import Moment

_DAY = timedelta(days=1)
_EPOCH = date(1970, 1, 1)
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
    # Rollups say what is stored, and not what is supposed.
    measured = any(
        window.start_us < reach.end_us and reach.start_us < window.end_us
        for reach in map(reach_of, moment.supposed)
    )
    if measured or first >= end or not window.length_us:
        return Plan(first, first, (window,) if window.length_us else ())
    edges = (
        Window(start_us=window.start_us, end_us=start_of_day(first, zone)),
        Window(start_us=start_of_day(end, zone), end_us=window.end_us),
    )
    return Plan(first, end, tuple(edge for edge in edges if edge.length_us))


def reach_of(day: date) -> Window:
    """The time within which what a calendar says of a day can matter.

    A local day anywhere on Earth lies within 14 hours before and 36 hours after midnight UTC; hours
    that pass midnight reach a day further.
    """
    midnight = (day - _EPOCH).days * 24 * HOUR_US
    return Window(start_us=midnight - 14 * HOUR_US, end_us=midnight + 60 * HOUR_US)


def day_hours(day: date, moment: Moment) -> list[Window]:
    """The hours of one of the rollup zone's days, counted from its start: 23 to 25 as a rule."""
    whole = days_window(day, day + _DAY, moment)
    return [
        Window(start_us=at, end_us=min(at + HOUR_US, whole.end_us))
        for at in range(whole.start_us, whole.end_us, HOUR_US)
    ]


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


class Slots(NamedTuple):
    """Hours ``[low, high)`` of one of the rollup zone's days."""

    day: date
    low: int
    high: int

    def window(self, moment: Moment) -> Window:
        """The time that they are."""
        whole = days_window(self.day, self.day + _DAY, moment)
        start, end = (whole.start_us + number * HOUR_US for number in (self.low, self.high))
        return Window(start_us=start, end_us=min(end, whole.end_us))


def split_edge(edge: Window, moment: Moment) -> tuple[list[Slots], list[Window]]:
    """Divides what is no whole day into whole hours of days that are over, and what is left of it.

    Hours are the days' own, counted from midnight on: those of a zone whose clock strikes with the
    rollups', and none of one half an hour apart.
    """
    zone = zone_of(moment.rollup_zone)
    slots: list[Slots] = []
    rest: list[Window] = []
    at = edge.start_us
    while at < edge.end_us:
        day = local_day(at, zone)
        start, end = start_of_day(day, zone), start_of_day(day + _DAY, zone)
        part = Window(start_us=at, end_us=min(end, edge.end_us))
        at = part.end_us
        low = -((start - part.start_us) // HOUR_US)
        high = (
            (part.end_us - start) // HOUR_US if part.end_us < end else -((start - end) // HOUR_US)
        )
        if low >= high or end > moment.now_us or day < moment.hours_from:
            rest.append(part)
            continue
        found = Slots(day, low, high)
        inside = found.window(moment)
        slots.append(found)
        rest += (
            piece
            for piece in (
                Window(start_us=part.start_us, end_us=inside.start_us),
                Window(start_us=inside.end_us, end_us=part.end_us),
            )
            if piece.length_us
        )
    return slots, rest


def slot_of(bucket: Window, moment: Moment) -> Slots | None:
    """The one hour of a day that a bucket is; None of any other."""
    if bucket.length_us > HOUR_US:
        return None
    slots, rest = split_edge(bucket, moment)
    return slots[0] if len(slots) == 1 and not rest and slots[0].high - slots[0].low == 1 else None


class Layout(NamedTuple):
    """How a question about many instruments is laid out."""

    #: What of window and buckets is neither whole days nor whole hours of the rollups.
    edges: frozenset[Window]
    #: How many of the buckets are one hour each of a day, and how many days others want hours of.
    hours: int
    day_parts: int
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
    # Arrays know the stored calendar alone.
    if moment.supposed or not (
        0 < window.length_us < _LONGEST_US
        and threshold(sufficient_coverage).denominator <= _FINEST_THRESHOLD
    ):
        return Layout(frozenset(), 0, 0, False)
    outer = plan_window(window, moment).edges
    whole = frozenset(bucket for bucket in buckets if slot_of(bucket, moment))
    others = [bucket for bucket in buckets if bucket not in whole]
    inner = frozenset(edge for bucket in others for edge in plan_window(bucket, moment).edges)
    edges: set[Window] = set()
    day_parts = 0
    short = True
    for some in (outer, inner):
        parts = [split_edge(edge, moment) for edge in some]
        rest = {piece for _, pieces in parts for piece in pieces}
        short = short and sum(piece.length_us for piece in rest) <= LONGEST_EDGES_US
        day_parts += sum(len(slots) for slots, _ in parts)
        edges |= rest
    few = instruments < FEW and bool(buckets or outer)
    at_once = short and not few and len(others) <= _MOST_BUCKETS
    return Layout(frozenset(edges), len(whole), day_parts, at_once)
