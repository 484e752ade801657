"""What operators look after: dead letters and their replays, and whether the service is well."""

from typing import Literal

from pydantic import BaseModel, Field

from api.answers.fields import Count, Cursor, InOpenWindow, Instant
from models.heartbeat import Reason


class DeadLetterBody(BaseModel):
    """What could not be taken, and why."""

    id: int
    reason: Reason
    detail: str
    gateway_id: str
    topic: str
    instrument_id: str | None
    ts: Instant | None
    received_at: Instant = Field(description="of a folded letter: of the newest message")
    first_at: Instant | None = Field(description="of a folded letter: of the first message")
    heartbeats: Count = Field(description="that the payload stands for")
    occurrences: Count
    live: bool
    historical: bool
    payload_bytes: Count
    payload_sha256: str = Field(pattern="^[0-9a-f]*$")
    replayed_at: Instant | None


class DeadLetterWhole(DeadLetterBody):
    """A dead letter with its payload; both are null where only the digest was kept."""

    payload: str | None
    payload_base64: str | None = Field(description="where it is not UTF-8")


class DeadLetters(InOpenWindow):
    """A page of dead letters."""

    items: list[DeadLetterBody]
    next_cursor: Cursor


class DeadLetterCount(BaseModel):
    """All dead letters of one reason."""

    reason: Reason
    letters: Count
    heartbeats: Count = Field(description="that they stand for")
    occurrences: Count = Field(description="how often they came")
    replayable: Count = Field(description="letters kept whole and not taken again yet")
    newest_at: Instant


class DeadLetterCounts(InOpenWindow):
    """Reasons that there are, that with most heartbeats first."""

    items: list[DeadLetterCount]


class ReplayAsked(BaseModel):
    """The ingest takes it within seconds."""

    id: int
    replay: Literal["requested"]


class ReplaysAsked(BaseModel):
    """The ingest takes them within seconds."""

    letters: Count
    replay: Literal["requested"]


class Health(BaseModel):
    """The process lives."""

    status: Literal["ok"]


class StandbyLag(BaseModel):
    """How far behind its primary a standby is."""

    lag_s: float = Field(ge=0, description="at most, seconds; 0 while all that came is replayed")
    lag_bytes: Count = Field(description="received and not replayed")


class Ready(BaseModel):
    """Requests can be served."""

    status: Literal["ready"]
    standby: StandbyLag | None = Field(
        default=None, description="only where the database is a standby"
    )
    away: list[str] | None = Field(
        default=None,
        description="only of a follower: cities whose last signed word is too old; their figures"
        " are as of then, and answers say so",
    )
