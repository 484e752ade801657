"""Heartbeats at or behind their instrument's newest row: what stands there is looked up first.

What comes of it is folded again from where it touches: ``refold.py``.
"""

from collections import defaultdict
from collections.abc import Mapping

import psycopg

from ingest.write import refold, stored_rows
from ingest.write.admission import Verdict
from ingest.write.batch import Arrival
from ingest.write.changes import Changes
from ingest.write.copy_rows import COPY_HEARTBEAT, copy_rows, pack_heartbeat
from ingest.write.registry_cache import Registry
from ingest.write.settling import settle_all, settle_doubtful, settle_stored
from ingest.write.status_rows import StatusRow


def take(
    cursor: psycopg.Cursor,
    rows: Mapping[int, StatusRow],
    behind: list[Arrival],
    verdict: Verdict,
    registry: Registry,
    changes: Changes,
    *,
    accept_past_us: int,
    oldest_us: int,
    now_us: int,
) -> None:
    """Settles what is behind against what is stored, and folds again what that touches.

    Args:
        cursor: In the transaction.
        rows: Locked status rows; their tracks are brought up to date.
        behind: Arrivals.
        verdict: Whose doubtful arrivals are decided.
        registry: At the transaction's revision.
        changes: Gets what changed.
        accept_past_us: How old a heartbeat may be at its receipt (rule 6).
        oldest_us: Nothing older than this is taken.
        now_us: The database's clock.
    """
    standing = stored_rows.standing(cursor, [*behind, *verdict.doubtful])
    settle_doubtful(cursor, verdict, standing, accept_past_us, oldest_us)
    by_key: dict[int, dict[int, list[Arrival]]] = defaultdict(lambda: defaultdict(list))
    for arrival in behind:
        by_key[arrival.instrument_key][arrival.ts_us].append(arrival)
    new_rows: list[Arrival] = []
    changed: dict[int, list[int]] = defaultdict(list)
    for key, times in by_key.items():
        for ts, arrivals in times.items():
            stored = standing.get((key, ts))
            if stored is None:
                best = settle_all(arrivals, changes)
                best.outcome.stored += 1
                new_rows.append(best)
                changed[key].append(ts)
            elif settle_stored(cursor, stored, arrivals, registry, changes):
                changed[key].append(ts)
    copy_rows(cursor, COPY_HEARTBEAT, map(pack_heartbeat, new_rows))
    for key, changed_at in changed.items():
        instrument, track = registry.instruments_by_key[key], rows[key].track
        low, high = min(changed_at), max(changed_at)
        track.judged = track.judged or key in verdict.stateless
        changes.take(key, refold.rebuild(cursor, instrument, registry, track, low, high, now_us))
        changes.late += len(changed_at)
