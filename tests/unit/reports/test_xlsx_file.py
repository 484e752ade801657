"""Sheets are what XlsxWriter itself writes of the same cells, sign by sign."""

import io
import zipfile
from decimal import Decimal

import openpyxl
import pytest
import xlsxwriter

from models.report_profile import Profile
from reports.xlsx_file import write_xlsx
from tests.report_city import PERIOD

OWN = Profile.parse(
    {
        "name": "own",
        "version": 1,
        "title": "t",
        "forms": ["xlsx"],
        "columns": [
            {"name": "text", "value": ["annotation.content"]},
            {
                "name": "a <b> & c",
                "value": ["annotation.amount_cny"],
                "kind": "decimal",
                "decimals": 2,
            },
            {"name": "count", "value": ["annotation.samples"], "kind": "integer"},
        ],
    }
)
TEXTS = [
    "plain",
    '样品 & <能谱> "x"',
    " before",
    "after\n",
    "=1+1",
    "\x00\x08\x0b\x1f\ufffe\uffff\r",
    "_x0041_ and _x00zz_ and _x0041",
    "😀",
    "12",
    "http://example.org",
    "x" * 32_767 + "y",
    "😀" * 17_000,
]
NUMBERS = [Decimal("0.10"), Decimal("-12.00"), Decimal("9999999999999.99"), None]


def sheets(made: bytes) -> list[bytes]:
    with zipfile.ZipFile(io.BytesIO(made)) as book:
        assert book.testzip() is None
        names = sorted(one for one in book.namelist() if "worksheets" in one)
        return [book.read(name) for name in names]


def ours(columns: list[list[object]], rows: int, portion: int = 5) -> bytes:
    out = io.BytesIO()
    portions = [
        [cells[at : at + portion] for cells in columns] for at in range(0, len(columns[0]), portion)
    ]
    write_xlsx(OWN, PERIOD, portions, out, sheet_rows=rows)  # type: ignore[arg-type]
    return out.getvalue()


def by_the_library(columns: list[list[object]], rows: int) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"constant_memory": True, "strings_to_urls": False})
    lines = list(zip(*columns, strict=True))
    for number, first in enumerate(range(0, len(lines), rows - 1), 1):
        sheet = book.add_worksheet("records" if number == 1 else f"records {number}")
        for at, column in enumerate(OWN.columns):
            sheet.write_string(0, at, column.name)
        for row, line in enumerate(lines[first : first + rows - 1], 1):
            for at, cell in enumerate(line):
                if isinstance(cell, str):
                    sheet.write_string(row, at, cell)
                elif cell is not None:
                    sheet.write_number(row, at, cell)  # type: ignore[arg-type]
    book.close()
    return out.getvalue()


COLUMNS: list[list[object]] = [
    list(TEXTS),
    [NUMBERS[at % len(NUMBERS)] for at in range(len(TEXTS))],
    [None if at % 3 == 0 else at - 4 for at in range(len(TEXTS))],
]


@pytest.mark.parametrize("rows", [1_000, 7, 6, 2])
def test_sheets_are_those_of_the_library(rows: int) -> None:
    assert sheets(ours(COLUMNS, rows)) == sheets(by_the_library(COLUMNS, rows))


def test_what_looks_like_markup_of_a_rich_text_stays_text() -> None:
    text = "<r><t>x</t></r>"
    book = openpyxl.load_workbook(io.BytesIO(ours([[text], [None], [None]], 10)))
    assert book.active is not None
    assert book.active["A2"].value == text


def test_a_book_is_known_for_one_by_what_stands_in_front() -> None:
    with zipfile.ZipFile(io.BytesIO(ours(COLUMNS, 5))) as book:
        assert book.namelist()[:3] == [
            "_rels/.rels",
            "docProps/core.xml",
            "xl/worksheets/sheet1.xml",
        ]
        assert len(set(book.namelist())) == len(book.namelist())
