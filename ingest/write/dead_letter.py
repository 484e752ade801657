"""What cannot be taken is recorded once, counted, and acknowledged.

The digest names a letter: a redelivery finds itself recorded. Of a gateway that floods only
reason and digest are kept.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg

from ingest.db.connection import Micros
from ingest.sql import statements
from models.heartbeat import Reason

#: Larger payloads are kept as their head; the digest covers the whole.
PAYLOAD_KEPT = 64 * 1024  # bytes
#: Letters a minute of one gateway whose payload is kept.
FLOOD_PER_MINUTE = 1_000

SQL = statements("dead_letter")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One heartbeat, or one message, that could not be taken."""

    reason: Reason
    detail: str
    gateway_id: str
    topic: str
    payload: bytes
    #: The database's time of receipt (µs).
    received_us: int
    live: bool
    historical: bool
    instrument_id: str | None = None
    ts_us: int | None = None
    heartbeats: int = 1

    @property
    def digest(self) -> bytes:
        """Names the letter: the same content from the same topic is the same letter.

        A conflict is named by its canonical payload alone, whichever way it came.
        """
        if self.reason is Reason.CONFLICT:
            return conflict_digest(self.payload)
        return hashlib.sha256(b"message\0" + self.topic.encode() + b"\0" + self.payload).digest()


def conflict_digest(canonical: bytes) -> bytes:
    """The digest of the conflict letter of a heartbeat in canonical encoding."""
    return hashlib.sha256(b"conflict\0" + canonical).digest()


@dataclass(slots=True)
class FloodGate:
    """Counts letters by gateway and minute, to say whose payloads are no longer kept."""

    minute: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    def admits(self, gateway_id: str) -> bool:
        """Whether the next letter's payload is kept."""
        minute = int(time.monotonic() // 60)
        if minute != self.minute:
            self.minute = minute
            self.counts.clear()
        count = self.counts.get(gateway_id, 0) + 1
        self.counts[gateway_id] = count
        return count <= FLOOD_PER_MINUTE


def storable(value: str) -> str:
    """The text as PostgreSQL takes it: neither NUL nor lone surrogates."""
    return value.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()


def record(
    cursor: psycopg.Cursor, letters: Sequence[DeadLetter], gate: FloodGate
) -> dict[bytes, int]:
    """Writes the letters; one that is recorded already only counts up.

    Returns:
        How often each digest has come by now; 1 means that it is new.
    """
    unique: dict[bytes, DeadLetter] = {}
    for letter in letters:
        unique.setdefault(letter.digest, letter)
    if not unique:
        return {}
    rows = [
        (
            digest,
            str(letter.reason),
            storable(letter.detail)[:2_000],
            storable(letter.gateway_id)[:200],
            storable(letter.topic)[:500],
            None if letter.instrument_id is None else storable(letter.instrument_id)[:200],
            None if letter.ts_us is None else Micros(letter.ts_us),
            Micros(letter.received_us),
            letter.heartbeats,
            letter.live,
            letter.historical,
            letter.payload[:PAYLOAD_KEPT] if gate.admits(letter.gateway_id) else None,
            len(letter.payload),
            hashlib.sha256(letter.payload).digest(),
        )
        for digest, letter in sorted(unique.items())
    ]
    cursor.execute(SQL["record"], [list(column) for column in zip(*rows, strict=True)], binary=True)
    return {bytes(digest): occurrences for digest, occurrences in cursor}
