"""Evidence for the review of a purchase: use of all instruments of a class in a region."""

from typing import Any

from pydantic import BaseModel, Field

from api.answers.fields import Count, Cursor, Day, Instant, Ratio, Seconds, Yuan

_FREE = "rated time that was certainly left: unknown time counts as use"


class PurchaseFigures(BaseModel):
    """Figures of one instrument, or of all that were heard; ratios of all are ratios of sums."""

    window_s: Seconds | None
    effective_s: Seconds | None
    running_s: Seconds | None
    unknown_s: Seconds | None
    rated_s: Seconds | None
    coverage: Ratio | None
    utilization: Ratio | None
    calendar_utilization: Ratio | None = Field(description="the lower bound of what is true")
    utilization_high: Ratio | None = Field(description="the upper one")
    rated_utilization: Ratio | None


class PurchaseRow(PurchaseFigures):
    """An instrument; figures are null where it was never heard."""

    instrument_id: str
    name: str | None
    institution_id: str
    district_code: str | None
    class_code: str | None
    model: str | None
    acquired_on: Day | None
    age_days: int | None = Field(description="on the window's last day")
    value_cny: Yuan | None
    heard: bool = Field(description="it has a heartbeat before the window's end")
    sufficient: bool
    free_s: Seconds | None = Field(description=_FREE)
    bookings: Count
    booked_s: Seconds


class PurchaseTotal(PurchaseFigures):
    """What all come to."""

    listed: Count = Field(description="instruments in service on any day of the window")
    heard: Count = Field(description="of these, with a heartbeat before its end")
    speaking: Count = Field(description="of these, with known time within it")
    sufficient_instruments: Count
    mean_utilization: Ratio | None
    free_instruments: Count = Field(description="sufficient ones with rated time left")
    free_share: Ratio | None = Field(description="of the sufficient ones")
    free_s: Seconds = Field(description=_FREE)
    bookings: Count
    booked_s: Seconds


class PurchaseQuantiles(BaseModel):
    """Values by nearest rank; null where there are none."""

    n: Count
    min: float | None
    p10: float | None
    p25: float | None
    median: float | None
    p75: float | None
    p90: float | None
    max: float | None


class PurchaseDistribution(BaseModel):
    """How figures of sufficient instruments lie, and ages of all that have one."""

    effective_s: PurchaseQuantiles
    utilization: PurchaseQuantiles
    rated_utilization: PurchaseQuantiles
    age_days: PurchaseQuantiles


class PurchaseEvidence(BaseModel):
    """Use of all instruments that are meant, and a page of them."""

    from_: Instant = Field(alias="from")
    to: Instant = Field(description="clipped to now")
    tz: str
    overall: PurchaseTotal
    distribution: PurchaseDistribution
    items: list[PurchaseRow]
    next_cursor: Cursor
    as_of: Instant


class SignedPurchase(BaseModel):
    """All of it with its signature, as `jishi vouchers verify` takes it."""

    key_id: str
    signature: str = Field(
        description="Ed25519, base64: of `evidence` as JSON with sorted keys, without spaces"
    )
    evidence: dict[str, Any] = Field(
        description="the same with every row; microseconds, and ratios as texts"
    )
