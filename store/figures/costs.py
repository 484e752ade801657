"""What answers will cost, known from window, buckets and the number of instruments.

Costs are seconds of one core of an ordinary machine, the database's included: they part what is
quick from what is not, and nothing is promised by them. What is chosen by is in ``layout.py``.
"""

from collections.abc import Sequence

from models.usage import Window
from store.figures.layout import Layout, plan_window
from store.figures.surroundings import Moment

_DAY_US = 86_400_000_000

# Measured with a city of a piece each half an hour; seconds.
_A_QUESTION = 0.002
_ROW_AT_ONCE = 1.5e-6
_ROW_AND_BUCKET_AT_ONCE = 0.7e-6
_ROW_AND_HOUR_AT_ONCE = 0.15e-6
_ROW_AND_EDGE_DAY = 40e-6
_GROUP_AND_WINDOW = 14e-6
_ROW_AND_WINDOW = 25e-6
_ROW_AND_DAY_SUMMED = 3e-6
_ROW_AND_DAY_MEASURED = 80e-6
_WINDOW_TOLD = 40e-6
_ITEM_TOLD = 20e-6
_ROW_COUNTED, _ROW_AND_DAY_COUNTED = 60e-6, 1e-6
_DAY_BY_HOUR_OF_WEEK = 240e-6
_HOUR_OF_WEEK = 0.03e-6
_ROW_AND_BOOKING_DAY = 0.1e-6  # one in five is booked
_JUDGED, _JUDGED_AND_DAY = 700e-6, 250e-6
_DAY_OF_RAW_ROWS = 4.5e-3  # one each ten seconds
_DAY_OF_SAMPLES = 1_800e-6  # one a minute


def at_once_s(
    rows: int,
    groups: int,
    buckets: Sequence[Window],
    layout: Layout,
) -> float:
    """What an answer costs that arrays work out."""
    edge_days = sum(edge.length_us for edge in layout.edges) / _DAY_US
    return (
        _A_QUESTION
        + rows * (_ROW_AT_ONCE + (len(buckets) - layout.hours) * _ROW_AND_BUCKET_AT_ONCE)
        + rows * (layout.hours + 24 * layout.day_parts) * _ROW_AND_HOUR_AT_ONCE
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


def counted_s(rows: int, length_us: int) -> float:
    """What it costs to count what ran of instruments, each in a window of its own.

    Args:
        rows: How many.
        length_us: Of all the windows together.
    """
    return _A_QUESTION + rows * _ROW_COUNTED + length_us / _DAY_US * _ROW_AND_DAY_COUNTED


def pieces_s(rows: int, window: Window) -> float:
    """What it costs to read all pieces of instruments: timelines, sessions, explanations."""
    return _A_QUESTION + rows * window.length_us / _DAY_US * _ROW_AND_DAY_MEASURED


def raw_rows_s(rows: int, window: Window) -> float:
    """What it costs to count raw heartbeats of instruments."""
    return rows * window.length_us / _DAY_US * _DAY_OF_RAW_ROWS


def booking_days_s(rows: int, days: int) -> float:
    """What it costs to add up what instruments' bookings came to by day."""
    return _A_QUESTION + rows * days * _ROW_AND_BOOKING_DAY


def judged_bookings_s(rows: int, window: Window) -> float:
    """What it costs to judge the bookings of instruments one by one."""
    return _A_QUESTION + rows * (_JUDGED + window.length_us / _DAY_US * _JUDGED_AND_DAY)


def by_hour_of_week_s(rows: int, hours: int, pieces: Sequence[Window]) -> float:
    """What a profile of instruments costs.

    Args:
        rows: Instruments.
        hours: That are rolled up.
        pieces: What is taken from segments.
    """
    days = sum(one.length_us for one in pieces) / _DAY_US
    return _A_QUESTION + rows * (hours * _HOUR_OF_WEEK + days * _DAY_BY_HOUR_OF_WEEK)


def judged_s(rows: int, window: Window) -> float:
    """What it costs to judge instruments' samples anew."""
    return _A_QUESTION + rows * window.length_us / _DAY_US * _DAY_OF_SAMPLES


def told_s(windows: int, items: int = 0) -> float:
    """What it costs to spell an answer's figures, and its other items."""
    return windows * _WINDOW_TOLD + items * _ITEM_TOLD
