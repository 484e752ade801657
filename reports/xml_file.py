"""Rows as XML: an element a row, in it one a column, in the form's order; empty ones are left out.

Written piece by piece, since a tree of a city's rows would not fit into memory.
"""

import re
from collections.abc import Iterable, Sequence
from typing import BinaryIO
from xml.sax.saxutils import escape

from models.report_column import Cell
from models.report_profile import Profile
from models.report_value import PeriodFacts
from reports.spelling import spelled

#: What XML 1.0 has no way to say.
_unsayable = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_xml(
    profile: Profile, _: PeriodFacts, rows: Iterable[Sequence[Cell]], out: BinaryIO
) -> None:
    """The form's elements around its rows."""
    elements = profile.document.xml
    assert elements is not None
    around = [name for name in (elements.root, elements.group) if name is not None]
    inside = "  " * len(around)
    lines = [f"{'  ' * depth}<{name}>\n" for depth, name in enumerate(around)]
    out.write(('<?xml version="1.0" encoding="UTF-8"?>\n' + "".join(lines)).encode())
    for row in rows:
        lines = [f"{inside}<{elements.row}>\n"]
        for column, cell in zip(profile.columns, row, strict=True):
            if cell is not None:
                text = escape(_unsayable.sub("\ufffd", spelled(column, cell)))
                lines.append(f"{inside}  <{column.name}>{text}</{column.name}>\n")
        lines.append(f"{inside}</{elements.row}>\n")
        out.write("".join(lines).encode())
    lines = [f"{'  ' * depth}</{name}>\n" for depth, name in reversed(list(enumerate(around)))]
    out.write("".join(lines).encode())
