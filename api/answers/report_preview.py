"""The first rows of a form, as a file would have them."""

from typing import Literal

from pydantic import BaseModel, Field

from api.answers.fields import Count, Instant


class FormPreview(BaseModel):
    """A form's beginning."""

    period_id: int
    profile: str
    version: Count
    row: Literal["record", "instrument"] = Field(description="what it has a row of")
    as_of: Instant = Field(description="when it was closed; of an open one the moment of asking")
    columns: list[str] = Field(description="headings, in their order")
    rows: list[list[str | None]] = Field(description="cells as text; null: empty")
    records: Count = Field(description="all records of the period")
    hours: float = Field(description="of all records, in tenths; they add up to it")
