"""Rows as XML: an element a row, in it one a column, in the form's order; empty ones are left out.

Written piece by piece, since a tree of a city's rows would not fit into memory.
"""

import re
from collections.abc import Iterable
from functools import partial
from typing import BinaryIO
from xml.sax.saxutils import escape

from models.report_profile import Profile
from models.report_value import PeriodFacts
from reports.spelling import Portion, spelled_all

#: What XML 1.0 has no way to say.
_unsayable = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_xml(profile: Profile, _: PeriodFacts, portions: Iterable[Portion], out: BinaryIO) -> None:
    """The form's elements around its rows."""
    elements = profile.document.xml
    assert elements is not None
    around = [name for name in (elements.root, elements.group) if name is not None]
    inside = "  " * len(around)
    lines = [f"{'  ' * depth}<{name}>\n" for depth, name in enumerate(around)]
    out.write(('<?xml version="1.0" encoding="UTF-8"?>\n' + "".join(lines)).encode())
    for portion in portions:
        columns = [
            spelled_all(column, cells, partial(_element, inside, column.name), "")
            for column, cells in zip(profile.columns, portion, strict=True)
        ]
        for row in zip(*columns, strict=True):
            told = "".join(row)
            out.write(f"{inside}<{elements.row}>\n{told}{inside}</{elements.row}>\n".encode())
    lines = [f"{'  ' * depth}</{name}>\n" for depth, name in reversed(list(enumerate(around)))]
    out.write("".join(lines).encode())


def _element(inside: str, name: str, text: str) -> str:
    return f"{inside}  <{name}>{escape(_unsayable.sub(chr(0xFFFD), text))}</{name}>\n"
