"""What a city publishes: which windows are closed, what they come to, and what was signed of them.

Nothing marks a window as changed. The figures themselves are asked, as any answer asks them, and
held against what they were when they were signed: so no cause of a change can be forgotten.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import blake2b
from typing import Any, NamedTuple

from models.bucket import Bucket, buckets, whole
from models.coverage import WITHIN_DAYS
from models.group import Basis
from models.rollup import COUNTS, Cell, Row, Span
from models.rollup_sums import row_of
from models.usage import Window
from models.zone import local_day, start_of_day
from store.figures.coverage import Registers, load_coverage
from store.figures.groups import tally_groups
from store.figures.question import Group, Question
from store.figures.subject import zone_of
from store.figures.surroundings import Moment
from store.instant import from_us
from store.present.counts import count_by
from store.present.filters import Filters
from store.present.roster import Rosters
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("federation")
CELL = "cell"
_DAYS_MOST = 400

#: By span and start, what the figures were when they were signed.
Probes = Mapping[tuple[Span, int], bytes]


class Closed(NamedTuple):
    """A window that is over."""

    span: Span
    window: Window
    #: Where the month begins that a day is of, or the year that a month is of.
    part_of: int


def closed_windows(first_us: int, moment: Moment) -> Iterator[Closed]:
    """Windows that are over, the newest first; months and years behind the days of theirs.

    Args:
        first_us: The first heartbeat of all: nothing is told of days before its own.
        moment: Now, and whose days.
    """
    zone = zone_of(moment.rollup_zone)
    first = local_day(first_us, zone)
    day = local_day(moment.now_us, zone) - timedelta(days=1)
    while day >= first:
        start_us = start_of_day(day, zone)
        window = whole(start_us, Bucket.DAY, zone)
        month = whole(start_us, Bucket.MONTH, zone)
        year = Window(
            start_us=start_of_day(date(day.year, 1, 1), zone),
            end_us=start_of_day(date(day.year + 1, 1, 1), zone),
        )
        if window.start_us == start_us:  # else the zone skipped this date
            yield Closed(Span.DAY, window, month.start_us)
        if day in (first, day.replace(day=1)) and month.end_us <= moment.now_us:
            yield Closed(Span.MONTH, month, year.start_us)
        if day in (first, date(day.year, 1, 1)) and year.end_us <= moment.now_us:
            yield Closed(Span.YEAR, year, year.start_us)
        day -= timedelta(days=1)


def load_first_heard() -> Steps[int | None]:
    """The first heartbeat of all."""
    ((found,),) = yield from Query[tuple[int | None]](_SQL["first_heard"])
    return found


def load_probes() -> Steps[dict[tuple[Span, int], bytes]]:
    """What is published, by what it was."""
    rows = yield from Query[tuple[str, int, bytes]](_SQL["probes"], binary=True)
    return {(Span(span), start): probe for span, start, probe in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a closed window comes to."""

    parts: Sequence[Window]
    #: A row of the window, and behind it one of each part.
    cells: Mapping[Cell, Sequence[Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a closed window is looked at."""

    closed: Closed
    moment: Moment
    rosters: Rosters
    sufficient_coverage: float

    def probe(self, more: str) -> Steps[bytes | None]:
        """Something that differs whenever a figure of the window itself does.

        Args:
            more: What else is signed.

        Returns:
            None: figures may still change by themselves.
        """
        groups = yield from self._groups(Basis.RATED, ())
        settle_us = max((group.settle_us for group in groups.values()), default=0)
        if self.closed.window.end_us + settle_us > self.moment.now_us:
            return None
        mixed = blake2b(more.encode(), digest_size=16)
        for key in sorted(groups, key=str):
            total = groups[key].total
            mixed.update(
                repr((key, row_of(dict.fromkeys(Basis, total), groups[key].digest))).encode()
            )
        return mixed.digest()

    def figures(self) -> Steps[Found]:
        """All of it, by every basis."""
        bucket = self.closed.span.bucket
        zone = zone_of(self.moment.rollup_zone)
        window = self.closed.window
        parts = buckets(window, bucket, zone, limit=_DAYS_MOST) if bucket else []
        found: dict[Basis, dict[str | None, Group]] = {}
        for basis in Basis:
            found[basis] = yield from self._groups(basis, parts)
        cells: dict[Cell, list[Row]] = {}
        for key, group in found[Basis.RATED].items():
            by_basis = {basis: groups[key] for basis, groups in found.items()}
            rows = [row_of({b: one.total for b, one in by_basis.items()}, group.digest)]
            for place in range(len(parts)):
                rows.append(row_of({b: one.buckets[place] for b, one in by_basis.items()}, 0))
            cells[cell_of(key)] = rows
        return Found(parts=parts, cells=cells)

    def _groups(self, basis: Basis, parts: Sequence[Window]) -> Steps[dict[str | None, Group]]:
        question = Question(
            window=self.closed.window,
            buckets=parts,
            group_by=CELL,
            basis=basis,
            sufficient_coverage=self.sufficient_coverage,
        )
        return (yield from tally_groups(question, self.moment, self.rosters))


def cell_of(key: str | None) -> Cell:
    """The cell that a group's key names."""
    assert key is not None, "every instrument has a kind"
    return Cell(*key.split(" "))


def load_counts(
    moment: Moment, rosters: Rosters, registers: Registers
) -> Steps[dict[Cell, Sequence[Row]]]:
    """Counts of now, by cell; sensor coverage is today's."""
    named: dict[Cell, dict[str, Any]] = defaultdict(lambda: dict.fromkeys(COUNTS, 0))
    for one in (yield from count_by(CELL, Filters(), moment.now_us, rosters)):
        named[cell_of(one.key)] |= one._asdict() | {
            "value_fen": int(one.value_cny.scaleb(2)),
            "value_seen_fen": int(one.value_seen_cny.scaleb(2)),
        }
    today = local_day(moment.now_us, zone_of(moment.rollup_zone))
    covered = yield from load_coverage([today], WITHIN_DAYS, CELL, Filters(), moment, registers)
    for group in covered:
        named[cell_of(group.key)] |= group.points[0]._asdict()
    return {cell: [tuple(counts[name] for name in COUNTS)] for cell, counts in named.items()}


def next_revision(now_us: int) -> Steps[int]:
    """The next number: milliseconds, so that it grows past what was published before a restore."""
    ((newest,),) = yield from Query[tuple[int]](_SQL["newest_revision"])
    return max(newest + 1, now_us // 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A rollup as it goes out."""

    span: Span
    start_us: int
    end_us: int
    revision: int
    probe: bytes
    sha256: bytes
    signature: bytes
    #: Of the document as it was signed; here it is packed.
    size: int
    document: bytes
    #: By whose days the window is cut.
    timezone: str


def publish(signed: Signed) -> Steps[None]:
    """Puts a rollup in the place of the one before it."""
    params = {
        "span": signed.span.value,
        "start": from_us(signed.start_us),
        "end": from_us(signed.end_us),
        "revision": signed.revision,
        "probe": signed.probe,
        "sha256": signed.sha256,
        "signature": signed.signature,
        "size": signed.size,
        "document": signed.document,
        "timezone": signed.timezone,
    }
    yield Query(_SQL["replace"], params)
    yield Query(_SQL["publish"], params)


class Listed(NamedTuple):
    """A rollup in the feed."""

    span: str
    start_us: int
    end_us: int
    revision: int
    sha256: bytes
    signature: bytes
    size: int
    published_us: int
    timezone: str | None


def load_feed(after: int, limit: int) -> Steps[list[Listed]]:
    """What was published above a revision, in order."""
    rows = yield from Query[tuple[object, ...]](
        _SQL["feed"], {"after": after, "limit": limit}, binary=True
    )
    return [Listed._make(row) for row in rows]


class Document(NamedTuple):
    """A rollup's bytes, packed by gzip."""

    sha256: bytes
    size: int
    packed: bytes


def load_document(revision: int) -> Steps[Document | None]:
    """A rollup; None where there is none, or a newer one took its place."""
    rows = yield from Query[tuple[bytes, int, bytes]](
        _SQL["document"], {"revision": revision}, binary=True
    )
    return Document._make(rows[0]) if rows else None
