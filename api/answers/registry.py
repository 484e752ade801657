"""What is registered besides instruments: institutions, gateways, districts, classes; imports."""

from typing import Literal

from pydantic import BaseModel, Field

from api.answers.fields import Count, Cursor, Instant, Latitude, Longitude, Seconds
from api.answers.records import RecordBody
from api.answers.refused import RowProblem
from models.registry_fields import GATEWAY, INSTITUTION


class InstitutionRecord(RecordBody, of=INSTITUTION):
    """One version of an institution."""


class InstitutionBody(InstitutionRecord):
    """An institution as it is now."""

    instruments: Count = Field(description="in service today")


class GatewayRecord(RecordBody, of=GATEWAY):
    """One version of a gateway."""


class GatewayBody(GatewayRecord):
    """A gateway as it is now, with what it says of itself."""

    name: str
    online: bool | None = Field(description="null: it never said")
    session: str | None
    since: Instant | None
    by_will: bool | None = Field(description="whether the broker spoke for it")
    last_status_at: Instant | None
    last_received_at: Instant | None
    skew_s: Seconds | None = Field(description="receipt less device time")
    skew_at: Instant | None
    children: Count = Field(description="instruments bound to it, in service today")
    children_online: Count


class GatewayWritten(GatewayRecord):
    """A gateway as it was written."""

    next_step: str = Field("", description="what makes figures of the past follow, if anything")


class Institutions(BaseModel):
    """A page of institutions."""

    items: list[InstitutionBody]
    next_cursor: Cursor


class Gateways(BaseModel):
    """A page of gateways."""

    items: list[GatewayBody]
    next_cursor: Cursor


class GatewayCountsBody(BaseModel):
    """How the gateways are that are in service."""

    as_of: Instant
    gateways: Count
    online: Count
    unsaid: Count = Field(description="that never said whether they are")
    last_received_at: Instant | None = Field(description="when the newest heartbeat came")
    skew_s: Seconds | None = Field(
        description="receipt less device time, of the clock that is furthest off"
    )


class InstitutionVersions(BaseModel):
    """What held from when on."""

    items: list[InstitutionRecord]
    next_cursor: Cursor


class GatewayVersions(BaseModel):
    """What held from when on."""

    items: list[GatewayRecord]
    next_cursor: Cursor


class District(BaseModel):
    """A district and its seat."""

    district_code: str
    name: str
    name_en: str | None
    lon: Longitude | None
    lat: Latitude | None
    instruments: Count


class Districts(BaseModel):
    """A page of districts."""

    items: list[District]
    next_cursor: Cursor


class InstrumentClass(BaseModel):
    """A class of instruments."""

    class_scheme: str
    class_code: str
    name: str
    name_en: str | None
    parent_code: str | None = Field(description="null: a major class")
    instruments: Count


class InstrumentClasses(BaseModel):
    """A page of classes."""

    items: list[InstrumentClass]
    next_cursor: Cursor


class CellProblem(RowProblem):
    """What is wrong in a row."""

    column: str
    value: str


class ImportRow(BaseModel):
    """What would become of a row."""

    row: int = Field(description="the header is row 1")
    id: str | None = Field(description="null: the row names none that could be one")
    result: Literal["created", "updated", "unchanged", "rejected"]
    changed: list[str] = Field(description="fields that would differ, of a record that is there")


class ImportReport(BaseModel):
    """What became of a file's rows, or would."""

    preview: bool = Field(description="nothing was written")

    created: Count
    updated: Count
    unchanged: Count
    rejected: Count
    errors: list[CellProblem]
    errors_left_out: Count
    rows: list[ImportRow] = Field(description="of a preview, by row; else empty")
    rows_left_out: Count
