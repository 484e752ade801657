"""Coverage of sensors: which instruments are listed, fitted and speaking."""

from typing import Annotated

from pydantic import BaseModel, Field

from api.answers.fields import Count, Cursor, Day, Instant, Zone

Share = Annotated[float, Field(ge=0, le=1, description="instruments ÷ listed")]


class Sensors(BaseModel):
    """Instruments, each kind part of the one before it."""

    listed: Count = Field(description="registered, accepted or in service, and not retired")
    fitted: Count = Field(
        description="of these, those whose gateway is in service, and was heard or names a device"
    )
    speaking: Count = Field(description="of these, those heard on one of `within_days` days")
    fitted_share: Share | None
    speaking_share: Share | None


class SensorGroup(Sensors):
    """One group's."""

    key: str | None = Field(description="null: instruments that have none")
    name: str | None


class Asked(BaseModel):
    """What a question was about."""

    within_days: Count
    group_by: str | None
    tz: Zone
    as_of: Instant


class SensorCoverage(Asked):
    """Coverage at the end of a day, as a whole and by group."""

    on: Day
    target_share: Share | None = Field(description="of the whole city on that day")
    overall: Sensors
    groups: list[SensorGroup]
    next_cursor: Cursor


class SensorPoint(Sensors):
    """Coverage of one group at the end of one day."""

    key: str | None = Field(description="null: the whole, or instruments that have none")
    on: Day
    target_share: Share | None


class SensorHistory(Asked):
    """Coverage at the ends of days or months, group by group."""

    from_: Day = Field(alias="from")
    to: Day
    bucket: str
    items: list[SensorPoint]
    next_cursor: Cursor


class CoverageTarget(BaseModel):
    """The share of listed instruments that shall speak, from a day on."""

    day: Day = Field(description="from this one on")
    share: Share
    by: str
    changed_at: Instant


class CoverageTargets(BaseModel):
    """All targets, in order of their days; before the first there is none."""

    items: list[CoverageTarget]
    next_cursor: Cursor
