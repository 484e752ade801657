"""What periods record: frozen where one is closed, else as it is now.

An open period shows what it would record if it were closed now: its records have no ids yet, and
what late heartbeats change in it is no amendment. Periods themselves are in ``register.py``.
"""

import json
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

import psycopg

from models.apportion import Apportioning, Shares
from models.period import Period, record_id
from models.record import Record, Source, Subject, Use
from store.figures.surroundings import Moment, load_moment
from store.reports.kept import (
    FrozenSubject,
    load_institutions,
    load_subjects_after,
    load_subjects_of,
    load_uses_of,
    subject_of,
)
from store.reports.register import find_period
from store.reports.uses import AT_ONCE, Placed, load_placed, load_used
from store.run import Steps, run
from store.statements import statements

_SQL = statements("periods")
# Records that are in memory at once while they are streamed.
_PAGE = 5_000
#: Instruments that are: a city's at once would be 140 MB.
_SUBJECTS = 500
_NOTHING, _ALL = Fraction(0), Fraction(1)
#: An instrument and its records.
Of: TypeAlias = tuple[Subject, list[Record]]


class Sums(NamedTuple):
    """What all records of a period come to."""

    instruments: int
    #: Records of which nobody said anything.
    unannotated: int
    effective_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Where records of a period are, before any of them is read."""

    period: Period
    shares: Mapping[str, Shares]
    records: int
    sums: Sums
    #: Of an open period: its instruments, and the number of each one's first record.
    placed: Sequence[Placed] = ()
    firsts: Sequence[int] = ()
    moment: Moment | None = None

    @property
    def tenths(self) -> int:
        """Of an hour, of all: each institution's rounded total."""
        return sum(one.total for one in self.shares.values())


def _load_frozen(
    period: Period, shares: Mapping[str, Shares], after: int, limit: int
) -> Steps[list[Record]]:
    kept = yield from load_uses_of(period.period_id, after + 1, after + 1 + limit)
    subjects = yield from load_subjects_of(period.period_id, sorted({key for _, key, _ in kept}))
    by_key = {one.key: (one.subject, shares[one.subject.institution_id]) for one in subjects}
    found: list[Record] = []
    for n, key, use in kept:
        subject, of = by_key[key]
        number = record_id(period.period_id, n)
        found.append(_record(number, subject, use, of.of(n, use.effective_us)))
    return found


def _record(number: str | None, subject: Subject, use: Use, tenths: int) -> Record:
    return Record(
        number,
        subject,
        use.start_us,
        use.end_us,
        use.effective_us,
        tenths,
        use.source,
        # Unknown time parts sessions; and hours are taken as reported where nothing is known.
        _NOTHING if use.source is Source.MANUAL else _ALL,
        use.annotation,
    )


def open_ledger(period: Period, calendar: str = "CN") -> Steps[Ledger]:
    """Makes ready to read a period's records; of an open one by going through all of them."""
    if period.records is not None:
        institutions = yield from load_institutions(period.period_id)
        shares = {one.institution_id: one.shares for one in institutions}
        sums = Sums(
            instruments=sum(one.instruments for one in institutions),
            unannotated=sum(one.unannotated for one in institutions),
            effective_us=sum(one.effective_us for one in institutions),
        )
        return Ledger(period=period, shares=shares, records=period.records, sums=sums)
    moment = yield from load_moment(calendar)
    placed = yield from load_placed(period, moment)
    firsts: list[int] = []
    hours: dict[str, Apportioning] = {}
    number = 1
    unannotated = effective_us = 0
    for at in range(0, len(placed), AT_ONCE):
        for used in (yield from load_used(placed[at : at + AT_ONCE], period, moment)):
            effective = [use.effective_us for use in used.uses]
            hours.setdefault(used.institution_id, Apportioning()).add(number, effective)
            firsts.append(number)
            number += len(effective)
            effective_us += sum(effective)
            unannotated += sum(use.annotation is None for use in used.uses)
    return Ledger(
        period=period,
        shares={institution: one.settle() for institution, one in hours.items()},
        records=number - 1,
        sums=Sums(len(placed), unannotated, effective_us),
        placed=placed,
        firsts=firsts,
        moment=moment,
    )


def load_records(ledger: Ledger, after: int, limit: int) -> Steps[list[Record]]:
    """Records in order of instrument and start.

    Args:
        ledger: Of the period.
        after: How many come before them.
        limit: How many at most.
    """
    if ledger.moment is None:
        return (yield from _load_frozen(ledger.period, ledger.shares, after, limit))
    found: list[Record] = []
    at = max(0, bisect_right(ledger.firsts, after + 1) - 1)
    skipped = after + 1 - ledger.firsts[at] if ledger.firsts else 0
    while len(found) < limit + skipped and at < len(ledger.placed):
        found += yield from _load_live(ledger, at)
        at += AT_ONCE
    return found[skipped : skipped + limit]


def _load_live(ledger: Ledger, at: int) -> Steps[list[Record]]:
    """Records of an open period's instruments from the ``at``-th on."""
    part = yield from _load_live_uses(ledger, at)
    return [record for _, those in part for record in those]


def _load_live_uses(ledger: Ledger, at: int) -> Steps[list[Of]]:
    assert ledger.moment is not None, "a closed period's records are frozen"
    found: list[Of] = []
    for first, used in zip(
        ledger.firsts[at : at + AT_ONCE],
        (yield from load_used(ledger.placed[at : at + AT_ONCE], ledger.period, ledger.moment)),
        strict=True,
    ):
        subject = subject_of(json.loads(used.subject))
        shares = ledger.shares[used.institution_id]
        those = [
            _record(None, subject, use, shares.of(number, use.effective_us))
            for number, use in enumerate(used.uses, first)
        ]
        found.append((subject, those))
    return found


def walk(ledger: Ledger, take: Callable[[list[Of]], Steps[None]]) -> Steps[None]:
    """Hands on all instruments with their records, by their ids, some thousand records at once.

    Args:
        ledger: Of the period.
        take: What becomes of some instruments.
    """
    if ledger.moment is not None:
        for at in range(0, len(ledger.placed), AT_ONCE):
            yield from take((yield from _load_live_uses(ledger, at)))
        return
    after = ""
    while kept := (yield from load_subjects_after(ledger.period.period_id, after, _SUBJECTS)):
        for part in _parts(kept):
            number = sum(one.records for one in part)
            those = iter((yield from load_records(ledger, part[0].first_n - 1, number)))
            yield from take([(one.subject, list(islice(those, one.records))) for one in part])
        after = kept[-1].instrument_id


def _parts(kept: Sequence[FrozenSubject]) -> Iterator[list[FrozenSubject]]:
    """Instruments that have a page of records together, each whole."""
    part: list[FrozenSubject] = []
    held = 0
    for one in kept:
        if part and held + one.records > _PAGE:
            yield part
            part, held = [], 0
        part.append(one)
        held += one.records
    if part:
        yield part


def records(
    connection: psycopg.Connection[Any], period_id: int, calendar: str = "CN"
) -> Iterator[Record]:
    """All records of a period in order of instrument and start, a few thousand in memory at once.

    Args:
        connection: Whoever wants an open period's to be of one state holds a transaction of one
            snapshot; a closed one's are the same for ever.
        period_id: Which.
        calendar: That opening hours refer to.

    Raises:
        LookupError: There is no such period.
    """
    period = run(connection, find_period(period_id))
    if period is None:
        raise LookupError(f"there is no period {period_id}")
    ledger = run(connection, open_ledger(period, calendar))
    if ledger.moment is None:
        for after in range(0, ledger.records, _PAGE):
            yield from run(connection, load_records(ledger, after, _PAGE))
    else:
        for at in range(0, len(ledger.placed), AT_ONCE):
            yield from run(connection, _load_live(ledger, at))


def subjects(connection: psycopg.Connection[Any], period_id: int) -> Iterator[Subject]:
    """The instruments of a closed period, by their ids, some hundreds in memory at once."""
    after = ""
    while kept := run(connection, load_subjects_after(period_id, after, _SUBJECTS)):
        yield from (one.subject for one in kept)
        after = kept[-1].instrument_id
