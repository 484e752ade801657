"""The document of a report profile: a form as data, with the words for whoever wrote it wrong.

Its JSON Schema is ``profiles/schema.json``; how to write one is told in ``docs/reports.md``. What
becomes of a record by it is in `report_column.py`.
"""

import re
from datetime import date
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from models.report_time import time_format
from models.report_value import RowKind, value

PROFILE_NAME: Final = "[a-z0-9][a-z0-9-]{0,63}"


#: What kind of file.
FileForm = Literal["csv", "json", "xlsx", "parquet", "xml"]
#: How a column's cells are spelled.
Kind = Literal["text", "integer", "decimal", "time", "object"]
#: Of values that columns of one kind alone can show.
_KIND_OF: Final[dict[str, Kind]] = {"integer": "integer", "instant": "time", "object": "object"}


def _known(name: str) -> str:
    value(name)
    return name


def _format(text: str) -> str:
    time_format(text)
    return text


def _day(text: object) -> object:
    try:
        return date.fromisoformat(text) if isinstance(text, str) else text
    except ValueError as error:
        raise ValueError("must be a date, written YYYY-MM-DD") from error


_Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_Cell = Annotated[str, StringConstraints(max_length=500)]
_Prose = Annotated[str, StringConstraints(max_length=4_000)]
_ELEMENT: Final = "[A-Za-z_][A-Za-z0-9_.-]{0,99}"
_Element = Annotated[str, StringConstraints(pattern=f"^{_ELEMENT}$")]
_is_element = re.compile(_ELEMENT).fullmatch


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Prose(_Part):
    """Sentences in both languages of the page."""

    en: _Prose
    zh: _Prose


class Origin(_Part):
    """Where a form was read, and when: another may hold by now."""

    sources: list[_Text] = Field(min_length=1, max_length=20, description="addresses")
    read_on: Annotated[date, BeforeValidator(_day)] = Field(description="the day of reading")
    note: _Prose | Prose = Field(
        default="", description="what is sure of it and what is not, in one language or in both"
    )


class When(_Part):
    """Under which condition a column must be filled."""

    column: _Text = Field(description="another column of this form")
    holds: list[_Cell] = Field(min_length=1, max_length=50, description="any of these cells")


class Several(_Part):
    """A cell of several codes."""

    separator: Annotated[str, StringConstraints(min_length=1, max_length=3)] = ","
    most: Annotated[int, Field(ge=1, le=100)] = 100


class ColumnDocument(_Part):
    """One column, or one element of XML."""

    name: _Text = Field(description="its heading, or the element's name")
    value: list[Annotated[str, AfterValidator(_known)]] = Field(
        default=[],
        max_length=10,
        description="names of what it says: the first that has anything counts",
    )
    kind: Kind = "text"
    format: Annotated[str, AfterValidator(_format)] | None = Field(
        default=None,
        description="of times, in the period's zone, such as YYYY/MM/DD HH; null: RFC 3339 in UTC",
    )
    decimals: Annotated[int, Field(ge=0, le=12)] | None = Field(
        default=None, description="of decimal numbers, the half rounded up"
    )
    least: Annotated[int, Field(ge=-(10**15), le=10**15)] | None = Field(
        default=None, description="of numbers"
    )
    most: Annotated[int, Field(ge=-(10**15), le=10**15)] | None = Field(
        default=None, description="of numbers"
    )
    length: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        default=None, description="of texts: exactly so many characters"
    )
    longest: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        default=None, description="of texts: at most so many characters"
    )
    cut: bool = Field(
        default=False, description="a longer text is cut off; else the column counts as empty"
    )
    codes: dict[_Cell, _Cell] | None = Field(
        default=None,
        description="the form's words by ours; a value that is no key is passed on"
        " where it is one of the form's words",
    )
    several: Several | None = Field(default=None, description="a cell may hold several codes")
    default: _Cell | None = Field(default=None, description="the cell where there is no value")
    required: bool = Field(default=False, description="a row without it lacks something")
    required_when: When | None = Field(default=None, description="the same on a condition")

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        numbers = self.kind in ("integer", "decimal")
        for name, allowed in (
            ("format", self.kind == "time"),
            ("decimals", self.kind == "decimal"),
            ("least", numbers),
            ("most", numbers),
            ("length", self.kind == "text"),
            ("longest", self.kind == "text"),
            ("codes", self.kind == "text"),
            ("default", self.kind == "text" or numbers),
        ):
            if getattr(self, name) is not None and not allowed:
                raise ValueError(f"has {name}, which a column of kind {self.kind} does not take")
        if self.kind == "decimal" and self.decimals is None:
            raise ValueError("is of kind decimal; it must say its decimals")
        if self.cut and self.longest is None:
            raise ValueError("is to be cut; it must say its longest")
        if self.several is not None and self.codes is None:
            raise ValueError("may hold several codes; it must say its codes")
        if self.codes is not None and not self.codes:
            raise ValueError("has an empty table of codes; leave it out")
        if not self.value and self.default is None:
            raise ValueError("has neither value nor default; it must have one of them")
        for one in self.value:
            needed = _KIND_OF.get(value(one).shape)
            if needed not in (None, self.kind) or (
                needed is None and self.kind in ("time", "object")
            ):
                raise ValueError(
                    f"is of kind {self.kind}, which {one!r} does not fit; it is"
                    f" {needed or 'a text or a number'}"
                )
        return self


class Xml(_Part):
    """Elements around the rows."""

    root: _Element
    group: _Element | None = Field(default=None, description="between the root and the rows")
    row: _Element


class ProfileContent(_Part):
    """What a form says, but for its name and version."""

    title: _Text
    about: _Prose = Field(default="", description="what it is for, and what it leaves open")
    origin: Origin | None = Field(default=None, description="null: the form is our own")
    row: RowKind = Field(default="record", description="a row a record, or a row an instrument")
    forms: list[FileForm] = Field(
        min_length=1, max_length=5, description="files that it is written as, the usual one first"
    )
    xml: Xml | None = Field(default=None, description="its elements, where it is XML")
    columns: list[ColumnDocument] = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        names = [column.name for column in self.columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"has the column {twice[0]!r} twice; names are each column's own")
        if len(set(self.forms)) < len(self.forms):
            raise ValueError("has a form twice")
        if ("xml" in self.forms) != (self.xml is not None):
            raise ValueError("must have xml, with its elements, where xml is one of its forms")
        for column in self.columns:
            when = column.required_when
            if when is not None and when.column not in names:
                raise ValueError(
                    f"has {column.name!r} required by {when.column!r}, which is no column"
                )
            for one in column.value:
                if value(one).row not in (None, self.row):
                    raise ValueError(
                        f"has {one!r} in {column.name!r}; a form with a row {self.row}"
                        " does not have it"
                    )
        self._fits_xml(names)
        return self

    def _fits_xml(self, names: list[str]) -> None:
        if self.xml is None:
            return
        wrong = [name for name in names if not _is_element(name)]
        if wrong:
            raise ValueError(f"has the column {wrong[0]!r}, which no XML element can be called")


class ProfileDocument(ProfileContent):
    """A form."""

    name: Annotated[str, StringConstraints(pattern=f"^{PROFILE_NAME}$")]
    version: Annotated[int, Field(ge=1, le=1_000_000)]

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """The document's JSON Schema, for editors and other programs."""
        schema = cls.model_json_schema()
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}

    def to_json(self) -> dict[str, Any]:
        """As it is written down: what is left to its default is left out."""
        said = self.model_dump(mode="json", exclude_defaults=True)
        return {"name": self.name, "version": self.version, **said}
