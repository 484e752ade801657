"""Rollups: what a city's instruments come to in a closed window, as bytes that can be signed.

One holds a day, a month or a year, or the counts of now, by cell: district, class and kind. Its
figures are those that ``/v1/utilization`` answers from, in integers, so that whoever adds up
several cities' has just their sum. How rows add up is in ``rollup_sums.py``; signing is
``reports/signing.py``'s.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

from models.bucket import Bucket
from models.coverage import SensorCounts
from models.group import BANDS, Basis
from models.timestamp import format_instant, parse_ts
from models.usage import Usage

KIND = "jishi-rollup-1"
#: What a city is called: in addresses, metrics and rollups.
CITY = re.compile(r"[a-z][a-z0-9-]{0,39}")
_CODE = re.compile(r"[\x21-\x7e]{0,64}")
#: Whatever is summed up of a nation is less: what claims more is no rollup.
MOST = 1 << 100
#: Figures that are not summed up, and bound to 64 bits.
NARROW = ("step_us", "digest")


class Span(StrEnum):
    """How long the window of a rollup is, by the city's clock."""

    #: No window: counts of the moment that they were made at.
    NOW = "now"
    DAY = "day"
    MONTH = "month"
    YEAR = "year"

    @property
    def bucket(self) -> Bucket | None:
        """What its parts are; None: it has none."""
        return _PARTS.get(self)


_PARTS = {Span.MONTH: Bucket.DAY, Span.YEAR: Bucket.MONTH}

#: What each basis has in a row: instruments that have the ratio, and those above each band.
BANDED = {
    basis: (f"{basis.value}_banded", *(f"{basis.value}_above_{float(band)}" for band in BANDS))
    for basis in Basis
}
#: Figures of a window, in the order of a row. `with_schedule` is 0 where `scheduled_us` is None.
FIGURES: tuple[str, ...] = (
    "instruments",
    "never_seen",
    "sufficient",
    "ratios",
    *Usage.__struct_fields__,
    "with_schedule",
    "effective_rated_us",
    "ratio_sum",
    *(name for names in BANDED.values() for name in names),
    "digest",
)
#: Counts of now, in the order of a row.
COUNTS: tuple[str, ...] = (
    "instruments",
    "online",
    "offline",
    "never_seen",
    "running",
    "idle",
    "off",
    "unknown",
    "value_fen",
    "value_seen_fen",
    # Of sensor coverage today, which lists others than those in service.
    *SensorCounts._fields,
)

Row: TypeAlias = tuple[int, ...]


class RollupError(ValueError):
    """Bytes that are no rollup; the message says why."""


class Cell(NamedTuple):
    """Instruments that are summed up together; an empty code stands for none."""

    district: str
    class_code: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollup:
    """A city's figures of one window, in one revision."""

    city: str
    span: Span
    #: Half-open; both the moment itself where the span is `Span.NOW`.
    start_us: int
    end_us: int
    tz: str
    #: Grows with everything that the city publishes, and so with each change of these figures.
    revision: int
    #: The moment of the figures.
    as_of_us: int
    #: Since when everything closed was looked at and published as it then was; of `Span.NOW`.
    complete_us: int | None
    #: Coverage from which an instrument is ranked, as it is written.
    sufficient_coverage: str
    key_id: str
    #: Ends of the parts, each of which begins where the one before it ends.
    parts: tuple[int, ...]
    #: Of each cell a row of the window, and behind it one of each part.
    cells: Mapping[Cell, Sequence[Row]]

    @property
    def columns(self) -> tuple[str, ...]:
        """What its rows hold."""
        return columns_of(self.span)

    def encode(self) -> bytes:
        """The one spelling of it, which is signed: JSON with sorted keys and without spaces."""
        told = {
            "kind": KIND,
            "city": self.city,
            "span": self.span.value,
            "from": format_instant(self.start_us),
            "to": format_instant(self.end_us),
            "tz": self.tz,
            "revision": self.revision,
            "as_of": format_instant(self.as_of_us),
            "complete": None if self.complete_us is None else format_instant(self.complete_us),
            "sufficient_coverage": self.sufficient_coverage,
            "key_id": self.key_id,
            "columns": self.columns,
            "parts": [format_instant(end) for end in self.parts],
            "cells": [[*cell, self.cells[cell]] for cell in sorted(self.cells)],
        }
        text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.encode()


def columns_of(span: Span) -> tuple[str, ...]:
    """What rows of a span hold."""
    return COUNTS if span is Span.NOW else FIGURES


def decode(data: bytes) -> Rollup:
    """Reads a rollup.

    Raises:
        RollupError: It is none, or not spelled as it would be signed.
    """
    try:
        told = json.loads(data)
        if told["kind"] != KIND:
            raise RollupError(f"{told['kind']!r} is not the kind of rollup that is read here")
        found = _read(told)
    except RollupError:
        raise
    except KeyError as error:
        raise RollupError(f"it lacks {error.args[0]!r}") from None
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise RollupError(f"it cannot be read: {error}") from None
    if found.encode() != data:
        raise RollupError("it is not spelled as rollups are")
    return found


def _read(told: Mapping[str, Any]) -> Rollup:
    span = Span(told["span"])
    columns = columns_of(span)
    if tuple(told["columns"]) != columns:
        raise RollupError("its columns are those of another version")
    found = Rollup(
        city=told["city"],
        span=span,
        start_us=parse_ts(told["from"]),
        end_us=parse_ts(told["to"]),
        tz=told["tz"],
        revision=told["revision"],
        as_of_us=parse_ts(told["as_of"]),
        complete_us=None if told["complete"] is None else parse_ts(told["complete"]),
        sufficient_coverage=told["sufficient_coverage"],
        key_id=told["key_id"],
        parts=tuple(parse_ts(end) for end in told["parts"]),
        cells={
            Cell(district, class_code, kind): tuple(tuple(row) for row in rows)
            for district, class_code, kind, rows in told["cells"]
        },
    )
    texts = (found.city, found.tz, found.sufficient_coverage, found.key_id)
    if not all(isinstance(text, str) for text in texts) or not CITY.fullmatch(found.city):
        raise RollupError(f"{found.city!r} is no name of a city")
    if type(found.revision) is not int or not 0 < found.revision < 1 << 62:
        raise RollupError(f"{found.revision!r} is no revision")
    _judge_window(found)
    width, length = len(columns), 1 + len(found.parts)
    most = [1 << 62 if name in NARROW else MOST for name in columns]
    for cell, rows in found.cells.items():
        if not all(_CODE.fullmatch(code) for code in cell):
            raise RollupError(f"{cell} is no cell")
        if len(rows) != length or any(len(row) != width for row in rows):
            raise RollupError(f"cell {cell} has rows of another form")
        if not all(
            type(value) is int and 0 <= value < limit
            for row in rows
            for value, limit in zip(row, most, strict=True)
        ):
            raise RollupError(f"cell {cell} holds what is no figure")
    return found


def _judge_window(found: Rollup) -> None:
    is_now = found.span is Span.NOW
    if is_now != (found.start_us == found.end_us) or found.start_us > found.end_us:
        raise RollupError("its window is none")
    if is_now != (found.complete_us is not None):
        raise RollupError("only counts of now say since when all is complete")
    if found.end_us > found.as_of_us:
        raise RollupError("its window ends after its figures were made")
    edges = (found.start_us, *found.parts)
    if found.span.bucket is None:
        if found.parts:
            raise RollupError(f"a rollup of {found.span.value} has no parts")
    elif edges[-1] != found.end_us or any(a >= b for a, b in pairwise(edges)):
        raise RollupError("its parts do not make up its window")
