"""What ``jishi federation follow`` does of one city, round by round: asks what is new, holds it to
the city's signature, and takes it.

Where a round breaks off the next one goes on: each rollup is one transaction, and how far
everything was taken stands beside them. Nothing that is refused changes anything.
"""

import base64
import json
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import psycopg
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector

from cli.outbound import Answer, OutboundError, fetch
from models.federation_file import CityEntry
from models.rollup import Rollup, RollupError, Span, decode
from models.timestamp import format_instant, parse_ts
from reports.signing import PublicKey
from store.federation.taken import (
    Arrived,
    NotNewerError,
    Place,
    load_held,
    load_place,
    note_asked,
    note_failed,
    note_heard,
    take,
    try_lock,
)
from store.run import run

log = structlog.get_logger(__name__)

Connection = psycopg.Connection[Any]

ALLOW_PRIVATE = "JISHI_FEDERATION_ALLOW_PRIVATE"
#: Rollups in one answer, answers in one round, and the largest rollup (bytes, unpacked).
PAGE, PAGES, LARGEST = 200, 500, 256 << 20
#: How far a city's clock may be ahead of ours (µs).
AHEAD_US = 300_000_000


class RefusedError(Exception):
    """What a city gave is not taken; the message says why, ``reason`` in one word."""

    def __init__(self, reason: str, why: str) -> None:
        super().__init__(why)
        self.reason = reason


class Metrics:
    """What ``/metrics`` of ``jishi federation follow`` tells."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        ProcessCollector(registry=registry)
        self.as_of = Gauge(
            "jishi_federation_as_of_timestamp_seconds",
            "Moment of a city's counts that were taken last",
            ["city"],
            registry=registry,
        )
        self.complete = Gauge(
            "jishi_federation_complete_timestamp_seconds",
            "A city's closed figures are at least as new as this",
            ["city"],
            registry=registry,
        )
        self.heard = Gauge(
            "jishi_federation_heard_timestamp_seconds",
            "When all that a city had published was taken",
            ["city"],
            registry=registry,
        )
        self.taken = Counter(
            "jishi_federation_taken_total",
            "Rollups of a city that were taken",
            ["city"],
            registry=registry,
        )
        self.refused = Counter(
            "jishi_federation_refused_total",
            "Rollups of a city that were refused, by reason",
            ["city", "reason"],
            registry=registry,
        )
        self.failures = Counter(
            "jishi_federation_failures_total",
            "Times that a city could not be asked",
            ["city"],
            registry=registry,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A rollup as a city lists it; nothing of this is signed."""

    span: Span
    start_us: int
    revision: int
    sha256: bytes
    signature: bytes
    size: int

    @property
    def told(self) -> str:
        """As messages name it."""
        return f"{self.span.value} {format_instant(self.start_us)}, revision {self.revision}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Follower:
    """Follows one city."""

    entry: CityEntry
    public_key: PublicKey
    key: str
    sufficient_coverage: float
    allow_private: bool
    metrics: Metrics

    def pull(self, connection: Connection) -> bool:
        """Takes what is new; whether all of it was.

        Args:
            connection: In autocommit.
        """
        place = run(connection, load_place(self.entry.city))
        if not run(connection, try_lock(place.city_key)):
            return True  # somebody else is at it
        run(connection, note_asked(place.city_key))
        taken, refused = place.taken, ""
        try:
            after = place.taken
            for _ in range(PAGES):
                listed = self._list(after)
                if not listed:
                    break
                for one in listed:
                    why = self._take(connection, place, one)
                    # From the first that was refused on all is asked for again next time.
                    refused = refused or why
                    taken = taken if refused else one.revision
                after = listed[-1].revision
        except OutboundError as error:
            self.metrics.failures.labels(self.entry.city).inc()
            refused = str(error)
            log.warning(
                "a city cannot be asked", action="federation", city=self.entry.city, why=refused
            )
        if refused:
            run(connection, note_failed(place, taken, refused[:500]))
            return False
        run(connection, note_heard(place, taken))
        self.metrics.heard.labels(self.entry.city).set_to_current_time()
        return True

    def _ask(self, path: str) -> Answer:
        if not self.allow_private and not self.entry.url.startswith("https://"):
            raise OutboundError(f"{self.entry.url} is not https: a key would be seen by others")
        return fetch(
            f"{self.entry.url}/v1/federation/{path}",
            {
                "Authorization": f"Bearer {self.key}",
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
                "User-Agent": "jishi",
            },
            allow_private=self.allow_private,
            setting=ALLOW_PRIVATE,
            # A key goes to whom it is of and to nobody that this one names.
            redirects=0,
        )

    def _list(self, after: int) -> Sequence[Listed]:
        answer = self._ask(f"rollups?after={after}&limit={PAGE}")
        if answer.status != 200:
            raise OutboundError(_said(answer))
        try:
            items = json.loads(answer.body)["items"]
            found = [_listed(item) for item in items]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise OutboundError(f"its list of rollups cannot be read: {error}") from None
        if any(one.revision <= after for one in found):
            raise OutboundError("its list of rollups repeats what was asked to be passed over")
        return found

    def _take(self, connection: Connection, place: Place, listed: Listed) -> str:
        """Takes one rollup; why not, where it is refused."""
        city = self.entry.city
        try:
            # Asked again after one that was refused, most of the others are here already.
            held = run(connection, load_held(place.city_key, listed.span, listed.start_us))
            if held and (held.revision, held.sha256) == (listed.revision, listed.sha256):
                return ""
            answer = self._ask(f"rollups/{listed.revision}")
            if answer.status == 404:
                return ""  # replaced meanwhile: the newer one follows in the list
            if answer.status != 200:
                raise OutboundError(_said(answer))
            arrived = self._verified(answer, listed)
            with connection.transaction():
                is_new = run(connection, take(place.city_key, arrived))
        except (RefusedError, NotNewerError) as error:
            reason = error.reason if isinstance(error, RefusedError) else "older"
            self.metrics.refused.labels(city, reason).inc()
            why = f"{listed.told}: {error}"
            log.error(
                "a rollup was refused", action="federation", city=city, reason=reason, why=why
            )
            return why
        if is_new:
            self.metrics.taken.labels(city).inc()
        if arrived.rollup.complete_us is not None:
            self.metrics.as_of.labels(city).set(arrived.rollup.as_of_us / 1e6)
            self.metrics.complete.labels(city).set(arrived.rollup.complete_us / 1e6)
        return ""

    def _verified(self, answer: Answer, listed: Listed) -> Arrived:
        """A rollup that is what it says and whose it says.

        Raises:
            RefusedError: It is not.
        """
        data = _unpacked(answer, listed.size)
        if len(data) != listed.size:
            raise RefusedError("truncated", f"truncated: {len(data):,} of {listed.size:,} bytes")
        if not self.public_key.vouches(data, listed.signature):
            raise RefusedError(
                "forged", f"forged or changed: key {self.public_key.key_id} did not sign this"
            )
        try:
            rollup = decode(data)
        except RollupError as error:
            raise RefusedError("unreadable", f"signed, but no rollup: {error}") from None
        self._judge(rollup, listed)
        return Arrived(
            rollup=rollup,
            sha256=sha256(data).digest(),
            signature=listed.signature,
            document=answer.body if _is_packed(answer) else zlib.compress(data, wbits=31),
        )

    def _judge(self, rollup: Rollup, listed: Listed) -> None:
        if rollup.city != self.entry.city:
            raise RefusedError("swapped", f"swapped: it is of {rollup.city}")
        found = (rollup.span, rollup.start_us, rollup.revision)
        if found != (listed.span, listed.start_us, listed.revision):
            raise RefusedError(
                "swapped",
                f"swapped: it is of {rollup.span.value} {format_instant(rollup.start_us)},"
                f" revision {rollup.revision}",
            )
        if rollup.sufficient_coverage != str(self.sufficient_coverage):
            raise RefusedError(
                "rules",
                f"it ranks from a coverage of {rollup.sufficient_coverage} on, we from"
                f" {self.sufficient_coverage}: JISHI_COVERAGE_THRESHOLD must be the same for all",
            )
        if rollup.as_of_us > time.time_ns() // 1000 + AHEAD_US:
            raise RefusedError(
                "clock", f"it is of {format_instant(rollup.as_of_us)}, which lies ahead of now"
            )


def _listed(item: dict[str, Any]) -> Listed:
    if type(item["revision"]) is not int or type(item["size"]) is not int:
        raise TypeError("a revision and a size are integers")
    return Listed(
        span=Span(item["span"]),
        start_us=parse_ts(item["from"]),
        revision=item["revision"],
        sha256=bytes.fromhex(item["sha256"]),
        signature=base64.b64decode(item["signature"], validate=True),
        size=item["size"],
    )


def _is_packed(answer: Answer) -> bool:
    return answer.headers.get("content-encoding", "").strip().lower() == "gzip"


def _unpacked(answer: Answer, size: int) -> bytes:
    """The bytes that were signed, not one more than they should be.

    Raises:
        RefusedError: They are too many, or not packed as they say.
    """
    if not 0 <= size <= LARGEST:
        raise RefusedError("unreadable", f"{size:,} bytes: one has at most {LARGEST >> 20} MiB")
    if not _is_packed(answer):
        return answer.body[: size + 1]
    unpacking = zlib.decompressobj(wbits=31)
    try:
        data = unpacking.decompress(answer.body, size + 1)
        # Whole, it ends with a sum that shows what is missing.
        if len(data) == size and not unpacking.eof:
            unpacking.decompress(unpacking.unconsumed_tail, 1)
    except zlib.error as error:
        raise RefusedError("truncated", f"it cannot be unpacked: {error}") from None
    return data


def _said(answer: Answer) -> str:
    """What an address answered that is not what was asked for."""
    try:
        detail = f": {json.loads(answer.body)['detail']}"
    except (ValueError, TypeError, KeyError):
        detail = ""
    return f"it answers {answer.status}{detail}"[:400]
