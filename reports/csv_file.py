"""Rows as CSV: UTF-8, lines that end in CRLF; texts that a spreadsheet would take for a formula
are defused, as in every other CSV file of ours."""

import csv
import io
from collections.abc import Iterable
from itertools import repeat
from typing import BinaryIO

from models.csv_cells import defused
from models.report_profile import Profile
from models.report_value import PeriodFacts
from reports.spelling import Portion, spelled_all

#: Characters that are held before they are written.
_AT_ONCE = 1 << 16


def write_csv(profile: Profile, _: PeriodFacts, portions: Iterable[Portion], out: BinaryIO) -> None:
    """A heading, then a line a row."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(column.name for column in profile.columns)
    become = [
        None if column.kind in ("integer", "decimal") else defused for column in profile.columns
    ]
    for portion in portions:
        columns = map(spelled_all, profile.columns, portion, become, repeat(""))
        writer.writerows(zip(*columns, strict=True))
        if text.tell() > _AT_ONCE:
            out.write(text.getvalue().encode())
            text.seek(0)
            text.truncate()
    out.write(text.getvalue().encode())
