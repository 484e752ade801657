"""Recomputes any range from raw rows and reports what differed; `jishi rebuild`'s work."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg.types.json import Jsonb

from ingest.db.connection import Micros
from ingest.sql import statements
from ingest.write.refold import Rebuilt
from ingest.write.writer import Writer
from models.segment import Piece, State
from models.timestamp import format_ts

SQL = statements("rebuild")
#: Longest stretch folded at once: bounds what is in memory (µs).
STRETCH_US = 2 * 86_400_000_000
#: Differences that are told one by one.
TOLD = 1_000


class FinalRangeError(Exception):
    """The range, or a part of it, is final: its raw rows are gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A piece that the rebuild took away (``-``) or brought (``+``)."""

    instrument_id: str
    sign: str
    piece: Piece


@dataclass(slots=True)
class Report:
    """What a rebuild did."""

    instruments: int = 0
    rows_read: int = 0
    #: Pieces taken away or brought.
    count: int = 0
    differences: list[Difference] = field(default_factory=list)


def rebuild_range(
    connection: psycopg.Connection,
    writer: Writer,
    low_us: int,
    high_us: int,
    instruments: Sequence[str] | None,
    actor: str,
    tell: Callable[[int, int], None],
) -> Report:
    """Folds ``[low_us, high_us)`` again, instrument by instrument, each in short transactions.

    One that changes figures leaves an entry in the audit, by its own commit.

    Args:
        connection: Prepared for ``writer``.
        writer: Locks and writes.
        low_us: Start, device's time.
        high_us: End, exclusive.
        instruments: Ids; ``None`` is all of them.
        actor: Who asks, for the audit.
        tell: Called with steps done and steps in all.

    Raises:
        FinalRangeError: Raw rows of the range are gone.
        LookupError: An instrument is not registered.
    """
    keys = _keys(connection, instruments)
    oldest = _final_before(connection)
    if oldest is not None and low_us < oldest:
        first = _first_segment(connection, list(keys.values()), low_us, oldest)
        if first is not None:
            raise FinalRangeError(
                f"the range begins at {format_ts(low_us)}, but figures before"
                f" {format_ts(oldest)} are final: their raw heartbeats are gone; choose --from"
                f" {format_ts(oldest)} or later"
            )
        low_us = oldest
    report = Report()
    stretches = [
        (start, min(start + STRETCH_US, high_us)) for start in range(low_us, high_us, STRETCH_US)
    ]
    total = len(keys) * len(stretches)
    done = 0
    for instrument_id, key in keys.items():
        report.instruments += 1
        writer.relink(connection, key)
        for start, end in stretches:
            with connection.transaction():
                rebuilt = writer.refold(connection, key, start, end)
                if rebuilt.removed or rebuilt.added or rebuilt.track_changed:
                    connection.execute(SQL["note"], _entry(actor, key, start, end, rebuilt))
            report.rows_read += rebuilt.rows_read
            report.count += len(rebuilt.removed) + len(rebuilt.added)
            for sign, pieces in (("-", rebuilt.removed), ("+", rebuilt.added)):
                report.differences.extend(
                    Difference(instrument_id=instrument_id, sign=sign, piece=piece)
                    for piece in pieces[: TOLD - len(report.differences)]
                )
            done += 1
            tell(done, total)
    return report


def _entry(actor: str, key: int, start_us: int, end_us: int, rebuilt: Rebuilt) -> list[object]:
    """What the audit says: the pieces that differed, summed up as they were and as they are."""
    sums = []
    for pieces in (rebuilt.removed, rebuilt.added):
        told: dict[str, object] = {
            "from": format_ts(start_us),
            "to": format_ts(end_us),
            "pieces": len(pieces),
        }
        for state in State:
            us = sum(piece.end_us - piece.start_us for piece in pieces if piece.state is state)
            told[f"{state.word}_s"] = us / 1_000_000
        sums.append(Jsonb(told))
    return [actor, key, *sums]


def _keys(connection: psycopg.Connection, instruments: Sequence[str] | None) -> dict[str, int]:
    with connection.transaction():
        if instruments is None:
            rows = connection.execute(SQL["all_keys"]).fetchall()
            return dict(rows)
        rows = connection.execute(SQL["keys"], [list(instruments)]).fetchall()
    keys: dict[str, int] = dict(rows)
    for instrument_id in instruments:
        if instrument_id not in keys:
            raise LookupError(f"instrument {instrument_id!r} is not registered")
    return keys


def _final_before(connection: psycopg.Connection) -> int | None:
    with connection.transaction():
        cursor = connection.cursor(binary=True)
        row = cursor.execute(SQL["oldest_kept"]).fetchone()
        hold = cursor.execute(SQL["longest_hold"]).fetchone()
    if row is None or row[0] is None or hold is None or hold[0] is None:
        return None
    return int(row[0]) + int(hold[0])


def _first_segment(
    connection: psycopg.Connection, keys: list[int], low_us: int, high_us: int
) -> int | None:
    with connection.transaction():
        row = (
            connection.cursor(binary=True)
            .execute(SQL["first_final_segment"], [keys, Micros(low_us), Micros(high_us)])
            .fetchone()
        )
    return row[0] if row else None
