"""Running totals of the daily rollups, and their hours: made here.

A total at a local midnight is what an instrument's day rows before it add up to; any range of
days is the difference of two. They are packed by chunks of instruments (``rollup_total``), and so
are the hours of each day (``rollup_hour``) and the days of each month on which instruments were
heard (``heard_month``). All are derived from ``rollup_day`` alone: triggers
mark what changes behind them, and a mark makes readers go back to the days, so they may be late but
are never wrong. They are read by ``sums.py`` and ``hours.py``.

No numpy here: ingest makes the totals, and its memory is counted.
"""

import sys
from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import chain
from operator import add
from typing import Any

import psycopg

from store.figures.packed_hours import SHORT, pack_chunk, unpack_day
from store.figures.rollup_columns import COLUMNS
from store.statements import statements

_SQL = statements("totals")

#: Instruments in a row; the triggers and ``totals.sql`` shift by ten bits.
CHUNK = 1_024
#: What is summed up, in the order of a row: the day rows' columns but ``step_us``, how many
#: rows there are, and how many of them have opening hours.
SUMS = (*(name for name in COLUMNS if name != "step_us"), "days", "scheduled_days")
#: Figures of an hour; the last says of an instrument's day whether its hours are there at all
#: (`THERE`), and its opening hours, if it has any (`SCHEDULED`).
HOURLY = (*COLUMNS, "present")
PRESENT = HOURLY.index("present")
THERE, SCHEDULED = 1, 2
#: Maxima stand for the 1, 2, 4, … days before a boundary.
LEVELS = 10
_DAY = timedelta(days=1)
_ZERO_STEPS = array("q", bytes(8 * CHUNK))
#: Days of a chunk in memory at once.
_SLICE = 16


def due(
    connection: psycopg.Connection[Any], zone: str, most: int = 1
) -> Sequence[tuple[int, date]]:
    """Chunks whose totals want making, and up to which boundary.

    Args:
        connection: With psycopg's own types.
        zone: IANA name of the rollups' zone.
        most: How many at most.
    """
    rows = connection.execute(_SQL["due"], {"zone": zone, "most": most}).fetchall()
    return [(chunk, boundary) for chunk, boundary in rows]


def make(connection: psycopg.Connection[Any], chunk: int, boundary: date) -> int:
    """Brings a chunk's totals up to date, from the first day that changed on.

    Args:
        connection: In autocommit, or in a transaction that holds nothing else than `forget` has
            locked; all of it is one transaction.
        chunk: Instrument keys from ``chunk * CHUNK`` on.
        boundary: The newest that is wanted: days before it are over.

    Returns:
        Boundaries written.
    """
    span = {"chunk": chunk, "low": chunk * CHUNK, "high": (chunk + 1) * CHUNK}
    with connection.transaction(), connection.cursor(binary=True) as cursor:
        cursor.execute(_SQL["make_alone"], span)
        # Before any day is read: of a change that comes later the mark stays.
        marks = cursor.execute(_SQL["marks"], span).fetchone()
        assert marks is not None
        stale, said = (found or [] for found in marks)
        reach = cursor.execute(_SQL["reach"], {"chunks": [chunk]}).fetchone()
        if reach is None:
            cursor.execute(_SQL["lock"], span)  # no change leaves a mark yet
            first = through = _earliest(cursor, span, boundary)
        else:
            _, first, through = reach
        start: date = min([through, *stale])
        end: date = max(boundary, through)
        # Totals follow from all days before them, hours from their own day alone.
        changed = {*stale, *(through + n * _DAY for n in range((end - through).days))}
        maker = _Maker(cursor, chunk, min(first, start), start, changed)
        # What the totals have already may change meanwhile, which leaves a mark; of other days
        # nothing would tell.
        maker.go_on(through)
        cursor.execute(_SQL["lock"], span)
        maker.go_on(end)
        cursor.execute(
            _SQL["put_reach"], {"chunk": chunk, "first": min(first, start), "through": end}
        )
        cursor.execute(_SQL["settle"], {**span, "said": said})
        return (end - start).days


def _earliest(cursor: psycopg.Cursor[Any], span: Mapping[str, int], boundary: date) -> date:
    """The first day of a chunk that has no totals."""
    row = cursor.execute(_SQL["earliest"], span).fetchone()
    # Where nothing is rolled up yet, everything before the boundary adds up to nothing.
    return boundary if row is None or row[0] is None else min(row[0], boundary)


class _Maker:
    """Totals of one chunk as they grow from boundary to boundary."""

    def __init__(
        self,
        cursor: psycopg.Cursor[Any],
        chunk: int,
        first: date,
        boundary: date,
        hourly: set[date],
    ) -> None:
        self.boundary = boundary
        self._cursor = cursor
        self._chunk = chunk
        self._first = first
        self._hourly = hourly
        width = len(SUMS)
        flat = array("q", bytes(8 * CHUNK * width))
        if boundary > first:
            row = cursor.execute(
                _SQL["one_total"], {"boundary": boundary, "chunk": chunk}
            ).fetchone()
            if row is None:
                raise LookupError(f"no total of chunk {chunk} at {boundary}, after {first}")
            flat = unpack(row[0])
        self._sums: list[Sequence[int]] = [
            flat[at : at + width] for at in range(0, CHUNK * width, width)
        ]
        self._steps: dict[tuple[int, date], array[int]] = {}

    def go_on(self, end: date) -> None:
        """Writes the boundaries after this one, up to ``end``, and which days were heard."""
        start = self.boundary
        while self.boundary < end:
            self._take(min(end, self.boundary + _SLICE * _DAY))
        if start < end:
            low = self._chunk * CHUNK
            span = {"chunk": self._chunk, "low": low, "high": low + CHUNK}
            self._cursor.execute(_SQL["put_heard"], {**span, "start": start, "end": end})

    def _take(self, end: date) -> None:
        start = self.boundary
        rows = self._cursor.execute(
            _SQL["days"],
            {
                "low": self._chunk * CHUNK,
                "high": (self._chunk + 1) * CHUNK,
                "start": start,
                "end": end,
                "hourly": sorted(self._hourly),
            },
        ).fetchall()
        by_day: list[list[tuple[Any, ...]]] = [[] for _ in range((end - start).days)]
        for row in rows:
            by_day[row[0]].append(row)
        for of_day in by_day:
            self._take_day(of_day)

    def _take_day(self, rows: Sequence[tuple[Any, ...]]) -> None:
        if self.boundary in self._hourly:
            self._put_hours(rows)
        sums = self._sums
        steps = _ZERO_STEPS[:]
        for _, place, step, *figures, _ in rows:
            sums[place] = list(map(add, sums[place], figures))
            steps[place] = step
        self.boundary += _DAY
        terms = {"boundary": self.boundary, "chunk": self._chunk}
        packed = pack(array("q", chain.from_iterable(sums)))
        self._cursor.execute(_SQL["put_total"], {**terms, "sums": packed})
        levels = self._levels(steps)
        self._cursor.execute(_SQL["put_steps"], {**terms, "steps": [pack(one) for one in levels]})

    def _put_hours(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Puts the hours of the day that begins at the boundary in the place of what was there."""
        count = 1
        by_figure: dict[int, dict[int, array[int]]] = defaultdict(dict)
        for _, place, *_, with_hours, packed in rows:
            if packed is None:
                continue
            count, figures = unpack_day(packed)
            for figure, numbers in figures.items():
                by_figure[figure][place] = numbers
            present = SCHEDULED if with_hours else THERE
            by_figure[PRESENT][place] = array(SHORT, [present])
        terms = {"day": self.boundary, "chunk": self._chunk}
        self._cursor.execute(_SQL["drop_day_hours"], terms)
        made = [
            pack_chunk(1 if figure == PRESENT else count, CHUNK, numbers)
            for figure, numbers in by_figure.items()
        ]
        if made:
            self._cursor.execute(
                _SQL["put_hours"], {**terms, "figures": list(by_figure), "hours": made}
            )

    def _levels(self, steps: "array[int]") -> "list[array[int]]":
        found = [steps]
        for level in range(LEVELS - 1):
            days = 1 << level
            before = self._step_at(level, self.boundary - days * _DAY)
            found.append(array("q", map(max, found[level], before)))
        for level, one in enumerate(found):
            self._steps[level, self.boundary] = one
            # Asked for once more at most, this many days on.
            self._steps.pop((level, self.boundary - (1 << level) * _DAY), None)
        return found

    def _step_at(self, level: int, boundary: date) -> "array[int]":
        if boundary <= self._first:
            return _ZERO_STEPS
        kept = self._steps.get((level, boundary))
        if kept is not None:
            return kept
        row = self._cursor.execute(
            _SQL["one_step"], {"boundary": boundary, "level": level, "chunk": self._chunk}
        ).fetchone()
        if row is None:
            raise LookupError(f"no steps of chunk {self._chunk} at {boundary}, after {self._first}")
        return unpack(row[0])


def pack(numbers: "array[int]") -> bytes:
    """Little-endian, whatever machine this is."""
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()


def unpack(packed: bytes) -> "array[int]":
    """What `pack` packed."""
    numbers = array("q", packed)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def forget(connection: psycopg.Connection[Any], chunk: int) -> None:
    """Leaves no total of a chunk, and has nobody make any before the transaction ends.

    For whoever writes many of its days: while there are no totals, changes leave no marks. The
    instruments' status rows are to be locked before, as everybody does.
    """
    span = {"chunk": chunk, "low": chunk * CHUNK, "high": (chunk + 1) * CHUNK}
    for statement in (
        "make_alone",
        "lock",
        "drop_reach",
        "drop_totals",
        "drop_steps",
        "drop_hours",
        "drop_heard",
        "drop_marks",
    ):
        connection.execute(_SQL[statement], span)


def forget_all(connection: psycopg.Connection[Any]) -> None:
    """Leaves no total; for when every day is computed anew."""
    for statement in ("clear_reach", "clear_totals", "clear_steps", "clear_hours", "clear_stale"):
        connection.execute(_SQL[statement])
