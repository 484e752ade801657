"""Rows as JSON: one object, whose rows stand a line each; numbers have all their digits."""

from collections.abc import Iterable, Sequence
from typing import BinaryIO

import msgspec

from models.report_column import Cell, Column
from models.report_profile import Profile
from models.report_value import PeriodFacts
from models.timestamp import format_instant

_encode = msgspec.json.Encoder(decimal_format="number").encode


def write_json(
    profile: Profile, period: PeriodFacts, rows: Iterable[Sequence[Cell]], out: BinaryIO
) -> None:
    """``{"profile", "period", "records" or "instruments": [...]}``; empty cells are null."""
    head = {
        "profile": {"name": profile.name, "version": profile.version},
        "period": {
            "period_id": period.period_id,
            "from": format_instant(period.start_us),
            "to": format_instant(period.end_us),
            "tz": period.zone.key,
            "as_of": None if period.as_of_us is None else format_instant(period.as_of_us),
            "revision": period.revision,
        },
    }
    out.write(_encode(head)[:-1] + b',"%ss":[' % profile.document.row.encode())
    between = b"\n"
    for row in rows:
        cells = zip(profile.columns, row, strict=True)
        out.write(between + _encode({column.name: _cell(column, cell) for column, cell in cells}))
        between = b",\n"
    out.write(b"\n]}\n")


def _cell(column: Column, cell: Cell) -> Cell:
    if column.kind == "time" and isinstance(cell, int):
        return format_instant(cell)
    return cell
