"""Late heartbeats: what they touch is folded again from raw rows (rules 3, 6, 9).

The instrument's status row is locked by the caller, so nothing else moves. A change at some
time reaches back to the row before it, whose credit it may cut, and forward to the first row
that the one after it cannot influence any more; pieces are cut at full hours, so the range in
between is replaced in whole hours and nothing else is read or written.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import psycopg

from ingest.db.connection import Micros
from ingest.write.batch import LIVE, STALE
from ingest.write.copy_rows import COPY_SEGMENT, copy_rows, pack_segment
from ingest.write.registry_cache import Instrument, Registry
from models.fold import Row, Track, advance
from models.segment import HOUR_US, Segment, State

RAW_COLUMNS = (
    "ts, state, seq, boot_id, runtime_s, interval_s, power_w, flags, gateway_key, received_at,"
    " energy_wh"
)
COUNTS = f"AND flags & {STALE} = 0"
SELECT_ROWS = f"""
SELECT {RAW_COLUMNS} FROM heartbeat
WHERE instrument_key = %s AND ts >= %s AND ts <= %s ORDER BY ts
"""
SELECT_BEFORE = f"""
SELECT {RAW_COLUMNS} FROM heartbeat
WHERE instrument_key = %s AND ts < %s {COUNTS} {{also}} ORDER BY ts DESC LIMIT 1
"""
SELECT_AFTER = f"""
SELECT {RAW_COLUMNS} FROM heartbeat
WHERE instrument_key = %s AND ts > %s {{also}} ORDER BY ts LIMIT 1
"""
SELECT_READS = """
SELECT 1 FROM heartbeat
WHERE instrument_key = %s AND ts >= %s AND ts <= %s AND runtime_s IS NOT NULL LIMIT 1
"""
SELECT_PIECES = """
SELECT starts_at, ends_at, state, step_us, counter_us, counter_readings, witness_counter_us,
       witness_state_us
FROM segment WHERE instrument_key = %s AND starts_at >= %s AND starts_at < %s ORDER BY starts_at
"""
SELECT_PIECES_BEFORE = """
SELECT starts_at, ends_at, state FROM segment
WHERE instrument_key = %s AND starts_at < %s ORDER BY starts_at DESC LIMIT 500
"""

#: Ends of open ranges of time in queries; PostgreSQL's timestamps reach further.
OLDEST_US = -62_135_596_800_000_000  # the start of the year 1
FAR_US = 253_402_300_799_000_000  # the end of the year 9999


class Raw(NamedTuple):
    """A stored heartbeat, times in microseconds; fields in ``RAW_COLUMNS``' order."""

    ts_us: int
    state: int
    seq: int | None
    boot_id: str | None
    runtime_s: float | None
    interval_s: float | None
    power_w: float | None
    flags: int
    gateway_key: int
    received_us: int
    energy_wh: float | None


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild did to one instrument."""

    removed: list[Segment]
    added: list[Segment]
    #: Whether the open segment or the live state changed.
    track_changed: bool
    #: Corrected time range whose figures may have changed; empty when nothing did.
    touched: tuple[int, int] | None
    #: Raw rows read.
    rows_read: int


def hold_of(raw: Raw, instrument: Instrument) -> int:
    """How long a stored heartbeat's state lasts, by the version in force at its time (µs)."""
    return instrument.at(raw.ts_us).hold_us(raw.interval_s)


def row_of(raw: Raw, instrument: Instrument, registry: Registry) -> Row:
    """A stored heartbeat with the settings in force at its time (rules 8, 15)."""
    gateway = registry.gateways_by_key[raw.gateway_key]
    return Row(
        at_us=raw.ts_us + gateway.correction_us(raw.ts_us),
        ts_us=raw.ts_us,
        state=State(raw.state),
        hold_us=hold_of(raw, instrument),
        seq=raw.seq,
        boot_id=raw.boot_id,
        runtime_us=None if raw.runtime_s is None else round(raw.runtime_s * 1_000_000),
        power_w=raw.power_w,
        live=bool(raw.flags & LIVE),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """Which rows a change makes us fold again, and which whole hours that replaces."""

    #: Device's time of the first and the last row to read.
    rows_from_us: int
    rows_to_us: int
    #: Pieces that start in ``[from_us, to_us)`` are replaced.
    from_us: int
    to_us: int
    #: Whether the range reaches the newest row, and so the open segment.
    tail: bool


class _Rows:
    """The raw rows of one instrument, asked one by one or by range."""

    def __init__(self, cursor: psycopg.Cursor, instrument: Instrument, registry: Registry) -> None:
        self._cursor = cursor
        self._instrument = instrument
        self._registry = registry
        self.read = 0

    def _one(self, statement: str, ts_us: int) -> tuple[Raw, Row] | None:
        found = self._cursor.execute(
            statement,
            [self._instrument.key, Micros(ts_us)],
            binary=True,
        ).fetchone()
        if found is None:
            return None
        self.read += 1
        raw = Raw(*found)
        return raw, row_of(raw, self._instrument, self._registry)

    def before(self, ts_us: int, *, reading: bool = False) -> Row | None:
        """The newest row that counts before ``ts_us``; one with a counter if asked."""
        also = "AND runtime_s IS NOT NULL" if reading else ""
        found = self._one(SELECT_BEFORE.format(also=also), ts_us)
        return found[1] if found else None

    def after(self, ts_us: int, *, counts: bool, reading: bool = False) -> Row | None:
        """The first row after ``ts_us``; one that counts, or carries a counter, if asked."""
        also = f"{COUNTS if counts else ''} {'AND runtime_s IS NOT NULL' if reading else ''}"
        found = self._one(SELECT_AFTER.format(also=also), ts_us)
        return found[1] if found else None

    def read_counters(self, from_us: int, to_us: int) -> bool:
        """Whether a row with ``from_us <= ts <= to_us`` carries a counter."""
        found = self._cursor.execute(
            SELECT_READS, [self._instrument.key, Micros(from_us), Micros(to_us)]
        ).fetchone()
        return found is not None

    def between(self, from_us: int, to_us: int) -> list[tuple[Raw, Row]]:
        """All rows with ``from_us <= ts <= to_us``, in the order of the fold."""
        self._cursor.execute(
            SELECT_ROWS, [self._instrument.key, Micros(from_us), Micros(to_us)], binary=True
        )
        found = [
            (raw, row_of(raw, self._instrument, self._registry))
            for raw in map(Raw._make, self._cursor)
        ]
        found.sort(key=lambda pair: (pair[1].at_us, pair[1].ts_us))
        self.read += len(found)
        return found


def _hour(us: int) -> int:
    return us - us % HOUR_US


def _span(
    rows: _Rows, track: Track, instrument: Instrument, registry: Registry, low: int, high: int
) -> _Span:
    """What a change of rows with ``low <= ts <= high`` touches."""
    corrections = [
        correction
        for key in {s.gateway_key for s in instrument.settings}
        for _, correction in registry.gateways_by_key[key].corrections
    ]
    pad = max(corrections) - min(corrections)
    low -= pad
    # How far corrected times lie from the device's, at the least and at the most; 0 is what they
    # were before anything was corrected.
    least, most = min(0, *corrections), max(0, *corrections)
    before = rows.before(low)
    low_at = low + least
    start = before.at_us if before and before.at_us + before.hold_us > low_at else low_at
    if before and pad:
        start = min(start, before.at_us)
    start = _hour(start)

    end = None
    successor = rows.after(high, counts=False) if not pad else None
    # Counters are read on from reading to reading; the first of all may be among what came, or
    # be the successor's, now that it repeats nothing any more.
    reads = (
        track.reading_at_us is not None
        or (successor is not None and successor.runtime_us is not None)
        or rows.read_counters(low, high)
    )
    if successor:
        # The successor is judged again; what comes after it was judged by the successor's own
        # sequence number, which did not change.
        end = rows.after(successor.ts_us, counts=True)
        if end and reads:
            reading = rows.after(successor.ts_us, counts=True, reading=True)
            end = reading if reading is None or reading.at_us > end.at_us else end
    last = None
    if end:
        stop = _hour(end.at_us) + HOUR_US
        last = rows.after(stop - least - 1, counts=True)
    tail = last is None
    if tail and track.piece_from_us is not None:
        start = min(start, _hour(track.piece_from_us))

    first = rows.before(start - most)
    if first and reads:
        first = rows.before(first.ts_us + 1, reading=True) or first
    return _Span(
        rows_from_us=first.ts_us if first else OLDEST_US,
        rows_to_us=last.ts_us if last else FAR_US,
        from_us=start,
        to_us=stop if end and last else FAR_US,
        tail=tail,
    )


def rebuild(
    cursor: psycopg.Cursor,
    instrument: Instrument,
    registry: Registry,
    track: Track,
    low_us: int,
    high_us: int,
) -> Rebuilt:
    """Folds again what rows with device's time ``low_us`` to ``high_us`` touch.

    The rows are in the table already; ``track`` is as before the change and is brought up to
    date in place. Pieces and the rows' stale flags are written; the status row is the
    caller's to write.

    Args:
        cursor: In the transaction that holds the instrument's status lock.
        instrument: With its settings.
        registry: For the gateways' corrections.
        track: Where the instrument's fold stands.
        low_us: Device's time of the first row that came, went or changed.
        high_us: Of the last.
    """
    source = _Rows(cursor, instrument, registry)
    span = _span(source, track, instrument, registry, low_us, high_us)
    pairs = source.between(span.rows_from_us, span.rows_to_us)
    before = replace(track)
    if not pairs:
        # Retention has taken the rows; what they gave is final.
        return Rebuilt(removed=[], added=[], track_changed=False, touched=None, rows_read=0)

    fresh = Track()
    closed: list[Segment] = []
    flips: list[tuple[int, int]] = []
    for number, (raw, row) in enumerate(pairs):
        if number == 0 and raw.flags & STALE:
            # Judged by a row that retention has taken since; what it said still holds.
            fresh.newest_seq, fresh.newest_boot_id = row.seq, row.boot_id
            continue
        stale = advance(fresh, row, closed)
        if stale != bool(raw.flags & STALE):
            flips.append((raw.ts_us, raw.flags ^ STALE))
    if flips:
        cursor.execute(
            "UPDATE heartbeat h SET flags = f.flags FROM unnest(%s::timestamptz[], %s::int[])"
            " AS f (ts, flags) WHERE h.instrument_key = %s AND h.ts = f.ts"
            " AND h.ts BETWEEN %s AND %s",
            [
                [Micros(ts) for ts, _ in flips],
                [flags for _, flags in flips],
                instrument.key,
                Micros(min(ts for ts, _ in flips)),
                Micros(max(ts for ts, _ in flips)),
            ],
        )
    removed, added = _splice(cursor, instrument.key, span, closed)
    _update_track(cursor, instrument, track, fresh, span, pairs)
    return Rebuilt(
        removed=removed,
        added=added,
        track_changed=track != before,
        touched=_touched(removed, added, before, track),
        rows_read=source.read,
    )


def _splice(
    cursor: psycopg.Cursor, key: int, span: _Span, closed: Sequence[Segment]
) -> tuple[list[Segment], list[Segment]]:
    """Replaces the stored pieces of the span by the new ones; writes only what differs."""
    cursor.execute(SELECT_PIECES, [key, Micros(span.from_us), Micros(span.to_us)], binary=True)
    old = [
        Segment(
            start_us=start,
            end_us=end,
            state=State(state),
            step_us=step,
            counter_us=counter,
            counter_readings=readings,
            witness_counter_us=witness_counter,
            witness_state_us=witness_state,
        )
        for start, end, state, step, counter, readings, witness_counter, witness_state in cursor
    ]
    new = [piece for piece in closed if span.from_us <= piece.start_us < span.to_us]
    kept = set(old) & set(new)
    removed = [piece for piece in old if piece not in kept]
    added = [piece for piece in new if piece not in kept]
    if removed:
        cursor.execute(
            "DELETE FROM segment WHERE instrument_key = %s AND starts_at = ANY(%s)"
            " AND starts_at BETWEEN %s AND %s",
            [
                key,
                [Micros(piece.start_us) for piece in removed],
                Micros(removed[0].start_us),
                Micros(removed[-1].start_us),
            ],
        )
    copy_rows(cursor, COPY_SEGMENT, (pack_segment(key, piece) for piece in added))
    return removed, added


def _update_track(
    cursor: psycopg.Cursor,
    instrument: Instrument,
    track: Track,
    fresh: Track,
    span: _Span,
    pairs: Sequence[tuple[Raw, Row]],
) -> None:
    """Brings ``track`` up to date with the span that was folded again."""
    first_at = min(
        (at for at in (track.first_at_us, fresh.first_at_us) if at is not None), default=None
    )
    if (
        first_at != fresh.first_at_us
        and span.rows_from_us == OLDEST_US
        and not cursor.execute(
            SELECT_PIECES_BEFORE, [instrument.key, Micros(span.from_us)], binary=True
        ).fetchone()
    ):
        # Nothing is older, not even what retention has taken the rows of: a correction set
        # later has moved the first heartbeat (rule 8).
        first_at = fresh.first_at_us
    live = (track.live_at_us, track.live_until_us)
    if fresh.live_at_us is not None and (live[0] is None or fresh.live_at_us >= live[0]):
        live = (fresh.live_at_us, fresh.live_until_us)
    elif (
        live[0] is not None
        and pairs
        and pairs[0][1].at_us <= live[0]
        and (span.tail or live[0] <= pairs[-1][1].at_us)
    ):
        # The row that kept it alive no longer counts (rule 9), or a correction has moved it back
        # (rule 8): the newest live one that does.
        if fresh.live_at_us is not None:
            live = (fresh.live_at_us, fresh.live_until_us)
        else:
            live = _newest_live_before(cursor, instrument, pairs[0])
    chain_from = track.segment_from_us
    if span.tail:
        for name in _TAIL_FIELDS:
            setattr(track, name, getattr(fresh, name))
        chain_from = fresh.segment_from_us
    track.first_at_us = first_at
    track.live_at_us, track.live_until_us = live
    reaches_back = chain_from is not None and (
        chain_from <= span.to_us if not span.tail else chain_from <= pairs[0][1].at_us
    )
    if reaches_back and track.piece_from_us is not None and track.state is not None:
        track.segment_from_us = _chain_start(
            cursor, instrument.key, track.piece_from_us, track.state
        )


_TAIL_FIELDS = (
    "newest_ts_us",
    "newest_at_us",
    "newest_seq",
    "newest_boot_id",
    "newest_stale",
    "credit_from_us",
    "credit_until_us",
    "state",
    "segment_from_us",
    "piece_from_us",
    "piece_step_us",
    "piece_counter_us",
    "piece_counter_readings",
    "piece_witness_counter_us",
    "piece_witness_state_us",
    "reading_at_us",
    "reading_us",
    "reading_running_us",
    "reading_gap",
    "power_w",
)


def _newest_live_before(
    cursor: psycopg.Cursor, instrument: Instrument, first: tuple[Raw, Row]
) -> tuple[int | None, int | None]:
    found = cursor.execute(
        SELECT_BEFORE.format(also=f"AND flags & {LIVE} <> 0"),
        [instrument.key, Micros(first[0].ts_us)],
        binary=True,
    ).fetchone()
    if found is None:
        return None, None
    raw = Raw(*found)
    # Same gateway or not, the difference of corrections is that of the row at hand: the exact
    # one is taken when the row itself is folded again.
    at = raw.ts_us + (first[1].at_us - first[1].ts_us)
    return at, at + hold_of(raw, instrument)


def _chain_start(cursor: psycopg.Cursor, key: int, piece_from_us: int, state: State) -> int:
    """Where the maximal segment began whose open piece starts at ``piece_from_us``."""
    start = piece_from_us
    while True:
        found = cursor.execute(SELECT_PIECES_BEFORE, [key, Micros(start)], binary=True).fetchall()
        for starts_at, ends_at, piece_state in found:
            if ends_at != start or piece_state != state:
                return start
            start = starts_at
        if len(found) < 500:
            return start


def _touched(
    removed: list[Segment], added: list[Segment], before: Track, after: Track
) -> tuple[int, int] | None:
    lows: list[int] = []
    highs: list[int] = []
    for piece in (*removed, *added):
        lows.append(piece.start_us)
        highs.append(piece.end_us)
    if _open(before) != _open(after):
        for track in (before, after):
            if track.piece_from_us is not None and track.credit_until_us is not None:
                lows.append(track.piece_from_us)
                highs.append(track.credit_until_us)
    if before.first_at_us != after.first_at_us and after.first_at_us is not None:
        # Time that was before the first heartbeat has another cause now (rule 14).
        lows.append(after.first_at_us)
        highs.append(before.first_at_us if before.first_at_us is not None else FAR_US)
    return (min(lows), max(highs)) if lows else None


def _open(track: Track) -> tuple[object, ...]:
    return (
        track.piece_from_us,
        track.credit_from_us,
        track.credit_until_us,
        track.state,
        track.piece_step_us,
        track.piece_counter_us,
        track.piece_counter_readings,
        track.piece_witness_counter_us,
        track.piece_witness_state_us,
    )
