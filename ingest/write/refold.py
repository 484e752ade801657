"""Late heartbeats: what they touch is folded again from raw rows (rules 3, 6, 9).

The instrument's status row is locked by the caller, so nothing else moves. How far a change
reaches is ``span.py``'s.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import psycopg

from ingest.db.connection import FAR_US, OLDEST_US
from ingest.write import stored_pieces
from ingest.write.judging import judge_again
from ingest.write.registry_cache import Instrument, Registry
from ingest.write.span import Span, span_of
from ingest.write.stored_rows import Raw, StoredRows, row_of, set_flags
from models.fold import JUDGES_FIELDS, Row, Track, advance
from models.heartbeat import STALE
from models.segment import Piece

#: What a track says of all rows; the rest is of its newest rows, and its open segment.
_OF_ALL = ("first_at_us", "live_at_us", "live_until_us")
_OF_TAIL = tuple(
    field.name for field in fields(Track) if field.name not in (*_OF_ALL, *JUDGES_FIELDS)
)
#: What of it says how the open segment's time counts.
_OF_OPEN = (
    "credit_from_us",
    "credit_until_us",
    "state",
    *(name for name in _OF_TAIL if name.startswith("piece_")),
)


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild did to one instrument."""

    removed: list[Piece]
    added: list[Piece]
    #: Whether the open segment or the live state changed.
    track_changed: bool
    #: Corrected time range whose figures may have changed; empty when nothing did.
    touched: tuple[int, int] | None
    #: Raw rows read.
    rows_read: int


@dataclass(slots=True)
class _Folded:
    """What the rows of a span give, folded from their first."""

    track: Track
    pieces: list[Piece]
    #: Rows whose stale flag is another now: device's time and flags.
    flips: list[tuple[int, int]]


def rebuild(
    cursor: psycopg.Cursor,
    instrument: Instrument,
    registry: Registry,
    track: Track,
    low_us: int,
    high_us: int,
    now_us: int,
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
        now_us: The database's clock.
    """
    rows = StoredRows(cursor, instrument, registry)
    before = replace(track)
    if track.judged:
        low_us, high_us = judge_again(cursor, instrument, registry, track, low_us, high_us, now_us)
    span = span_of(rows, track, instrument, registry, low_us, high_us)
    pairs = rows.between(span.rows_from_us, span.rows_to_us)
    if not pairs:
        # Retention has taken the rows; what they gave is final.
        return Rebuilt(removed=[], added=[], track_changed=False, touched=None, rows_read=0)
    folded = _fold(pairs)
    set_flags(cursor, instrument.key, folded.flips)
    removed, added = stored_pieces.splice(
        cursor, instrument.key, span.from_us, span.to_us, folded.pieces
    )
    _update(track, folded.track, span, cursor, instrument, registry, rows, pairs)
    return Rebuilt(
        removed=removed,
        added=added,
        track_changed=track != before,
        touched=_touched(removed, added, before, track),
        rows_read=rows.read,
    )


def _fold(pairs: Sequence[tuple[Raw, Row]]) -> _Folded:
    folded = _Folded(Track(), [], [])
    for number, (raw, row) in enumerate(pairs):
        if number == 0 and raw.flags & STALE:
            # Judged by a row that retention has taken since; what it said still holds.
            folded.track.newest_seq, folded.track.newest_boot_id = row.seq, row.boot_id
            continue
        stale = advance(folded.track, row, folded.pieces)
        if stale != bool(raw.flags & STALE):
            folded.flips.append((raw.ts_us, raw.flags ^ STALE))
    return folded


def _update(
    track: Track,
    fresh: Track,
    span: Span,
    cursor: psycopg.Cursor,
    instrument: Instrument,
    registry: Registry,
    rows: StoredRows,
    pairs: Sequence[tuple[Raw, Row]],
) -> None:
    """Brings ``track`` up to date with the span that was folded again to ``fresh``."""
    first_at = _first_at(track, fresh, span, cursor, instrument.key)
    if track.judged:
        live = _judged_live(rows, registry.corrections(instrument).spread)
    else:
        live = _live(track, fresh, span, instrument, registry, rows, pairs)
    if span.tail:
        for name in _OF_TAIL:
            setattr(track, name, getattr(fresh, name))
    track.first_at_us = first_at
    track.live_at_us, track.live_until_us = live
    chain_from = track.segment_from_us
    reaches_back = chain_from is not None and (
        chain_from <= pairs[0][1].at_us if span.tail else chain_from <= span.to_us
    )
    if reaches_back and track.piece_from_us is not None and track.state is not None:
        track.segment_from_us = stored_pieces.chain_start(
            cursor, instrument.key, track.piece_from_us, track.state
        )


def _first_at(
    track: Track, fresh: Track, span: Span, cursor: psycopg.Cursor, key: int
) -> int | None:
    """The first heartbeat's time."""
    known = [at for at in (track.first_at_us, fresh.first_at_us) if at is not None]
    first_at = min(known, default=None)
    if (
        first_at != fresh.first_at_us
        and span.rows_from_us == OLDEST_US
        and not stored_pieces.any_before(cursor, key, span.from_us)
    ):
        # Nothing is older, not even what retention has taken the rows of: a correction set
        # later has moved the first heartbeat (rule 8).
        return fresh.first_at_us
    return first_at


def _live(
    track: Track,
    fresh: Track,
    span: Span,
    instrument: Instrument,
    registry: Registry,
    rows: StoredRows,
    pairs: Sequence[tuple[Raw, Row]],
) -> tuple[int | None, int | None]:
    """Time and hold's end of the newest live heartbeat that counts (rule 10)."""
    live_at = track.live_at_us
    if fresh.live_at_us is not None and (live_at is None or fresh.live_at_us >= live_at):
        return fresh.live_at_us, fresh.live_until_us
    first, last = pairs[0][1], pairs[-1][1]
    if live_at is None or live_at < first.at_us or not (span.tail or live_at <= last.at_us):
        return live_at, track.live_until_us
    # The row that kept it alive no longer counts (rule 9), or a correction has moved it back
    # (rule 8): the newest live one that does.
    if fresh.live_at_us is not None:
        return fresh.live_at_us, fresh.live_until_us
    raw = rows.live_before(first.ts_us)
    if raw is None:
        return None, None
    # Same gateway or not, the difference of corrections is that of the row at hand: the exact
    # one is taken when the row itself is folded again.
    at = raw.ts_us + (first.at_us - first.ts_us)
    return at, at + row_of(raw, instrument, registry).hold_us


def _judged_live(rows: StoredRows, spread_us: int) -> tuple[int | None, int | None]:
    """The same where words on availability end or extend it: folded from the newest live row."""
    newest = rows.live_before(FAR_US)
    if newest is None:
        return None, None
    credits_it = rows.before(newest.ts_us - spread_us)
    first = newest.ts_us - 2 * spread_us if credits_it is None else credits_it.ts_us - spread_us
    live = _fold(rows.between(first, FAR_US)).track
    return live.live_at_us, live.live_until_us


def _touched(
    removed: list[Piece], added: list[Piece], before: Track, after: Track
) -> tuple[int, int] | None:
    lows: list[int] = []
    highs: list[int] = []
    for piece in (*removed, *added):
        lows.append(piece.start_us)
        highs.append(piece.end_us)
    if any(getattr(before, name) != getattr(after, name) for name in _OF_OPEN):
        for track in (before, after):
            if track.piece_from_us is not None and track.credit_until_us is not None:
                lows.append(track.piece_from_us)
                highs.append(track.credit_until_us)
    if before.first_at_us != after.first_at_us and after.first_at_us is not None:
        # Time that was before the first heartbeat has another cause now (rule 14).
        lows.append(after.first_at_us)
        highs.append(before.first_at_us if before.first_at_us is not None else FAR_US)
    return (min(lows), max(highs)) if lows else None
