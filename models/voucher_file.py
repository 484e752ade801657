"""Files of voucher orders: CSV, and JSON with the same names; each row is one line of an order."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple, Self
from zoneinfo import ZoneInfo

from models.csv_cells import NAMING, ROWS_MOST, named_instrument, read_cells, window_us
from models.refusal import RefusedError, Why
from models.self_report import HOUR_US, USER_TYPES
from models.zone import DAY_US, start_of_day

REQUIRED = ("scheme", "reference", "line")
COLUMNS = (
    *REQUIRED,
    *NAMING,
    "from",
    "to",
    "day",
    "hours",
    "amount_cny",
    "unit_price_cny",
    "user_type",
    "user_unit",
)
_NAME = re.compile(r"[^\x00-\x20\x7f](?:[^\x00-\x1f\x7f]{0,62}[^\x00-\x20\x7f])?")
_LINE = re.compile(r"[1-9][0-9]{0,5}")
_UNIT = re.compile(r"[^\x00-\x1f\x7f]{0,200}")
#: What a line's window may be: what is tied together is read whole.
LONGEST_US = 366 * DAY_US
EARLIEST_US, LATEST_US = 0, 7_258_118_400_000_000
_YUAN_MOST = Decimal(1_000_000_000)


class Stated(NamedTuple):
    """One row of a file."""

    row: int
    scheme: str
    reference: str
    line: int
    name: str  #: of the instrument: its own id, or one of another register
    start_us: int
    end_us: int
    claimed_us: int
    amount_cny: Decimal | None
    unit_price_cny: Decimal | None
    user_type: str
    user_unit: str

    @property
    def key(self) -> tuple[str, str, int]:
        """What the line is known by."""
        return self.scheme, self.reference, self.line

    @property
    def said(self) -> tuple[Any, ...]:
        """What it says: all but where it stood."""
        return self[1:]


class Problem(NamedTuple):
    """A row that is not taken, and which line of which order it speaks of, as far as it says so."""

    row: int
    why: Why
    scheme: str | None
    reference: str | None
    line: int | None
    name: str | None  #: of the instrument

    @classmethod
    def of(cls, one: Stated, why: Why) -> Self:
        """A row that can be read."""
        return cls(one.row, why, one.scheme, one.reference, one.line, one.name)

    @classmethod
    def of_cells(cls, row: int, why: Why, cells: Mapping[str, Any]) -> Self:
        """Another."""
        said = {name: value[:80] for name, value in cells.items() if isinstance(value, str)}
        line = said.get("line", "")
        return cls(
            row,
            why,
            said.get("scheme") or None,
            said.get("reference") or None,
            int(line) if _LINE.fullmatch(line) else None,
            said.get("instrument_id") or said.get("external_id") or None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFile:
    """A file's lines, and what is wrong with its other rows."""

    lines: list[Stated]
    problems: list[Problem]


def read_orders(text: str, zone: ZoneInfo) -> OrderFile:
    """The lines of a CSV file; the header is row 1.

    Args:
        text: Columns are `COLUMNS`, in any order; of an instrument one of both names, of a time
            either ``from`` and ``to`` or ``day``, of a claim either ``hours`` or an amount with the
            price of an hour.
        zone: Whose days they are.

    Raises:
        ValueError: It is no CSV, the header is wrong, or there are too many rows.
    """
    return _read(read_cells(text, COLUMNS, REQUIRED), zone)


def read_order_list(text: str, zone: ZoneInfo) -> OrderFile:
    """The lines of ``{"orders": [{…}]}``, with a CSV file's columns as fields; the first is row 1.

    Raises:
        ValueError: It is no such JSON, or there are too many rows.
    """
    try:
        # Numbers stay as they were written: 0.1 is a tenth.
        told = json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise RefusedError("not_json", f"must be JSON: {error}") from error
    orders = told.get("orders") if isinstance(told, dict) else None
    if not isinstance(orders, list):
        rule = 'must be {"orders": [{…}, …]}, a line of an order each'
        raise RefusedError("orders_form", rule)
    if len(orders) > ROWS_MOST:
        rule = f"more than {ROWS_MOST} rows; send them in several files"
        raise RefusedError("too_many_rows", rule, most=str(ROWS_MOST))
    return _read(enumerate(orders, 1), zone)


def _read(rows: Iterable[tuple[int, Any]], zone: ZoneInfo) -> OrderFile:
    lines: list[Stated] = []
    problems: list[Problem] = []
    for number, one in rows:
        try:
            lines.append(_stated(zone, number, _cells(one)))
        except RefusedError as error:
            cells = one if isinstance(one, dict) else {}
            problems.append(Problem.of_cells(number, error.why, cells))
    return _once(lines, problems)


def _cells(one: Any) -> dict[str, str]:
    if not isinstance(one, dict):
        rule = "must be an object whose fields are " + ", ".join(COLUMNS)
        raise RefusedError("not_an_object", rule)
    for name, value in one.items():
        if name not in COLUMNS:
            rule = f"has {name[:60]!r}; fields are {', '.join(COLUMNS)}"
            raise RefusedError("strange_field", rule, field=name[:60])
        if not (value is None or isinstance(value, str)):
            raise RefusedError("not_text", f"{name} must be a text or a number", field=name)
    return {name: (one.get(name) or "").strip() for name in COLUMNS}


def _once(lines: list[Stated], problems: list[Problem]) -> OrderFile:
    """Two rows of one line that say different things would be decided by their order."""
    first: dict[tuple[str, str, int], Stated] = {}
    for one in lines:
        before = first.setdefault(one.key, one)
        if before.said != one.said:
            rule = f"says something else of {_spelled(one)} than row {before.row}, which counts"
            why = Why("said_before", rule, {"row": str(before.row)})
            problems.append(Problem.of(one, why))
    return OrderFile(lines=list(first.values()), problems=sorted(problems, key=lambda one: one.row))


def _spelled(one: Stated) -> str:
    return f"{one.scheme}/{one.reference}/{one.line}"


def _stated(zone: ZoneInfo, number: int, cells: Mapping[str, str]) -> Stated:
    for name in ("scheme", "reference"):
        if not _NAME.fullmatch(cells[name]):
            rule = f"{name} is {cells[name][:80]!r}; it must be a text of 1 to 64 signs"
            raise RefusedError("text_form", rule, field=name, value=cells[name][:80])
    if not _LINE.fullmatch(cells["line"]):
        rule = f"line is {cells['line'][:80]!r}; it must be a number from 1 to 999999"
        raise RefusedError("line_form", rule, value=cells["line"][:80])
    start, end = _window(cells, zone)
    if not (start >= EARLIEST_US and end <= LATEST_US and end - start <= LONGEST_US):
        rule = "the window must be 366 days at most, within the years 1970 to 2199"
        raise RefusedError("window_length", rule)
    amount, price = (_yuan(name, cells[name]) for name in ("amount_cny", "unit_price_cny"))
    user_type = cells["user_type"].lower()
    if user_type not in USER_TYPES:
        rule = f"user_type is {cells['user_type'][:80]!r}; internal or external is meant"
        raise RefusedError("user_type", rule, value=cells["user_type"][:80])
    if not _UNIT.fullmatch(cells["user_unit"]):
        raise RefusedError("unit_form", "user_unit must be a line of at most 200 signs")
    return Stated(
        row=number,
        scheme=cells["scheme"],
        reference=cells["reference"],
        line=int(cells["line"]),
        name=named_instrument(cells),
        start_us=start,
        end_us=end,
        claimed_us=_claimed(cells["hours"], amount, price, end - start),
        amount_cny=amount,
        unit_price_cny=price,
        user_type=user_type,
        user_unit=cells["user_unit"],
    )


def _window(cells: Mapping[str, str], zone: ZoneInfo) -> tuple[int, int]:
    if not cells["day"]:
        return window_us(dict(cells), zone)
    if cells["from"] or cells["to"]:
        rule = "day beside from or to: one of the two is wanted"
        raise RefusedError("day_and_window", rule)
    try:
        # As it is written in our files alone: 20260301 would be a date to Python, too.
        if len(cells["day"]) != 10:
            raise ValueError
        day = date.fromisoformat(cells["day"])
        return start_of_day(day, zone), start_of_day(day + timedelta(days=1), zone)
    except (ValueError, OverflowError) as error:
        rule = f"day is {cells['day'][:80]!r}; it must be like 2026-03-01"
        raise RefusedError("day_form", rule, value=cells["day"][:80]) from error


def _number(name: str, text: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal(-1)
    # Compared before it is calculated with: a number with a large exponent would overflow.
    if not (found.is_finite() and 0 <= found <= _YUAN_MOST):
        rule = f"{name} is {text[:80]!r}; it must be a number from 0 to {_YUAN_MOST}"
        raise RefusedError("number_form", rule, field=name, value=text[:80], most=str(_YUAN_MOST))
    return found


def _yuan(name: str, text: str) -> Decimal | None:
    if not text:
        return None
    found = _number(name, text)
    if found != found.quantize(Decimal("0.01")):
        rule = f"{name} is {text[:80]!r}; yuan have two decimals"
        raise RefusedError("two_decimals", rule, field=name, value=text[:80])
    return found.quantize(Decimal("0.01"))


def _claimed(text: str, amount: Decimal | None, price: Decimal | None, most_us: int) -> int:
    """Claimed hours (µs): said, or what an amount buys at the price of an hour, cut off."""
    if text:
        hours = _number("hours", text)
    elif amount is not None and price:
        hours = amount / price
    else:
        rule = "they, or amount_cny with a unit_price_cny above 0, are wanted"
        raise RefusedError("claim_missing", f"hours is empty; {rule}")
    claimed = int(hours * HOUR_US)
    if claimed > most_us:
        told = Decimal(most_us) / HOUR_US
        rule = f"{hours:f} hours are claimed of a window of {told:f}"
        raise RefusedError("claim_too_long", rule, claimed=f"{hours:f}", window=f"{told:f}")
    return claimed
