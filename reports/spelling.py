"""Cells as text, the same in every kind of file that holds nothing but text."""

import json

from models.report_column import Cell, Column
from models.timestamp import format_instant


def spelled(column: Column, cell: Cell) -> str:
    """A cell that is not empty: numbers with all their digits, instants as RFC 3339 in UTC."""
    if isinstance(cell, str):
        return cell
    if column.kind == "time":
        assert isinstance(cell, int)
        return format_instant(cell)
    if column.kind == "object":
        return json.dumps(cell, ensure_ascii=False, separators=(",", ":"))
    return f"{cell:f}" if column.kind == "decimal" else str(cell)
