"""What a period lacks for a form."""

from pydantic import BaseModel, Field

from api.answers.fields import Count, Cursor, Instant
from models.report_value import Place


class Mending(BaseModel):
    """Where what is lacking is told."""

    page: str = Field(description="of the page that the service shows")
    method: str
    address: str = Field(description="of the API")


class LackingColumn(BaseModel):
    """A column that some rows do not fill."""

    column: str
    place: Place = Field(description="who has what it says")
    rows: Count
    instruments: Count


class FormLack(BaseModel):
    """A column that an instrument's rows do not fill."""

    instrument_id: str
    name: str
    institution_id: str
    column: str
    value: str = Field(description="what the column says, as `docs/reports.md` names it")
    place: Place = Field(description="who has it")
    rule: str = Field(description="what is wrong with the first of these rows")
    rows: Count
    first_from: Instant | None = Field(description="where the first begins; null: no record's")
    mend: Mending


class FormCheck(BaseModel):
    """What a period lacks for a form, by instrument."""

    period_id: int
    profile: str
    version: Count
    persons: bool = Field(description="whether columns that say who somebody is were looked at")
    as_of: Instant = Field(description="when it was closed; of an open one the moment of asking")
    rows: Count = Field(description="that the form has")
    lacks: Count = Field(description="all that there are, over all pages")
    columns: list[LackingColumn] = Field(description="in the form's order")
    items: list[FormLack]
    next_cursor: Cursor
