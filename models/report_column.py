"""One column of a form: what a row's value becomes in it, or the rule that the value breaks.

What values there are is `report_value.py`'s; how a column is written down is
`report_profile_document.py`'s.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from models.report_profile_document import ColumnDocument, Kind
from models.report_time import TimeFormat, time_format
from models.report_value import Place, Row, Shape, Value, value

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
    #: Whether its values are cells as they are.
    is_verbatim: bool
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
            is_verbatim=_is_verbatim(document, {one.shape for one in values}),
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

    def cells(self, rows: Sequence[Row]) -> list[Cell]:
        """The cells that ``fit`` makes, of rows of one period, made for all of them at once.

        A city's year has hundreds of millions: a call for each would take hours.
        """
        if self.is_steady:
            return self._repeated(rows)
        raws = self._raws(rows)
        zone = rows[0].period.zone
        default = self._cell(self.document.default, zone)
        if self.is_verbatim:
            return [default if raw is None or raw == "" else raw for raw in raws]
        kept: dict[int, Cell] = {}  # by the object: others may equal it and be spelled differently
        cells: list[Cell] = []
        for raw in raws:
            cell = kept.get(id(raw), kept)
            if cell is kept:
                there = raw or raw == 0
                cell = kept[id(raw)] = self._cell(raw, zone) if there else default
            cells.append(cell)  # type: ignore[arg-type]
        return cells

    def _repeated(self, rows: Sequence[Row]) -> list[Cell]:
        cells: list[Cell] = []
        for _, of in groupby(rows, attrgetter("subject")):
            first, *others = of
            cells += [self.fit(first).cell] * (1 + len(others))
        return cells

    def _raws(self, rows: Sequence[Row]) -> list[Any]:
        """Of each row the first of the values that it has; else nothing, or an empty one."""
        if not self.values:
            return [None] * len(rows)
        first, *others = self.values
        raws = first.get_all(rows)
        for other in others:
            raws = [
                raw if raw or raw == 0 else other.get(row)
                for raw, row in zip(raws, rows, strict=True)
            ]
        return raws

    def _cell(self, raw: Any, zone: ZoneInfo) -> Cell:
        """None: there is nothing, or it does not fit."""
        try:
            return None if raw is None else self._spell(raw, zone)
        except _UnfitError:
            return None


_NOTHING: Final = Fitted(None)


def _is_verbatim(said: ColumnDocument, shapes: set[Shape]) -> bool:
    if said.kind == "text":
        return shapes == {"text"} and (said.codes, said.length, said.longest) == (None, None, None)
    return said.kind == "time" and said.format is None and shapes == {"instant"}


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
            whole = raw % 1 == 0 if isinstance(raw, Decimal) else _is_whole(raw)
            if not whole:
                raise _UnfitError(f"is {_plain(raw)!r}; it must be a whole number")
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
