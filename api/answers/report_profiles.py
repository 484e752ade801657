"""Report profiles, and what was said of instruments and periods for them."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from api.answers.fields import Count, Cursor, Instant
from api.answers.refused import RowProblem
from models.report_profile_document import FileForm


class ProfileEntry(BaseModel):
    """A report profile in short: the version in force."""

    name: str
    version: Count
    title: str
    row: Literal["record", "instrument"] = Field(description="what it has a row of")
    forms: list[FileForm] = Field(description="files that it is written as, the usual one first")
    columns: Count
    origin: Literal["shipped", "own"] = Field(
        description="`shipped` comes with the service and is never written"
    )
    read_on: str | None = Field(
        description="the day on which a form of somebody else's was read; it may be outdated"
    )
    versions: list[Count] = Field(description="all that there are, oldest first")
    created_at: Instant | None = Field(description="null: it is shipped")
    created_by: str | None


class ProfileWhole(ProfileEntry):
    """A report profile with its document."""

    document: dict[str, Any] = Field(description="as `docs/reports.md` tells it")


class ProfileList(BaseModel):
    """All report profiles by name."""

    items: list[ProfileEntry]
    next_cursor: Cursor


class PeriodValues(BaseModel):
    """What was said of an instrument and a period that nothing measures."""

    period_id: int
    instrument_id: str
    fields: dict[str, str] = Field(description="by the words of forms, as `TRNSTUD`")
    changed_at: Instant | None = Field(description="null: nothing was said yet")
    changed_by: str | None


class ValuesImport(BaseModel):
    """What an import did."""

    created: Count
    updated: Count
    unchanged: Count
    rejected: Count
    errors: list[RowProblem]
    errors_left_out: Count
