"""Cells as text, the same in every kind of file that holds nothing but text."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from models.report_column import Cell, Column
from models.report_profile_document import Kind
from models.timestamp import format_instant

#: Some rows' cells, column by column: what is made of a column at once costs a tenth.
Portion: TypeAlias = Sequence[Sequence[Cell]]


def spelled(column: Column, cell: Cell) -> str:
    """A cell that is not empty: numbers with all their digits, instants as RFC 3339 in UTC."""
    return cell if isinstance(cell, str) else _SPELLS[column.kind](cell)


def spelled_all(
    column: Column, cells: Sequence[Cell], become: Callable[[str], str] | None, empty: str
) -> list[str]:
    """A column's cells as a file has them.

    Args:
        column: Of a form.
        cells: Of some rows.
        become: What a file makes of the text of a cell; None: nothing else.
        empty: What an empty cell is.
    """
    spell = _SPELLS[column.kind]
    if column.kind == "text" or column.format is not None:
        whole: Callable[[Any], str] = become or str
    elif become is None:
        whole = spell
    else:
        whole = lambda cell: become(spell(cell))  # noqa: E731
    if not column.is_steady:
        return [empty if cell is None else whole(cell) for cell in cells]
    found: list[str] = []
    last, text = None, empty
    for cell in cells:
        if cell is not last:
            last, text = cell, empty if cell is None else whole(cell)
        found.append(text)
    return found


def _json(cell: object) -> str:
    return json.dumps(cell, ensure_ascii=False, separators=(",", ":"))


_SPELLS: Final[Mapping[Kind, Callable[[Any], str]]] = {
    "text": str,
    "integer": str,
    "decimal": "{:f}".format,
    "time": format_instant,
    "object": _json,
}
