"""What users say of measured uses."""

from typing import Annotated

from pydantic import BaseModel, Field

from api.answers.fields import Count, Cursor, InOpenWindow, Instant, Zone

Grade = Annotated[int, Field(ge=1, le=5, description="5 very satisfied … 1 very dissatisfied")]
Mean = Annotated[float, Field(ge=1, le=5, description="mean grade, four decimals")]


class FeedbackBody(BaseModel):
    """What was said of the session that holds an instant."""

    id: int
    instrument_id: str
    institution_id: str
    at: Instant
    overall: Grade
    attitude: Grade | None
    skill: Grade | None
    quality: Grade | None
    timeliness: Grade | None
    price: Grade | None
    fault: bool
    text: str | None
    maintenance_id: int | None = Field(description="the downtime that the fault opened or was in")
    reference: str | None = Field(description="the user's, for who may operate; null once erased")
    actor: str
    created_at: Instant


class FeedbackList(InOpenWindow):
    """A page of what was said, in order of the instants."""

    instrument_id: str
    items: list[FeedbackBody]
    next_cursor: Cursor


class MarkMean(BaseModel):
    """A mean, and of how many."""

    n: Count
    mean: Mean | None


class FeedbackSums(BaseModel):
    """What was said of several uses; a mean stands beside how many said it."""

    n: Count
    mean: Mean | None
    faults: Count
    very_satisfied: Count
    satisfied: Count
    fair: Count
    dissatisfied: Count
    very_dissatisfied: Count
    attitude: MarkMean
    skill: MarkMean
    quality: MarkMean
    timeliness: MarkMean
    price: MarkMean


class FeedbackGroup(FeedbackSums):
    """One group's."""

    key: str | None
    name: str | None


class FeedbackSummary(BaseModel):
    """What was said of uses within a window, by group."""

    from_: Instant = Field(alias="from")
    to: Instant
    tz: Zone
    group_by: str | None
    overall: FeedbackSums
    groups: list[FeedbackGroup]
    as_of: Instant
