"""Mappings, and what one makes of a message that was tried."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from api.answers.fields import Count, Cursor, Instant
from models.heartbeat import Reason

Origin = Literal["shipped", "own"]


class MappingEntry(BaseModel):
    """A mapping in short: the version in force."""

    name: str
    version: Count
    title: str
    origin: Origin = Field(description="`shipped` comes with the service and is never written")
    versions: list[Count] = Field(description="all that there are, oldest first")
    created_at: Instant | None = Field(description="null: it is shipped")
    created_by: str | None


class MappingWhole(MappingEntry):
    """A mapping with its document."""

    document: dict[str, Any] = Field(description="as `docs/mappings.md` tells it")


class MappingList(BaseModel):
    """All mappings by name."""

    items: list[MappingEntry]
    next_cursor: Cursor


class SampleBody(BaseModel):
    """What a message says of one device, channel and time."""

    device: str
    channel: str | None = Field(description="null: the device as a whole")
    ts: Instant | None = Field(description="the device's time")
    receipt_time: bool = Field(description="it said none: the time of receipt, less `age_s`")
    age_s: float = Field(ge=0)
    power_w: float | None = Field(description="null is not 0")
    energy_wh: float | None
    runtime_s: float | None
    state: Literal["off", "idle", "running"] | None
    available: bool | None = Field(description="the device's own word on whether it is there")
    unknown: bool = Field(description="the device says that it does not know")
    seq: int | None
    boot_id: str | None
    root: str | None = Field(description="the device whose loss is this one's too")
    retained: bool


class MappingProblem(BaseModel):
    """Something of a message that could not be taken."""

    reason: Reason
    at: str = Field(description="where in the payload; empty: all of it")
    detail: str


class Tried(BaseModel):
    """What a mapping makes of a message."""

    matched: bool = Field(description="the topic fits one of the mapping's rules")
    samples: list[SampleBody]
    problems: list[MappingProblem]
