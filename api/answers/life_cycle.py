"""An instrument's life cycle."""

from pydantic import BaseModel, Field

from api.answers.fields import Cursor, Day, Instant
from models.life_cycle import LifeState


class LifeCycleStep(BaseModel):
    """A state, and the local day from which on it holds."""

    state: LifeState
    on: Day
    reason: str | None = Field(description="null where the registry's record said it alone")
    by: str | None = Field(description="who said so")
    noted_at: Instant | None


class LifeCycleBody(BaseModel):
    """The states of an instrument, oldest first."""

    instrument_id: str
    state: LifeState | None = Field(description="today; null before its first date")
    since: Day | None = Field(description="null: no date says so")
    may_follow: list[LifeState]
    items: list[LifeCycleStep]
    next_cursor: Cursor
