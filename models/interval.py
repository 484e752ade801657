"""Sums and differences of sorted, disjoint, half-open intervals of time.

An interval is ``(start_us, end_us)``, microseconds since 1970 UTC. A *window* is the one that
was asked for (``usage.py``); stretches that carry a state are in ``segment.py``.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

Interval = tuple[int, int]


def merge(intervals: Iterable[Interval]) -> list[Interval]:
    """The union of any intervals, sorted and disjoint; empty ones vanish, neighbours join."""
    merged: list[Interval] = []
    for start, end in sorted(intervals):
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            if end > merged[-1][1]:
                merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


def first_after(intervals: Sequence[Interval], at_us: int) -> int:
    """Index of the first of sorted, disjoint intervals that ends after ``at_us``."""
    index = bisect_left(intervals, (at_us,))
    if index and intervals[index - 1][1] > at_us:
        index -= 1
    return index


def clip(intervals: Sequence[Interval], start_us: int, end_us: int) -> list[Interval]:
    """What of sorted, disjoint intervals lies within ``[start_us, end_us)``."""
    inside: list[Interval] = []
    for index in range(first_after(intervals, start_us), len(intervals)):
        start, end = intervals[index]
        if start >= end_us:
            break
        low, high = max(start, start_us), min(end, end_us)
        if low < high:
            inside.append((low, high))
    return inside


def length_us(intervals: Iterable[Interval]) -> int:
    """Total length of disjoint intervals, microseconds."""
    return sum(end - start for start, end in intervals)


def intersect(left: Sequence[Interval], right: Sequence[Interval]) -> list[Interval]:
    """What lies in both of two sorted, disjoint lists; linear, but for one search."""
    common: list[Interval] = []
    if not left or not right:
        return common
    index = first_after(right, left[0][0])
    for start, end in left:
        while index < len(right) and right[index][1] <= start:
            index += 1
        at = index
        while at < len(right) and right[at][0] < end:
            low, high = max(start, right[at][0]), min(end, right[at][1])
            if low < high:
                common.append((low, high))
            at += 1
    return common


def subtract(left: Sequence[Interval], right: Sequence[Interval]) -> list[Interval]:
    """What of sorted, disjoint ``left`` no interval of sorted, disjoint ``right`` covers."""
    rest: list[Interval] = []
    if not left:
        return rest
    index = first_after(right, left[0][0])
    for start, end in left:
        while index < len(right) and right[index][1] <= start:
            index += 1
        at, low = index, start
        while at < len(right) and right[at][0] < end:
            if right[at][0] > low:
                rest.append((low, right[at][0]))
            low = max(low, right[at][1])
            at += 1
        if low < end:
            rest.append((low, end))
    return rest
