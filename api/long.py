"""Long questions: a few at a time, over connections and in threads of their own.

What a question costs is known before it is asked (`store/figures/costs.py`). A short one is
answered where it came in (`database.py`); a long one waits here for its turn (`turns.py`) and then
takes nothing that short ones need: no connection of their pool, and not the event loop, which
neither fetches its rows nor spells its answer. Files that are sent as they are made are
`exports.py`'s.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

import psycopg
from psycopg import IsolationLevel

from api.connections import connection_options
from api.errors import answer_timeout
from api.settings import Settings
from api.turns import Turns
from store.run import Steps, run

T = TypeVar("T")

#: Seconds that PostgreSQL has to take notice of a cancelled statement.
CANCEL_S = 5.0
AGAIN_S = 0.2


class Abandoned(Exception):  # noqa: N818 - named after what happened
    """Nobody waits for the answer any more."""


class LongQuestions:
    """Where long questions are asked."""

    def __init__(
        self, settings: Settings, waited: Callable[[float], None] = lambda _: None
    ) -> None:
        """Nothing under way.

        Args:
            settings: How many at a time, how long each may wait and take.
            waited: Told how long each one waited for its turn, seconds.
        """
        self.turns = Turns(
            "long questions",
            most=settings.long_parallel,
            most_each=settings.long_per_asker,
            patience_s=settings.long_wait_s,
            waited=waited,
        )
        self._settings = settings
        self._threads = ThreadPoolExecutor(settings.long_parallel, thread_name_prefix="long")
        self._asked: set[Asked] = set()

    @property
    def from_s(self) -> float:
        """What costs more than this is long, seconds."""
        return self._settings.long_from_s

    @property
    def most_s(self) -> float:
        """What costs more than this nobody waits for, seconds."""
        return self._settings.long_most_s

    async def ask(self, asker: object, make: Callable[[], Steps[T]]) -> T:
        """What the steps return, after the asker's turn has come.

        Whoever is cancelled, or waits for longer than an answer may take, is gone only once the
        statement and the thread have stopped: a place that is free is free.

        Args:
            asker: Whose turn it is to be.
            make: Makes the steps; in a thread, as everything that they do.

        Raises:
            Problem: 503; the turn did not come. 504; it took too long.
        """
        async with self.turns.turn(asker):
            asked = Asked(self._settings)
            self._asked.add(asked)
            work = asyncio.get_running_loop().run_in_executor(self._threads, asked.answer, make)
            try:
                async with asyncio.timeout(self._settings.answer_timeout_s) as limit:
                    return await asyncio.shield(work)
            except (TimeoutError, asyncio.CancelledError) as error:
                await finish(asked, work)
                if limit.expired():
                    raise answer_timeout(self._settings.answer_timeout_s) from error
                raise
            finally:
                self._asked.discard(asked)

    def close(self) -> None:
        """Stops what is under way: nobody is there to be answered."""
        for asked in list(self._asked):
            asked.stop()
        self._threads.shutdown(wait=False, cancel_futures=True)


class Asked:
    """One question under way."""

    def __init__(self, settings: Settings) -> None:
        """Not asked yet."""
        self._settings = settings
        self._stopped = threading.Event()
        self._connection: psycopg.Connection[Any] | None = None

    def answer(self, make: Callable[[], Steps[T]]) -> T:
        """Ask, over a connection made for it: that costs a hundredth of any long question."""
        url, options = self._settings.database_url, connection_options(self._settings)
        self._heed()
        with psycopg.connect(url, **options) as connection:
            connection.isolation_level = IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            self._connection = connection
            try:
                return run(connection, make(), self._heed)
            finally:
                self._connection = None

    def stop(self) -> None:
        """Have the thread stop soon; for another thread."""
        self._stopped.set()
        connection = self._connection
        if connection is not None:
            with suppress(psycopg.Error):
                connection.cancel_safe(timeout=CANCEL_S)

    def _heed(self) -> None:
        if self._stopped.is_set():
            raise Abandoned


async def finish(asked: Asked, work: asyncio.Future[Any]) -> None:
    """Stops a question and waits until its statement and thread have, however it is cancelled."""
    await _without_fail(_end(asked, work))


async def _end(asked: Asked, work: asyncio.Future[Any]) -> None:
    while not work.done():
        await asyncio.to_thread(asked.stop)
        # Said in vain where the next statement had not begun yet: said again.
        await asyncio.wait([work], timeout=AGAIN_S)
    work.exception()  # heard, or asyncio complains of it


async def _without_fail(work: Coroutine[Any, Any, None]) -> None:
    """Waits to the end, however often it is cancelled meanwhile."""
    task = asyncio.create_task(work)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])
