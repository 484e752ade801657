"""Figures of groups of instruments: one `Tally` a group, for a window and its buckets.

All at once (``at_once.py``) where that can be, else instrument by instrument (``members.py``):
``layout.py`` says which.
"""

from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import numpy as np

from models.group_arrays import Ints, ranked_arrays
from store.figures.at_once import measure_members, tally_rows
from store.figures.costs import at_once_s, one_by_one_s
from store.figures.layout import Layout
from store.figures.members import load_members, tally_members
from store.figures.question import Group, Question
from store.figures.surroundings import Moment
from store.present.roster import Roster, Rosters
from store.run import Steps

# Instruments whose totals are in memory at once: a few of them are a quarter of a gigabyte. With
# figures of many edges kept beside, fewer.
_AT_ONCE, _AT_LEAST = 65_536, 4_096


def tally_groups(
    question: Question,
    moment: Moment,
    rosters: Rosters | None = None,
    without: Ints | None = None,
    extent: "Extent | None" = None,
) -> Steps[dict[str | None, Group]]:
    """Each group's sums; both ways give the same.

    Args:
        question: What is asked.
        moment: Of the answer.
        rosters: The application's; none: read for this answer alone.
        without: Keys of instruments that are not meant, whatever the question's filters say.
        extent: The question's, found in the same transaction; none: looked for.
    """
    if extent is None:
        extent = yield from measure_extent(question, rosters or Rosters())
    roster, rows = extent.roster, extent.rows
    if without is not None:
        rows = rows[~np.isin(roster.keys[rows], without)]
    layout = question.lay_out(len(rows), moment)
    if not layout.at_once:
        members = yield from load_members(
            question, None if without is None else roster.keys[rows].tolist()
        )
        return (yield from tally_members(members, question, moment))
    size = _size(layout)
    groups = yield from tally_rows(question, moment, roster, rows[:size])
    for at in range(size, len(rows), size):
        part = yield from tally_rows(question, moment, roster, rows[at : at + size])
        for key, group in part.items():
            groups.setdefault(key, question.new_group()).add(group)
    return groups


def rank_members(
    question: Question, moment: Moment, extent: "Extent", name: str
) -> Steps[tuple[list[Any], list[bool]]]:
    """One number of each member's own figures, as `models.group.ranked_fields` gives it.

    Of a city's instruments a page shows a hundred: no sums are made of the others.

    Args:
        question: One that arrays answer (`Question.lay_out`); its buckets do not matter.
        moment: Of the answer.
        extent: The question's, found in the same transaction.
        name: Of the number.

    Returns:
        Of each of the extent's rows the number, and whether its figures are sufficient.
    """
    roster, rows = extent.roster, extent.rows
    values: list[Any] = []
    sufficient: list[bool] = []
    size = _size(replace(question, buckets=()).lay_out(len(rows), moment))
    for at in range(0, len(rows), size):
        part = rows[at : at + size]
        figures, heard = yield from measure_members(question, moment, roster, part)
        ranked = ranked_arrays(
            figures, heard, roster.always_on[part], name, question.sufficient_coverage
        )
        values += ranked[0]
        sufficient += ranked[1]
    return values, sufficient


def _size(layout: Layout) -> int:
    """How many instruments are in memory at once."""
    return max(_AT_LEAST, _AT_ONCE // max(1, len(layout.edges) // 4))


def revision_of(told: str, digest: int) -> str:
    """The revision of a group's figures.

    Args:
        told: Of its sums alone (`models.group.group_fields`): changes of two instruments may cancel
            out in these.
        digest: Of every instrument's own (`Group.digest`).
    """
    return blake2b(f"{told} {digest}".encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much there is to a question, by the registry alone."""

    roster: Roster
    #: Its instruments that are meant; ascending.
    rows: Ints
    #: One at least: everything is a group of its own.
    groups: int

    @property
    def instruments(self) -> int:
        """How many."""
        return len(self.rows)


def measure_extent(question: Question, rosters: Rosters) -> Steps[Extent]:
    """How many instruments a question is about, in how many groups; asks for no figure."""
    roster = yield from rosters.load(question.window.end_us)
    rows = roster.members(question.filters, question.window)
    groups = 1
    if question.group_by is not None:
        groups = len(roster.labels[question.group_by].present(rows))
    return Extent(roster=roster, rows=rows, groups=groups)


def cost_s(question: Question, extent: Extent, moment: Moment) -> float:
    """What `tally_groups` will cost, about (``costs.py``)."""
    layout = question.lay_out(extent.instruments, moment)
    window, buckets = question.window, question.buckets
    if not layout.at_once:
        return one_by_one_s(extent.instruments, window, buckets, moment)
    return at_once_s(extent.instruments, extent.groups, buckets, layout)
