"""Heartbeats newer than all of their instrument: new by construction, so nothing is looked up.

Their instrument's status row is locked, so whatever is ahead of it goes in by ``COPY``; the rest
is behind, and ``late.py``'s.
"""

from collections.abc import Mapping, Set

import psycopg

from ingest.db.connection import OLDEST_US
from ingest.write.batch import Arrival
from ingest.write.changes import Changes
from ingest.write.copy_rows import COPY_HEARTBEAT, PORTION, Rows, pack_heartbeat
from ingest.write.judging import judge_ahead
from ingest.write.registry_cache import Registry
from ingest.write.settling import settle
from ingest.write.status_rows import StatusRow
from models.fold import Track, advance
from models.segment import Piece

#: Arrivals of one instrument, by key, in order of time.
Ahead = list[tuple[int, list[Arrival]]]


def part(
    rows: Mapping[int, StatusRow],
    groups: Mapping[int, list[Arrival]],
    changes: Changes,
    stateless: Set[int],
    now_us: int,
    *,
    careful: bool,
) -> tuple[Ahead, list[Arrival]]:
    """Parts arrivals into those ahead of their instrument's newest row and those behind it.

    Args:
        rows: Locked status rows, in the order in which instruments are to be taken.
        groups: Arrivals by instrument's key; some of the rows' may have none.
        changes: Gets what several arrivals of one time settle.
        stateless: Keys of instruments with arrivals that state no state.
        now_us: The database's clock.
        careful: Take all as behind.
    """
    ahead: Ahead = []
    behind: list[Arrival] = []
    for key, row in rows.items():
        arrivals = groups.get(key)
        if not arrivals:
            continue
        if careful:
            behind.extend(arrivals)
            continue
        track = row.track
        if track.judged or key in stateless:
            if _follow(track, arrivals) and judge_ahead(track, arrivals, now_us):
                ahead.append((key, arrivals))
            else:
                behind.extend(arrivals)
            continue
        if not _follow(track, arrivals):
            arrivals = _sift(track, arrivals, behind, changes)
        if arrivals:
            ahead.append((key, arrivals))
    return ahead, behind


def _follow(track: Track, arrivals: list[Arrival]) -> bool:
    """Whether each is newer than all before it, by either time: the usual case."""
    ts, at = track.newest_ts_us, track.newest_at_us
    if ts is None or at is None:
        ts = at = OLDEST_US
    for arrival in arrivals:
        if arrival.ts_us <= ts or arrival.at_us <= at:
            return False
        ts, at = arrival.ts_us, arrival.at_us
    return True


def _sift(
    track: Track, arrivals: list[Arrival], behind: list[Arrival], changes: Changes
) -> list[Arrival]:
    """Those ahead, in order; several of one time are one heartbeat and duplicates, or a conflict.

    ``arrivals`` is sorted on the way, and what is behind is added to ``behind``.
    """
    arrivals.sort(key=_in_order)
    newest_ts, newest_at = track.newest_ts_us, track.newest_at_us
    if newest_ts is not None and newest_at is not None:
        first = arrivals[0]
        if first.ts_us <= newest_ts or first.at_us <= newest_at:
            behind.extend(a for a in arrivals if a.ts_us <= newest_ts or a.at_us <= newest_at)
            arrivals = [a for a in arrivals if a.ts_us > newest_ts and a.at_us > newest_at]
    chosen: list[Arrival] = []
    for arrival in arrivals:
        if chosen and chosen[-1].ts_us == arrival.ts_us:
            chosen[-1] = settle(chosen[-1], arrival, changes)
        else:
            chosen.append(arrival)
    return chosen


def _in_order(arrival: Arrival) -> tuple[int, int]:
    return arrival.at_us, arrival.ts_us


def take(
    cursor: psycopg.Cursor,
    rows: Mapping[int, StatusRow],
    ahead: Ahead,
    registry: Registry,
    changes: Changes,
    today_us: int,
) -> None:
    """Advances the folds over what is ahead, and sends it while more is made."""
    with Rows(cursor, COPY_HEARTBEAT) as sending:
        packed: list[bytes] = []
        for key, arrivals in ahead:
            low, high = _advance(rows[key].track, key, arrivals, changes)
            if low - registry.instruments_by_key[key].session_reach_us < today_us:
                # Else it lies in a day that is not over, and no rollup has it.
                changes.touch(key, low, high)
            for arrival in arrivals:
                packed.append(pack_heartbeat(arrival))
            if len(packed) >= PORTION:
                sending.add(packed)
                packed.clear()
        sending.add(packed)


def _advance(track: Track, key: int, arrivals: list[Arrival], changes: Changes) -> tuple[int, int]:
    """Takes an instrument's arrivals; the corrected time range whose figures they change."""
    closed: list[Piece] = []
    low = arrivals[0].at_us
    if (
        track.first_at_us is not None
        and track.credit_until_us is not None
        and low < track.credit_until_us
    ):
        low = track.credit_from_us or low
    for arrival in arrivals:
        arrival.stale = advance(track, arrival, closed)
        arrival.outcome.stored += 1
    if closed:
        changes.pieces.extend((key, piece) for piece in closed)
    last = arrivals[-1]
    high = last.at_us + last.hold_us
    until = track.credit_until_us
    if until is not None and until > high:
        high = until  # a word that the device is there may reach further than its own hold
    return low, high
