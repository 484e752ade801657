"""Rows as JSON: one object, whose rows stand a line each; numbers have all their digits."""

from collections.abc import Iterable, Sequence
from typing import BinaryIO

import msgspec

from models.report_column import Cell, Column
from models.report_profile import Profile
from models.report_value import PeriodFacts
from models.timestamp import format_instant
from reports.spelling import Portion

_encode = msgspec.json.Encoder(decimal_format="number").encode


def write_json(
    profile: Profile, period: PeriodFacts, portions: Iterable[Portion], out: BinaryIO
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
    names = [column.name for column in profile.columns]
    between = b"\n"
    for portion in portions:
        columns = map(_cells, profile.columns, portion)
        told = (_encode(dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True))
        out.write(between + b",\n".join(told))
        between = b",\n"
    out.write(b"\n]}\n")


def _cells(column: Column, cells: Sequence[Cell]) -> Sequence[Cell]:
    if column.kind == "time":
        return [format_instant(cell) if isinstance(cell, int) else cell for cell in cells]
    return cells
