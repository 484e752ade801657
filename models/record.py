"""Service records: sessions cut to a period, with what people said of them.

A record is what a report says of one use of an instrument. It holds no person: who asked for the
use stands apart, so that it can be forgotten without changing a figure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple


class Source(StrEnum):
    """Where a record's times come from."""

    MEASURED = "measured"
    RULE = "rule"  #: of states that a power rule gave
    MANUAL = "manual"  #: reported by the institution, of an instrument that nobody heard


class Purpose(StrEnum):
    """What an instrument was used for."""

    TEACHING = "teaching"
    RESEARCH = "research"
    SERVICE = "service"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who asked for a use; kept apart from everything that is counted."""

    #: What another system calls whoever operated: a number of a person is a person's.
    operator_ref: str | None = None
    name: str | None = None
    phone: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """What was said of the session that holds an instant."""

    #: The newest of those that it was merged from; None: it came with a report of hours.
    annotation_id: int | None
    at_us: int
    purpose: Purpose | None = None
    #: "internal" or "external".
    user_type: str | None = None
    user_unit: str | None = None
    direction: str | None = None
    content: str | None = None
    amount_cny: Decimal | None = None
    samples: int | None = None
    #: What a form asks for beyond these, by the form's own words.
    more: Mapping[str, str] = field(default_factory=dict)
    #: Others that the same session holds, whose fields stand where the newest has none.
    older: tuple[int, ...] = ()


class Use(NamedTuple):
    """One use of an instrument, ``[start_us, end_us)``: what a record tells of it."""

    start_us: int
    end_us: int
    effective_us: int
    source: Source
    annotation: Annotation | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An instrument as a report names it: the registry of the period's end."""

    instrument_id: str
    name: str
    institution_id: str
    institution_name: str
    class_code: str | None
    district_code: str | None
    region_code: str | None
    kind: str
    value_cny: Decimal | None
    model: str | None
    manufacturer: str | None
    external_ids: Mapping[str, str]
    institution_external_ids: Mapping[str, str]
    #: What forms ask for that nothing here is counted by: department, address, contact.
    report_fields: Mapping[str, str]
    institution_report_fields: Mapping[str, str]


class Record(NamedTuple):
    """One use of an instrument, ``[start_us, end_us)`` within its period."""

    #: Never given twice; None before the period is closed.
    record_id: str | None
    subject: Subject
    start_us: int
    end_us: int
    effective_us: int
    #: The effective time as reports show it; an institution's add up to its rounded total.
    tenths: int
    source: Source
    #: Known time over the record's span.
    coverage: Fraction
    annotation: Annotation | None = None
