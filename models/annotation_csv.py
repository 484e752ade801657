"""Annotations as CSV: each row says what a use was, as a laboratory's own system knows it.

A row is known by its ``reference``, or by its instant where it has none: the same file again
changes nothing, and a row that says something else takes the place of what it said before.
"""

import json
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from models.csv_cells import NAMING, named_instrument, read_rows
from models.record import Annotation, Person, Purpose
from models.refusal import RefusedError, Why
from models.timestamp import format_instant, parse_ts

PERSON = ("operator_ref", "person_name", "person_phone", "person_email")
TEXTS = ("user_unit", "direction", "content")
COLUMNS = (
    *NAMING, "at", "reference", "purpose", "user_type", *TEXTS, "amount_cny", "samples", "more",
    *PERSON,
)  # fmt: skip
#: Characters of a text, yuan of an amount, and samples.
TEXT_MOST, CNY_MOST, SAMPLES_MOST = 500, Decimal(10) ** 12, 10**9
#: Words of forms that one annotation may answer.
MORE_MOST = 50
USER_TYPES = ("internal", "external")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Stated(NamedTuple):
    """One row of a file."""

    row: int
    #: An instrument's id, or what another register calls it.
    name: str
    reference: str
    annotation: Annotation
    person: Person | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationFile:
    """A file's annotations, and what is wrong with its other rows."""

    stated: list[Stated]
    problems: list[tuple[int, Why]]


def read_annotations(text: str) -> AnnotationFile:
    """A file's annotations.

    Args:
        text: CSV with ``instrument_id`` or ``external_id``, ``at`` (RFC 3339 with offset), and any
            other of `COLUMNS`; ``more`` is a JSON object of texts.

    Raises:
        ValueError: It is no CSV, the header is wrong, or there are too many rows.
    """
    stated, refused = read_rows(text, COLUMNS, ("at",), _stated)
    return AnnotationFile(stated=stated, problems=[(one.row, one.why) for one in refused])


def _stated(number: int, cells: dict[str, str]) -> Stated:
    for column, cell in cells.items():
        if len(cell) > TEXT_MOST and column != "more":
            rule = f"{column} has {len(cell)} characters; at most {TEXT_MOST}"
            about = {"field": column, "length": str(len(cell)), "most": str(TEXT_MOST)}
            raise RefusedError("text_too_long", rule, **about)
        if _CONTROL.search(cell):
            rule = f"{column} is {cell[:60]!r}; it must be one line of text"
            raise RefusedError("one_line", rule, field=column)
    name = named_instrument(cells)
    try:
        at_us = parse_ts(cells["at"])
    except ValueError as error:
        rule = "it must be RFC 3339 with offset, such as 2026-03-01T09:00:00+08:00"
        told = f"at is {cells['at']!r}; {rule}"
        raise RefusedError("instant_only", told, field="at", value=cells["at"][:80]) from error
    annotation = Annotation(
        annotation_id=None,
        at_us=at_us,
        purpose=_purpose(cells["purpose"]),
        user_type=_user_type(cells["user_type"]),
        user_unit=cells["user_unit"] or None,
        direction=cells["direction"] or None,
        content=cells["content"] or None,
        amount_cny=_amount(cells["amount_cny"]),
        samples=_samples(cells["samples"]),
        more=_more(cells["more"]),
    )
    operator, *who = (cells[column] or None for column in PERSON)
    person = Person(operator_ref=operator, name=who[0], phone=who[1], email=who[2])
    return Stated(
        number,
        name,
        cells["reference"] or f"at {format_instant(at_us)}",
        annotation,
        person if person != Person() else None,
    )


def _purpose(cell: str) -> Purpose | None:
    try:
        return Purpose(cell.lower()) if cell else None
    except ValueError as error:
        choices = ", ".join(Purpose)
        rule = f"purpose is {cell!r}; it must be one of {choices}"
        about = {"field": "purpose", "value": cell[:80], "choices": choices}
        raise RefusedError("choice", rule, **about) from error


def _user_type(cell: str) -> str | None:
    if cell and cell.lower() not in USER_TYPES:
        rule = f"user_type is {cell!r}; it must be internal or external"
        raise RefusedError("user_type", rule, value=cell[:80])
    return cell.lower() or None


def _amount(cell: str) -> Decimal | None:
    if not cell:
        return None
    try:
        amount = Decimal(cell)
    except InvalidOperation:
        amount = Decimal(-1)
    # Compared before it is rounded: a number with a large exponent would overflow.
    if not (amount.is_finite() and 0 <= amount < CNY_MOST and amount == round(amount, 2)):
        rule = f"amount_cny is {cell!r}; it must be yuan with at most two decimals"
        raise RefusedError("amount_form", rule, field="amount_cny", value=cell[:80])
    return round(amount, 2)


def _samples(cell: str) -> int | None:
    if not cell:
        return None
    if not (cell.isascii() and cell.isdecimal() and len(cell) < 10):
        rule = f"samples is {cell!r}; it must be a whole number below {SAMPLES_MOST}"
        about = {"field": "samples", "value": cell[:80], "most": str(SAMPLES_MOST - 1)}
        raise RefusedError("whole_number", rule, **about)
    return int(cell)


def _more(cell: str) -> dict[str, str]:
    try:
        more = json.loads(cell) if cell else {}
    except ValueError:
        more = None
    if not isinstance(more, dict) or len(more) > MORE_MOST or not all(map(_is_text, more.values())):
        rule = f"more is {cell[:60]!r}; it must be a JSON object of at most {MORE_MOST} texts"
        raise RefusedError("texts_form", rule, field="more", most=str(MORE_MOST))
    return more


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= TEXT_MOST and not _CONTROL.search(value)
