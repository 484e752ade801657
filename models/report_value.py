"""What a form's column can say: the values that records, instruments and periods have, by name.

A name is ``record.hours``, or ends in a word of the operator's own, as ``annotation.more.服务方式``
and ``instrument.external_ids.cers`` do. What columns make of a value is `report_column.py`'s.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, Literal, Self
from zoneinfo import ZoneInfo

from models.period import Period, revision_of
from models.record import Annotation, Person, Record, Subject
from models.report_sums import Sums
from models.timestamp import EPOCH, MICROSECOND

#: What a form has a row of.
RowKind = Literal["record", "instrument"]


class Place(StrEnum):
    """Who has a value, and so where it is mended."""

    INSTITUTION = "institution"
    INSTRUMENT = "instrument"
    ANNOTATION = "annotation"
    PERSON = "person"
    PERIOD = "period"
    RECORD = "record"
    VALUES = "values"  #: of an instrument and period, which nothing measures


#: What a value is before a column spells it.
Shape = Literal["text", "integer", "decimal", "instant", "object"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodFacts:
    """What a form may say of the period that it is of."""

    period_id: int
    start_us: int
    end_us: int
    zone: ZoneInfo
    as_of_us: int | None = None
    revision: str | None = None

    @classmethod
    def of(cls, period: Period) -> Self:
        """What is known of a period: of a closed one as of when."""
        return cls(
            period_id=period.period_id,
            start_us=period.start_us,
            end_us=period.end_us,
            zone=ZoneInfo(period.timezone),
            as_of_us=period.closed_us,
            revision=period.digest,
        )

    @property
    def year(self) -> int:
        """The year that the period ends in, in its own zone."""
        return (EPOCH + (self.end_us - 1) * MICROSECOND).astimezone(self.zone).year


@dataclass(slots=True, kw_only=True)
class Row:
    """What one row of a form is made of."""

    period: PeriodFacts
    subject: Subject
    #: What was said of the instrument and period.
    values: Mapping[str, str] = field(default_factory=dict)
    record: Record | None = None
    annotation: Annotation | None = None
    person: Person | None = None
    #: Of all records of the instrument, where the row is of an instrument.
    sums: Sums | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """One value by its name."""

    place: Place
    shape: Shape
    #: What of a row has it; None: the row has no such thing.
    whole: Callable[[Row], Any]
    #: Of that; None: it has none.
    part: Callable[[Any], Any]
    #: Of which rows; None: of any.
    row: RowKind | None = None

    def get(self, row: Row) -> Any:
        """Of a row; None: it has none."""
        whole = self.whole(row)
        return None if whole is None else self.part(whole)

    def get_all(self, rows: Iterable[Row]) -> list[Any]:
        """The same of many rows."""
        part = self.part
        return [None if whole is None else part(whole) for whole in map(self.whole, rows)]


def _record(shape: Shape, part: Callable[[Record], Any], place: Place = Place.RECORD) -> Value:
    return Value(place, shape, attrgetter("record"), part, "record")


def _annotation(shape: Shape, part: Callable[[Annotation], Any]) -> Value:
    return Value(Place.ANNOTATION, shape, attrgetter("annotation"), part, "record")


def _person(part: Callable[[Person], Any]) -> Value:
    return Value(Place.PERSON, "text", attrgetter("person"), part, "record")


def _instrument(shape: Shape, part: Callable[[Subject], Any]) -> Value:
    return Value(Place.INSTRUMENT, shape, attrgetter("subject"), part)


def _institution(shape: Shape, part: Callable[[Subject], Any]) -> Value:
    return Value(Place.INSTITUTION, shape, attrgetter("subject"), part)


def _period(shape: Shape, part: Callable[[PeriodFacts], Any]) -> Value:
    return Value(Place.PERIOD, shape, attrgetter("period"), part)


def _sum(shape: Shape, part: Callable[[Sums], Any], place: Place = Place.RECORD) -> Value:
    return Value(place, shape, attrgetter("sums"), part, "instrument")


def _seconds(us: int) -> Decimal:
    return Decimal(us).scaleb(-6)


@lru_cache(maxsize=4_096)
def _hours(tenths: int) -> Decimal:
    return Decimal(tenths).scaleb(-1)


@lru_cache(maxsize=256)
def _share(part: Fraction) -> Decimal:
    return Decimal(part.numerator) / Decimal(part.denominator)


VALUES: Final[Mapping[str, Value]] = {
    "period.id": _period("integer", attrgetter("period_id")),
    "period.from": _period("instant", attrgetter("start_us")),
    "period.to": _period("instant", attrgetter("end_us")),
    "period.tz": _period("text", lambda p: p.zone.key),
    "period.year": _period("integer", attrgetter("year")),
    "record.id": _record("text", attrgetter("record_id"), Place.PERIOD),
    "record.from": _record("instant", attrgetter("start_us")),
    "record.to": _record("instant", attrgetter("end_us")),
    "record.effective_s": _record("decimal", lambda r: _seconds(r.effective_us)),
    "record.hours": _record("decimal", lambda r: _hours(r.tenths)),
    "record.source": _record("text", attrgetter("source.value")),
    "record.coverage": _record("decimal", lambda r: _share(r.coverage)),
    "record.revision": _record("text", revision_of),
    "instrument.id": _instrument("text", attrgetter("instrument_id")),
    "instrument.name": _instrument("text", attrgetter("name")),
    "instrument.class_code": _instrument("text", attrgetter("class_code")),
    "instrument.district_code": _instrument("text", attrgetter("district_code")),
    "instrument.kind": _instrument("text", attrgetter("kind")),
    "instrument.value_cny": _instrument("decimal", attrgetter("value_cny")),
    "instrument.model": _instrument("text", attrgetter("model")),
    "instrument.manufacturer": _instrument("text", attrgetter("manufacturer")),
    "instrument.external_ids": _instrument("object", attrgetter("external_ids")),
    "instrument.report_fields": _instrument("object", attrgetter("report_fields")),
    "institution.id": _institution("text", attrgetter("institution_id")),
    "institution.name": _institution("text", attrgetter("institution_name")),
    "institution.region_code": _institution("text", attrgetter("region_code")),
    "institution.external_ids": _institution("object", attrgetter("institution_external_ids")),
    "institution.report_fields": _institution("object", attrgetter("institution_report_fields")),
    "annotation.id": _annotation("integer", attrgetter("annotation_id")),
    "annotation.at": _annotation("instant", attrgetter("at_us")),
    "annotation.purpose": _annotation("text", lambda a: a.purpose and a.purpose.value),
    "annotation.user_type": _annotation("text", attrgetter("user_type")),
    "annotation.user_unit": _annotation("text", attrgetter("user_unit")),
    "annotation.direction": _annotation("text", attrgetter("direction")),
    "annotation.content": _annotation("text", attrgetter("content")),
    "annotation.amount_cny": _annotation("decimal", attrgetter("amount_cny")),
    "annotation.samples": _annotation("integer", attrgetter("samples")),
    "annotation.more": _annotation("object", attrgetter("more")),
    "person.operator_ref": _person(attrgetter("operator_ref")),
    "person.name": _person(attrgetter("name")),
    "person.phone": _person(attrgetter("phone")),
    "person.email": _person(attrgetter("email")),
    "sum.records": _sum("integer", attrgetter("records")),
    "sum.effective_s": _sum("decimal", lambda s: _seconds(s.effective_us)),
    "sum.samples": _sum("integer", attrgetter("samples"), Place.ANNOTATION),
    "sum.amount_cny": _sum("decimal", attrgetter("amount_cny"), Place.ANNOTATION),
    "hours.total": _sum("integer", attrgetter("hours.total")),
    "hours.teaching": _sum("integer", attrgetter("hours.teaching"), Place.ANNOTATION),
    "hours.research": _sum("integer", attrgetter("hours.research"), Place.ANNOTATION),
    "hours.service": _sum("integer", attrgetter("hours.service"), Place.ANNOTATION),
    "hours.other": _sum("integer", attrgetter("hours.other"), Place.ANNOTATION),
}

#: Names that end in a word of whoever filled it in.
OPEN: Final[Mapping[str, Callable[[str], Value]]] = {
    "instrument.external_ids.": lambda key: _instrument("text", lambda s: s.external_ids.get(key)),
    "instrument.report_fields.": lambda key: _instrument(
        "text", lambda s: s.report_fields.get(key)
    ),
    "institution.external_ids.": lambda key: _institution(
        "text", lambda s: s.institution_external_ids.get(key)
    ),
    "institution.report_fields.": lambda key: _institution(
        "text", lambda s: s.institution_report_fields.get(key)
    ),
    "annotation.more.": lambda key: _annotation("text", lambda a: a.more.get(key)),
    "value.": lambda key: Value(Place.VALUES, "text", attrgetter("values"), lambda v: v.get(key)),
}


def value(name: str) -> Value:
    """The value of a name.

    Raises:
        ValueError: there is none.
    """
    if (known := VALUES.get(name)) is not None:
        return known
    for beginning, made in OPEN.items():
        if name.startswith(beginning) and len(name) > len(beginning):
            return made(name.removeprefix(beginning))
    raise ValueError(
        f"has {name!r}, which is no value; values are {', '.join(VALUES)}, and"
        f" {', '.join(f'{one}KEY' for one in OPEN)}"
    )
