"""Periods that are reported on, and the records of what instruments were used for in them."""

from typing import Literal

from pydantic import BaseModel, Field

from api.answers.annotations import SaidOfUse
from api.answers.fields import Count, Cursor, InOpenWindow, Instant, Ratio, Seconds, Zone

PeriodStateWord = Literal["open", "closed"]


class PeriodBody(BaseModel):
    """A period, half-open."""

    period_id: int
    institution_id: str | None = Field(description="null: the whole city's")
    from_: Instant = Field(alias="from")
    to: Instant
    tz: Zone
    state: PeriodStateWord
    created_at: Instant
    created_by: str
    closed_at: Instant | None = Field(description="the moment of all its figures")
    closed_by: str | None = Field(description="as the audit names them")
    records: Count | None = Field(description="null while it is open")
    revision: str | None = Field(
        description="SHA-256 of all that is frozen; null while it is open: nothing is"
    )


class InstitutionShare(BaseModel):
    """An institution's part in a closed period."""

    institution_id: str
    instruments: Count
    records: Count
    records_without_annotation: Count
    effective_s: Seconds = Field(description="of its records, reported hours included")
    hours: float = Field(description="the same, rounded to tenths: what records' hours add up to")


class PeriodDetail(PeriodBody):
    """A period, and once it is closed each institution's part in it."""

    institutions: list[InstitutionShare]


class Periods(InOpenWindow):
    """A page of periods."""

    items: list[PeriodBody]
    next_cursor: Cursor


class RecordBody(BaseModel):
    """One use of an instrument: a session cut to the period."""

    record_id: str | None = Field(description="never given twice; null while the period is open")
    instrument_id: str
    name: str
    institution_id: str
    external_ids: dict[str, str]
    from_: Instant = Field(alias="from")
    to: Instant
    effective_s: Seconds
    hours: float = Field(
        description="effective time in tenths; an institution's add up to its rounded total"
    )
    source: Literal["measured", "rule", "manual"] = Field(
        description="`rule`: states came from a power rule; `manual`: reported hours of an"
        " instrument that nobody heard"
    )
    coverage: Ratio = Field(description="known time over the record's span")
    revision: str = Field(description="the same exactly where a record says the same")
    annotation: SaidOfUse | None


class RecordSums(BaseModel):
    """What all records of a period come to: frozen, or as they would be frozen now."""

    instruments: Count = Field(description="of the period, with and without records")
    records: Count
    records_without_annotation: Count
    effective_s: Seconds
    hours: float = Field(description="the same in tenths: what records' hours add up to")


class PeriodRecords(BaseModel):
    """A page of a period's records."""

    period_id: int
    state: PeriodStateWord
    tz: str = Field(description="whose days it is of")
    as_of: Instant = Field(description="when it was closed; of an open one the moment of asking")
    overall: RecordSums = Field(description="of all pages")
    items: list[RecordBody]
    next_cursor: Cursor


class Completeness(BaseModel):
    """How far an institution is with a window."""

    institution_id: str
    name: str | None
    state: Literal["none", "open", "closed"] = Field(
        description="of its period of just this window; none: there is none"
    )
    period_id: int | None
    closed_at: Instant | None
    closed_by: str | None
    instruments: Count = Field(description="in service at some time of the window")
    never_seen_instruments: Count
    coverage: Ratio | None = Field(description="known time over the window, as it is now")
    effective_s: Seconds = Field(description="as it is now")
    annotations: Count = Field(description="entered of instants of the window")
    records: Count | None = Field(description="null until it is closed")
    records_without_annotation: Count | None = Field(description="null until it is closed")


class PeriodCompleteness(BaseModel):
    """Every institution with instruments in service, by its id."""

    from_: Instant = Field(alias="from")
    to: Instant
    tz: Zone
    as_of: Instant
    items: list[Completeness]
    next_cursor: Cursor
