"""The pieces that are stored of one instrument: read, replaced, followed back."""

from collections.abc import Sequence

import psycopg

from ingest.db.connection import Micros
from ingest.sql import statements
from ingest.write.copy_rows import COPY_SEGMENT, copy_rows, pack_segment
from models.segment import Piece, State

SQL = statements("stored_pieces")
#: Pieces that ``before`` gives at once.
PORTION = 500


def splice(
    cursor: psycopg.Cursor, key: int, from_us: int, to_us: int, pieces: Sequence[Piece]
) -> tuple[list[Piece], list[Piece]]:
    """Replaces the pieces that start in ``[from_us, to_us)``; writes only what differs.

    Args:
        cursor: In the transaction that holds the instrument.
        key: The instrument.
        from_us: Corrected time.
        to_us: Exclusive.
        pieces: Sorted; those that start elsewhere are passed over.

    Returns:
        Pieces that were taken away, and those that were brought.
    """
    cursor.execute(SQL["between"], [key, Micros(from_us), Micros(to_us)], binary=True)
    old = [_piece(*row) for row in cursor]
    new = [piece for piece in pieces if from_us <= piece.start_us < to_us]
    kept = set(old) & set(new)
    removed = [piece for piece in old if piece not in kept]
    added = [piece for piece in new if piece not in kept]
    if removed:
        starts = [Micros(piece.start_us) for piece in removed]
        cursor.execute(SQL["delete"], [key, starts, starts[0], starts[-1]])
    copy_rows(cursor, COPY_SEGMENT, (pack_segment(key, piece) for piece in added))
    return removed, added


def _piece(
    start: int,
    end: int,
    state: int,
    step: int,
    counter: int,
    readings: int,
    witness_counter: int,
    witness_state: int,
) -> Piece:
    return Piece(
        start_us=start,
        end_us=end,
        state=State(state),
        step_us=step,
        counter_us=counter,
        counter_readings=readings,
        witness_counter_us=witness_counter,
        witness_state_us=witness_state,
    )


def any_before(cursor: psycopg.Cursor, key: int, start_us: int) -> bool:
    """Whether a piece starts before a time."""
    return (
        cursor.execute(SQL["before"], [key, Micros(start_us)], binary=True).fetchone() is not None
    )


def chain_start(cursor: psycopg.Cursor, key: int, piece_from_us: int, state: State) -> int:
    """Where the maximal segment began whose open piece starts at ``piece_from_us``."""
    start = piece_from_us
    while True:
        found = cursor.execute(SQL["before"], [key, Micros(start)], binary=True).fetchall()
        for starts_at, ends_at, piece_state in found:
            if ends_at != start or piece_state != state:
                return start
            start = starts_at
        if len(found) < PORTION:
            return start
