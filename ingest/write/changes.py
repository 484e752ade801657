"""What a transaction changed, gathered step by step, and what follows from it at its end."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import psycopg

from ingest.db.connection import FAR_US, OLDEST_US, Micros
from ingest.metrics import Metrics
from ingest.sql import statements
from ingest.write.batch import Arrival
from ingest.write.dead_letter import DeadLetter, FloodGate, record
from ingest.write.folded_letters import FoldedLetters, TopicGate
from ingest.write.outcomes import Outcomes
from ingest.write.refold import Rebuilt
from ingest.write.registry_cache import Registry
from models.heartbeat import Reason
from models.segment import Piece

SQL = statements("changes")


@dataclass(slots=True)
class Changes:
    """What a transaction writes and counts besides heartbeats and status rows."""

    letters: list[DeadLetter] = field(default_factory=list)
    #: Devices' messages that could not be taken.
    folded: FoldedLetters = field(default_factory=FoldedLetters)
    pieces: list[tuple[int, Piece]] = field(default_factory=list)
    #: Arrivals that lost a conflict, by digest of their letter: new or seen before?
    losers: list[tuple[bytes, Arrival]] = field(default_factory=list)
    #: Time ranges whose figures changed, by instrument key.
    touched: dict[int, tuple[int, int]] = field(default_factory=dict)
    late: int = 0
    rows_rewritten: int = 0
    rows_read: int = 0
    rollups_forgotten: int = 0

    def touch(self, key: int, low: int, high: int) -> None:
        """Widens what changed for an instrument."""
        old = self.touched.get(key)
        self.touched[key] = (low, high) if old is None else (min(low, old[0]), max(high, old[1]))

    def touch_all(self, touched: Iterable[tuple[int, int, int]]) -> None:
        """The same of several instruments."""
        for key, low, high in touched:
            self.touch(key, low, high)

    def take(self, key: int, rebuilt: Rebuilt) -> None:
        """Counts what was folded again of an instrument."""
        self.rows_rewritten += len(rebuilt.removed) + len(rebuilt.added)
        self.rows_read += rebuilt.rows_read
        if rebuilt.touched:
            self.touch(key, *rebuilt.touched)


def forget_rollups(
    cursor: psycopg.Cursor, registry: Registry, changes: Changes, today_us: int
) -> None:
    """Takes away the rollups of days whose figures changed; the roller makes them anew."""
    keys, lows, highs = [], [], []
    for key, (low, high) in changes.touched.items():
        reach = registry.instruments_by_key[key].session_reach_us
        if low - reach < today_us:
            keys.append(key)
            lows.append(Micros(max(low - reach, OLDEST_US)))
            highs.append(Micros(min(high + reach, FAR_US)))
    if keys:
        row = cursor.execute(SQL["forget_rollups"], [keys, lows, highs]).fetchone()
        changes.rollups_forgotten += row[0] if row else 0


def record_letters(
    cursor: psycopg.Cursor, changes: Changes, gate: FloodGate, topics: TopicGate
) -> None:
    """Records the letters; a conflict's loser that was recorded before is a duplicate."""
    times = record(cursor, changes.letters, gate)
    changes.folded.record(cursor, topics)
    told: set[bytes] = set()
    for digest, arrival in changes.losers:
        if times.get(digest, 1) > 1 or digest in told:
            arrival.outcome.duplicates += 1
        else:
            told.add(digest)
            arrival.outcome.errors.append((arrival.index, Reason.CONFLICT))
            arrival.outcome.rejected += 1


def count(metrics: Metrics, outcomes: Outcomes, changes: Changes) -> None:
    """Counts a batch that is committed."""
    duplicates = 0
    for outcome in outcomes.made.values():
        duplicates += outcome.duplicates
        for _, reason in outcome.errors:
            metrics.rejected.labels(reason=str(reason)).inc()
    metrics.messages.inc(len(outcomes))
    metrics.stored.inc(outcomes.stored)
    metrics.duplicates.inc(duplicates)
    metrics.late.inc(changes.late)
    metrics.rows_rewritten.inc(changes.rows_rewritten)
    metrics.rows_read.inc(changes.rows_read)
    metrics.rollups_forgotten.inc(changes.rollups_forgotten)
