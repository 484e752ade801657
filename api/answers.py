"""What every answer holds, for the OpenAPI document: fields, types, units.

Nothing is checked against these while it is answered: routes hand bytes out that msgspec wrote.
Tests check instead, every answer that they get (`tests/integration/api/conforming.py`), and so
does the fuzzing. Names that end in ``_s`` are exact seconds, those in ``_cny`` yuan.

What requests hold is beside their routes and in `models/registry.py`; errors are in `errors.py`.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, WithJsonSchema
from typing_extensions import TypedDict

from models.bucket import Bucket
from models.cause import Cause
from models.credit import Ended, HoldSource
from models.group import Basis
from models.heartbeat import Reason
from models.status import AbsenceCause, Activity, Connectivity, Flag

CSV = "text/csv"

Instant = Annotated[
    str,
    WithJsonSchema({"type": "string", "format": "date-time", "description": "RFC 3339, UTC"}),
]
Day = Annotated[
    str, WithJsonSchema({"type": "string", "format": "date", "description": "YYYY-MM-DD"})
]
Seconds = Annotated[
    float, WithJsonSchema({"type": "number", "description": "seconds, exact to the microsecond"})
]
Yuan = Annotated[float, WithJsonSchema({"type": "number", "description": "yuan, two decimals"})]
Ratio = Annotated[float, WithJsonSchema({"type": "number", "description": "seconds ÷ seconds"})]
Count = Annotated[int, Field(ge=0)]
Zone = Annotated[str, Field(description="IANA zone that the window's days are by")]
Longitude = Annotated[float, Field(ge=-180, le=180, description="degrees east, WGS84")]
Latitude = Annotated[float, Field(ge=-90, le=90, description="degrees north, WGS84")]
Cursor = Annotated[
    str | None, Field(description="`cursor` of the next page; null where this is the last")
]
InstrumentKind = Literal["general", "special"]
_Ranges = list[Annotated[list[str], Field(min_length=2, max_length=2)]]


class FreeHours(TypedDict, total=False):
    """Ranges of local time by weekday in which an instrument is usually on and free."""

    mon: _Ranges
    tue: _Ranges
    wed: _Ranges
    thu: _Ranges
    fri: _Ranges
    sat: _Ranges
    sun: _Ranges


class Hours(FreeHours, total=False):
    """Ranges of local time by weekday; a day left out is closed."""

    holidays: Literal["closed", "as_weekday", "open"]


# Status


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


class StatusAnswer(StatusBody):
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


# Instruments


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


# Figures


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


class UsageBucket(Usage):
    """Figures of one bucket, half-open."""

    from_: Instant = Field(alias="from")
    to: Instant


class Utilization(BaseModel):
    """Figures of one instrument."""

    instrument_id: str
    from_: Instant = Field(alias="from")
    to: Instant = Field(description="clipped to now")
    tz: str = Field(description="IANA zone of the window's days and of the buckets")
    bucket: Bucket | None
    total: Usage
    buckets: list[UsageBucket]


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


class GroupUsageBucket(GroupUsage):
    """A group's figures of one bucket, half-open."""

    from_: Instant = Field(alias="from")
    to: Instant


class GroupTotal(GroupUsage):
    """A group's figures of the window and of its buckets."""

    buckets: list[GroupUsageBucket]


class UsageGroup(GroupTotal):
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
    overall: GroupTotal
    groups: list[UsageGroup]
    next_cursor: Cursor


class Segment(BaseModel):
    """A maximal stretch of one state, cut to the window."""

    from_: Instant = Field(alias="from")
    to: Instant
    seconds: Seconds
    state: Activity
    cause: Cause | None = Field(description="of unknown time")
    resolution_s: Seconds | None


class Timeline(BaseModel):
    """A page of segments, which fill the window."""

    instrument_id: str
    from_: Instant = Field(alias="from")
    to: Instant
    tz: Zone
    items: list[Segment]
    next_cursor: Cursor
    as_of: Instant


class Session(BaseModel):
    """Running segments joined over short idle gaps, cut to the window."""

    from_: Instant = Field(alias="from")
    to: Instant
    seconds: Seconds
    effective_s: Seconds
    session_idle_s: Seconds
    provisional: bool


class Sessions(BaseModel):
    """A page of usage sessions."""

    instrument_id: str
    from_: Instant = Field(alias="from")
    to: Instant
    tz: Zone
    session_gap_s: Seconds
    session_min_s: Seconds
    items: list[Session]
    next_cursor: Cursor
    as_of: Instant


class ProfileHour(BaseModel):
    """One hour of the local week."""

    weekday: Annotated[int, Field(ge=1, le=7, description="Monday = 1")]
    hour: Annotated[int, Field(ge=0, le=23)]
    running_s: Seconds
    idle_s: Seconds
    off_s: Seconds
    running_share: Ratio | None = Field(description="running ÷ known")


class Profile(BaseModel):
    """Running share by hour of the week."""

    from_: Instant = Field(alias="from")
    to: Instant
    tz: str | None = Field(description="null: each instrument's own")
    instruments: Count
    items: list[ProfileHour]
    next_cursor: Cursor
    as_of: Instant


# Evidence


class HeartbeatBody(BaseModel):
    """A heartbeat as it is stored."""

    ts: Instant = Field(description="the device's own time")
    corrected_ts: Instant = Field(description="what figures use")
    received_at: Instant
    state: Literal["off", "idle", "running"]
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


class CreditedHeartbeat(HeartbeatBody):
    """A heartbeat, and what it credits within the window."""

    hold_s: Seconds
    hold_source: HoldSource
    credited_from: Instant | None
    credited_to: Instant | None
    credited_s: Seconds
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


# Registry


class InstitutionRecord(BaseModel):
    """One version of an institution."""

    institution_id: str
    name: str
    name_en: str | None
    kind: str | None
    district_code: str | None
    address: str | None
    lon: Longitude | None
    lat: Latitude | None
    timezone: str | None
    opening_hours: Hours | None
    retired_on: Day | None
    valid_from: Instant


class InstitutionBody(InstitutionRecord):
    """An institution as it is now."""

    instruments: Count = Field(description="in service today")


class GatewayRecord(BaseModel):
    """One version of a gateway."""

    gateway_id: str
    name: str | None
    institution_id: str | None
    clock_correction_s: Seconds = Field(description="added to its device time")
    retired_on: Day | None
    valid_from: Instant


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


class InstitutionVersions(BaseModel):
    """What held from when on."""

    items: list[InstitutionRecord]
    next_cursor: Cursor


class GatewayVersions(BaseModel):
    """What held from when on."""

    items: list[GatewayRecord]
    next_cursor: Cursor


class InstrumentVersions(BaseModel):
    """What held from when on."""

    items: list[InstrumentRecord]
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
    parent_code: str | None = Field(description="null: a major class")
    instruments: Count


class InstrumentClasses(BaseModel):
    """A page of classes."""

    items: list[InstrumentClass]
    next_cursor: Cursor


class RowProblem(BaseModel):
    """What is wrong in a row."""

    row: int = Field(description="the header is row 1")
    column: str
    value: str
    rule: str


class ImportReport(BaseModel):
    """What became of a file's rows."""

    created: Count
    updated: Count
    unchanged: Count
    rejected: Count
    errors: list[RowProblem]
    errors_left_out: Count


class Credential(BaseModel):
    """A gateway's account at the broker; the password is shown this once."""

    username: str
    password: str
    created_at: Instant


# Upkeep


class InOpenWindow(BaseModel):
    """The window that was asked for."""

    from_: Instant | None = Field(alias="from", description="null: from the first on")
    to: Instant | None = Field(description="null: to the last")
    tz: Zone


class PlannedMaintenance(BaseModel):
    """Planned maintenance, half-open."""

    id: int
    instrument_id: str
    from_: Instant = Field(alias="from")
    to: Instant
    reason: str | None
    created_at: Instant


class MaintenancePlan(InOpenWindow):
    """A page of planned maintenance."""

    items: list[PlannedMaintenance]
    next_cursor: Cursor


class CalendarDay(BaseModel):
    """A day that is not what its weekday says."""

    calendar: str
    day: Day
    kind: Literal["holiday", "workday"]
    name: str
    as_weekday: int | None = Field(description="whose hours it takes, Monday = 1")
    confirmed: bool
    source: str


class CalendarBody(BaseModel):
    """What a calendar covers."""

    calendar: str
    days: Count
    first_day: Day
    last_day: Day
    unconfirmed: Count


class Calendars(BaseModel):
    """All calendars, and a page of one's days."""

    calendars: list[CalendarBody]
    items: list[CalendarDay]
    next_cursor: Cursor


class DeadLetterBody(BaseModel):
    """What could not be taken, and why."""

    id: int
    reason: Reason
    detail: str
    gateway_id: str
    topic: str
    instrument_id: str | None
    ts: Instant | None
    received_at: Instant
    heartbeats: Count = Field(description="that the payload stands for")
    occurrences: Count
    live: bool
    historical: bool
    payload_bytes: Count
    payload_sha256: str = Field(pattern="^[0-9a-f]*$")
    replayed_at: Instant | None


class DeadLetterWhole(DeadLetterBody):
    """A dead letter with its payload; both are null where only the digest was kept."""

    payload: str | None
    payload_base64: str | None = Field(description="where it is not UTF-8")


class DeadLetters(InOpenWindow):
    """A page of dead letters."""

    items: list[DeadLetterBody]
    next_cursor: Cursor


class DeadLetterCount(BaseModel):
    """All dead letters of one reason."""

    reason: Reason
    letters: Count
    heartbeats: Count = Field(description="that they stand for")
    occurrences: Count = Field(description="how often they came")
    replayable: Count = Field(description="letters kept whole and not taken again yet")
    newest_at: Instant


class DeadLetterCounts(InOpenWindow):
    """Reasons that there are, that with most heartbeats first."""

    items: list[DeadLetterCount]


class ReplayAsked(BaseModel):
    """The ingest takes it within seconds."""

    id: int
    replay: Literal["requested"]


class ReplaysAsked(BaseModel):
    """The ingest takes them within seconds."""

    letters: Count
    replay: Literal["requested"]


class AuditEntry(BaseModel):
    """One change."""

    id: int
    at: Instant
    actor: str
    action: str
    object_type: str
    object_id: str
    before: Any = Field(description="null where it was not there")
    after: Any = Field(description="null where it is gone")


class Audit(InOpenWindow):
    """A page of changes, newest first."""

    items: list[AuditEntry]
    next_cursor: Cursor


class KeyBody(BaseModel):
    """A key without its secret."""

    id: str
    name: str
    scopes: list[str]
    institution_id: str | None = Field(description="null: the whole city")
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None
    last_used_at: Instant | None


class NewKey(BaseModel):
    """A key just made; `key` is shown this once."""

    id: str
    key: str
    name: str
    scopes: list[str]
    institution_id: str | None
    created_at: Instant
    expires_at: Instant | None


class Keys(BaseModel):
    """A page of keys, oldest first."""

    items: list[KeyBody]
    next_cursor: Cursor


class SignInBody(BaseModel):
    """A browser that was let in with a key, and still is."""

    id: str
    key_id: str = Field(description="the key that opened it")
    name: str = Field(description="the key's")
    address: str | None = Field(description="where the browser asked from")
    agent: str | None = Field(description="what the browser called itself")
    created_at: Instant
    last_used_at: Instant = Field(description="to the minute")
    expires_at: Instant = Field(description="when it ends, whatever is asked until then")
    idle_s: Seconds = Field(description="how long it lasts unused")
    current: bool = Field(description="the one that asks")


class SignIns(BaseModel):
    """A page of sign-ins that stand, newest first."""

    items: list[SignInBody]
    next_cursor: Cursor


class Health(BaseModel):
    """Whether it lives, or can serve."""

    status: Literal["ok", "ready"]


#: Where an answer's table is, if not in ``items``.
TABLES: dict[type[BaseModel], str] = {
    GroupUtilization: "groups",
    StatusSummary: "groups",
    Utilization: "buckets",
}

Responses = dict[int | str, dict[str, Any]]


def answers(model: type[BaseModel], status: int = 200, *, tagged: bool = False) -> Responses:
    """A route's ``responses``: what it answers when all is well.

    Args:
        model: The answer's shape.
        status: Of the answer.
        tagged: It carries an ETag, and is 304 for who has it already; one with a table is
            to be had as CSV too (`tables.py`).
    """
    found: Responses = {status: {"model": model}}
    if tagged:
        if model in TABLES or "items" in model.model_fields:
            found[status]["content"] = {CSV: {"schema": {"type": "string"}}}
        found[304] = {"description": "Not modified: `If-None-Match` names what there is"}
    return found


def written(model: type[BaseModel]) -> Responses:
    """The ``responses`` of a route that creates (201) or replaces (200)."""
    return {200: {"model": model}, 201: {"model": model, "description": "Created"}}
