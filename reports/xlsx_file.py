"""Rows as XLSX, some at a time; what one sheet cannot hold goes on in the next.

XlsxWriter makes the book and its headings. Rows are put into its sheets' XML here, as it would
write them: cell by cell that took it eight times as long, and all sheets lay unpacked on the disk.
"""

import io
import re
import shutil
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import BinaryIO, Final
from zipfile import ZipFile

from models.report_column import Cell, Column
from models.report_profile import Profile
from models.report_value import PeriodFacts
from reports.spelling import Portion, spelled_all

#: Rows of a sheet, its heading among them.
SHEET_ROWS: Final = 1_048_576
#: Units of UTF-16 in a cell; programs refuse files with longer ones.
_CELL_MOST: Final = 32_767
#: Digits that a number of a spreadsheet keeps; one that has more is written as text.
_DIGITS: Final = 15
#: The same bytes of the same rows: a file says no time of its making.
_NEVER: Final = datetime(2000, 1, 1)  # noqa: DTZ001
_PLAIN: Final = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
#: Signs that XML cannot say, and what a program would take for how those are said.
_unsayable = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9a-fA-F]{4}_)")
_MARKUP: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_has_markup = re.compile("[&<>]").search
_ROWS_END: Final = b"</sheetData>"
#: Programs know the kind of file by what stands in front; of these none knows of the sheets.
_FIRST: Final = ("_rels/.rels", "docProps/core.xml")


def write_xlsx(
    profile: Profile,
    _: PeriodFacts,
    portions: Iterable[Portion],
    out: BinaryIO,
    *,
    sheet_rows: int = SHEET_ROWS,
) -> None:
    """A sheet of so many rows after another, each with the heading."""
    # In a folder, since an archive's parts have to know their lengths; at most one sheet is there.
    with TemporaryDirectory(prefix="jishi-xlsx-") as folder:
        path = Path(folder) / "book"
        with ZipFile(path, "w") as parts:
            book = _Book(profile, parts, folder, sheet_rows)
            for portion in portions:
                book.add(portion)
            book.close()
        with path.open("rb") as made:
            shutil.copyfileobj(made, out)


class _Book:
    """A book while its sheets are filled, one after another."""

    def __init__(self, profile: Profile, parts: ZipFile, folder: str, sheet_rows: int) -> None:
        self._profile = profile
        self._parts = parts
        self._folder = folder
        self._most = sheet_rows
        self._sheets = 0
        with self._frame() as frame:
            self._copy(frame, _FIRST)
        self._begin()

    def add(self, portion: Portion) -> None:
        """Some rows more."""
        while portion[0]:
            room = self._most - self._filled
            part = [cells[:room] for cells in portion]
            self._rows.writelines(_rows(self._profile.columns, part, self._filled))
            self._filled += len(part[0])
            portion = [cells[room:] for cells in portion]
            if portion[0]:
                self._end()
                self._begin()

    def close(self) -> None:
        """What stands around the sheets."""
        self._end()
        with self._frame() as frame:
            self._copy(frame, sorted({*frame.namelist()} - {*self._parts.namelist()}))

    def _begin(self) -> None:
        self._sheets += 1
        self._filled = 1
        self._rows = TemporaryFile(dir=self._folder)  # noqa: SIM115 - `_end` closes it

    def _end(self) -> None:
        with self._frame() as frame, self._rows as rows:
            info = frame.getinfo(f"xl/worksheets/sheet{self._sheets}.xml")
            head, tail = frame.read(info).split(_ROWS_END)
            last = _letters(len(self._profile.columns) - 1)
            size = f'<dimension ref="A1:{last}%d"/>'
            head = head.replace((size % 1).encode(), (size % self._filled).encode())
            info.file_size = len(head) + rows.tell() + len(_ROWS_END + tail)
            rows.seek(0)
            with self._parts.open(info, "w") as part:
                part.write(head)
                shutil.copyfileobj(rows, part, 1 << 20)
                part.write(_ROWS_END + tail)

    def _frame(self) -> ZipFile:
        """A book with nothing but headings, of as many sheets as there are."""
        import xlsxwriter  # here, since few processes that could ever write such a file

        made = io.BytesIO()
        with xlsxwriter.Workbook(made, {**_PLAIN, "tmpdir": self._folder}) as book:
            book.set_properties({"created": _NEVER})
            for number in range(1, max(1, self._sheets) + 1):
                kind = f"{self._profile.document.row}s"
                sheet = book.add_worksheet(kind if number == 1 else f"{kind} {number}")
                for at, column in enumerate(self._profile.columns):
                    sheet.write_string(0, at, column.name)
        return ZipFile(made)

    def _copy(self, frame: ZipFile, names: Iterable[str]) -> None:
        for name in names:
            info = frame.getinfo(name)
            self._parts.writestr(info, frame.read(info))


def _letters(column: int) -> str:
    """What a column is called, by its place from 0."""
    from xlsxwriter.utility import xl_col_to_name

    letters: str = xl_col_to_name(column)
    return letters


def _rows(columns: Sequence[Column], portion: Portion, above: int) -> list[bytes]:
    """Rows as elements; ``above`` them are so many."""
    places = range(above + 1, above + 1 + len(portion[0]))
    table = [
        _cells(column, cells, _letters(at), places)
        for at, (column, cells) in enumerate(zip(columns, portion, strict=True))
    ]
    return [
        f'<row r="{place}">{"".join(row)}</row>'.encode()
        for place, row in zip(places, zip(*table, strict=True), strict=True)
    ]


def _cells(column: Column, cells: Sequence[Cell], name: str, places: Iterable[int]) -> list[str]:
    become = _number if column.kind in ("integer", "decimal") else _text
    return [
        f'<c r="{name}{place}"{told}' if told else ""
        for place, told in zip(places, spelled_all(column, cells, become, ""), strict=True)
    ]


def _number(text: str) -> str:
    if len(text) > _DIGITS and len(Decimal(text).as_tuple().digits) > _DIGITS:
        return _text(text)
    return f"><v>{text}</v></c>"


def _text(text: str) -> str:
    if len(text) > _CELL_MOST // 2:
        text = text.encode("utf-16-le")[: 2 * _CELL_MOST].decode("utf-16-le", "ignore")
    text = _unsayable.sub(lambda found: f"_x{ord(found[0]):04X}_", text)
    if _has_markup(text):
        for sign, said in _MARKUP.items():
            text = text.replace(sign, said)
    kept = ' xml:space="preserve"' if text[:1].isspace() or text[-1:].isspace() else ""
    return f' t="inlineStr"><is><t{kept}>{text}</t></is></c>'
