"""Maintenance plans, when each was done, and what is due."""

from typing import Literal

from pydantic import BaseModel, Field

from api.answers.fields import Count, Cursor, Instant, Seconds


class MaintenancePlanBody(BaseModel):
    """Maintenance that is due by measured running time, by date, or by whichever comes first."""

    id: int
    instrument_id: str
    institution_id: str
    name: str
    every_running_s: Seconds | None = Field(description="after so much measured running")
    every_days: Count | None = Field(description="after so many days of the instrument's clock")
    starts_at: Instant = Field(description="counted from here until it is first done")
    ended_at: Instant | None
    created_at: Instant
    last_reset_at: Instant | None = Field(description="when it was done the last time")
    last_reset_reason: str | None


class MaintenancePlans(BaseModel):
    """A page of plans, in the order in which they were made."""

    items: list[MaintenancePlanBody]
    next_cursor: Cursor


class ResetBody(BaseModel):
    """Once that a plan's maintenance was done."""

    id: int
    at: Instant
    reason: str
    actor: str
    created_at: Instant


class Resets(BaseModel):
    """When a plan's maintenance was done, the latest first."""

    plan_id: int
    items: list[ResetBody]
    next_cursor: Cursor


class DueMaintenance(BaseModel):
    """A plan with what has run since it was done, and when it is due."""

    id: int = Field(description="of the plan")
    instrument_id: str
    institution_id: str
    name: str
    every_running_s: Seconds | None
    every_days: Count | None
    counted_from: Instant
    last_reset_reason: str | None
    running_s: Seconds = Field(description="measured since then, whatever meter or gateway told it")
    unknown_s: Seconds = Field(description="since then, in which it may have run as well")
    remaining_running_s: Seconds | None
    due_on_date: Instant | None = Field(description="the date's first instant")
    due_at: Instant | None = Field(
        description="the earlier of that and of the very instant at which running time was used"
        " up; null: only running will make it due"
    )
    due_by: Literal["running", "date"] | None
    expected_at: Instant | None = Field(
        description="`due_at`, or before it where running goes on as it did: an estimate"
    )
    overdue: bool


class DueList(BaseModel):
    """A page of what is due, the most urgent first."""

    items: list[DueMaintenance]
    overdue: Count = Field(description="on all pages")
    next_cursor: Cursor
    as_of: Instant
