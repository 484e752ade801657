"""Alerts of silence and of booking feeds."""

from typing import Literal

from pydantic import BaseModel, Field

from api.answers.fields import Count, Cursor, Instant

AlertKind = Literal[
    "institution_silent", "gateway_silent", "instrument_silent", "booking_feed_failing"
]
AlertState = Literal["open", "acknowledged", "muted", "closed"]


class AlertBody(BaseModel):
    """One silence, told once at its widest, or a booking feed that cannot be read."""

    id: int
    kind: AlertKind
    state: AlertState = Field(description="open: nobody has acknowledged it")
    subject_id: str = Field(
        description="of the institution, gateway or instrument that is silent, or the feed"
    )
    institution_id: str | None = Field(description="null: a feed of the city")
    since: Instant = Field(description="when the subject was online last, or failed first")
    instruments: Count = Field(
        description="that were silent with it when it opened, or had bookings of the feed"
    )
    opened_at: Instant
    closed_at: Instant | None
    folded: bool = Field(description="closed because it became part of a wider alert")
    acknowledged_at: Instant | None
    acknowledged_by: str | None
    note: str | None
    muted_until: Instant | None = Field(description="nobody is notified of the subject before")


class AlertEventBody(BaseModel):
    """What befell an alert."""

    at: Instant
    event: Literal["opened", "closed", "folded", "acknowledged", "muted"]
    actor: str | None
    note: str | None


class AlertWhole(AlertBody):
    """An alert with what befell it, in order."""

    events: list[AlertEventBody]


class Alerts(BaseModel):
    """A page of alerts, the newest first."""

    items: list[AlertBody]
    next_cursor: Cursor
