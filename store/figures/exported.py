"""Bulk exports: segments, sessions and daily figures of whole fleets, handed on as they are read.

Rows are what groups are summed up from (``members.py``, ``pieces.py``), under the same rule of who
counts: so they add up to ``groups.py``'s figures of the same window, to the microsecond. Memory is
bounded by a portion, however many rows there are. Tables are ``models/export_table.py``'s.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from models.bucket import Bucket, buckets
from models.export_table import Month, What
from models.group import group_fields, in_service
from models.ratios import Terms
from models.session import sessions
from models.timeline import tell
from models.timestamp import format_instant
from models.usage import Window
from models.zone import local_day
from store.figures.costs import one_by_one_s, pieces_s
from store.figures.groups import cost_s, measure_extent, revision_of, tally_groups
from store.figures.members import Member, load_members, member_figures
from store.figures.question import Group, Question
from store.figures.subject import load_subjects, zone_of
from store.figures.surroundings import Moment, Surroundings, load_surroundings
from store.present.filters import Filters
from store.present.roster import Roster, Rosters
from store.run import Steps

#: Told some rows: one list a column, all of one length.
Take: TypeAlias = Callable[[Sequence[list[Any]]], None]

_DAY_US = 86_400_000_000
#: Instruments times days whose pieces are in memory at once, and rows that are handed on at once.
_INSTRUMENT_DAYS = 1_500
_INSTRUMENTS_BY_DAY = 500
_ROW_TOLD = 5e-6  # seconds
_MOST_DAYS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportQuestion:
    """What is exported."""

    what: What
    month: Month
    #: Of the month, clipped to now.
    window: Window
    #: Whose month and days.
    zone: ZoneInfo
    filters: Filters = field(default_factory=Filters)
    sufficient_coverage: float = 0.9

    def sums(self) -> Question:
        """The question whose answer the rows add up to."""
        return Question(
            window=self.window,
            filters=self.filters,
            sufficient_coverage=self.sufficient_coverage,
        )

    def days(self) -> list[Window]:
        """The local days of the window, as far as they are over."""
        return buckets(self.window, Bucket.DAY, self.zone, limit=_MOST_DAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much an export is, and which state of the figures."""

    #: With a heartbeat before the window's end: these have rows.
    instruments: int
    #: As `/v1/utilization` says it of the same window and instruments.
    revision: str
    #: Of whose the rows are.
    registry: str
    #: Whether any of it may still change by itself.
    provisional: bool


def facts(question: ExportQuestion, extent: Extent, moment: Moment) -> dict[str, str]:
    """What a file says of itself."""
    # Keys and stems are the database's affair.
    wanted = {
        name: sorted(values)
        for name, values in question.filters.params().items()
        if values and name not in ("tenant", "class_stems")
    }
    return {
        "what": question.what.value,
        "month": str(question.month),
        "tz": question.zone.key,
        "filters": json.dumps(wanted, sort_keys=True),
        "from": format_instant(question.window.start_us),
        "to": format_instant(question.window.end_us),
        "revision": extent.revision,
        "registry": extent.registry,
        "instruments": str(extent.instruments),
        "provisional": json.dumps(extent.provisional),
        "as_of": format_instant(moment.now_us),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What an export takes, in seconds of a core, about (``costs.py``)."""

    #: To know its `Extent`.
    extent_s: float
    #: To read all rows.
    rows_s: float


def export_cost(question: ExportQuestion, moment: Moment, rosters: Rosters) -> Steps[Cost]:
    """What `measure_export` and `export` will cost; asks for no figure."""
    sums, window = question.sums(), question.window
    extent = yield from measure_extent(sums, rosters)
    if question.what is What.DAILY:
        days = question.days()
        rows_s = one_by_one_s(extent.instruments, window, days, moment)
        rows_s += extent.instruments * len(days) * _ROW_TOLD
    else:
        rows_s = pieces_s(extent.instruments, window)
    return Cost(extent_s=cost_s(sums, extent, moment), rows_s=rows_s)


def measure_export(question: ExportQuestion, moment: Moment, rosters: Rosters) -> Steps[Extent]:
    """What an export will hold: a fraction of its work, where running totals answer it."""
    sums = question.sums()
    groups = yield from tally_groups(sums, moment, rosters)
    whole = sums.new_group()
    whole.add_all(list(groups.values()))
    roster = yield from rosters.load(question.window.end_us)
    rows = roster.members(question.filters, question.window)
    return Extent(
        instruments=whole.total.instruments - whole.total.never_seen,
        revision=_revision(whole, question, moment),
        registry=_digest(_Whose(roster).of(int(key)) for key in roster.keys[rows]),
        provisional=moment.now_us - question.window.end_us < whole.settle_us,
    )


def export(question: ExportQuestion, moment: Moment, rosters: Rosters, take: Take) -> Steps[None]:
    """Hands on all rows, in the order of the registry's keys and of time.

    Args:
        question: What.
        moment: Of the answer; all is of one snapshot.
        rosters: The application's.
        take: Told the rows by the columns of the table, a portion at a time.
    """
    whose = _Whose((yield from rosters.load(question.window.end_us)))
    members = yield from load_members(question.sums())
    seen = [member for member in members if member.seen]
    if question.what is What.DAILY:
        yield from _daily(question, seen, moment, whose, take)
        return
    days = max(1, question.window.length_us // _DAY_US)
    size = max(1, _INSTRUMENT_DAYS // days)
    for at in range(0, len(seen), size):
        yield from _pieces(question, seen[at : at + size], moment, whose, take)


def _daily(
    question: ExportQuestion, members: Sequence[Member], moment: Moment, whose: "_Whose", take: Take
) -> Steps[None]:
    days = question.days()
    names = [local_day(day.start_us, question.zone) for day in days]
    by_day = Question(window=question.window, buckets=days, filters=question.filters)
    for at in range(0, len(members) if days else 0, _INSTRUMENTS_BY_DAY):
        chunk = members[at : at + _INSTRUMENTS_BY_DAY]
        found = yield from member_figures(chunk, by_day, moment)
        rows: list[tuple[Any, ...]] = []
        for member in chunk:
            own = whose.of(member.key)
            settled_us = moment.now_us - found.settle_us[member.key]
            for name, day, served, usage in zip(
                names, days, found.served[member.key], found.usages[member.key], strict=True
            ):
                if not served:
                    continue
                rows.append(
                    (
                        *own,
                        name,
                        usage.window_us,
                        usage.running_us,
                        usage.idle_us,
                        usage.off_us,
                        usage.unknown_us,
                        usage.unknown_before_first_us,
                        usage.unknown_collector_us,
                        usage.unknown_gateway_us,
                        usage.unknown_device_us,
                        usage.scheduled_us,
                        usage.running_scheduled_us,
                        usage.effective_us,
                        usage.session_idle_us,
                        usage.rated_us,
                        usage.counter_us if usage.counter_readings else None,
                        usage.step_us or None,
                        day.end_us > settled_us,
                    )
                )
        _hand_on(rows, take)


def _pieces(
    question: ExportQuestion, members: Sequence[Member], moment: Moment, whose: "_Whose", take: Take
) -> Steps[None]:
    subjects = yield from load_subjects([member.key for member in members])
    around = yield from load_surroundings(list(subjects.values()), question.window, moment)
    tell_of = _segments if question.what is What.SEGMENTS else _sessions
    rows: list[tuple[Any, ...]] = []
    for member in members:
        zone = zone_of(member.timezone)
        window = in_service(question.window, member.acquired_on, member.retired_on, zone)
        own = whose.of(member.key)
        rows += ((*own, *row) for row in tell_of(member.key, subjects, window, around))
    _hand_on(rows, take)


def _segments(
    key: int, subjects: dict[int, Any], window: Window, around: Surroundings
) -> Iterator[tuple[Any, ...]]:
    subject = subjects[key]
    for stretch in tell(
        around.pieces[key],
        window,
        first_us=subject.track.first_at_us,
        collector_gaps=around.collector_gaps(subject),
        gateway_gaps=around.gateway_gaps(subject),
    ):
        yield (
            stretch.start_us,
            stretch.end_us,
            stretch.end_us - stretch.start_us,
            "unknown" if stretch.state is None else stretch.state.word,
            None if stretch.cause is None else stretch.cause.value,
            stretch.step_us or None,
        )


def _sessions(
    key: int, subjects: dict[int, Any], window: Window, around: Surroundings
) -> Iterator[tuple[Any, ...]]:
    subject = subjects[key]
    settled_us = around.now_us - subject.settle_us(window.end_us)
    for one in sessions(around.pieces[key], subject.session_gap_us, subject.session_min_us, window):
        yield (one.start_us, one.end_us, one.running_us, one.idle_us, one.end_us > settled_us)


def _hand_on(rows: Sequence[tuple[Any, ...]], take: Take) -> None:
    if rows:
        take([list(column) for column in zip(*rows, strict=True)])


class _Own(NamedTuple):
    """Whose a row is: ``models/export_table.py: WHOSE``."""

    instrument_id: str
    institution_id: str
    district_code: str | None
    class_code: str | None
    kind: str
    always_on: bool


class _Whose:
    """Whose the rows are, by the registry of the window's end."""

    def __init__(self, roster: Roster) -> None:
        self._labels = [
            roster.labels[name]
            for name in ("instrument", "institution", "district", "class", "kind", "always_on")
        ]
        self._places = {key: place for place, key in enumerate(roster.keys.tolist())}

    def of(self, key: int) -> _Own:
        place = self._places[key]
        return _Own(*(label.values[label.codes[place]] for label in self._labels))


def _revision(whole: Group, question: ExportQuestion, moment: Moment) -> str:
    terms = Terms(
        as_of_us=moment.now_us,
        end_us=question.window.end_us,
        settle_us=whole.settle_us,
        sufficient_coverage=question.sufficient_coverage,
    )
    return revision_of(str(group_fields(whole.total, terms)["revision"]), whole.digest)


def _digest(rows: Iterator[_Own]) -> str:
    digest = blake2b(digest_size=8)
    for row in rows:
        digest.update(repr(tuple(row)).encode())
    return digest.hexdigest()
