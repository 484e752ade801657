"""Alerts: one cause, told once."""

from typing import Literal

from pydantic import BaseModel, Field

from api.answers.fields import Count, Cursor, Instant
from models.alert_kind import AlertKind
from models.condition import Because

AlertState = Literal["open", "acknowledged", "muted", "closed"]


class AlertBody(BaseModel):
    """What somebody should look after, told once, at its widest."""

    id: int
    kind: AlertKind
    state: AlertState = Field(description="open: nobody has acknowledged it")
    subject_id: str = Field(
        description="of the institution, gateway, instrument (of maintenance as well), feed or city"
    )
    institution_id: str | None = Field(description="null: nobody's but the city's")
    since: Instant = Field(
        description="when the subject was online last, or since when it holds that is told"
    )
    instruments: Count = Field(description="that it was about when it opened")
    detail: dict[str, str | int | float | None] = Field(
        description="what else was to be said when it opened: `share` and `usual` of unknown time,"
        " `letters` and their `reason`, the `plan` and by what it is `due_by`, … by kind"
    )
    opened_at: Instant
    closed_at: Instant | None
    folded: bool = Field(description="closed because it became part of a wider alert")
    closed_because: Because | None = Field(
        description="why nobody has to look after it any more, though what it told is not over"
    )
    acknowledged_at: Instant | None
    acknowledged_by: str | None
    note: str | None
    muted_until: Instant | None = Field(description="nobody is notified of the subject before")


class AlertEventBody(BaseModel):
    """What befell an alert."""

    at: Instant
    event: Literal["opened", "closed", "folded", "acknowledged", "muted", "unmuted"]
    actor: str | None
    note: str | None


class AlertWhole(AlertBody):
    """An alert with what befell it, in order."""

    events: list[AlertEventBody]


class Alerts(BaseModel):
    """A page of alerts, the newest first."""

    items: list[AlertBody]
    next_cursor: Cursor


class AlertCount(BaseModel):
    """How many of a kind stand in a state."""

    kind: AlertKind
    state: Literal["open", "acknowledged", "muted"]
    alerts: Count


class AlertCounts(BaseModel):
    """All that stand, counted; what is closed is not."""

    items: list[AlertCount]
    next_cursor: Cursor
