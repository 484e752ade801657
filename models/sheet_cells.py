"""Cells of an XLSX file, row by row; CSV files are ``csv_cells.py``'s."""

import io
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from models.csv_cells import ROWS_MOST
from models.refusal import RefusedError

#: What every zip archive, and so every XLSX file, begins with.
MAGIC: Final = b"PK\x03\x04"
#: Bytes that a file may have once it is unpacked: a small one can be made that fills a machine.
_UNPACKED_MOST: Final = 256 << 20


def read_sheets(body: bytes, required: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each row that says anything, of all sheets, with its number: a heading is row 1.

    Args:
        body: The file.
        required: Columns that the heading of its first sheet must have; a sheet whose heading
            lacks them is passed over.

    Returns:
        Rows as they are read: texts without blanks around them, and times; what is empty is "".

    Raises:
        ValueError: it is no XLSX file, the heading is wrong, or there are too many rows.
    """
    import openpyxl  # here, since few processes that could ever read such a file

    try:
        with zipfile.ZipFile(io.BytesIO(body)) as parts:
            if sum(one.file_size for one in parts.infolist()) > _UNPACKED_MOST:
                most = str(_UNPACKED_MOST >> 20)
                rule = f"unpacks to more than {most} MiB; send it in several files"
                raise RefusedError("too_large", rule, most=most)
        book = openpyxl.load_workbook(io.BytesIO(body), read_only=True, data_only=True)
        yield from _rows(book, required)
    except ValueError:
        raise
    except Exception as error:  # a broken part of one fails in any way that the library has
        raise RefusedError("not_xlsx", f"must be an XLSX file: {error}") from error


def _rows(book: Any, required: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    total = 0
    for number, sheet in enumerate(book.worksheets):
        lines = sheet.iter_rows(values_only=True)
        names = [str(_cell(one)).strip() for one in next(lines, ())]
        missing = [name for name in required if name not in names]
        if missing:
            if number:
                continue
            told = ", ".join(missing)
            raise RefusedError("header_missing", f"the heading misses {told}", columns=told)
        for at, line in enumerate(lines, 2):
            total += 1
            if total > ROWS_MOST:
                rule = f"more than {ROWS_MOST} rows; send them in several files"
                raise RefusedError("too_many_rows", rule, most=str(ROWS_MOST))
            cells = {name: _cell(one) for name, one in zip(names, line, strict=False) if name}
            if any(cell != "" for cell in cells.values()):
                yield at, cells


def _cell(value: Any) -> str | datetime:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
