"""How closed periods differ from what they would record today."""

from pydantic import BaseModel, Field

from api.answers.annotations import SaidOfUse
from api.answers.fields import Count, Cursor, Instant, Seconds
from api.answers.figures import UnknownByCause
from models.amendment import Change, Reason
from models.record import Source


class Amounts(BaseModel):
    """Seconds, by the names of `/v1/utilization`; of a difference they may be negative."""

    window_s: Seconds
    running_s: Seconds
    idle_s: Seconds
    off_s: Seconds
    unknown_s: Seconds
    unknown_by_cause: UnknownByCause
    scheduled_s: Seconds | None
    running_scheduled_s: Seconds | None
    effective_s: Seconds
    session_idle_s: Seconds
    rated_s: Seconds
    counter_running_s: Seconds | None


class Amended(BaseModel):
    """Closed and difference are today's, exactly."""

    closed: Amounts
    today: Amounts
    difference: Amounts


class AmendedInstitution(Amended):
    """An institution's instruments, by the registry of the period's end, then and now."""

    institution_id: str


class LateHeartbeats(BaseModel):
    """Heartbeats of the period that came after it was closed; raw rows are kept for a while."""

    heartbeats: Count
    from_: Instant = Field(alias="from", description="the earliest one's time")
    to: Instant = Field(description="the latest one's time")
    first_received_at: Instant
    last_received_at: Instant


class RecordSide(BaseModel):
    """A record as it was frozen, or as it would be today."""

    from_: Instant = Field(alias="from")
    to: Instant
    effective_s: Seconds
    source: Source
    annotation: SaidOfUse | None


class AmendedRecord(BaseModel):
    """A record that is not what it was, or is there on one side alone."""

    change: Change
    record_id: str | None = Field(description="of the frozen one")
    closed: RecordSide | None
    today: RecordSide | None


class AmendedInstrument(Amended):
    """An instrument whose figures or records today are not what was frozen."""

    instrument_id: str
    institution_id: str | None = Field(description="then; null: it was none of the period's")
    institution_id_today: str | None = Field(description="null: it is none of the period's")
    change: Change
    reasons: list[Reason]
    late_heartbeats: LateHeartbeats | None
    records: list[AmendedRecord]
    records_left_out: Count


class PeriodAmendments(BaseModel):
    """A page of instruments that differ; `next_cursor` may be there where the page is empty."""

    period_id: int
    closed_at: Instant
    as_of: Instant
    overall: Amended
    institutions: list[AmendedInstitution] = Field(description="those that differ alone")
    items: list[AmendedInstrument]
    next_cursor: Cursor
