"""A question about groups of instruments, and what is summed up of one group.

How it is answered is in ``groups.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from models.group import Basis, Tally
from models.usage import Window
from store.figures.layout import Layout, lay_out
from store.figures.surroundings import Moment
from store.present.filters import Filters


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

    def lay_out(self, instruments: int, moment: Moment) -> Layout:
        """How it is worked out for so many instruments."""
        return lay_out(self.window, self.buckets, self.sufficient_coverage, instruments, moment)

    def _new_tally(self) -> Tally:
        return Tally(basis=self.basis, sufficient_coverage=self.sufficient_coverage)
