"""Rows as XLSX, a row at a time; what one sheet cannot hold goes on in the next.

The file is finished in a temporary folder, since it is a zip archive that has to know its parts.
"""

import shutil
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, Final

import xlsxwriter

from models.report_column import Cell, Column
from models.report_profile import Profile
from models.report_value import PeriodFacts
from reports.spelling import spelled

#: Rows of a sheet, its heading among them.
SHEET_ROWS: Final = 1_048_576
#: Characters of a cell; programs refuse files with longer ones.
_CELL_MOST: Final = 32_767
#: Digits that a number of a spreadsheet keeps; one that has more is written as text.
_DIGITS: Final = 15
#: The same bytes of the same rows: a file says no time of its making.
_NEVER: Final = datetime(2000, 1, 1)  # noqa: DTZ001
_PLAIN: Final = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}


def write_xlsx(
    profile: Profile,
    _: PeriodFacts,
    rows: Iterable[Sequence[Cell]],
    out: BinaryIO,
    *,
    sheet_rows: int = SHEET_ROWS,
) -> None:
    """A sheet of so many rows after another, each with the heading."""
    with TemporaryDirectory(prefix="jishi-xlsx-") as folder:
        path = Path(folder) / "book"
        book = xlsxwriter.Workbook(str(path), {**_PLAIN, "tmpdir": folder})
        book.use_zip64()
        book.set_properties({"created": _NEVER})
        sheet, at = _sheet(book, profile), 1
        for row in rows:
            if at == sheet_rows:
                sheet, at = _sheet(book, profile), 1
            for number, (column, cell) in enumerate(zip(profile.columns, row, strict=True)):
                if cell is not None:
                    _write(sheet, at, number, column, cell)
            at += 1
        book.close()
        with path.open("rb") as made:
            shutil.copyfileobj(made, out)


def _sheet(book: Any, profile: Profile) -> Any:
    number = len(book.worksheets()) + 1
    sheet = book.add_worksheet(f"{profile.document.row}s" + (f" {number}" if number > 1 else ""))
    for at, column in enumerate(profile.columns):
        sheet.write_string(0, at, column.name)
    return sheet


def _write(sheet: Any, at: int, number: int, column: Column, cell: Cell) -> None:
    if isinstance(cell, int | Decimal) and column.kind != "time":
        digits = len(Decimal(cell).as_tuple().digits)
        if digits <= _DIGITS:
            sheet.write_number(at, number, cell)
            return
    sheet.write_string(at, number, spelled(column, cell)[:_CELL_MOST])
