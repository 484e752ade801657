"""CSV files of the registry, text in, records out; the records are ``registry.py``'s.

The first row names the columns: the record's own id and any of its fields. Each following row
is a whole record, as ``PUT`` takes it; an empty cell is an absent field.
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pydantic import ValidationError

from models.identifier import (
    GATEWAY_ID,
    INSTITUTION_ID,
    INSTRUMENT_ID,
    is_gateway_id,
    is_institution_id,
    is_instrument_id,
)
from models.refusal import Why, why_of
from models.registry import MODELS, WholeRecord, problems
from models.registry_fields import KINDS


class RecordKind(StrEnum):
    """What a file lists."""

    INSTITUTION = "institution"
    GATEWAY = "gateway"
    INSTRUMENT = "instrument"

    @property
    def id_column(self) -> str:
        """The column of the record's own id."""
        return f"{self.value}_id"


_IDS: Final[dict[RecordKind, tuple[Callable[[str], bool], str]]] = {
    RecordKind.INSTITUTION: (is_institution_id, INSTITUTION_ID),
    RecordKind.GATEWAY: (is_gateway_id, GATEWAY_ID),
    RecordKind.INSTRUMENT: (is_instrument_id, INSTRUMENT_ID),
}
_REQUIRED: Final = Why("required", "is required", {})


@dataclass(frozen=True, slots=True, kw_only=True)
class RowError:
    """One cell, or one row, that breaks a rule."""

    #: As a spreadsheet numbers it: the header is row 1.
    row: int
    #: Empty where the rule is about the row as a whole.
    column: str
    value: str
    why: Why

    @property
    def rule(self) -> str:
        """What must hold, for people."""
        return self.why.rule


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRow:
    """A record that a row states."""

    row: int
    record_id: str
    record: WholeRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryFile:
    """A file's records, and what is wrong with its other rows."""

    kind: RecordKind
    rows: list[RecordRow]
    errors: list[RowError]


def columns(kind: RecordKind) -> list[str]:
    """The columns that a file may have: the id, then the fields in the record's order."""
    return [kind.id_column, *KINDS[kind].by_name, "valid_from"]


def read_row(kind: RecordKind, row: int, cells: Mapping[str, str]) -> RecordRow | list[RowError]:
    """One row as a record.

    Args:
        kind: What the row states.
        row: Its number, for errors.
        cells: Text by column; columns left out are absent fields.

    Returns:
        The record, or all that is wrong with the row.
    """
    errors: list[RowError] = []

    def wrong(column: str, value: str, why: Why) -> None:
        errors.append(RowError(row=row, column=column, value=value, why=why))

    fields: dict[str, Any] = {}
    for column, text in cells.items():
        cell = text.strip()
        if not cell or column == kind.id_column:
            continue
        try:
            field = KINDS[kind].by_name.get(column)
            fields[column] = cell if field is None else field.form.cell(cell)
        except ValueError as error:
            wrong(column, cell, why_of(error))
    record_id = cells.get(kind.id_column, "").strip()
    fits, pattern = _IDS[kind]
    if not record_id:
        wrong(kind.id_column, "", _REQUIRED)
    elif not fits(record_id):
        why = Why("pattern", f"must match {pattern}", {"pattern": pattern})
        wrong(kind.id_column, record_id, why)
    unreadable = {error.column for error in errors}
    try:
        record = MODELS[kind].model_validate(fields)
    except ValidationError as error:
        for problem in problems(error):
            if problem.field not in unreadable:
                wrong(problem.field, cells.get(problem.field, "").strip(), problem.why)
    else:
        if not errors:
            return RecordRow(row=row, record_id=record_id, record=record)
    return errors


def read_csv(kind: RecordKind, text: str) -> RegistryFile:
    """A whole file, comma-separated, quoted as RFC 4180 has it.

    Args:
        kind: What the file lists.
        text: The file; a byte order mark, as spreadsheets write it, is passed over.

    Returns:
        Records in the file's order, and errors in the order of rows. Empty rows are passed
        over; where the header is wrong no row is read.
    """
    rows: list[RecordRow] = []
    errors: list[RowError] = []
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    number = 0
    header: list[str] | None = None
    first_row: dict[str, int] = {}
    try:
        for number, cells in enumerate(reader, start=1):
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = [cell.strip() for cell in cells]
                errors += _header_errors(kind, number, header)
                if errors:
                    break
                continue
            if len(cells) != len(header):
                rule = f"must have {len(header)} cells, as the header has; it has {len(cells)}"
                counts = {"wanted": str(len(header)), "found": str(len(cells))}
                why = Why("cells_count", rule, counts)
                errors.append(RowError(row=number, column="", value=cells[0], why=why))
                continue
            result = read_row(kind, number, dict(zip(header, cells, strict=True)))
            if isinstance(result, list):
                errors += result
                continue
            earlier = first_row.setdefault(result.record_id, number)
            if earlier != number:
                rule = f"must be unique within the file; row {earlier} has it too"
                why = Why("id_twice", rule, {"row": str(earlier)})
                errors.append(
                    RowError(row=number, column=kind.id_column, value=result.record_id, why=why)
                )
                continue
            rows.append(result)
    except csv.Error as error:
        why = Why("not_csv", f"must be CSV: {error}", {"row": str(number + 1)})
        errors.append(RowError(row=number + 1, column="", value="", why=why))
    if header is None and not errors:
        rule = f"must name columns, {kind.id_column} among them; the file is empty"
        why = Why("header_missing", rule, {"columns": kind.id_column})
        errors.append(RowError(row=1, column="", value="", why=why))
    return RegistryFile(kind=kind, rows=rows, errors=errors)


def _header_errors(kind: RecordKind, row: int, header: list[str]) -> Iterable[RowError]:
    known = columns(kind)
    for position, column in enumerate(header):
        if column not in known:
            rule = f"is not a known column; known are {', '.join(known)}"
            why = Why("header_strange", rule, {"columns": column[:60]})
            yield RowError(row=row, column=column, value=column, why=why)
        elif column in header[:position]:
            why = Why("header_twice", "must stand only once", {"column": column})
            yield RowError(row=row, column=column, value=column, why=why)
    if kind.id_column not in header:
        yield _missing(row, kind.id_column)
    for field in KINDS[kind].fields:
        if field.required and field.name not in header:
            yield _missing(row, field.name)


def _missing(row: int, column: str) -> RowError:
    why = Why("header_missing", "is required", {"columns": column})
    return RowError(row=row, column=column, value="", why=why)
