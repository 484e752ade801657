"""Seconds and ratios of windows: of one instrument, and of groups.

What they follow from is in `stretches.py` and `evidence.py`.
"""

from pydantic import BaseModel, Field

from api.answers.fields import Count, Cursor, Day, Instant, Ratio, Seconds
from models.bucket import Bucket
from models.compared_window import Compare
from models.group import Basis
from models.registry_fields import Effect


class UnknownByCause(BaseModel):
    """Unknown seconds by the first cause that fits; they add up to `unknown_s`."""

    before_first: Seconds
    collector: Seconds
    gateway: Seconds
    device: Seconds


class Usage(BaseModel):
    """Seconds of a window and every ratio; a ratio with an empty denominator is null."""

    window_s: Seconds
    running_s: Seconds
    idle_s: Seconds
    off_s: Seconds
    unknown_s: Seconds
    unknown_by_cause: UnknownByCause
    scheduled_s: Seconds | None = Field(description="within opening hours, outside maintenance")
    running_scheduled_s: Seconds | None
    effective_s: Seconds = Field(description="running time in sessions")
    session_idle_s: Seconds = Field(description="idle time that sessions join")
    rated_s: Seconds
    coverage: Ratio | None = Field(description="known ÷ window")
    utilization: Ratio | None = Field(description="running ÷ known")
    calendar_utilization: Ratio | None = Field(description="running ÷ window: the least it can be")
    utilization_high: Ratio | None = Field(
        description="(running + unknown) ÷ window: the most it can be"
    )
    powered_utilization: Ratio | None = Field(description="running ÷ (running + idle)")
    scheduled_utilization: Ratio | None = Field(description="running_scheduled ÷ scheduled")
    rated_utilization: Ratio | None = Field(description="effective ÷ rated; may pass 1")
    sufficient: bool = Field(description="whether coverage is enough to be ranked")
    counter_running_s: Seconds | None = Field(description="by the hour meter, the witness")
    counter_flag: bool = Field(description="whether hour meter and states disagree")
    resolution_s: Seconds | None = Field(description="the longest credited step")
    provisional: bool = Field(description="whether it may still change by itself")
    revision: str = Field(description="opaque; changes whenever a figure does")
    as_of: Instant


class Difference(BaseModel):
    """One window's figures minus those of the other; null where either has none.

    Ratios differ by points: 0.3 against 0.2 is 0.1.
    """

    window_s: Seconds
    running_s: Seconds
    idle_s: Seconds
    off_s: Seconds
    unknown_s: Seconds
    scheduled_s: Seconds | None
    running_scheduled_s: Seconds | None
    effective_s: Seconds
    session_idle_s: Seconds
    rated_s: Seconds
    counter_running_s: Seconds | None
    coverage: Ratio | None
    utilization: Ratio | None
    calendar_utilization: Ratio | None
    utilization_high: Ratio | None
    powered_utilization: Ratio | None
    scheduled_utilization: Ratio | None
    rated_utilization: Ratio | None


class GroupDifference(Difference):
    """The same of a group."""

    instruments: int
    sufficient_instruments: int
    never_seen_instruments: int
    mean_utilization: Ratio | None


class ComparedWindow(BaseModel):
    """The window that figures are held against, where `compare` is asked for."""

    from_: Instant = Field(alias="from")
    to: Instant = Field(description="at the same point of it, where the asked one is not over")


class UsageBucket(Usage):
    """Figures of one bucket, half-open."""

    from_: Instant = Field(alias="from")
    to: Instant


class UsageTotal(Usage):
    """Figures of a window and of its buckets."""

    buckets: list[UsageBucket]


class Utilization(BaseModel):
    """Figures of one instrument."""

    instrument_id: str
    from_: Instant = Field(alias="from")
    to: Instant = Field(description="clipped to now")
    tz: str = Field(description="IANA zone of the window's days and of the buckets")
    bucket: Bucket | None
    total: Usage
    buckets: list[UsageBucket]
    compare: Compare | None = Field(default=None, description="as asked for, else left out")
    compared_window: ComparedWindow | None = Field(default=None, description="with `compare`")
    compared: UsageTotal | None = Field(default=None, description="with `compare`")
    difference: Difference | None = Field(default=None, description="with `compare`")


class Move(BaseModel):
    """Fields that a change makes differ for a time, and what becomes of figures by them."""

    fields: list[str]
    effect: Effect = Field(description="`folds`: figures follow after the change")
    from_: Instant | None = Field(alias="from", description="null: from the beginning")
    to: Instant | None = Field(description="null: without an end")
    told: str = Field(description="the same in words")


class ChangePreview(BaseModel):
    """Figures of one instrument as they are and as a change would make them."""

    instrument_id: str
    from_: Instant = Field(alias="from")
    to: Instant = Field(description="clipped to now")
    tz: str = Field(description="IANA zone of the window's days")
    changed: list[str] = Field(description="fields that would differ at any time")
    moves: list[Move]
    present: Usage
    proposed: Usage | None = Field(description="null: heartbeats are folded anew, as `moves` says")
    difference: Difference | None = Field(description="proposed less present")
    as_of: Instant


class Band(BaseModel):
    """Sufficient instruments whose ratio is strictly above a threshold."""

    above: float
    instruments: Count
    share: Ratio | None = Field(description="instruments ÷ those that have the ratio")


class GroupUsage(Usage):
    """Sums over a group and ratios of sums."""

    instruments: Count = Field(description="in service on any day of it")
    sufficient_instruments: Count
    never_seen_instruments: Count = Field(
        description="of these, without a heartbeat before its end; in none of the window's sums"
    )
    averaged_instruments: Count | None = Field(description="what the mean is over")
    mean_utilization: Ratio | None = Field(description="mean over sufficient instruments")
    banded_instruments: Count | None = Field(description="what the bands' shares are of")
    bands: list[Band]


class RecordPreview(BaseModel):
    """Figures of a record's instruments as they are and as a change would make them."""

    institution_id: str | None = None
    gateway_id: str | None = None
    from_: Instant = Field(alias="from")
    to: Instant = Field(description="clipped to now")
    tz: str = Field(description="IANA zone of the window's days")
    changed: list[str] = Field(description="fields that would differ at any time")
    moves: list[Move]
    instruments: Count = Field(description="in service today that are bound to it")
    first_instruments: list[str] = Field(description="the first ten of these")
    present: GroupUsage
    proposed: GroupUsage
    difference: GroupDifference = Field(description="proposed less present")
    as_of: Instant


class CalendarPreview(BaseModel):
    """Figures of all instruments as they are and as other days of a calendar would make them."""

    calendar: str
    in_use: bool = Field(description="whether it is the service's, which opening hours go by")
    from_: Instant = Field(alias="from")
    to: Instant = Field(description="clipped to now: days that lie ahead have no figures yet")
    tz: str = Field(description="IANA zone of the window's days")
    changed: list[Day] = Field(description="days that would differ from what is stored")
    following: Count = Field(
        description="instruments in service now whose opening hours go by the calendar"
    )
    present: GroupUsage
    proposed: GroupUsage
    difference: GroupDifference = Field(description="proposed less present")
    as_of: Instant


class GroupUsageBucket(GroupUsage):
    """A group's figures of one bucket, half-open."""

    from_: Instant = Field(alias="from")
    to: Instant


class GroupTotal(GroupUsage):
    """A group's figures of a window and of its buckets."""

    buckets: list[GroupUsageBucket]


class ComparedTotal(GroupTotal):
    """The same, held against another window where `compare` is asked for."""

    compared: GroupTotal | None = Field(
        default=None,
        description="with `compare`: its figures of the other window; null where those may not"
        " be seen by everyone",
    )
    difference: GroupDifference | None = Field(default=None, description="with `compare`")


class UsageGroup(ComparedTotal):
    """One group."""

    key: str | None = Field(description="null: instruments that have none")
    name: str | None


class GroupUtilization(BaseModel):
    """Figures of all, and a page of groups."""

    from_: Instant = Field(alias="from")
    to: Instant = Field(description="clipped to now")
    tz: str = Field(description="IANA zone of the window's days and of the buckets")
    group_by: str | None
    basis: Basis
    bucket: Bucket | None
    overall: ComparedTotal
    groups: list[UsageGroup]
    compare: Compare | None = Field(default=None, description="as asked for, else left out")
    compared_window: ComparedWindow | None = Field(default=None, description="with `compare`")
    next_cursor: Cursor
