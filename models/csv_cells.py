"""Cells of CSV files: rows read one by one, and texts that no spreadsheet takes for a formula."""

import csv
import io
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date
from typing import NamedTuple, TypeVar
from unicodedata import category, normalize
from zoneinfo import ZoneInfo

from models.refusal import Reason, RefusedError, Why, why_of
from models.timestamp import parse_ts
from models.zone import start_of_day

ROWS_MOST = 200_000
#: Columns that name an instrument, by its own id or by one of another register.
NAMING = ("instrument_id", "external_id")
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MISSES: tuple[Reason, str] = ("header_missing", "misses")
_HAS: tuple[Reason, str] = ("header_strange", "has")
T = TypeVar("T")
#: What begins a formula; forms of other widths become these when they are normalized.
_SIGNS = frozenset("=+-@")
#: Blanks and marks that nobody sees, which programs may cut off before they look.
_UNSEEN = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})


class Refused(NamedTuple):
    """A row that could not be taken, and why."""

    row: int
    cells: Mapping[str, str]
    why: Why


def heading(text: str) -> list[str]:
    """The names of a file's columns.

    Raises:
        ValueError: It is no CSV, or has no header.
    """
    try:
        names = next(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")), [])
    except csv.Error as error:
        raise RefusedError("not_csv", f"must be CSV: {error} (in the header)", row="1") from error
    found = [name.strip() for name in names]
    if not all(found) or not found:
        raise RefusedError("header_unnamed", "the header must name each column")
    return found


def read_cells(
    text: str, columns: Collection[str], required: Collection[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row that says anything, with its number: the header is row 1.

    Args:
        text: The file; a byte order mark, as spreadsheets write it, is passed over.
        columns: All that there may be; cells of those that a file lacks are empty.
        required: Those that there must be.

    Raises:
        ValueError: It is no CSV, the header is wrong, or there are too many rows.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    number = 1
    try:
        header = [name.strip() for name in reader.fieldnames or ()]
        missing = [name for name in required if name not in header]
        strange = [name for name in header if name not in columns]
        if missing or strange:
            reason, verb = _MISSES if missing else _HAS
            told = ", ".join(missing or strange)
            rule = f"the header {verb} {told}; columns are {', '.join(columns)}"
            raise RefusedError(reason, rule, columns=told)
        reader.fieldnames = header
        for number, row in enumerate(reader, 2):
            if number > ROWS_MOST:
                rule = f"more than {ROWS_MOST} rows; send them in several files"
                raise RefusedError("too_many_rows", rule, most=str(ROWS_MOST))
            cells = {name: (row.get(name) or "").strip() for name in columns}
            if any(cells.values()):
                yield number, cells
    except csv.Error as error:
        rule = f"must be CSV: {error} (after row {number})"
        raise RefusedError("not_csv", rule, row=str(number + 1)) from error


def read_rows(
    text: str,
    columns: Collection[str],
    required: Collection[str],
    make: Callable[[int, dict[str, str]], T],
) -> tuple[list[T], list[Refused]]:
    """What the rows of a file are, and those that are nothing.

    Args:
        text: As for `read_cells`.
        columns: As there.
        required: As there.
        make: What a row is, by its number and cells; raises ValueError, which says what is wrong.

    Raises:
        ValueError: It is no CSV, the header is wrong, or there are too many rows.
    """
    made: list[T] = []
    refused: list[Refused] = []
    for number, cells in read_cells(text, columns, required):
        try:
            made.append(make(number, cells))
        except ValueError as error:
            refused.append(Refused(number, cells, why_of(error)))
    return made, refused


def named_instrument(cells: Mapping[str, str]) -> str:
    """What a row calls its instrument.

    Raises:
        RefusedError: nothing.
    """
    name = cells["instrument_id"] or cells["external_id"]
    if not name:
        rule = "instrument_id and external_id are empty: one of them is wanted"
        raise RefusedError("instrument_missing", rule)
    return name


def window_us(cells: dict[str, str], zone: ZoneInfo | None = None) -> tuple[int, int]:
    """The instants of ``from`` and ``to``.

    Args:
        cells: Of a row.
        zone: Whose midnights dates are; without it dates are none.

    Raises:
        RefusedError: they are none, or the latter does not lie after the former.
    """
    start, end = (_instant(name, cells[name], zone) for name in ("from", "to"))
    if end <= start:
        rule = f"to ({cells['to']}) must lie after from ({cells['from']})"
        raise RefusedError("window_backwards", rule, start=cells["from"], end=cells["to"])
    return start, end


def _instant(name: str, text: str, zone: ZoneInfo | None) -> int:
    try:
        if zone is not None and _DATE.fullmatch(text):
            return start_of_day(date.fromisoformat(text), zone)
        return parse_ts(text)
    except (ValueError, OverflowError) as error:
        rule = "it must be RFC 3339 with offset, such as 2026-03-01T09:00:00+08:00"
        rule += "" if zone is None else ", or a date such as 2026-03-01"
        told = f"{name} is {text!r}; {rule}"
        reason: Reason = "instant_only" if zone is None else "instant_form"
        raise RefusedError(reason, told, field=name, value=text[:80]) from error


def defused(text: str) -> str:
    """A cell that no spreadsheet program takes for a formula: an apostrophe makes it text.

    >>> defused("=1+1"), defused("\\t＝1"), defused("a=1"), defused("")
    ("'=1+1", "'\\t＝1", 'a=1', '')
    """
    if not text or text[0].isalnum():  # no sign of any width is a letter or a digit
        return text
    if category(text[0]) == "Cc":
        return f"'{text}"
    first = next((sign for sign in text if category(sign) not in _UNSEEN), " ")
    return f"'{text}" if normalize("NFKC", first)[:1] in _SIGNS else text
