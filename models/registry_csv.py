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


@dataclass(frozen=True, slots=True, kw_only=True)
class RowError:
    """One cell, or one row, that breaks a rule."""

    #: As a spreadsheet numbers it: the header is row 1.
    row: int
    #: Empty where the rule is about the row as a whole.
    column: str
    value: str
    rule: str


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

    def wrong(column: str, value: str, rule: str) -> None:
        errors.append(RowError(row=row, column=column, value=value, rule=rule))

    fields: dict[str, Any] = {}
    for column, text in cells.items():
        cell = text.strip()
        if not cell or column == kind.id_column:
            continue
        try:
            field = KINDS[kind].by_name.get(column)
            fields[column] = cell if field is None else field.form.cell(cell)
        except ValueError as error:
            wrong(column, cell, str(error))
    record_id = cells.get(kind.id_column, "").strip()
    fits, pattern = _IDS[kind]
    if not record_id:
        wrong(kind.id_column, "", "is required")
    elif not fits(record_id):
        wrong(kind.id_column, record_id, f"must match {pattern}")
    unreadable = {error.column for error in errors}
    try:
        record = MODELS[kind].model_validate(fields)
    except ValidationError as error:
        for problem in problems(error):
            if problem.field not in unreadable:
                wrong(problem.field, cells.get(problem.field, "").strip(), problem.rule)
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
                errors.append(RowError(row=number, column="", value=cells[0], rule=rule))
                continue
            result = read_row(kind, number, dict(zip(header, cells, strict=True)))
            if isinstance(result, list):
                errors += result
                continue
            earlier = first_row.setdefault(result.record_id, number)
            if earlier != number:
                rule = f"must be unique within the file; row {earlier} has it too"
                errors.append(
                    RowError(row=number, column=kind.id_column, value=result.record_id, rule=rule)
                )
                continue
            rows.append(result)
    except csv.Error as error:
        rule = f"must be CSV: {error}"
        errors.append(RowError(row=number + 1, column="", value="", rule=rule))
    if header is None and not errors:
        rule = f"must name columns, {kind.id_column} among them; the file is empty"
        errors.append(RowError(row=1, column="", value="", rule=rule))
    return RegistryFile(kind=kind, rows=rows, errors=errors)


def _header_errors(kind: RecordKind, row: int, header: list[str]) -> Iterable[RowError]:
    known = columns(kind)
    for position, column in enumerate(header):
        if column not in known:
            rule = f"is not a known column; known are {', '.join(known)}"
            yield RowError(row=row, column=column, value=column, rule=rule)
        elif column in header[:position]:
            yield RowError(row=row, column=column, value=column, rule="must stand only once")
    if kind.id_column not in header:
        yield RowError(row=row, column=kind.id_column, value="", rule="is required")
    for field in KINDS[kind].fields:
        if field.required and field.name not in header:
            yield RowError(row=row, column=field.name, value="", rule="is required")
