"""How much goes into a transaction: less where they run out of time, more again where they do not.

What is learnt from one batch holds for the next (`pipeline.py`): an overloaded database must not
be asked for the same too large transaction again and again, each ended without a row stored. A
process begins with little, for the same reason: one that is killed again and again before a whole
batch of its backlog is committed must still get on.
"""

#: Heartbeats of a process's first transaction. Each quick one doubles it, until one was not.
FIRST = 1_000

#: A transaction that took less than this share of its time shows that a larger one would end
#: in time as well. Far from the whole, so that growing never runs into the next timeout.
QUICK = 0.25
#: Once one ran out of time, a quick one lets the next be larger by this part.
GROWTH = 0.25


class TransactionSize:
    """Most heartbeats of a transaction, between 1 and a setting."""

    def __init__(self, limit: int, timeout_s: float) -> None:
        self._limit = limit
        self._quick_s = QUICK * timeout_s
        self._growth = 1.0
        #: What a transaction may hold now.
        self.most = min(FIRST, limit)

    @property
    def is_reduced(self) -> bool:
        """Whether it is smaller than the setting."""
        return self.most < self._limit

    @property
    def is_shrunk(self) -> bool:
        """Whether that is because one ran out of time."""
        return self.is_reduced and self._growth < 1.0

    def shrink(self, heartbeats: int) -> None:
        """Halves it, after a transaction of so many did not end in time."""
        self.most = max(1, min(self.most, heartbeats) // 2)
        self._growth = GROWTH

    def grow(self, heartbeats: int, took_s: float) -> None:
        """Lets it grow, if a transaction as large as it may be was quick."""
        if 2 * heartbeats >= self.most and took_s < self._quick_s:
            self.most = min(self._limit, self.most + int(self._growth * self.most) + 1)
