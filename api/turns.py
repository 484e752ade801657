"""Whose turn it is: so many at a time, so many of one asker, and the rest wait, asker by asker.

A first come, first served queue belongs to whoever asks most. Here everyone who waits gets a turn
before anyone gets the next one: an institution that asks a hundred things makes its own wait, not
others'. What is waited for is said by whoever makes a `Turns` (`database.py`, `long.py`).
"""

import asyncio
import time
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager

from api.errors import Problem


class Turns:
    """Places, and who waits for one."""

    def __init__(
        self,
        what: str,
        *,
        most: int,
        most_each: int,
        patience_s: float,
        waited: Callable[[float], None] = lambda _: None,
    ) -> None:
        """All places free.

        Args:
            what: What there is a place for, in the plural, for the refusal.
            most: Places.
            most_each: Of these, what one asker may have at a time.
            patience_s: Seconds after which one that still waits is refused.
            waited: Told how long each one waited that got a place, seconds.
        """
        self.what = what
        self.most = most
        self.most_each = min(most_each, most)
        self.patience_s = patience_s
        self._waited = waited
        self._having: Counter[Hashable] = Counter()
        #: By asker, in the order in which they get their next turn; none is empty.
        self._queues: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, self._queues.values()))

    @property
    def under_way(self) -> int:
        """How many have a place."""
        return self._having.total()

    @asynccontextmanager
    async def turn(self, asker: Hashable) -> AsyncIterator[None]:
        """A place, given back at the end however that comes.

        Raises:
            Problem: 503; none came free in time.
        """
        began = time.monotonic()
        await self._come(asker)
        self._waited(time.monotonic() - began)
        try:
            yield
        finally:
            self._leave(asker)

    async def _come(self, asker: Hashable) -> None:
        if asker not in self._queues and self._fits(asker):
            self._having[asker] += 1
            return
        called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(asker, deque()).append(called)
        try:
            async with asyncio.timeout(self.patience_s):
                await called
        except BaseException as error:
            if called.done() and not called.cancelled():
                # Called in the very moment of giving up: the place is the next one's.
                self._leave(asker)
            else:
                self._forget(asker, called)
            if isinstance(error, TimeoutError):
                raise self._refused(asker) from None
            raise

    def _fits(self, asker: Hashable) -> bool:
        return self.under_way < self.most and self._having[asker] < self.most_each

    def _leave(self, asker: Hashable) -> None:
        self._having[asker] -= 1
        if self._having[asker] <= 0:
            del self._having[asker]
        self._call()

    def _call(self) -> None:
        """Gives what is free to those whose turn it is."""
        while (asker := next(filter(self._fits, self._queues), None)) is not None:
            queue = self._queues[asker]
            called = queue.popleft()
            self._queues.move_to_end(asker)
            if not queue:
                del self._queues[asker]
            if not called.done():
                self._having[asker] += 1
                called.set_result(None)

    def _forget(self, asker: Hashable, called: asyncio.Future[None]) -> None:
        queue = self._queues.get(asker)
        if queue is not None and called in queue:
            queue.remove(called)
            if not queue:
                del self._queues[asker]

    def _refused(self, asker: Hashable) -> Problem:
        own = self._having[asker]
        return Problem(
            503,
            "busy",
            f"{self.under_way} {self.what} are under way, of which {own} of the same asker, and "
            f"{self.waiting} more wait: none ended within {self.patience_s:g} s; try again later, "
            "one after the other, or ask for a shorter window, a coarser bucket or fewer "
            "instruments",
            headers={"Retry-After": str(max(1, round(self.patience_s)))},
        )
