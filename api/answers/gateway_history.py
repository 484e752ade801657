"""A gateway's history."""

from typing import Literal

from pydantic import BaseModel, Field

from api.answers.fields import Count, Instant, Seconds, Zone
from api.answers.figures import UnknownByCause
from models.bucket import Bucket


class LinkStretchBody(BaseModel):
    """A stretch in which the link was one of three; they make up the window."""

    from_: Instant = Field(alias="from")
    to: Instant
    state: Literal["on", "off", "unheard"] = Field(
        description="off: by its own word, or its will's; unheard: nobody of ours listened; on: the"
        " rest, also of a gateway that never says anything of itself"
    )
    seconds: Seconds


class GatewayPart(BaseModel):
    """What became of a gateway in some time."""

    on_s: Seconds
    off_s: Seconds
    unheard_s: Seconds = Field(description="nobody listened; the three add up")
    heartbeats: Count | None = Field(
        description="stored, by the device's own time, repeats included; null: no raw heartbeats of"
        " that time are kept, or the window is longer than they are asked for"
    )
    replayed: Count | None = Field(description="of these, how many did not come live")
    skew_s: Seconds | None = Field(
        description="smallest receipt less device time of what came live; null: nothing did"
    )
    dead_letters: Count = Field(description="by receipt, as far as they are kept")
    instruments: Count = Field(description="behind it by the registry of the window's end")
    window_s: Seconds = Field(description="of all these instruments together")
    unknown_s: Seconds
    unknown_by_cause: UnknownByCause


class GatewayBucket(GatewayPart):
    """The same of a bucket."""

    from_: Instant = Field(alias="from")
    to: Instant


class GatewayHistoryBody(BaseModel):
    """A gateway's history."""

    gateway_id: str
    from_: Instant = Field(alias="from")
    to: Instant
    tz: Zone
    bucket: Bucket | None
    total: GatewayPart
    buckets: list[GatewayBucket]
    link: list[LinkStretchBody]
    as_of: Instant
