"""What became of a batch's messages: a number each, and an object where there is more to say."""

from collections.abc import Sequence
from typing import overload

import numpy as np

from ingest.write.batch import Outcome
from models.columns import Ints


class Outcomes(Sequence[Outcome]):
    """One a message; an ``Outcome`` of most is made when somebody asks for it."""

    def __init__(self, count: int) -> None:
        self._stored = np.zeros(count, np.int64)
        #: Those that somebody asked for, by their places; they say it all.
        self.made: dict[int, Outcome] = {}

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> "Outcomes":
        """Those that are objects already, if they are."""
        if isinstance(outcomes, Outcomes):
            return outcomes
        found = cls(len(outcomes))
        found.made = dict(enumerate(outcomes))
        return found

    def __len__(self) -> int:
        return len(self._stored)

    @overload
    def __getitem__(self, place: int) -> Outcome: ...

    @overload
    def __getitem__(self, place: slice) -> list[Outcome]: ...

    def __getitem__(self, place: int | slice) -> Outcome | list[Outcome]:
        places = range(len(self))[place]
        return self._of(places) if isinstance(places, int) else list(map(self._of, places))

    def _of(self, place: int) -> Outcome:
        made = self.made.get(place)
        if made is None:
            self.made[place] = made = Outcome(stored=int(self._stored[place]))
            self._stored[place] = 0
        return made

    def store(self, more: Ints) -> None:
        """Notes how many heartbeats more of each message were stored."""
        self._stored += more
        for place, outcome in self.made.items():
            outcome.stored += int(self._stored[place])
            self._stored[place] = 0

    @property
    def stored(self) -> int:
        """All heartbeats that were stored."""
        return int(self._stored.sum()) + sum(outcome.stored for outcome in self.made.values())
