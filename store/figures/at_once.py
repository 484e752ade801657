"""Sums of groups, all instruments at once: running totals of whole days, arrays for the edges.

Whoever needs more care, a change of settings in the window or a piece that an edge cuts, is left
to ``members.py``, which gives the same sums.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from models.group import Tally
from models.group_arrays import Figures, Flags, Ints, Sums, tally_arrays
from models.usage import Window
from store.figures.layout import LONGEST_EDGES_US, Plan, days_window, plan_window
from store.figures.measured import measure_rows
from store.figures.members import load_members, tally_members
from store.figures.question import Group, Question
from store.figures.sums import TotalsReader
from store.figures.surroundings import Moment
from store.instant import from_us
from store.present.roster import Roster
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("groups")
# How long after their end days may be without totals: measured meanwhile.
_NOT_YET = timedelta(days=2)
_DAY = timedelta(days=1)
# `hold_s` is a day at most (models/registry.py).
_SETTLED_US = 86_400_000_000


def tally_rows(
    question: Question, moment: Moment, roster: Roster, rows: Ints
) -> Steps[dict[str | None, Group]]:
    """The sums of some members of a roster, by group.

    Args:
        question: What is asked.
        moment: Of the answer.
        roster: Of the window's end.
        rows: Which of its instruments; ascending.
    """
    keys, window = roster.keys[rows], question.window
    reader = RowsReader(roster, rows, moment)
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
    seen = yield from seen_before(keys[~whole], window)
    settle_us = yield from _settle(roster, rows, window, moment)
    silent = ~whole & ~np.isin(keys, seen)

    members = _Members.of(question, roster, rows, whole)
    settles = members.longest(settle_us, whole | silent)
    by_code: dict[int, Group] = {}
    for code, (sums, unheard) in enumerate(members.sums(figures, silent)):
        tally = _with_unheard(sums, unheard)
        if tally.instruments:
            by_code[code] = Group(
                total=tally, buckets=[], settle_us=settles[code], digest=sums.digest
            )
    for bucket in question.buckets:
        # Whoever has all days of the window has those of each bucket, and all edges: it was in
        # service, and heard, before each bucket's end.
        figures, _ = yield from reader.read(bucket)
        serving = silent & roster.serving(rows, bucket)
        for code, (sums, unheard) in enumerate(members.sums(figures, serving)):
            if code in by_code:
                by_code[code].buckets.append(_with_unheard(sums, unheard))
    groups = {members.groups[code]: group for code, group in by_code.items()}
    if len(seen):
        careful = yield from load_members(question, seen.tolist())
        rest = yield from tally_members(careful, question, moment)
        for key, group in rest.items():
            groups.setdefault(key, question.new_group()).add(group)
    return groups


def seen_before(keys: Ints, window: Window) -> Steps[Ints]:
    """Who of them has a heartbeat before a window's end."""
    if not len(keys):
        return keys
    found = yield from Query[tuple[int]](
        _SQL["seen"], {"keys": keys.tolist(), "end": from_us(window.end_us)}, binary=True
    )
    return np.array(sorted(key for (key,) in found), np.int64)


def _with_unheard(sums: Sums, unheard: int) -> Tally:
    """A group's sums, with those of it that were never seen."""
    sums.tally.instruments += unheard
    sums.tally.never_seen = unheard
    return sums.tally


@dataclass(frozen=True, slots=True, kw_only=True)
class _Members:
    """Members of a roster by group."""

    question: Question
    roster: Roster
    rows: Ints
    #: Groups of these rows alone: a nation has very many more.
    groups: list[str | None]
    #: Of each row: which of them.
    codes: Ints
    #: Where the rows are that are summed up here; by group, the order that sums are made in.
    chosen: Ints

    @classmethod
    def of(cls, question: Question, roster: Roster, rows: Ints, whole: Flags) -> "_Members":
        groups: list[str | None] = [None]
        codes = np.zeros(len(rows), np.int64)
        if question.group_by is not None:
            labels = roster.labels[question.group_by]
            present, codes = np.unique(labels.codes[rows], return_inverse=True)
            groups = [labels.values[code] for code in present.tolist()]
        chosen = np.flatnonzero(whole)
        chosen = chosen[np.argsort(codes[chosen], kind="stable")]
        return cls(
            question=question, roster=roster, rows=rows, groups=groups, codes=codes, chosen=chosen
        )

    def sums(self, figures: Figures, silent: Flags) -> list[tuple[Sums, int]]:
        """Of each group the sums, and how many are in it that were never seen."""
        count = len(self.groups)
        chosen = self.rows[self.chosen]
        found = tally_arrays(
            self.roster.keys[chosen],
            figures.take(self.chosen),
            self.roster.always_on[chosen],
            self.codes[self.chosen],
            count,
            basis=self.question.basis,
            sufficient_coverage=self.question.sufficient_coverage,
        )
        unheard = np.bincount(self.codes[silent], minlength=count).tolist()
        return list(zip(found, unheard, strict=True))

    def longest(self, settle_us: Ints, these: Flags) -> list[int]:
        """Of each group the longest that one of these takes to settle."""
        settles = np.zeros(len(self.groups), np.int64)
        np.maximum.at(settles, self.codes[these], settle_us[these])
        return settles.tolist()


@dataclass(slots=True)
class RowsReader:
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
        found = yield from Query[tuple[int, int]](_SQL["credits"], asked, binary=True)
        longest = dict(found)
        for row in np.flatnonzero(np.isin(keys, list(longest))).tolist():
            settle[row] = max(settle[row], longest[int(keys[row])])
    return settle
