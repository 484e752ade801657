"""Deliveries of closed periods: who is sent them, and what became of it. A secret
is in none but the answer that made it."""

from typing import Literal

from pydantic import BaseModel, Field

from api.answers.fields import Count, Cursor, Instant


class DeliveryBody(BaseModel):
    """One receiver of closed periods."""

    name: str
    kind: Literal["folder", "https"]
    profile: str = Field(description="the form that it is sent")
    form: str = Field(description="of a folder's files: csv, json, …; to an address json")
    url: str = Field(description="an address, or a folder's name")
    every_s: int = Field(description="how often newly closed periods are looked for")
    persons: bool = Field(description="whether it is told who asked for a use")
    institution: str | None = Field(description="whose periods; null: those of the whole city")
    since: Instant = Field(description="periods closed from then on are sent")
    created_at: Instant
    changed_at: Instant
    state: Literal["works", "fails"]
    failures: Count = Field(description="tries in a row that failed")
    failing_since: Instant | None
    failure: str | None = Field(description="why the last try failed, and what to do")
    paused_until: Instant | None = Field(description="when it is tried again")
    periods: Count = Field(description="closed periods that were put into its outbox")
    waiting: Count = Field(description="records or files to be delivered yet")
    given_up: Count = Field(description="tried for days in vain, or refused; see `retry`")


class DeliveryMade(DeliveryBody):
    """A new receiver."""

    secret: str | None = Field(
        None, description="of an address that was given none; this answer alone tells it"
    )


class Deliveries(BaseModel):
    """A page of receivers, by name."""

    items: list[DeliveryBody]
    next_cursor: Cursor


class ItemBody(BaseModel):
    """A record or a file on its way."""

    id: int
    period_id: int
    item: str = Field(description="the record's id, or the file's name")
    state: Literal["waiting", "delivered", "given_up"]
    tries: Count
    tried_at: Instant | None
    due_at: Instant | None = Field(description="null once it is delivered or given up")
    delivered_at: Instant | None
    given_up_at: Instant | None
    sha256: str | None = Field(description="of what was delivered")
    status: int | None = Field(description="of the receiver's last answer")
    answer: str | None = Field(description="its beginning, as it came; up to 4 KiB")
    error: str | None = Field(description="why the last try failed")


class Items(BaseModel):
    """A page of a delivery's items, in the order in which they were put."""

    items: list[ItemBody]
    next_cursor: Cursor


class Retried(BaseModel):
    """What is tried again at once."""

    retried: Count
