"""Rows as CSV: UTF-8, lines that end in CRLF; texts that a spreadsheet would take for a formula
are defused, as in every other CSV file of ours."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from models.csv_cells import defused
from models.report_column import Cell, Column
from models.report_profile import Profile
from models.report_value import PeriodFacts
from reports.spelling import spelled

#: Characters that are held before they are written.
_AT_ONCE = 1 << 16


def write_csv(
    profile: Profile, _: PeriodFacts, rows: Iterable[Sequence[Cell]], out: BinaryIO
) -> None:
    """A heading, then a line a row."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(column.name for column in profile.columns)
    for row in rows:
        writer.writerow(map(_cell, profile.columns, row))
        if text.tell() > _AT_ONCE:
            out.write(text.getvalue().encode())
            text.seek(0)
            text.truncate()
    out.write(text.getvalue().encode())


def _cell(column: Column, cell: Cell) -> str:
    if cell is None:
        return ""
    text = spelled(column, cell)
    return text if column.kind in ("integer", "decimal") else defused(text)
