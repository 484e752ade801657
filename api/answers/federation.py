"""What a city publishes for followers (`routes/federation.py`), and what a follower tells of its
cities (`routes/followed.py`)."""

from typing import Literal

from pydantic import BaseModel, Field

from api.answers.coverage import Sensors
from api.answers.fields import Count, Cursor, Instant, Seconds
from api.answers.figures import GroupTotal
from api.answers.status import StatusCounts
from models.bucket import Bucket
from models.group import Basis
from models.rollup import Span


class ListedRollup(BaseModel):
    """A rollup that is to be had."""

    span: Span
    from_: Instant = Field(alias="from")
    to: Instant
    tz: str | None = Field(description="by whose days; null where an earlier version published it")
    revision: int = Field(description="its name; higher ones are newer, whatever they are of")
    sha256: str = Field(description="of its bytes, hexadecimal", pattern="^[0-9a-f]{64}$")
    signature: str = Field(description="Ed25519 over its bytes; base64 of 64 bytes")
    size: Count = Field(description="bytes, unpacked")
    published_at: Instant


class Rollups(BaseModel):
    """The newest rollup of each window, in order of their revisions."""

    items: list[ListedRollup]
    next_cursor: Cursor


class RollupBody(BaseModel):
    """What is signed: `docs/federation.md` says what its rows hold."""

    kind: Literal["jishi-rollup-1"]
    city: str
    span: Span
    from_: Instant = Field(alias="from")
    to: Instant
    tz: str
    revision: int
    as_of: Instant
    complete: Instant | None
    sufficient_coverage: str
    key_id: str
    columns: list[str]
    parts: list[Instant]
    cells: list[list[str | list[list[int]]]]


class CityBody(BaseModel):
    """A city that is followed, and how fresh its figures are."""

    city: str
    name: str
    region: str | None
    url: str = Field(description="whom to ask for what is not here")
    away: bool = Field(description="whether its last signed word is older than it should be")
    as_of: Instant | None = Field(description="of its counts; null: it was never heard")
    complete: Instant | None = Field(
        description="its closed figures are at least as new as this; null: it was never heard"
    )
    heard_at: Instant | None = Field(description="when it was last heard, by our clock")
    failure: str | None = Field(description="what went wrong since")


class AnsweringCity(CityBody):
    """A city's part in an answer."""

    published: bool = Field(description="whether it is in the sums: else it is missing, not zero")
    revision: int | None = Field(description="of its rollup")
    amended: bool = Field(description="whether its figures are not the first that were taken")


class FederatedTotal(GroupTotal):
    """Sums over cities."""

    cities: Count = Field(description="that are in the sums")


class FederatedGroup(FederatedTotal):
    """One group."""

    key: str | None = Field(description="null: instruments, or cities, that have none")
    name: str | None


class FederatedUtilization(BaseModel):
    """Figures of all cities, and a page of groups."""

    from_: Instant = Field(alias="from")
    to: Instant
    tz: str = Field(description="IANA zone of the window's days and of the buckets")
    group_by: str | None
    basis: Basis
    bucket: Bucket | None
    missing_cities: list[str] = Field(description="that have not published the window")
    cities: list[AnsweringCity]
    overall: FederatedTotal
    groups: list[FederatedGroup]
    next_cursor: Cursor


class FederatedCounts(StatusCounts):
    """Counts of now, with sensor coverage as of the same moments."""

    sensors: Sensors = Field(description="speaking: heard on one of the last 30 local days")


class FederatedStatusGroup(FederatedCounts):
    """One group's counts."""

    key: str | None = Field(description="null: instruments, or cities, that have none")
    name: str | None
    as_of: Instant = Field(description="the oldest of its cities' moments")


class FederatedSummary(BaseModel):
    """Counts of all cities, each as of its own moment, and of each group."""

    as_of: Instant = Field(description="the oldest of the cities' moments")
    group_by: str | None
    missing_cities: list[str] = Field(description="that were never heard")
    cities: list[AnsweringCity]
    overall: FederatedCounts
    groups: list[FederatedStatusGroup]


class Cities(BaseModel):
    """All cities that are followed."""

    items: list[CityBody]
    next_cursor: Cursor


class AmendmentBody(BaseModel):
    """What a later revision of a window changed, of all instruments of a city."""

    amendment_id: int
    city: str
    name: str
    span: Span
    from_: Instant = Field(alias="from")
    to: Instant
    was_revision: int
    revision: int
    taken_at: Instant
    was: "AmendedFigures"
    became: "AmendedFigures"


class AmendedFigures(BaseModel):
    """Sums before and after."""

    instruments: Count
    running_s: Seconds
    idle_s: Seconds
    off_s: Seconds
    unknown_s: Seconds
    effective_s: Seconds


class FederatedAmendments(BaseModel):
    """What later revisions changed, in the order in which they were taken."""

    items: list[AmendmentBody]
    next_cursor: Cursor
