"""Fields that answers share: times, seconds, ratios, hours of the week.

Names that end in ``_s`` are exact seconds, those in ``_cny`` yuan.
"""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import BaseModel, Field, WithJsonSchema
from typing_extensions import TypedDict

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


class Source(TypedDict):
    """A device behind an instrument's gateway, and the mapping that reads its words."""

    mapping: str
    device: str
    channel: str | None
    #: By ``sparkplug-b`` alone: the names of its metrics, by field.
    metrics: NotRequired[dict[str, Any]]


class EdgeNode(TypedDict):
    """A Sparkplug B edge node, by its group and its own id."""

    group: str
    node: str


class PowerRule(TypedDict):
    """What gives an instrument's samples a state."""

    off_below_w: float
    run_until_w: float
    run_from_w: float
    dwell_start_s: float
    dwell_stop_s: float
    silence_s: float | None


# ``from`` is a word of Python's.
Suspension = TypedDict("Suspension", {"from": Day, "to": Day | None, "reason": str | None})
Suspension.__doc__ = "Days out of service, from the first to before `to`; none: still suspended."


class InOpenWindow(BaseModel):
    """The window that was asked for."""

    from_: Instant | None = Field(alias="from", description="null: from the first on")
    to: Instant | None = Field(description="null: to the last")
    tz: Zone
