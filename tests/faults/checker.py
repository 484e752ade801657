"""What must hold after every fault, whatever it was.

Receipted ⊆ stored ∪ dead letters; stored ⊆ attempted; no key twice; the segments and the
status equal those that ``tests/oracle.py`` computes from what was attempted, to the
microsecond. Only where gateways without receipts may lose something (``plain``) does the oracle
get what arrived instead of what was attempted.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from tests import oracle
from tests.faults.gateways import STATES, Beat, Log

#: Later than anything that is held.
FAR = 4_000_000_000_000_000
HOLD_S = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the checker counted; all of heartbeats."""

    attempted: int
    receipted: int
    stored: int
    dead: int
    lost: int
    running_us: int
    segments: int

    def __str__(self) -> str:
        return (
            f"attempted {self.attempted}, receipted {self.receipted}, stored {self.stored},"
            f" dead letters {self.dead}, lost {self.lost}; {self.segments} segments, running"
            f" {self.running_us / 1e6:.0f} s, all as computed from the attempted"
        )


def check(url: str, sure: Iterable[Log], plain: Iterable[Log] = ()) -> Found:
    """Holds the database against the logs.

    Args:
        url: The database.
        sure: Of the gateways that may lose nothing.
        plain: Of those that may: no receipts, and a fault that costs them something.

    Raises:
        AssertionError: Something does not hold; says what.
    """
    sure, plain = list(sure), list(plain)
    logs = [*sure, *plain]
    attempted: dict[str, dict[int, Beat]] = defaultdict(dict)
    for log in logs:
        for iid, beats in log.attempted.items():
            for beat in beats:
                assert attempted[iid].setdefault(beat.ts_us, beat) == beat, "the test's own fault"
    with psycopg.connect(url) as connection:
        stored = _stored(connection)
        dead = _dead(connection)
        segments = _segments(connection)
        newest = _newest(connection)
        rows = connection.execute("SELECT count(*) FROM heartbeat").fetchone()
    assert rows is not None

    for iid, beats in stored.items():
        for ts, beat in beats.items():
            assert attempted.get(iid, {}).get(ts) == beat, f"stored but never sent: {iid} {beat}"
    assert rows[0] == sum(map(len, stored.values())), "a key stands twice"

    missing = {
        (iid, ts)
        for iid, beats in attempted.items()
        for ts in beats.keys() - stored.get(iid, {}).keys()
    } - dead
    receipted = {key for log in logs for key in log.receipted}
    broken = receipted & missing
    assert not broken, f"{len(broken)} receipted heartbeats are nowhere, such as {min(broken)}"
    kept = {(iid, b.ts_us) for log in sure for iid, beats in log.attempted.items() for b in beats}
    broken = kept & missing
    assert not broken, f"{len(broken)} attempted are nowhere, such as {min(broken)}"

    total = running = 0
    for iid, beats in attempted.items():
        # What was set aside may have come once more and been taken.
        arrived = [b for ts, b in beats.items() if ts in stored.get(iid, {})]
        timeline = oracle.Timeline(
            [
                {
                    "instrument_id": iid,
                    "ts": b.ts_us,
                    "state": b.state,
                    "seq": b.seq,
                    "boot_id": b.boot_id,
                }
                for b in arrived
            ],
            now=FAR,
            versions=[{"hold_s": HOLD_S}],
        )
        assert segments.get(iid, []) == timeline.segments, _differing(
            iid, segments.get(iid, []), timeline.segments
        )
        if arrived:
            last = max(arrived)
            assert newest[iid] == (last.ts_us, last.state), f"{iid}: status is not the newest"
        total += len(timeline.segments)
        running += sum(b - a for a, b, state in timeline.segments if state == "running")
    return Found(
        attempted=sum(map(len, attempted.values())),
        receipted=len(receipted),
        stored=rows[0],
        dead=len(dead),
        lost=len(missing),
        running_us=running,
        segments=total,
    )


def _differing(iid: str, stored: Sequence[Any], right: Sequence[Any]) -> str:
    """Where segments begin to differ from what they should be, and whereby."""
    at = next((n for n, (a, b) in enumerate(zip(stored, right, strict=False)) if a != b), None)
    at = min(len(stored), len(right)) if at is None else at
    some = slice(max(0, at - 1), at + 3)
    return (
        f"{iid}: {len(stored)} segments for {len(right)}; from number {at} on"
        f" {list(stored[some])} for {list(right[some])}"
    )


def _stored(connection: psycopg.Connection) -> dict[str, dict[int, Beat]]:
    found: dict[str, dict[int, Beat]] = defaultdict(dict)
    with connection.cursor(name="stored") as cursor:
        cursor.itersize = 50_000
        cursor.execute(
            "SELECT i.instrument_id, (extract(epoch FROM h.ts) * 1000000)::bigint, h.state, h.seq,"
            " h.boot_id FROM heartbeat h JOIN instrument i USING (instrument_key)"
        )
        for iid, ts, state, seq, boot in cursor:
            found[iid][ts] = Beat(ts, STATES[state], seq, boot)
    return found


def _dead(connection: psycopg.Connection) -> set[tuple[str, int]]:
    """Heartbeats of the attempted kind among the dead letters; each digest stands once."""
    found = set()
    for (payload,) in connection.execute(
        "SELECT payload FROM dead_letter WHERE instrument_id IS NOT NULL AND payload IS NOT NULL"
        " AND replayed_at IS NULL"
    ):
        letter = json.loads(payload)
        if isinstance(letter.get("ts"), int):
            found.add((letter["instrument_id"], letter["ts"] * 1_000))
    return found


def _segments(connection: psycopg.Connection) -> dict[str, list[tuple[int, int, str]]]:
    found: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for iid, start, end, state in connection.execute(
        "SELECT i.instrument_id, (extract(epoch FROM p.a) * 1000000)::bigint,"
        " (extract(epoch FROM p.b) * 1000000)::bigint, p.state"
        " FROM (SELECT instrument_key, starts_at AS a, ends_at AS b, state FROM segment"
        "       UNION ALL SELECT instrument_key, piece_from, credit_until, state"
        "       FROM instrument_status WHERE piece_from IS NOT NULL) p"
        " JOIN instrument i USING (instrument_key) ORDER BY i.instrument_id, p.a"
    ):
        pieces = found[iid]
        word = STATES[state]
        if pieces and pieces[-1][1:] == (start, word):
            pieces[-1] = (pieces[-1][0], end, word)
        elif start < end:
            pieces.append((start, end, word))
    return found


def _newest(connection: psycopg.Connection) -> dict[str, tuple[int, str]]:
    return {
        iid: (ts, STATES[state])
        for iid, ts, state in connection.execute(
            "SELECT i.instrument_id, (extract(epoch FROM s.newest_ts) * 1000000)::bigint, s.state"
            " FROM instrument_status s JOIN instrument i USING (instrument_key)"
            " WHERE s.newest_ts IS NOT NULL"
        )
    }
