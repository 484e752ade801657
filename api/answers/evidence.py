"""What a figure rests on: heartbeats, what each of them credits, and the settings in force."""

from typing import Literal

from pydantic import BaseModel, Field

from api.answers.fields import Cursor, Hours, Instant, Seconds, Zone
from api.answers.figures import Usage
from api.answers.stretches import Segment
from models.credit import Ended, HoldSource


class HeartbeatBody(BaseModel):
    """A heartbeat as it is stored."""

    ts: Instant = Field(description="the device's own time")
    corrected_ts: Instant = Field(description="what figures use")
    received_at: Instant
    state: Literal["off", "idle", "running"] | None = Field(
        description="as stated or, of a sample, as judged; null: it credits nothing"
    )
    sample: bool = Field(description="it stated power and no state")
    available: bool | None = Field(description="the device's own word, where it is one")
    receipt_time: bool = Field(description="the device named no time: ts is the receipt's")
    power_w: float | None = Field(description="watts")
    runtime_s: float | None = Field(description="the hour meter, seconds")
    energy_wh: float | None = Field(description="cumulative watt-hours")
    seq: int | None
    boot_id: str | None
    interval_s: float | None
    gateway_id: str | None
    live: bool
    stale_repeat: bool
    historical: bool
    retained: bool


class Heartbeats(BaseModel):
    """A page of raw heartbeats, in order of the device's time."""

    instrument_id: str
    from_: Instant = Field(alias="from")
    to: Instant
    tz: Zone
    items: list[HeartbeatBody]
    next_cursor: Cursor
    as_of: Instant


class PowerRuleInForce(BaseModel):
    """A power rule, and since when it holds."""

    off_below_w: float
    run_until_w: float
    run_from_w: float
    dwell_start_s: Seconds
    dwell_stop_s: Seconds
    silence_s: Seconds | None
    from_: Instant | None = Field(alias="from", description="null: always before")


class CreditedHeartbeat(HeartbeatBody):
    """A heartbeat, and what it credits within the window."""

    hold_s: Seconds
    hold_source: HoldSource
    credited_from: Instant | None
    credited_to: Instant | None
    credited_s: Seconds
    level: Literal["off", "idle", "running"] | None = Field(
        description="of a sample, by its power alone; state is what it counts as"
    )
    power_rule: PowerRuleInForce | None = Field(description="what a sample was judged by")
    ended_by: Ended
    carries_over: bool
    rules: list[int]


class ExplainedSegment(Segment):
    """A segment and the rules that made it."""

    rules: list[int]


class ConflictBody(BaseModel):
    """A heartbeat that lost against another of the same time."""

    dead_letter_id: int
    ts: Instant
    received_at: Instant
    gateway_id: str
    detail: str
    rules: list[int]


class SettingsVersion(BaseModel):
    """Settings in force at some time of the window."""

    from_: Instant | None = Field(alias="from", description="null: always before")
    to: Instant | None = Field(description="null: until further notice")
    gateway_id: str | None
    timezone: str
    hold_s: Seconds | None
    interval_s: Seconds | None
    rated_hours_per_year: float
    opening_hours: Hours | None
    rules: list[int]


class Stretch(BaseModel):
    """A stretch of time, half-open."""

    from_: Instant = Field(alias="from")
    to: Instant


class Explanation(BaseModel):
    """All that a window's figures follow from."""

    instrument_id: str
    from_: Instant = Field(alias="from")
    to: Instant
    tz: Zone
    as_of: Instant
    figures: Usage
    rules: dict[str, str] = Field(description="by number, in a line each")
    segments: list[ExplainedSegment]
    segments_complete: bool
    heartbeats: list[CreditedHeartbeat]
    next_cursor: Cursor
    conflicts: list[ConflictBody]
    versions: list[SettingsVersion]
    session_gap_s: Seconds
    session_min_s: Seconds
    first_heartbeat_at: Instant | None
    schedule: list[Stretch] | None = Field(description="opening hours; null where none are known")
    maintenance: list[Stretch]
    collector_gaps: list[Stretch]
    gateway_offline: list[Stretch]
