"""Bookings held against measured use."""

from typing import Literal

from pydantic import BaseModel, Field

from api.answers.fields import Count, Cursor, Instant, Seconds
from api.answers.figures import ComparedWindow
from api.answers.refused import RowProblem
from models.compared_window import Compare
from models.reconciliation import Verdict
from models.self_report import Claim


class Divided(BaseModel):
    """How booked and used time divide: both add up, exactly; overlapping bookings count once."""

    booked_s: Seconds
    used_booked_s: Seconds
    unused_booked_s: Seconds
    unknown_booked_s: Seconds
    used_s: Seconds = Field(description="running within sessions: effective_s")
    used_unbooked_s: Seconds


class Verdicts(BaseModel):
    """Bookings by what became of them; late, early_leave and overrun may stand together."""

    kept: Count
    late: Count
    early_leave: Count
    overrun: Count
    no_show: Count
    blocked: Count
    undetermined: Count


class ClaimCounts(BaseModel):
    """Self-reports whose windows lie within the question's, by what they are."""

    reports: Count
    counted_s: Seconds = Field(description="reported hours, overlaps once")
    excess_s: Seconds = Field(description="what overlapping reports say beyond that")
    consistent: Count
    over_reported: Count
    under_reported: Count
    unmeasured: Count


class HeldSums(Divided):
    """What bookings and self-reports came to."""

    instruments: Count
    bookings: Count = Field(description="that begin in the window")
    verdicts: Verdicts
    self_reports: ClaimCounts


class HeldGroup(HeldSums):
    """What a group's bookings came to."""

    key: str | None
    name: str | None


class VerdictsDifference(BaseModel):
    """Bookings of one window minus those of the other, by what became of them."""

    kept: int
    late: int
    early_leave: int
    overrun: int
    no_show: int
    blocked: int
    undetermined: int


class ClaimsDifference(BaseModel):
    """The same of self-reports."""

    reports: int
    counted_s: Seconds
    excess_s: Seconds
    consistent: int
    over_reported: int
    under_reported: int
    unmeasured: int


class HeldDifference(Divided):
    """What one window came to minus what the other did."""

    instruments: int
    bookings: int
    verdicts: VerdictsDifference
    self_reports: ClaimsDifference


class ComparedGroup(HeldGroup):
    """The same, held against another window where `compare` is asked for."""

    compared: HeldSums | None = Field(default=None, description="with `compare`")
    difference: HeldDifference | None = Field(default=None, description="with `compare`")


class HeldSides(BaseModel):
    """A group as the closing of a period kept it, and as it is today."""

    key: str | None
    name: str | None
    closed: HeldSums = Field(description="the same for ever; groups by the period's own registry")
    today: HeldSums = Field(description="what `/v1/reconciliation` says of the period's window")
    amended: bool = Field(description="whether these differ")


class PeriodReconciliation(BaseModel):
    """A closed period's bookings and self-reports, by group."""

    period_id: int
    closed_at: Instant
    from_: Instant = Field(alias="from")
    to: Instant
    tz: str
    group_by: str | None
    overall: HeldSides
    groups: list[HeldSides]
    as_of: Instant


class Reconciliation(BaseModel):
    """Groups of instruments, and all of them."""

    from_: Instant = Field(alias="from")
    to: Instant
    tz: str
    group_by: str | None
    overall: ComparedGroup
    groups: list[ComparedGroup]
    compare: Compare | None = Field(default=None, description="as asked for, else left out")
    compared_window: ComparedWindow | None = Field(default=None, description="with `compare`")
    as_of: Instant


class BookingAnswer(BaseModel):
    """What an institution says to a verdict."""

    text: str
    actor: str
    answered_at: Instant


class ClosedVerdict(BaseModel):
    """A booking's verdict as the closing of its period told it."""

    period_id: int
    closed_at: Instant
    verdicts: list[Verdict]
    used_s: Seconds
    unknown_s: Seconds
    amended: bool = Field(description="today's verdict, used or unknown time is another")


class JudgedBooking(BaseModel):
    """A booking and what became of it."""

    id: int
    feed: str
    uid: str
    recurrence_id: str
    instrument_id: str
    institution_id: str
    from_: Instant = Field(alias="from")
    to: Instant
    verdicts: list[Verdict]
    used_s: Seconds
    unknown_s: Seconds
    revision: str = Field(description="opaque; changes whenever verdict or times do")
    closed: ClosedVerdict | None = Field(description="null: in no closed period")
    answer: BookingAnswer | None
    answer_amendments: list[BookingAnswer] = Field(
        description="answers since its period was closed, in order"
    )


class JudgedBookings(BaseModel):
    """A page of bookings that begin in a window."""

    from_: Instant = Field(alias="from")
    to: Instant
    tz: str
    items: list[JudgedBooking]
    next_cursor: Cursor
    as_of: Instant


class ToleranceVersion(BaseModel):
    """How far use may lie from its booking, from a time on."""

    valid_from: Instant | None = Field(description="null: from the beginning")
    early_s: Count
    grace_s: Count
    overrun_s: Count
    leave_s: Count


class ToleranceVersions(BaseModel):
    """All versions, in order of time."""

    items: list[ToleranceVersion]


class SelfReportImport(BaseModel):
    """What an import did."""

    created: Count
    updated: Count
    unchanged: Count
    rejected: Count
    errors: list[RowProblem]
    errors_left_out: Count


class JudgedReport(BaseModel):
    """A self-report and what it is, by what was measured in its window."""

    id: int
    instrument_id: str
    institution_id: str
    from_: Instant = Field(alias="from")
    to: Instant
    user_type: Literal["internal", "external"] | None
    reported_s: Seconds
    effective_s: Seconds = Field(description="measured in its window, all users together")
    unknown_s: Seconds
    claim: Claim = Field(description="all reports of its window together")
    reported_at: Instant
    closed: bool = Field(description="whether a closed period holds its window")
    answer: BookingAnswer | None
    answer_amendments: list[BookingAnswer] = Field(
        description="answers since its period was closed, in order"
    )


class JudgedReports(BaseModel):
    """A page of self-reports whose windows lie within one."""

    from_: Instant = Field(alias="from")
    to: Instant
    tz: str
    items: list[JudgedReport]
    next_cursor: Cursor
    as_of: Instant
