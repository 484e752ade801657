"""Instruments as they are registered, with what they do now."""

from typing import Literal

from pydantic import BaseModel, Field

from api.answers.fields import (
    Cursor,
    Day,
    FreeHours,
    Hours,
    Instant,
    Latitude,
    Longitude,
    Seconds,
    Yuan,
)
from api.answers.status import StatusBody

InstrumentKind = Literal["general", "special"]


class InstrumentRecord(BaseModel):
    """One version of an instrument."""

    instrument_id: str
    name: str
    institution_id: str
    gateway_id: str
    district_code: str | None
    class_code: str | None
    class_scheme: str
    lon: Longitude | None
    lat: Latitude | None
    value_cny: Yuan | None
    kind: InstrumentKind
    rated_hours_per_year: float | None = Field(description="hours; null: its kind's")
    timezone: str = Field(description="IANA name")
    interval_s: Seconds | None
    hold_s: Seconds | None
    always_on: bool
    opening_hours: Hours | None = Field(description="null: its institution's")
    session_gap_s: Seconds
    session_min_s: Seconds
    acquired_on: Day | None
    retired_on: Day | None
    valid_from: Instant


class InstrumentBody(InstrumentRecord):
    """An instrument as it is registered now, with its status."""

    institution_name: str | None
    status: StatusBody


class InstrumentAnswer(InstrumentBody):
    """One instrument."""

    as_of: Instant


class Instruments(BaseModel):
    """A page of instruments."""

    items: list[InstrumentBody]
    next_cursor: Cursor
    as_of: Instant


class AvailableInstrument(InstrumentBody):
    """An instrument that is online and idle."""

    distance_m: float | None = Field(description="metres from `near`; null where either is unknown")
    usual_free_hours: FreeHours


class Available(BaseModel):
    """A page of free instruments, nearest first."""

    items: list[AvailableInstrument]
    next_cursor: Cursor
    as_of: Instant


class InstrumentVersions(BaseModel):
    """What held from when on."""

    items: list[InstrumentRecord]
    next_cursor: Cursor
