"""What people say of uses of instruments."""

from typing import Literal

from pydantic import BaseModel, Field

from api.answers.fields import Count, Cursor, InOpenWindow, Instant, Yuan
from api.answers.refused import RowProblem
from models.record import Purpose


class SaidOfUse(BaseModel):
    """What was said of a use, without any person; of several, field by field the newest."""

    annotation_id: int | None = Field(description="null: it came with reported hours")
    at: Instant
    purpose: Purpose | None
    user_type: Literal["internal", "external"] | None
    user_unit: str | None
    direction: str | None
    content: str | None
    amount_cny: Yuan | None
    samples: Count | None
    more: dict[str, str] = Field(description="what forms ask for beyond these")


class PersonBody(BaseModel):
    """Who asked for a use."""

    name: str | None
    phone: str | None
    email: str | None


class AnnotationBody(SaidOfUse):
    """An annotation of an instant, which is of whichever session holds that."""

    instrument_id: str
    reference: str | None = Field(description="what whoever sent it calls it")
    operator_ref: str | None = Field(description="null to keys that may not `operate`")
    person: PersonBody | None = Field(description="null to keys that may not `operate`")
    actor: str = Field(description="who said it last, as the audit names them")
    created_at: Instant
    changed_at: Instant


class Annotations(InOpenWindow):
    """A page of an instrument's annotations."""

    instrument_id: str
    items: list[AnnotationBody]
    next_cursor: Cursor


class AnnotationImport(BaseModel):
    """What became of a file's rows."""

    created: Count
    updated: Count
    unchanged: Count
    rejected: Count
    errors: list[RowProblem]
    errors_left_out: Count


class PersonsErased(BaseModel):
    """How many annotations, and words of feedback, named them."""

    annotations: Count
    feedback: Count
