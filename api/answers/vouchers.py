"""Lines of voucher orders, and the evidence for them."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from api.answers.fields import Count, Cursor, InOpenWindow, Instant, Ratio, Seconds, Yuan
from api.answers.refused import MaybeRefused
from models.voucher import Doubt, Verdict

UserType = Literal["internal", "external"]


class VoucherRow(MaybeRefused):
    """What becomes of a row of a file."""

    row: Count = Field(description="as a spreadsheet numbers it: the header is row 1")
    scheme: str | None = Field(description="as the row says it, as what follows; null: not at all")
    reference: str | None
    line: Count | None
    instrument: str | None
    from_: Instant | None = Field(alias="from", description="null: the row is not read so far")
    to: Instant | None
    claimed_s: Seconds | None
    result: Literal["created", "updated", "unchanged", "rejected"]


class VoucherImport(BaseModel):
    """What an import did, or would do."""

    preview: bool = Field(description="nothing was written")
    created: Count
    updated: Count = Field(description="lines that say something else now: a new revision each")
    unchanged: Count
    rejected: Count
    rows: list[VoucherRow] = Field(description="of a preview all, else those that were rejected")
    rows_left_out: Count


class ClosedVoucher(BaseModel):
    """What the closing of a period made of a line; it stays."""

    period_id: int
    closed_at: Instant
    revision: Count = Field(description="of the line as it was then")
    verdict: Verdict
    used_s: Seconds


class VoucherOrder(BaseModel):
    """A line of an order, and what it is by measured sessions."""

    id: int
    instrument_id: str
    institution_id: str
    scheme: str
    reference: str
    line: Count
    revision: Count = Field(description="how often it was said anew, the first time included")
    from_: Instant = Field(alias="from")
    to: Instant
    claimed_s: Seconds
    amount_cny: Yuan | None
    unit_price_cny: Yuan | None = Field(description="of an hour")
    user_type: UserType | None
    user_unit: str | None
    verdict: Verdict = Field(description="today's; where a closed period holds it, see `closed`")
    doubt: Doubt | None = Field(description="why it is undetermined")
    needed_s: Seconds = Field(description="what covers it: the claim less the tolerance")
    used_s: Seconds = Field(description="measured time that it uses, and no other line")
    confirmed_s: Seconds = Field(description="what it would use of confirmed time alone")
    possible_s: Seconds = Field(description="what it would use if all unknown time were running")
    effective_s: Seconds = Field(description="running within sessions in its window")
    used_by_others_s: Seconds
    unknown_s: Seconds
    coverage: Ratio | None = Field(description="known ÷ window up to now; null: it lies ahead")
    closed: ClosedVoucher | None
    amended: bool = Field(description="a closed period holds it, and today says something else")
    taken_at: Instant = Field(description="when it was said so")
    actor: str


class VoucherOrders(InOpenWindow):
    """A page of lines."""

    items: list[VoucherOrder]
    next_cursor: Cursor
    as_of: Instant


class FormerVoucher(BaseModel):
    """What a line said before."""

    revision: Count
    instrument_id: str
    from_: Instant = Field(alias="from")
    to: Instant
    claimed_s: Seconds
    amount_cny: Yuan | None
    unit_price_cny: Yuan | None
    user_type: UserType | None
    user_unit: str | None
    taken_at: Instant
    actor: str


class VoucherSpan(BaseModel):
    """A stretch of measured time that a line uses."""

    from_: Instant = Field(alias="from")
    to: Instant


class VoucherSession(BaseModel):
    """A session, cut to the line's window."""

    from_: Instant = Field(alias="from")
    to: Instant
    effective_s: Seconds
    used: list[VoucherSpan]


class UnknownVoucherTime(BaseModel):
    """Unknown time of a window by cause, and what of it lies ahead."""

    before_first_s: Seconds
    collector_s: Seconds
    gateway_s: Seconds
    device_s: Seconds
    ahead_s: Seconds


class VoucherDetail(VoucherOrder):
    """A line with what lies behind its verdict."""

    unknown_by_cause: UnknownVoucherTime
    sessions: list[VoucherSession]
    former: list[FormerVoucher] = Field(description="what it said before, the oldest first")
    measured_revision: str = Field(description="opaque; changes whenever what was measured does")
    as_of: Instant


class VoucherEvidence(BaseModel):
    """Evidence with its signature, as `jishi vouchers verify` takes it."""

    key_id: str
    signature: str = Field(
        description="Ed25519, base64: of `evidence` as JSON with sorted keys, without spaces"
    )
    evidence: dict[str, Any] = Field(description="as `docs/vouchers.md` tells it")
