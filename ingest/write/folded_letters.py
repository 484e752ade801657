"""Devices' messages that could not be taken: folded by gateway, topic and hour.

A device says the same thing every ten seconds, for as long as nobody binds it: that is one row
an hour, with the number of messages and the newest payload, which can be replayed. Whoever
floods with ever new topics gets ``TOPICS_AN_HOUR`` rows and one more for all the rest. Single
heartbeats that were refused are ``dead_letter.py``'s.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec
import psycopg

from ingest.db.connection import Micros
from ingest.sql import statements
from ingest.write.batch import Inbound
from ingest.write.dead_letter import storable
from models.heartbeat import Reason

SQL = statements("dead_letter")
HOUR_US = 3_600_000_000
#: Topics of a gateway that have a row of their own within an hour.
TOPICS_AN_HOUR = 256
#: Bytes of the newest payload that are kept; the digest covers the whole.
PAYLOAD_KEPT = 8 * 1024
#: Characters of a topic that are kept. Longer ones go to the row of all the rest: a topic that was
#: cut could not be replayed.
LONGEST_TOPIC = 500
#: The topic of that row, below the gateway's own.
THE_REST = "native/…"


# A Struct like the rest of a batch's values: a flood makes one to each message.
class Folded(msgspec.Struct, gc=False):
    """Messages of one topic and hour; what it keeps is the newest's."""

    gateway_id: str
    topic: str
    reason: Reason
    detail: str
    payload: bytes
    live: bool
    first_us: int
    newest_us: int
    count: int = 1

    @property
    def digest(self) -> bytes:
        """Names the row: the same gateway, topic and hour are the same row."""
        hour = self.first_us // HOUR_US
        name = f"folded\0{self.gateway_id}\0{self.topic}\0{hour}"
        return hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()

    def take(self, other: "Folded") -> None:
        """Takes in another of the same topic and hour."""
        self.count += other.count
        self.first_us = min(self.first_us, other.first_us)
        if other.newest_us >= self.newest_us:
            self.newest_us, self.payload, self.live = other.newest_us, other.payload, other.live
            self.reason, self.detail = other.reason, other.detail


@dataclass(slots=True)
class TopicGate:
    """Remembers, for the hour that is, which topics of each gateway have a row of their own."""

    hour: int = 0
    topics: dict[str, set[bytes]] = field(default_factory=dict)

    def admit(self, cursor: psycopg.Cursor, letters: Iterable[Folded]) -> list[Folded]:
        """The letters as they are written: those of too many topics as one a gateway and hour.

        What was written within the hour before this process began is read from the database.
        """
        letters = list(letters)
        newest = max((letter.first_us // HOUR_US for letter in letters), default=self.hour)
        if newest > self.hour:
            self.hour = newest
            self.topics.clear()
        self._read(cursor, {letter.gateway_id for letter in letters} - self.topics.keys())
        admitted: list[Folded] = []
        rest: dict[tuple[str, int], Folded] = {}
        for letter in letters:
            known = self.topics[letter.gateway_id]
            # Eight bytes of the digest tell topics apart well enough, and cost less memory.
            name = letter.digest[:8]
            full = name not in known and len(known) >= TOPICS_AN_HOUR
            if full or len(letter.topic) > LONGEST_TOPIC:
                _into_the_rest(rest, letter)
            else:
                known.add(name)
                admitted.append(letter)
        return admitted + list(rest.values())

    def _read(self, cursor: psycopg.Cursor, gateways: set[str]) -> None:
        for gateway_id in gateways:
            self.topics[gateway_id] = set()
        if gateways:
            since = Micros(self.hour * HOUR_US)
            cursor.execute(SQL["folded_since"], [sorted(map(storable, gateways)), since])
            for gateway_id, digest in cursor:
                self.topics.setdefault(gateway_id, set()).add(bytes(digest[:8]))


def _into_the_rest(rest: dict[tuple[str, int], Folded], letter: Folded) -> None:
    place = letter.gateway_id, letter.first_us // HOUR_US
    letter.topic = f"instruments/v1/{letter.gateway_id}/{THE_REST}"
    letter.detail = (
        f"more than {TOPICS_AN_HOUR} topics of this gateway within the hour, or longer ones than"
        f" {LONGEST_TOPIC} characters: these are counted together, and the newest cannot be taken"
        " again"
    )
    if place in rest:
        rest[place].take(letter)
    else:
        rest[place] = letter


@dataclass(slots=True)
class FoldedLetters:
    """What a transaction has to fold."""

    letters: dict[tuple[str, str, int], Folded] = field(default_factory=dict)

    def add(self, inbound: Inbound, reason: Reason, detail: str) -> None:
        """Takes a message that could not be taken."""
        at = inbound.received_us
        letter = Folded(
            inbound.gateway_id, inbound.topic, reason, detail, inbound.payload, inbound.live, at, at
        )
        place = inbound.gateway_id, inbound.topic, at // HOUR_US
        known = self.letters.get(place)
        if known is None:
            self.letters[place] = letter
        else:
            known.take(letter)

    def record(self, cursor: psycopg.Cursor, gate: TopicGate) -> None:
        """Writes them; a row that is there counts up and keeps the newest payload."""
        if not self.letters:
            return
        admitted = gate.admit(cursor, self.letters.values())
        rows = [
            (
                letter.digest,
                str(letter.reason),
                storable(letter.detail)[:2_000],
                storable(letter.gateway_id)[:200],
                storable(letter.topic)[:LONGEST_TOPIC],
                Micros(letter.first_us),
                Micros(letter.newest_us),
                letter.count,
                letter.live,
                None if letter.topic.endswith(THE_REST) else letter.payload[:PAYLOAD_KEPT],
                len(letter.payload),
                hashlib.sha256(letter.payload).digest(),
            )
            # In one order, so that two workers do not wait for each other.
            for letter in sorted(admitted, key=lambda one: one.digest)
        ]
        cursor.execute(
            SQL["fold"], [list(column) for column in zip(*rows, strict=True)], binary=True
        )
