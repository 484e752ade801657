"""What a bulk export holds: its tables, their columns, and the months that it is cut into.

Rows come from `store/figures/exported.py`, files of them are `reports/export_file.py`'s. Times
are microseconds, so that whatever adds a column up gets the service's own figure.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from hashlib import blake2b
from typing import NamedTuple
from zoneinfo import ZoneInfo

from models.usage import Window
from models.zone import start_of_day

MONTH_RULE = "a month, written YYYY-MM, of the years 1970 to 2199"
MONTH_PATTERN = r"^(19[7-9]|20[0-9]|21[0-9])[0-9]-(0[1-9]|1[0-2])$"


class What(StrEnum):
    """A table of an export."""

    SEGMENTS = "segments"
    SESSIONS = "sessions"
    DAILY = "daily"


class Kind(StrEnum):
    """What the values of a column are."""

    WORD = "word"  #: one of few texts
    INSTANT = "instant"  #: microseconds since 1970 UTC
    DAY = "day"
    NUMBER = "number"  #: 64 bits; of names that end in ``_us``, microseconds
    FLAG = "flag"


class Column(NamedTuple):
    """A column of a table."""

    name: str
    kind: Kind
    #: Whether a value may be missing.
    nullable: bool = False


#: Whose a row is, by the registry of the month's end.
WHOSE = (
    Column("instrument_id", Kind.WORD),
    Column("institution_id", Kind.WORD),
    Column("district_code", Kind.WORD, nullable=True),
    Column("class_code", Kind.WORD, nullable=True),
    Column("kind", Kind.WORD),
    Column("always_on", Kind.FLAG),
)
_ENDS = (Column("starts_at", Kind.INSTANT), Column("ends_at", Kind.INSTANT))

COLUMNS: Mapping[What, tuple[Column, ...]] = {
    What.SEGMENTS: (
        *WHOSE,
        *_ENDS,
        Column("duration_us", Kind.NUMBER),
        Column("state", Kind.WORD),
        Column("cause", Kind.WORD, nullable=True),
        Column("resolution_us", Kind.NUMBER, nullable=True),
    ),
    What.SESSIONS: (
        *WHOSE,
        *_ENDS,
        Column("effective_us", Kind.NUMBER),
        Column("session_idle_us", Kind.NUMBER),
        Column("provisional", Kind.FLAG),
    ),
    What.DAILY: (
        *WHOSE,
        Column("day", Kind.DAY),
        Column("window_us", Kind.NUMBER),
        Column("running_us", Kind.NUMBER),
        Column("idle_us", Kind.NUMBER),
        Column("off_us", Kind.NUMBER),
        Column("unknown_us", Kind.NUMBER),
        Column("unknown_before_first_us", Kind.NUMBER),
        Column("unknown_collector_us", Kind.NUMBER),
        Column("unknown_gateway_us", Kind.NUMBER),
        Column("unknown_device_us", Kind.NUMBER),
        Column("scheduled_us", Kind.NUMBER, nullable=True),
        Column("running_scheduled_us", Kind.NUMBER, nullable=True),
        Column("effective_us", Kind.NUMBER),
        Column("session_idle_us", Kind.NUMBER),
        Column("rated_us", Kind.NUMBER),
        Column("counter_running_us", Kind.NUMBER, nullable=True),
        Column("resolution_us", Kind.NUMBER, nullable=True),
        Column("provisional", Kind.FLAG),
    ),
}


#: What tells one state of a table from another, of all that a file says of itself.
_TELLING = ("what", "month", "tz", "filters", "revision", "registry", "provisional")
#: Goes up with the columns: files of older ones are written anew.
_FORM = "1"


def tag_of(facts: Mapping[str, str]) -> str:
    """The weak entity tag of a file: alike as long as the same question has the same answer.

    Args:
        facts: What the file says of itself.
    """
    told = [_FORM, *(facts.get(name, "") for name in _TELLING)]
    return f'W/"{blake2b(json.dumps(told).encode(), digest_size=16).hexdigest()}"'


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> "Month":
        """A month as it is written.

        >>> str(Month.parse("2026-03")), Month.parse("2025-12").following
        ('2026-03', Month(year=2026, month=1))

        Raises:
            ValueError: It is none.
        """
        if not re.fullmatch(MONTH_PATTERN, text):
            raise ValueError(f"must be {MONTH_RULE}")
        return cls(int(text[:4]), int(text[5:]))

    def __str__(self) -> str:
        """As it is written."""
        return f"{self.year:04}-{self.month:02}"

    @property
    def following(self) -> "Month":
        """The month after it."""
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, self.month, 1)

    def window(self, zone: ZoneInfo) -> Window:
        """The month by a zone's clock."""
        first, after = self.first, self.following.first
        return Window(start_us=start_of_day(first, zone), end_us=start_of_day(after, zone))


def months(first: Month, last: Month) -> Iterator[Month]:
    """The months from one to another, both among them."""
    while first <= last:
        yield first
        first = first.following
