"""When instruments were in which state: timelines, sessions, hours of the week."""

from typing import Annotated

from pydantic import BaseModel, Field

from api.answers.annotations import SaidOfUse
from api.answers.fields import Count, Cursor, Instant, Ratio, Seconds, Zone
from api.answers.figures import ComparedWindow
from models.cause import Cause
from models.compared_window import Compare
from models.status import Activity


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
    annotation: SaidOfUse | None = Field(description="what was said of an instant within it")


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


class HourFigures(BaseModel):
    """What instruments did in one hour of the week, of a window."""

    running_s: Seconds
    idle_s: Seconds
    off_s: Seconds
    running_share: Ratio | None = Field(description="running ÷ known")


class HourDifference(BaseModel):
    """One window's figures minus those of the other; shares differ by points."""

    running_s: Seconds
    idle_s: Seconds
    off_s: Seconds
    running_share: Ratio | None = Field(description="null where either has none")


class ProfileHour(HourFigures):
    """One hour of the local week."""

    weekday: Annotated[int, Field(ge=1, le=7, description="Monday = 1")]
    hour: Annotated[int, Field(ge=0, le=23)]
    compared: HourFigures | None = Field(default=None, description="with `compare`")
    difference: HourDifference | None = Field(default=None, description="with `compare`")


class Profile(BaseModel):
    """Running share by hour of the week."""

    from_: Instant = Field(alias="from")
    to: Instant
    tz: str | None = Field(
        description="whose hours of the week; null: each instrument's own, of a window by the"
        " service's clock"
    )
    instruments: Count
    compare: Compare | None = Field(default=None, description="as asked for, else left out")
    compared_window: ComparedWindow | None = Field(default=None, description="with `compare`")
    compared_instruments: Count | None = Field(
        default=None, description="with `compare`: `instruments` of the other window"
    )
    items: list[ProfileHour]
    next_cursor: Cursor
    as_of: Instant
