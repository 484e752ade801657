"""Webhooks: who is told of alerts. A secret is in no answer."""

from typing import Literal

from pydantic import BaseModel, Field

from api.answers.fields import Count, Cursor, Instant
from models.alert_kind import AlertKind


class WebhookBody(BaseModel):
    """One receiver of alerts."""

    name: str
    url: str
    kinds: list[AlertKind]
    institution: str | None = Field(description="whose alerts; null: all institutions'")
    created_at: Instant
    changed_at: Instant
    delivered: Count
    waiting: Count = Field(description="to be delivered yet, or again")
    given_up: Count = Field(description="tried for days in vain")


class DeliveryBody(BaseModel):
    """One message to a webhook."""

    id: int
    alert_id: int
    event: Literal["opened", "closed", "folded"]
    tries: Count
    tried_at: Instant | None
    due_at: Instant | None = Field(description="null once it is delivered or given up")
    delivered_at: Instant | None
    given_up_at: Instant | None
    status: int | None = Field(description="of the last answer")
    error: str | None = Field(description="why the last try failed")


class WebhookWhole(WebhookBody):
    """A receiver with its newest messages."""

    deliveries: list[DeliveryBody]


class Webhooks(BaseModel):
    """All receivers, by name."""

    items: list[WebhookBody]
    next_cursor: Cursor
