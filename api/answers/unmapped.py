"""What devices behind a gateway say that nobody takes, with what a mapping would make of it."""

from pydantic import BaseModel, Field

from api.answers.fields import Count, Instant, Source
from api.answers.mappings import SampleBody


class Offer(BaseModel):
    """A device and channel that a mapping reads out of a message."""

    source: Source = Field(description="as an instrument takes it")
    instrument_id: str | None = Field(description="whose source it is now; null: nobody's")
    sample: SampleBody = Field(description="what the message says of it")


class UnmappedTopicBody(BaseModel):
    """A topic with its newest message."""

    topic: str = Field(description="below `native/`")
    messages: Count
    first_at: Instant
    newest_at: Instant
    dead_letter_id: int = Field(description="the newest, which can be replayed once it is bound")
    payload: str | None = Field(description="its beginning; null where it is no text")
    payload_bytes: Count
    offers: list[Offer] = Field(description="empty: no mapping reads it")


class UnmappedTopics(BaseModel):
    """Topics that nobody takes, the last heard first."""

    gateway_id: str
    since: Instant
    items: list[UnmappedTopicBody]
