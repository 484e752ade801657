"""Why a row of a file is not taken, as all imports say it."""

from pydantic import BaseModel, Field

from api.answers.fields import Count
from models.refusal import Reason


class Refused(BaseModel):
    """Why something is not taken."""

    rule: str = Field(description="in English")
    reason: Reason = Field(description="the same, for programs and other languages")
    about: dict[str, str] = Field(description="what the reason is about: `field`, `value` and such")


class MaybeRefused(BaseModel):
    """The same of what may be taken."""

    rule: str | None = Field(description="why it is rejected")
    reason: Reason | None = Field(description="the same, for programs and other languages")
    about: dict[str, str] = Field(description="what the reason is about: `field`, `value` and such")


class RowProblem(Refused):
    """A row that was not taken."""

    row: Count = Field(description="as a spreadsheet numbers it: the header is row 1")
