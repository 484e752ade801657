"""Figures of groups of instruments: one `Tally` a group, for a window and its buckets.

Instruments are read a chunk at a time, so memory is bounded by the groups and not by the
instruments. Their own figures come from ``figures.py``.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import compress
from typing import Any, NamedTuple

import numpy as np

from models.group import Basis, Tally, in_service
from models.group_arrays import Figures, Flags, Ints, Sums, tally_arrays
from models.usage import Usage, Window
from store.figures.figures import Plan, days_window, plan_window, usages
from store.figures.layout import LONGEST_EDGES_US, Layout, at_once_s, lay_out, one_by_one_s
from store.figures.measured import measure_rows
from store.figures.rollup_columns import COLUMNS
from store.figures.subject import load_subjects, zone_of
from store.figures.sums import TotalsReader
from store.figures.surroundings import Moment
from store.instant import from_us
from store.present.filters import Filters
from store.present.roster import Roster, Rosters
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("groups")
# Instruments whose settings and pieces are in memory at once.
_CHUNK = 1_000
# Fewer instruments than this are as fast one by one, where there are buckets or edges.
FEW = 200
# How long after their end days may be without totals: measured meanwhile.
_NOT_YET = timedelta(days=2)
_DAY = timedelta(days=1)
# `hold_s` is a day at most (models/registry.py).
_SETTLED_US = 86_400_000_000
# Instruments whose totals are in memory at once: a few of them are a quarter of a gigabyte. With
# figures of many edges kept beside, fewer.
_AT_ONCE, _AT_LEAST = 65_536, 4_096


class Member(NamedTuple):
    """An instrument in service at some time of the window."""

    key: int
    group: str | None
    #: It has a heartbeat before the window's end.
    seen: bool
    always_on: bool
    timezone: str
    acquired_on: date | None
    retired_on: date | None


@dataclass(slots=True, kw_only=True)
class Group:
    """What is summed up of one group."""

    total: Tally
    buckets: list[Tally]
    #: How long before now figures may still change: the longest of its instruments.
    settle_us: int = 0
    #: Of every instrument's own figures, in any order.
    digest: int = 0

    def add(self, other: "Group") -> None:
        """Adds a group of other instruments, asked for the same way."""
        self.add_all([other])

    def add_all(self, others: "Sequence[Group]") -> None:
        """Adds groups, each of other instruments, asked for the same way."""
        self.total.merge_all([other.total for other in others])
        for index, tally in enumerate(self.buckets):
            tally.merge_all([other.buckets[index] for other in others])
        for other in others:
            self.settle_us = max(self.settle_us, other.settle_us)
            self.digest ^= other.digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be summed up, and how."""

    #: Clipped to now.
    window: Window
    #: Clipped to now, making up the window; none where no buckets are wanted.
    buckets: Sequence[Window] = ()
    filters: Filters = field(default_factory=Filters)
    #: A word of `store.present.instruments.GROUPINGS`; None: everything is one group.
    group_by: str | None = None
    basis: Basis = Basis.RATED
    sufficient_coverage: float = 0.9

    def new_group(self) -> Group:
        """A group of nothing."""
        return Group(total=self._new_tally(), buckets=[self._new_tally() for _ in self.buckets])

    def lay_out(self, moment: Moment) -> Layout:
        """How it is worked out, if there are many instruments."""
        return lay_out(self.window, self.buckets, self.sufficient_coverage, moment)

    def _new_tally(self) -> Tally:
        return Tally(basis=self.basis, sufficient_coverage=self.sufficient_coverage)


def load_members(question: Question, keys: Sequence[int] | None = None) -> Steps[list[Member]]:
    """Everyone in service during the window, by the registry of its end.

    Args:
        question: Window and filters.
        keys: Only these.
    """
    rows = yield Query(
        _SQL["members"],
        {**_params(question), "keys": None if keys is None else list(keys)},
        binary=True,
        heavy=True,
    )
    return [Member(*row) for row in rows]


def _params(question: Question) -> dict[str, Any]:
    return {
        **question.filters.params(),
        "group_by": question.group_by,
        "start": from_us(question.window.start_us),
        "end": from_us(question.window.end_us),
    }


def tally_groups(
    question: Question, moment: Moment, rosters: Rosters | None = None
) -> Steps[dict[str | None, Group]]:
    """Each group's sums: all at once where that can be, else instrument by instrument.

    The two ways give the same sums. The first adds running totals of whole days of the rollups'
    zone to what it measures at the edges of the window and its buckets: for some days, at most.

    Args:
        question: What is asked.
        moment: Of the answer.
        rosters: The application's; none: read for this answer alone.
    """
    layout = question.lay_out(moment)
    roster = yield from (rosters or Rosters()).load(question.window.end_us)
    rows = roster.members(question.filters, question.window)
    if not layout.at_once or _are_few(len(rows), question, moment):
        members = yield from load_members(question)
        return (yield from tally_members(members, question, moment))
    size = max(_AT_LEAST, _AT_ONCE // max(1, len(layout.edges) // 4))
    groups = yield from _tally_rows(question, moment, roster, rows[:size])
    for at in range(size, len(rows), size):
        part = yield from _tally_rows(question, moment, roster, rows[at : at + size])
        for key, group in part.items():
            groups.setdefault(key, question.new_group()).add(group)
    return groups


def _are_few(rows: int, question: Question, moment: Moment) -> bool:
    """Whether so few are as fast one by one."""
    return rows < FEW and bool(question.buckets or plan_window(question.window, moment).edges)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much there is to a question, by the registry alone."""

    instruments: int
    #: One at least: everything is a group of its own.
    groups: int


def measure_extent(question: Question, rosters: Rosters) -> Steps[Extent]:
    """How many instruments a question is about, in how many groups; asks for no figure."""
    roster = yield from rosters.load(question.window.end_us)
    rows = roster.members(question.filters, question.window)
    if question.group_by is None:
        return Extent(instruments=len(rows), groups=1)
    groups = len(np.unique(roster.labels[question.group_by].codes[rows]))
    return Extent(instruments=len(rows), groups=groups)


def cost_s(question: Question, extent: Extent, moment: Moment) -> float:
    """What `tally_groups` will cost, about (``layout.py``)."""
    layout, window, buckets = question.lay_out(moment), question.window, question.buckets
    if not layout.at_once or _are_few(extent.instruments, question, moment):
        return one_by_one_s(extent.instruments, window, buckets, moment)
    return at_once_s(extent.instruments, extent.groups, window, buckets, layout, moment)


def _tally_rows(
    question: Question, moment: Moment, roster: Roster, rows: Ints
) -> Steps[dict[str | None, Group]]:
    """The sums of some members of a roster."""
    keys, window = roster.keys[rows], question.window
    reader = _Reader(roster, rows, moment)
    yield from reader.measure([window, *question.buckets])
    figures, complete = yield from reader.read(window)
    for _, right in reader.edges.values():
        # A bucket may cut a piece that the window does not.
        complete &= right
    # A day that an instrument was not in service is not its group's: the slower way cuts it off.
    whole = (
        complete
        & (roster.acquired_us[rows] <= window.start_us)
        & (roster.retired_us[rows] >= window.end_us)
    )
    others = keys[~whole]
    seen = np.zeros(0, np.int64)
    if len(others):
        found = yield Query(
            _SQL["seen"], {"keys": others.tolist(), "end": from_us(window.end_us)}, binary=True
        )
        seen = np.array(sorted(key for (key,) in found), np.int64)
    settle_us = yield from _settle(roster, rows, window, moment)

    # Groups of these rows alone: a nation has very many more.
    values: list[str | None] = [None]
    codes = np.zeros(len(rows), np.int64)
    if question.group_by is not None:
        labels = roster.labels[question.group_by]
        present, codes = np.unique(labels.codes[rows], return_inverse=True)
        values = [labels.values[code] for code in present.tolist()]
    count = len(values)
    always_on = roster.always_on[rows]
    # By group, which is the order that sums are made in.
    chosen = np.flatnonzero(whole)
    chosen = chosen[np.argsort(codes[chosen], kind="stable")]

    def tally(of: Figures) -> list[Sums]:
        return tally_arrays(
            keys[chosen],
            of.take(chosen),
            always_on[chosen],
            codes[chosen],
            count,
            basis=question.basis,
            sufficient_coverage=question.sufficient_coverage,
        )

    silent = ~whole
    if len(seen):
        silent &= ~np.isin(keys, seen)
    never_seen = np.bincount(codes[silent], minlength=count).tolist()
    settles = np.zeros(count, np.int64)
    np.maximum.at(settles, codes[whole | silent], settle_us[whole | silent])
    groups: dict[str | None, Group] = {}
    by_code: dict[int, Group] = {}
    for code, sums in enumerate(tally(figures)):
        sums.tally.instruments += never_seen[code]
        sums.tally.never_seen = never_seen[code]
        if sums.tally.instruments:
            groups[values[code]] = by_code[code] = Group(
                total=sums.tally, buckets=[], settle_us=int(settles[code]), digest=sums.digest
            )
    for bucket in question.buckets:
        # Whoever has all days of the window has those of each bucket, and all edges: it was in
        # service, and heard, before each bucket's end.
        of_bucket, _ = yield from reader.read(bucket)
        unheard = np.bincount(codes[silent & roster.serving(rows, bucket)], minlength=count)
        never_seen = unheard.tolist()
        for code, sums in enumerate(tally(of_bucket)):
            if code in by_code:
                sums.tally.instruments += never_seen[code]
                sums.tally.never_seen = never_seen[code]
                by_code[code].buckets.append(sums.tally)
    if len(seen):
        members = yield from load_members(question, seen.tolist())
        rest = yield from tally_members(members, question, moment)
        for key, group in rest.items():
            groups.setdefault(key, question.new_group()).add(group)
    return groups


@dataclass(slots=True)
class _Reader:
    """Figures of some members over one window after the other."""

    roster: Roster
    rows: Ints
    moment: Moment
    #: Measured once: a window's edges are mostly those of its first and last bucket too.
    edges: dict[Window, tuple[Figures, Flags]] = field(default_factory=dict)
    _totals: TotalsReader | None = None

    def measure(self, windows: Iterable[Window]) -> Steps[None]:
        """Measures the edges of all of them; those close together with one look at the pieces."""
        wanted = {edge for one in windows for edge in plan_window(one, self.moment).edges}
        stretches: list[list[Window]] = []
        for edge in sorted(wanted, key=lambda edge: (edge.start_us, -edge.end_us)):
            if stretches and edge.end_us - stretches[-1][0].start_us <= LONGEST_EDGES_US:
                stretches[-1].append(edge)
            else:
                stretches.append([edge])
        for stretch in stretches:
            found = yield from measure_rows(self.roster, self.rows, stretch, self.moment)
            self.edges.update(zip(stretch, found, strict=True))

    def read(self, window: Window) -> Steps[tuple[Figures, Flags]]:
        """Figures, and whether they are complete."""
        plan = plan_window(window, self.moment)
        figures = Figures.zeros(len(self.rows))
        complete = np.ones(len(self.rows), np.bool_)
        if plan.first < plan.end:
            totals = self._totals
            if totals is None:
                totals = self._totals = TotalsReader(self.roster.keys[self.rows])
                yield from totals.open()
            plan = self._within_reach(plan, totals.through)
            if plan.first < plan.end:
                days = yield from totals.read(plan.first, plan.end)
                figures, complete = days.figures, days.complete
        for edge in plan.edges:
            if edge not in self.edges:
                (self.edges[edge],) = yield from measure_rows(
                    self.roster, self.rows, [edge], self.moment
                )
            measured, right = self.edges[edge]
            figures.add(measured)
            complete = complete & right
        return figures, complete

    def _within_reach(self, plan: Plan, through: date) -> Plan:
        """The newest days have no totals for a while after midnight; then each is an edge.

        One edge for all of them would be measured again for each bucket, and could be right where
        a bucket's part of it, which may cut a piece, is not.
        """
        if not plan.end - _NOT_YET <= through < plan.end:
            return plan
        end = max(through, plan.first)
        late = (end + n * _DAY for n in range((plan.end - end).days))
        days = (days_window(day, day + _DAY, self.moment) for day in late)
        return Plan(plan.first, end, (*plan.edges, *days))


def _settle(roster: Roster, rows: Ints, window: Window, moment: Moment) -> Steps[Ints]:
    """How long before now each instrument's figures may still change, at least.

    The newest heartbeat's own hold counts too, and changes with every one: it is looked up only
    where the window's end is so close that it could matter.
    """
    settle = roster.settle_us[rows]
    if len(rows) and moment.now_us - window.end_us < _SETTLED_US:
        keys = roster.keys[rows]
        asked = {"first": int(keys[0]), "last": int(keys[-1]), "least": int(settle.min())}
        found = yield Query(_SQL["credits"], asked, binary=True)
        longest = dict(found)
        for row in np.flatnonzero(np.isin(keys, list(longest))).tolist():
            settle[row] = max(settle[row], longest[int(keys[row])])
    return settle


def tally_members(
    members: Sequence[Member], question: Question, moment: Moment
) -> Steps[dict[str | None, Group]]:
    """The sums of ``members`` by group.

    A bucket counts who is in service in it, and as never seen who has no heartbeat before its end.
    Its sums are over those with one before the window's: their time before the first one is
    unknown in the window, and buckets add up to it (rule 4).
    """
    groups: dict[str | None, Group] = {}
    for at in range(0, len(members), _CHUNK):
        chunk = members[at : at + _CHUNK]
        found = yield from _figures(chunk, question, moment)
        by_group: dict[str | None, list[Member]] = defaultdict(list)
        for member in chunk:
            by_group[member.group].append(member)
        for key, inside in by_group.items():
            group = groups.setdefault(key, question.new_group())
            group.settle_us = max(
                group.settle_us, *(found.settle_us.get(member.key, 0) for member in inside)
            )
            totals = {m.key: _sum(found.usages[m.key]) for m in inside if m.seen}
            group.total.extend((totals.get(m.key), m.always_on) for m in inside)
            for number, usage in totals.items():
                group.digest ^= digest_of(number, usage)
            for index, tally in enumerate(group.buckets):
                present = [m for m in inside if found.served[m.key][index]]
                tally.extend(
                    (found.usages[m.key][index] if m.seen else None, m.always_on) for m in present
                )
                end_us = question.buckets[index].end_us
                tally.never_seen += sum(found.first_us[m.key] >= end_us for m in present if m.seen)
    return groups


_PRIME = (1 << 31) - 1
_MASK = (1 << 62) - 1


def digest_of(key: int, usage: Usage) -> int:
    """A number that changes with one instrument's figures; combined by exclusive or.

    ``models/group_arrays.py`` computes the same, so it fits into 64 bits all the way.
    """
    mixed = 0
    for place, name in enumerate(COLUMNS):
        mixed ^= (getattr(usage, name) or 0) << place
    return (mixed & _MASK) % _PRIME * (key % _PRIME + 1)


def _sum(parts: Iterable[Usage]) -> Usage:
    total: Usage | None = None
    for part in parts:
        total = part if total is None else total + part
    return total or Usage()


@dataclass(slots=True)
class _Found:
    """Figures of some members, by instrument key."""

    #: Of each bucket, or of the window where there are none.
    usages: dict[int, Sequence[Usage]] = field(default_factory=dict)
    #: Whether it was in service at some time of each; of those never seen as well.
    served: dict[int, Sequence[bool]] = field(default_factory=dict)
    #: The first heartbeat's time.
    first_us: dict[int, int] = field(default_factory=dict)
    #: How long before now figures may still change.
    settle_us: dict[int, int] = field(default_factory=dict)


def _figures(chunk: Sequence[Member], question: Question, moment: Moment) -> Steps[_Found]:
    wanted = question.buckets or (question.window,)
    subjects = yield from load_subjects([member.key for member in chunk if member.seen])
    found = _Found()
    windows: dict[int, list[Window]] = {}
    cuts: dict[tuple[str, date | None, date | None], tuple[list[Window], list[bool]]] = {}
    for member in chunk:
        service = (member.timezone, member.acquired_on, member.retired_on)
        if service not in cuts:
            zone = zone_of(member.timezone)
            cut = [in_service(w, member.acquired_on, member.retired_on, zone) for w in wanted]
            served = [window.length_us > 0 for window in cut]
            cuts[service] = (list(compress(cut, served)), served)
        inside, found.served[member.key] = cuts[service]
        if member.seen:
            windows[member.key] = inside
    measured = yield from usages(list(subjects.values()), windows, moment)
    for key, parts in measured.items():
        parts_of = iter(parts)
        found.usages[key] = [next(parts_of) if inside else Usage() for inside in found.served[key]]
    for key, subject in subjects.items():
        first_us = subject.track.first_at_us
        assert first_us is not None, "a member that was seen has a first heartbeat"
        found.first_us[key] = first_us
        found.settle_us[key] = subject.settle_us(question.window.end_us)
    return found
