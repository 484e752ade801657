"""Which rows a change makes us fold again, and which whole hours of pieces that replaces.

A change at some time reaches back to the row before it, whose credit it may cut, and forward to
the first row that the one after it cannot influence any more; pieces are cut at full hours, so
whole hours in between are replaced and nothing else is read or written.
"""

from dataclasses import dataclass

from ingest.db.connection import FAR_US, OLDEST_US
from ingest.write.registry_cache import Corrections, Instrument, Registry
from ingest.write.stored_rows import StoredRows
from models.fold import Row, Track
from models.segment import HOUR_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What is read and what is replaced."""

    #: Device's time of the first and the last row to read.
    rows_from_us: int
    rows_to_us: int
    #: Pieces that start in ``[from_us, to_us)`` are replaced.
    from_us: int
    to_us: int
    #: Whether the range reaches the newest row, and so the open segment.
    tail: bool


def span_of(
    rows: StoredRows,
    track: Track,
    instrument: Instrument,
    registry: Registry,
    low_us: int,
    high_us: int,
) -> Span:
    """What a change of rows with ``low_us <= ts <= high_us`` touches."""
    corrections = registry.corrections(instrument)
    low_us -= corrections.spread
    start = _start(rows, corrections, low_us)
    successor = None if corrections.spread else rows.any_after(high_us)
    # Counters are read on from reading to reading; the first of all may be among what came, or
    # be the successor's, now that it repeats nothing any more.
    reads = (
        track.reading_at_us is not None
        or (successor is not None and successor.runtime_us is not None)
        or rows.read_counters(low_us, high_us)
    )
    to_us, last = FAR_US, None
    end = None if successor is None else _end(rows, successor, reads)
    if end is not None:
        stop = _hour(end.at_us) + HOUR_US
        last = rows.after(stop - corrections.least - 1)
        if last is not None:
            to_us = stop
    tail = last is None
    if tail and track.piece_from_us is not None:
        start = min(start, _hour(track.piece_from_us))
    first = rows.before(start - corrections.most)
    if first and reads:
        first = rows.reading_before(first.ts_us + 1) or first
    return Span(
        rows_from_us=first.ts_us if first else OLDEST_US,
        rows_to_us=last.ts_us if last else FAR_US,
        from_us=start,
        to_us=to_us,
        tail=tail,
    )


def _start(rows: StoredRows, corrections: Corrections, low_us: int) -> int:
    """The full hour from which a change at ``low_us`` may be felt."""
    before = rows.before(low_us)
    low_at = low_us + corrections.least
    start = before.at_us if before and before.at_us + before.hold_us > low_at else low_at
    if before and corrections.spread:
        start = min(start, before.at_us)
    return _hour(start)


def _end(rows: StoredRows, successor: Row, reads: bool) -> Row | None:
    """The first row that the row after the change cannot influence any more."""
    # The successor is judged again; what comes after it was judged by the successor's own
    # sequence number, which did not change.
    end = rows.after(successor.ts_us)
    if end is None or not reads:
        return end
    reading = rows.reading_after(successor.ts_us)
    return end if reading is not None and reading.at_us <= end.at_us else reading


def _hour(us: int) -> int:
    return us - us % HOUR_US
