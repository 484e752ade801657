"""Schemes, evaluations by them, and what institutions say against these."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from api.answers.fields import Count, Cursor, Instant

Points = Annotated[float, Field(description="of 100, rounded once, the half up")]
SubjectWord = Literal["instrument", "institution"]


class SchemeEntry(BaseModel):
    """A scheme in short: the version in force."""

    name: str
    version: Count
    title: dict[str, str] = Field(description="`en` and `zh`")
    subject: SubjectWord = Field(description="whom it judges")
    criteria: Count
    origin: Literal["shipped", "own"] = Field(
        description="`shipped` comes with the service and is never written"
    )
    versions: list[Count] = Field(description="all that there are, oldest first")
    created_at: Instant | None = Field(description="null: it is shipped")
    created_by: str | None


class SchemeWhole(SchemeEntry):
    """A scheme with its document."""

    document: dict[str, Any] = Field(description="as `docs/evaluation.md` tells it")


class SchemeList(BaseModel):
    """All schemes by name."""

    items: list[SchemeEntry]
    next_cursor: Cursor


class EvaluationBody(BaseModel):
    """What was judged by what."""

    evaluation_id: int
    scheme: str
    scheme_version: int
    subject: SubjectWord
    period_ids: list[int]
    from_: Instant = Field(alias="from")
    to: Instant
    tz: str
    subjects: Count = Field(description="of the whole city, whoever asks")
    ranked: Count = Field(description="of them, those that reach every floor")
    made_at: Instant
    made_by: str
    objections: Count = Field(description="those that the key may see")
    unanswered: Count


class Evaluations(BaseModel):
    """A page of evaluations, the newest first."""

    items: list[EvaluationBody]
    next_cursor: Cursor


class Amount(BaseModel):
    """An input, exactly; low and high are what it can have been."""

    value: float | None = Field(description="null: missing")
    low: float
    high: float | None = Field(description="null: without an end")


class CriterionScore(BaseModel):
    """What a criterion gives, of its weight; each rounded by itself."""

    name: str
    score: Points | None
    lower: Points
    upper: Points
    missing: list[str] = Field(description="inputs that it asks for and that are not there")


class ObjectionBody(BaseModel):
    """What an institution says against its score, and the answer."""

    objection_id: int
    evaluation_id: int
    subject_id: str
    institution_id: str
    text: str
    made_at: Instant
    made_by: str
    answer: str | None
    answered_at: Instant | None
    answered_by: str | None


class Objections(BaseModel):
    """A page of objections, the first first."""

    items: list[ObjectionBody]
    next_cursor: Cursor


class Judgement(BaseModel):
    """One that was judged."""

    place: Count = Field(description="in the order of the whole, from 1")
    subject_id: str
    institution_id: str
    name: str
    rank: Count | None = Field(description="by the lower bound; null: a floor is not reached")
    tied: Count = Field(description="how many have this rank, itself included")
    score: Points | None = Field(description="null: an input is missing")
    lower: Points
    upper: Points
    band: str | None = Field(description="of the lower bound; null: none, or no rank")
    band_upper: str | None = Field(description="of the upper bound")
    criteria: list[CriterionScore]
    floors_met: list[bool] = Field(description="in the scheme's order, by the least there can be")
    inputs: dict[str, Amount]
    objections: list[ObjectionBody]


class EvaluationDetail(EvaluationBody):
    """An evaluation with a page of those that it judges."""

    document: dict[str, Any] = Field(description="the scheme as it was then")
    items: list[Judgement]
    next_cursor: Cursor
