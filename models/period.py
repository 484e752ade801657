"""Periods that are reported on, and what is said of one of their records.

What a record is stands in ``record.py``; how its tenths of hours come about in ``apportion.py``.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from models.interval import Interval
from models.record import Annotation, Purpose, Record
from models.usage import Window

_FIELDS = ("user_type", "user_unit", "direction", "content", "samples")
_encode = msgspec.json.Encoder(order="sorted").encode


class PeriodState(StrEnum):
    """Whether its records are frozen."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The half-open time that a report is about."""

    period_id: int
    #: None: the whole city's.
    institution_id: str | None
    institution_key: int | None
    start_us: int
    end_us: int
    timezone: str
    created_us: int
    created_by: str
    #: The moment of all its figures; None while it is open.
    closed_us: int | None = None
    closed_by: str | None = None
    records: int | None = None
    #: SHA-256 of all that was frozen, in hexadecimal.
    digest: str | None = None

    @property
    def state(self) -> PeriodState:
        """Whether its records are frozen."""
        return PeriodState.OPEN if self.closed_us is None else PeriodState.CLOSED

    @property
    def window(self) -> Window:
        """Its time."""
        return Window(start_us=self.start_us, end_us=self.end_us)


def record_id(period_id: int, number: int) -> str:
    """What a frozen record is called, for ever.

    >>> record_id(12, 345)
    '12-345'
    """
    return f"{period_id}-{number}"


def revision_of(record: Record) -> str:
    """The same exactly where a record says the same."""
    told = [
        record.subject.instrument_id,
        record.start_us,
        record.end_us,
        record.effective_us,
        record.source,
        frozen(record.annotation),
    ]
    return hashlib.blake2b(_encode(told), digest_size=8).hexdigest()


def said_of(
    spans: Sequence[Interval], annotations: Sequence[Annotation]
) -> list[Annotation | None]:
    """What was said of each stretch of time: whatever is of an instant within it.

    Args:
        spans: Sessions, say; they may overlap.
        annotations: In order of their instants.
    """
    instants = [one.at_us for one in annotations]
    found: list[Annotation | None] = []
    for start, end in spans:
        low, high = bisect_left(instants, start), bisect_left(instants, end)
        found.append(merge_annotations(annotations[low:high]) if low < high else None)
    return found


def merge_annotations(annotations: Sequence[Annotation]) -> Annotation | None:
    """What is said of a session that several were made of: field by field the newest.

    Late heartbeats may join two sessions, each with its annotation: neither is lost.
    """
    found: Annotation | None = None
    for one in sorted(annotations, key=lambda one: -(one.annotation_id or 0)):
        found = one if found is None else _filled(found, one)
    return found


def _filled(newer: Annotation, older: Annotation) -> Annotation:
    names = ("purpose", "amount_cny", *_FIELDS)
    missing = {name: getattr(older, name) for name in names if getattr(newer, name) is None}
    numbers = () if older.annotation_id is None else (older.annotation_id,)
    return replace(
        newer, **missing, more={**older.more, **newer.more}, older=(*newer.older, *numbers)
    )


def frozen(annotation: Annotation | None) -> dict[str, Any] | None:
    """An annotation as a closed period keeps it: what is missing left out, and no person."""
    if annotation is None:
        return None
    kept: dict[str, Any] = {
        "annotation_id": annotation.annotation_id,
        "at_us": annotation.at_us,
        "purpose": None if annotation.purpose is None else annotation.purpose.value,
        "amount_cny": None if annotation.amount_cny is None else str(annotation.amount_cny),
        **{name: getattr(annotation, name) for name in _FIELDS},
        "more": dict(annotation.more) or None,
        "older": list(annotation.older) or None,
    }
    return {name: value for name, value in kept.items() if value is not None}


def thawed(kept: dict[str, Any] | None) -> Annotation | None:
    """What `frozen` made."""
    if kept is None:
        return None
    said = kept.get
    purpose, amount = said("purpose"), said("amount_cny")
    return Annotation(
        annotation_id=said("annotation_id"),
        at_us=kept["at_us"],
        purpose=None if purpose is None else Purpose(purpose),
        user_type=said("user_type"),
        user_unit=said("user_unit"),
        direction=said("direction"),
        content=said("content"),
        amount_cny=None if amount is None else Decimal(amount),
        samples=said("samples"),
        more=said("more", {}),
        older=tuple(said("older", ())),
    )
