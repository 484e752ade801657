"""One look-up for all who ask the same at once, and none that is older than its question.

A wall of pages that comes back together would otherwise ask the database the same thing five
hundred times, and the last would wait in vain for a connection. But a revoked key stops at once:
so whoever comes while a look-up is under way may not share it, and shares the next one. Who asks
this way is `auth.py`; the statements are in `store/registry/keys.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")

#: Seconds after which a look-up that is under way holds the next one up no longer.
PATIENCE = 1.0


class Flights:
    """Look-ups under way, and those that begin next, by what they are about."""

    def __init__(self) -> None:
        self._boarding: dict[Hashable, asyncio.Task[Any]] = {}
        self._flying: dict[Hashable, asyncio.Task[Any]] = {}

    async def share(self, name: Hashable, look: Callable[[], Awaitable[T]]) -> T:
        """What ``look()`` finds, begun after this was called, maybe by somebody else's call.

        Args:
            name: What is looked up: the same name means the same question.
            look: Asks; in a task of its own, which goes on when a caller is cancelled.

        Raises:
            Exception: whatever ``look`` raises, to all who share it.
        """
        task: asyncio.Task[T] | None = self._boarding.get(name)
        if task is None:
            task = self._boarding[name] = asyncio.create_task(self._fly(name, look))
            task.add_done_callback(_heard)
        return await asyncio.shield(task)

    async def _fly(self, name: Hashable, look: Callable[[], Awaitable[T]]) -> T:
        task = asyncio.current_task()
        assert task is not None
        try:
            before = self._flying.get(name)
            if before is not None:
                await asyncio.wait([before], timeout=PATIENCE)
        finally:
            # Nothing is awaited from here to the question: who comes later shares the next.
            del self._boarding[name]
        self._flying[name] = task
        try:
            return await look()
        finally:
            if self._flying.get(name) is task:
                del self._flying[name]


def _heard(task: asyncio.Task[Any]) -> None:
    """Or asyncio complains of an error that nobody waits for any more."""
    if not task.cancelled():
        task.exception()
