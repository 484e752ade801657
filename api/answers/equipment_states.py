"""SEMI E10's six states."""

from pydantic import BaseModel, Field

from api.answers.fields import Count, Instant, Seconds, Zone


class StateTimesBody(BaseModel):
    """A window by SEMI E10's six states, which add up to it exactly."""

    window_s: Seconds
    productive_s: Seconds = Field(description="measured running, outside the three below")
    standby_s: Seconds = Field(description="open and not running, what nobody measured included")
    engineering_s: Seconds
    scheduled_down_s: Seconds
    unscheduled_down_s: Seconds
    non_scheduled_s: Seconds = Field(
        description="closed and not running, what nobody measured included"
    )
    unknown_s: Seconds = Field(
        description="of standby and non-scheduled: nobody measured; at most so much more was"
        " productive"
    )
    failures: Count = Field(description="downtimes that began in the window")
    mtbf_s: Seconds | None = Field(
        description="productive time ÷ `failures`; null: there were none"
    )
    repairs: Count = Field(description="downtimes that ended in the window")
    mttr_s: Seconds | None = Field(
        description="mean length of these, whole as they are; null: there were none"
    )


class InstrumentStates(StateTimesBody):
    """One instrument's window."""

    instrument_id: str
    from_: Instant = Field(alias="from")
    to: Instant
    tz: Zone
    as_of: Instant


class MembersStates(StateTimesBody):
    """Some instruments' windows together; those never heard are only counted."""

    instruments: Count
    never_seen_instruments: Count


class GroupStatesBody(MembersStates):
    """One group's."""

    key: str | None
    name: str | None


class GroupStates(BaseModel):
    """A window by group and state."""

    from_: Instant = Field(alias="from")
    to: Instant
    tz: Zone
    group_by: str | None
    overall: MembersStates
    groups: list[GroupStatesBody]
    as_of: Instant
