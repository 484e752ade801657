"""Instruments as they are registered, with what they do now."""

from typing import Literal

from pydantic import BaseModel, Field

from api.answers.fields import Count, Cursor, FreeHours, Instant, Ratio
from api.answers.records import RecordBody
from api.answers.status import AvailabilityBody, StatusNow
from models.registry_fields import INSTRUMENT


class InstrumentRecord(RecordBody, of=INSTRUMENT):
    """One version of an instrument."""


class InstrumentBody(InstrumentRecord):
    """An instrument as it is registered now, with its status."""

    institution_name: str | None
    status: StatusNow


class InstrumentAnswer(InstrumentBody):
    """One instrument."""

    as_of: Instant


class Instruments(BaseModel):
    """A page of instruments."""

    items: list[InstrumentBody]
    next_cursor: Cursor
    as_of: Instant


class FitPart(BaseModel):
    """One part of what speaks for an instrument."""

    name: Literal["words", "distance", "free", "quiet", "trust"]
    weight: Count = Field(description="what it weighs against the other parts")
    marks: Count = Field(description="of 1,000")
    because: str = Field(description="what the marks were given for")


class Fit(BaseModel):
    """Why an instrument is recommended."""

    marks: Count = Field(description="of 1,000: the parts' marks by their weights")
    parts: list[FitPart]


class AvailableInstrument(InstrumentBody, AvailabilityBody):
    """An instrument that is to be had now, or at the time that was asked about."""

    distance_m: float | None = Field(description="metres from `near`; null where either is unknown")
    usual_free_hours: FreeHours
    recent_utilization: Ratio | None = Field(
        description="running over known time of the last four weeks; null: nothing is known"
    )
    fit: Fit


class Available(BaseModel):
    """A page of free instruments, nearest first, or those that are recommended."""

    items: list[AvailableInstrument]
    next_cursor: Cursor
    as_of: Instant


class EarliestGap(BaseModel):
    """An instrument, and the first time that plans leave it free for as long as is wished."""

    instrument_id: str
    name: str
    institution_id: str
    district_code: str | None
    class_code: str | None
    timezone: str
    distance_m: float | None = Field(description="metres from `near`; null where either is unknown")
    from_: Instant = Field(alias="from")
    to: Instant | None = Field(description="when that ends by plans; null: not within 14 days")


class Earliest(BaseModel):
    """When instruments are to be had, the earliest first."""

    items: list[EarliestGap]
    as_of: Instant


class InstrumentVersions(BaseModel):
    """What held from when on."""

    items: list[InstrumentRecord]
    next_cursor: Cursor
