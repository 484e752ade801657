"""Sums of groups, all instruments at once: totals of whole days, hours of parts, arrays for edges.

Figures are read by ``rows.py``. Whoever needs more care, a change of settings in the window or a
piece that an edge cuts, is left to ``members.py``, which gives the same sums.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from models.group import Tally
from models.group_arrays import Figures, Flags, Ints, Sums, starts_of, tally_arrays, tally_windows
from models.usage import Window
from store.figures.members import CHUNK, load_members, member_figures, tally_members
from store.figures.question import Group, Question
from store.figures.rows import RowsReader
from store.figures.seen import first_heard
from store.figures.surroundings import Moment
from store.present.roster import Roster
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("groups")
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
    figures, whole, seen = yield from _read(question, roster, rows, reader)
    settle_us = yield from _settle(roster, rows, window, moment)
    silent = ~whole & ~np.isin(keys, seen)

    members = _Members.of(question, roster, rows, whole)
    settles = members.longest(settle_us, whole | silent)
    by_code: dict[int, Group] = {}
    totals = zip(members.sums(figures, window), members.counted(silent), strict=True)
    for code, (sums, unheard) in enumerate(totals):
        tally = _with_unheard(sums.tally, unheard)
        if tally.instruments:
            by_code[code] = Group(
                total=tally, buckets=[], settle_us=settles[code], digest=sums.digest
            )
    for bucket, tallies in (yield from _bucket_sums(question, reader, members)):
        serving = roster.serving(rows, bucket)
        for code, unheard in enumerate(members.counted(silent & serving)):
            if code in by_code:
                by_code[code].buckets.append(_with_unheard(tallies[code], unheard))
        if reader.leads is not None:
            later = whole & serving & reader.leads.unheard(bucket.end_us)
            for code, unheard in enumerate(members.counted(later)):
                if unheard:
                    by_code[code].buckets[-1].never_seen += unheard
    groups = {members.groups[code]: group for code, group in by_code.items()}
    if len(seen):
        careful = yield from load_members(question, seen.tolist())
        rest = yield from tally_members(careful, question, moment)
        for key, group in rest.items():
            groups.setdefault(key, question.new_group()).add(group)
    return groups


def measure_members(
    question: Question, moment: Moment, roster: Roster, rows: Ints
) -> Steps[tuple[Figures, Flags]]:
    """Each one's own figures of the window, of some members of a roster.

    Args:
        question: What is asked; its buckets do not matter.
        moment: Of the answer.
        roster: Of the window's end.
        rows: Which of its instruments; ascending.

    Returns:
        Their figures, in the order of ``rows``, and who has a heartbeat before the window's end.
    """
    question, keys = replace(question, buckets=()), roster.keys[rows]
    reader = RowsReader(roster, rows, moment)
    figures, whole, seen = yield from _read(question, roster, rows, reader)
    heard: Flags = whole | np.isin(keys, seen)
    figures.columns[~whole], figures.scheduled[~whole] = 0, False
    careful = [] if not len(seen) else (yield from load_members(question, seen.tolist()))
    for at in range(0, len(careful), CHUNK):
        chunk = careful[at : at + CHUNK]
        found = yield from member_figures(chunk, question, moment)
        places = np.searchsorted(keys, [member.key for member in chunk]).tolist()
        for place, member in zip(places, chunk, strict=True):
            figures.put(place, found.usages[member.key][0])
    return figures, heard


def _read(
    question: Question, roster: Roster, rows: Ints, reader: RowsReader
) -> Steps[tuple[Figures, Flags, Ints]]:
    """Figures of the window, whose of them are right, and keys of the others who were heard."""
    keys, window = roster.keys[rows], question.window
    yield from reader.measure([window, *question.buckets])
    figures, whole = yield from _whole(question, roster, rows, reader)
    seen, first_us = yield from first_heard(keys[~whole], window)
    if (yield from reader.lead(window, seen, first_us)):
        figures, whole = yield from _whole(question, roster, rows, reader)
        seen = seen[~np.isin(seen, keys[whole])]
    return figures, whole, seen


def _whole(
    question: Question, roster: Roster, rows: Ints, reader: RowsReader
) -> Steps[tuple[Figures, Flags]]:
    """Figures of the window, and whose are right in it and in each of the buckets."""
    window = question.window
    figures, complete = yield from reader.read(window)
    # A bucket may cut a piece that the window does not.
    complete &= yield from reader.right()
    # A day that an instrument was not in service is not its group's: the slower way cuts it off.
    served = roster.acquired_us[rows] <= window.start_us
    # A day's hours are there as well before an instrument was heard, later that day.
    first = question.buckets[0] if question.buckets else window
    served &= figures.heard_within(first.end_us - window.start_us)
    if (leads := reader.leads) is not None:
        served = np.where(leads.unheard(window.start_us), leads.right, served)
    return figures, complete & served & (roster.retired_us[rows] >= window.end_us)


def _bucket_sums(
    question: Question, reader: RowsReader, members: "_Members"
) -> Steps[list[tuple[Window, list[Tally]]]]:
    """Each bucket with its tallies of all groups; hours of one day are summed up together.

    Whoever has all days and hours of the window has those of each bucket, and all edges: it was in
    service, and heard before the first bucket's end, or is one of those whose leads are known.
    """
    found: list[tuple[Window, list[Tally]]] = []
    shares = reader.hours.shares(members.chosen)
    for day, part in groupby(question.buckets, key=reader.day_of):
        buckets = list(part)
        if day is None or (
            reader.leads is not None and reader.leads.before(day)[members.chosen].any()
        ):
            for bucket in buckets:
                figures, _ = yield from reader.read(bucket)
                found.append((bucket, [sums.tally for sums in members.sums(figures, bucket)]))
        else:
            hours = yield from reader.hours.read(day, shares)
            places = [slots.low for bucket in buckets if (slots := reader.slot_of(bucket))]
            tallies = members.hour_sums(hours, places, reader.hours.scheduled(day))
            found += zip(buckets, tallies, strict=True)
    return found


def _with_unheard(tally: Tally, unheard: int) -> Tally:
    """A group's sums, with those of it that were never seen."""
    tally.instruments += unheard
    tally.never_seen = unheard
    return tally


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
            groups, codes = roster.labels[question.group_by].parted(rows)
        chosen = np.flatnonzero(whole)
        chosen = chosen[np.argsort(codes[chosen], kind="stable")]
        return cls(
            question=question, roster=roster, rows=rows, groups=groups, codes=codes, chosen=chosen
        )

    def sums(self, figures: Figures, window: Window) -> list[Sums]:
        """Of each group the sums over a window, or a bucket, of those that are in service."""
        places = self.chosen
        serving = self.roster.serving(self.rows[places], window)
        if not serving.all():
            places = places[serving]
        rows = self.rows[places]
        return tally_arrays(
            self.roster.keys[rows],
            # All of them in their order are no copy.
            figures if np.array_equal(places, np.arange(len(self.rows))) else figures.take(places),
            self.roster.always_on[rows],
            self.codes[places],
            len(self.groups),
            basis=self.question.basis,
            sufficient_coverage=self.question.sufficient_coverage,
        )

    def hour_sums(
        self, hours: Mapping[str, Ints], places: Sequence[int], scheduled: Flags
    ) -> list[list[Tally]]:
        """Of some hours of a day, of each group the sums.

        Args:
            hours: Of those chosen (``hours.py: read``).
            places: Which of the columns.
            scheduled: Of all rows.
        """
        found = [[self._nothing() for _ in self.groups] for _ in places]
        if not hours:
            return found
        width = next(iter(hours.values())).shape[1]
        if places != list(range(width)):
            hours = {name: values[:, places] for name, values in hours.items()}
        codes = self.codes[self.chosen]
        starts = starts_of(codes)
        tallies = tally_windows(
            hours,
            scheduled[self.chosen],
            self.roster.always_on[self.rows[self.chosen]],
            starts,
            basis=self.question.basis,
            sufficient_coverage=self.question.sufficient_coverage,
        )
        for code, of_group in zip(codes[starts].tolist(), tallies, strict=True):
            for place, tally in enumerate(of_group):
                found[place][code] = tally
        return found

    def counted(self, these: Flags) -> list[int]:
        """Of each group, how many of these are in it."""
        return np.bincount(self.codes[these], minlength=len(self.groups)).tolist()  # type: ignore[no-any-return]

    def _nothing(self) -> Tally:
        question = self.question
        return Tally(basis=question.basis, sufficient_coverage=question.sufficient_coverage)

    def longest(self, settle_us: Ints, these: Flags) -> list[int]:
        """Of each group the longest that one of these takes to settle."""
        settles = np.zeros(len(self.groups), np.int64)
        np.maximum.at(settles, self.codes[these], settle_us[these])
        return settles.tolist()


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
        # All of a city's may be that long.
        longest = np.array(found, np.int64).reshape(-1, 2)
        longest = longest[np.isin(longest[:, 0], keys)]
        places = np.searchsorted(keys, longest[:, 0])
        settle[places] = np.maximum(settle[places], longest[:, 1])
    return settle
