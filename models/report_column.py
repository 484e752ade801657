"""One column of a form: what a row's value becomes in it, or the rule that the value breaks.

What values there are is `report_value.py`'s; how a column is written down is
`report_profile_document.py`'s.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any, Final, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from models.report_profile_document import ColumnDocument, Kind
from models.report_time import TimeFormat, time_format
from models.report_value import Place, Row, Value, value

#: As files take it: an instant without a format is microseconds since 1970 UTC.
Cell: TypeAlias = str | int | Decimal | Mapping[str, str] | None
#: Makes a cell of a value that is there; raises `_UnfitError`.
_Spell: TypeAlias = Callable[[Any, ZoneInfo], Cell]
_EXACT: Final = Context(prec=60, rounding=ROUND_HALF_UP)
_is_whole = re.compile("[+-]?[0-9]{1,18}").fullmatch


class Fitted(NamedTuple):
    """What a row has for a column."""

    cell: Cell
    #: The rule that the value breaks, which is not in the cell then; None: it breaks none.
    rule: str | None = None
    #: Which of the column's values it was; the first, where there is none.
    at: int = 0


class _UnfitError(ValueError):
    """A value that breaks a column's rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column, ready to spell values."""

    document: ColumnDocument
    name: str
    kind: Kind
    values: tuple[Value, ...]
    format: TimeFormat | None
    #: Whether all rows of an instrument have the same.
    is_steady: bool
    #: Whether it says nothing but who somebody is.
    is_personal: bool
    _spell: _Spell

    @classmethod
    def of(cls, document: ColumnDocument) -> "Column":
        """Of a document that is valid."""
        values = tuple(value(name) for name in document.value)
        return cls(
            document=document,
            name=document.name,
            kind=document.kind,
            values=values,
            format=None if document.format is None else time_format(document.format),
            is_steady=all(one.row is None for one in values),
            is_personal=bool(values) and all(one.place is Place.PERSON for one in values),
            _spell=_SPELLS[document.kind](document),
        )

    def fit(self, row: Row) -> Fitted:
        """What a row has for it; never raises."""
        at = 0
        try:
            for at, one in enumerate(self.values):
                raw = one.get(row)
                if raw or raw == 0:  # else there is none, or an empty text or object
                    return Fitted(self._spell(raw, row.period.zone), None, at)
            if self.document.default is None:
                return _NOTHING
            at = 0
            return Fitted(self._spell(self.document.default, row.period.zone))
        except _UnfitError as error:
            return Fitted(None, str(error), at)


_NOTHING: Final = Fitted(None)


def _plain(raw: object) -> str:
    return f"{raw:f}" if isinstance(raw, Decimal) else str(raw)


def _text(said: ColumnDocument) -> _Spell:
    length, longest, cut, codes = said.length, said.longest, said.cut, said.codes

    def spell(raw: Any, _: ZoneInfo) -> str:
        text = raw if isinstance(raw, str) else _plain(raw)
        if codes is not None:
            text = codes[text] if text in codes else _coded(said, text)
        if length is not None and len(text) != length:
            raise _UnfitError(f"is {text!r}; it must have {length} characters")
        if longest is not None and len(text) > longest:
            if not cut:
                raise _UnfitError(f"is {text!r}; it may have {longest} characters at most")
            text = text[:longest]
        return text

    return spell


def _coded(said: ColumnDocument, text: str) -> str:
    several, codes = said.several, said.codes or {}
    if several is None:
        return _code(codes, text)
    words = [_code(codes, word.strip()) for word in text.split(several.separator)]
    if len(words) > several.most:
        raise _UnfitError(f"is {text!r}; it may hold {several.most} codes at most")
    return several.separator.join(words)


def _code(codes: Mapping[str, str], text: str) -> str:
    if text in codes:
        return codes[text]
    if text in codes.values():
        return text
    raise _UnfitError(f"is {text!r}; it must be one of {', '.join(dict.fromkeys(codes.values()))}")


def _integer(said: ColumnDocument) -> _Spell:
    def spell(raw: Any, _: ZoneInfo) -> Cell:
        if not isinstance(raw, int):
            if not _is_whole(raw):
                raise _UnfitError(f"is {raw!r}; it must be a whole number")
            raw = int(raw)
        _hold(said, raw)
        return int(raw)

    return spell


def _decimal(said: ColumnDocument) -> _Spell:
    assert said.decimals is not None
    unit = Decimal(1).scaleb(-said.decimals)

    def spell(raw: Any, _: ZoneInfo) -> Cell:
        try:
            exact = (raw if isinstance(raw, Decimal) else Decimal(raw)).quantize(
                unit, context=_EXACT
            )
        except InvalidOperation:
            exact = Decimal("NaN")
        if not exact.is_finite():
            raise _UnfitError(f"is {_plain(raw)!r}; it must be a number")
        _hold(said, exact)
        return exact

    return spell


def _hold(said: ColumnDocument, number: int | Decimal) -> None:
    if said.least is not None and number < said.least:
        raise _UnfitError(f"is {_plain(number)}; it must be {said.least} or more")
    if said.most is not None and number > said.most:
        raise _UnfitError(f"is {_plain(number)}; it must be {said.most} or less")


def _time(said: ColumnDocument) -> _Spell:
    if said.format is not None:
        return time_format(said.format).write

    def spell(raw: Any, _: ZoneInfo) -> int:
        return int(raw)

    return spell


def _object(_: ColumnDocument) -> _Spell:
    def spell(raw: Any, _: ZoneInfo) -> Mapping[str, str]:
        return dict(sorted(raw.items()))

    return spell


_SPELLS: Final[Mapping[Kind, Callable[[ColumnDocument], _Spell]]] = {
    "text": _text,
    "integer": _integer,
    "decimal": _decimal,
    "time": _time,
    "object": _object,
}
