"""What instruments do now, each and counted."""

from pydantic import BaseModel, Field

from api.answers.fields import Count, Instant, Seconds, Yuan
from models.availability import Availability
from models.status import AbsenceCause, Activity, Connectivity, Flag


class StatusBody(BaseModel):
    """What an instrument does now."""

    instrument_id: str
    connectivity: Connectivity = Field(
        description="the link: online while its newest live heartbeat holds"
    )
    activity: Activity = Field(description="the instrument itself; unknown unless online")
    cause: AbsenceCause | None = Field(description="why it is not online")
    since: Instant | None = Field(description="start of the present segment")
    last_heartbeat_at: Instant | None = Field(description="by the device's clock, corrected")
    last_received_at: Instant | None
    power_w: float | None = Field(description="watts")
    clock_skew_s: Seconds | None = Field(description="receipt less device time, of its gateway")
    flags: list[Flag]


class AvailabilityBody(BaseModel):
    """Whether an instrument is to be had."""

    availability: Availability = Field(
        description="never free within maintenance, downtime, closed hours, a holiday or a booking"
    )
    until: Instant | None = Field(description="when that ends by what is planned")
    reasons: list[str] = Field(description="all that holds, what decides first")


class StatusNow(StatusBody, AvailabilityBody):
    """What an instrument does now, and whether it is to be had."""


class StatusAnswer(StatusNow):
    """What one instrument does now."""

    as_of: Instant


class ByConnectivity(BaseModel):
    """Instruments by their link."""

    online: Count
    offline: Count
    never_seen: Count


class ByActivity(BaseModel):
    """Instruments by what they do."""

    running: Count
    idle: Count
    off: Count
    unknown: Count


class StatusCounts(BaseModel):
    """Instruments in service, counted."""

    instruments: Count
    connectivity: ByConnectivity
    activity: ByActivity
    value_cny: Yuan | None = Field(description="what they cost, where it is known")
    value_seen_cny: Yuan | None = Field(description="of those that ever spoke")


class StatusGroup(StatusCounts):
    """One group's counts."""

    key: str | None = Field(description="null: instruments that have none")
    name: str | None


class StatusSummary(BaseModel):
    """Counts of all, and of each group."""

    as_of: Instant
    group_by: str | None
    overall: StatusCounts
    groups: list[StatusGroup]
