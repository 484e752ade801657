"""Bookings that come from elsewhere, and where they come from."""

from typing import Literal

from pydantic import BaseModel, Field

from api.answers.fields import Count, Cursor, InOpenWindow, Instant
from api.answers.refused import MaybeRefused, Refused


class BookingBody(BaseModel):
    """One booked time of one instrument, half-open."""

    id: int
    feed: str
    uid: str
    recurrence_id: str = Field(description="which of a series; empty: it is none")
    instrument_id: str
    institution_id: str
    from_: Instant = Field(alias="from")
    to: Instant
    cancelled: bool
    changed_at: Instant


class Bookings(InOpenWindow):
    """A page of bookings."""

    items: list[BookingBody]
    next_cursor: Cursor


class BookingError(Refused):
    """An event that was not taken."""

    row: int | None = Field(description="of a CSV file; the header is 1")
    uid: str
    recurrence_id: str


class BookingRow(MaybeRefused):
    """What would become of an event."""

    row: int | None = Field(description="of a CSV file; the header is 1")
    uid: str
    recurrence_id: str
    instrument: str = Field(description="what the event says of it")
    result: Literal["created", "updated", "unchanged", "replaced", "rejected"] = Field(
        description="`replaced`: the same file says something newer of it"
    )


class BookingImport(BaseModel):
    """What an import did, or would do."""

    preview: bool = Field(description="nothing was written")
    feed: str
    created: Count = Field(description="events that were not known")
    updated: Count = Field(description="events that take the place of earlier ones")
    unchanged: Count = Field(description="events that were known, or older than what is")
    gone: Count = Field(description="events that a feed, read whole, no longer has")
    rejected: Count
    bookings_written: Count
    bookings_cancelled: Count
    errors: list[BookingError]
    errors_left_out: Count
    rows: list[BookingRow] = Field(description="of a preview, the refused first; else none")
    rows_left_out: Count


class FeedBody(BaseModel):
    """Where bookings come from."""

    name: str
    institution_id: str | None = Field(description="whose it is; null: the city's")
    instrument_id: str | None = Field(description="what all its events book; null: what they name")
    timezone: str = Field(description="of whole days, and of times that name no zone")
    url: str | None = Field(description="an iCalendar address; null: files are imported")
    every_s: int | None = Field(description="how often it is read, seconds")
    read_at: Instant | None = Field(description="when it was read last, or found unchanged")
    tried_at: Instant | None
    failure: str | None = Field(description="why the last try failed; its bookings stay")
    failing_since: Instant | None


class Feeds(BaseModel):
    """A page of feeds."""

    items: list[FeedBody]
    next_cursor: Cursor
