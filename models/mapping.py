"""Devices' own messages by a mapping: topic and bytes in, samples and problems out.

A mapping is data (``mapping_document.py``), laid out here once for reading many messages; what
comes out is in ``mapping_sample.py``, how values become figures in ``mapping_record.py``.
Shipped mappings are in ``mappings/``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from models.heartbeat import Reason
from models.mapping_document import TAG, MappingDocument
from models.mapping_merge import Merger, TooManyError
from models.mapping_pattern import LONGEST_TOPIC, Match, captures, topic_pattern
from models.mapping_payload import Kind, UnreadableError, decode
from models.mapping_record import RecordReader
from models.mapping_sample import Problem, Reading, Sample
from models.shelf import DocumentError
from models.wire import MOST_BYTES, MOST_HEARTBEATS
from models.zone import DEFAULT_ZONE

__all__ = ["Mapping", "MappingError", "Problem", "Reading", "Sample", "matches", "read"]

_NOTHING: Final = Reading()
_DEFAULT_ZONE: Final = ZoneInfo(DEFAULT_ZONE)
#: Topics of which a mapping remembers the rule: the same devices speak again and again.
_TOPICS_KEPT: Final = 1 << 12


class MappingError(DocumentError):
    """A document is no mapping; each problem is where it lies, and the rule."""


@dataclass(frozen=True, slots=True)
class _Rule:
    topic: Match
    kind: Kind
    records: tuple[RecordReader, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """A mapping, ready to read messages by."""

    document: MappingDocument
    #: Of times without an offset; ``None``: the reader's.
    zone: ZoneInfo | None
    rules: tuple[_Rule, ...]
    #: Devices that the mapping itself names as roots: what one of them loses, all its devices lose.
    roots: frozenset[str]
    _known: dict[str, tuple[_Rule, dict[str, str]] | None] = field(
        default_factory=dict, repr=False, compare=False
    )

    @property
    def name(self) -> str:
        """What it is called."""
        return self.document.name

    @property
    def version(self) -> int:
        """Which state of it."""
        return self.document.version

    @classmethod
    def parse(cls, document: object) -> "Mapping":
        """A mapping of a document as JSON has it.

        Raises:
            MappingError: with every problem of it.
        """
        try:
            return cls.of(MappingDocument.model_validate(document))
        except ValidationError as error:
            raise MappingError(list(_problems(error))) from error

    @classmethod
    def of(cls, document: MappingDocument) -> "Mapping":
        """The same of a document that is valid."""
        return cls(
            document=document,
            zone=None if document.zone is None else ZoneInfo(document.zone),
            roots=frozenset(
                record.root
                for rule in document.rules
                for record in rule.records
                if record.root is not None and not captures(record.root)
            ),
            rules=tuple(
                _Rule(
                    topic_pattern(rule.topic), rule.payload, tuple(map(RecordReader, rule.records))
                )
                for rule in document.rules
            ),
        )

    def rule(self, topic: str) -> tuple[_Rule, dict[str, str]] | None:
        """The first rule that a topic fits, and what it takes of the topic."""
        try:
            return self._known[topic]
        except KeyError:
            if len(topic) > LONGEST_TOPIC:
                return None
        if len(self._known) >= _TOPICS_KEPT:
            self._known.clear()
        matches = ((rule, rule.topic(topic)) for rule in self.rules)
        found = next(((rule, match.groupdict()) for rule, match in matches if match), None)
        self._known[topic] = found
        return found


def _problems(error: ValidationError) -> Iterator[tuple[str, str]]:
    for one in error.errors(include_url=False):
        yield (
            ".".join(part for part in map(str, one["loc"]) if not part.startswith(TAG)),
            one["msg"].removeprefix("Value error, "),
        )


def matches(mapping: Mapping, topic: str) -> bool:
    """Whether a mapping knows messages of a topic, those included that say nothing.

    Args:
        mapping: Any.
        topic: Below ``native/``.
    """
    return mapping.rule(topic) is not None


def read(
    mapping: Mapping,
    topic: str,
    payload: bytes,
    *,
    retained: bool,
    zone: ZoneInfo | None = None,
) -> Reading:
    """What a device's message says.

    Args:
        mapping: By which it is read.
        topic: Below ``native/``.
        payload: Whatever arrived.
        retained: The broker had kept it.
        zone: Of times without an offset, where the mapping names none; ``None``: the default.

    Returns:
        Samples in the payload's order, at most 1,000, one a device, channel and time; and what
        could not be read. Both are empty where the topic fits no rule or the message says
        nothing. Never raises: a message that did would come back after every reconnect.
    """
    try:
        return _read(mapping, topic, payload, retained, mapping.zone or zone or _DEFAULT_ZONE)
    except Exception as error:  # a bug of ours must not stop the intake; the payload is kept
        return _refused(Reason.MALFORMED, f"message cannot be read: {error!r}")


def _read(mapping: Mapping, topic: str, payload: bytes, retained: bool, zone: ZoneInfo) -> Reading:
    found = mapping.rule(topic)
    # No bytes at all are how a retained message is taken away.
    if found is None or not found[0].records or not payload:
        return _NOTHING
    rule, taken = found
    if len(payload) > MOST_BYTES:
        return _refused(
            Reason.TOO_LARGE,
            f"message has {len(payload):,} bytes; at most {MOST_BYTES:,} (1 MiB) are allowed",
        )
    try:
        root = decode(payload, rule.kind)
    except UnreadableError as error:
        return _refused(Reason.MALFORMED, f"message {error}")
    merger = Merger(retained=retained)
    try:
        for record in rule.records:
            record.read(root, taken, merger, zone)
    except TooManyError:
        return _refused(
            Reason.TOO_LARGE,
            f"message has more samples than {MOST_HEARTBEATS:,}, or more values in an array",
        )
    return merger.reading()


def _refused(reason: Reason, detail: str) -> Reading:
    return Reading((), (Problem(reason=reason, at="", detail=detail),))
