"""The API's connections: an async pool, and one transaction around each piece of work.

What is asked stands in `store/` and `api/`'s own query modules, as generators; `Database`
drives them (`store/run.py`).
"""

import asyncio
import getpass
import re
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager, nullcontext
from copy import copy
from typing import Any, Protocol, Self, TypeAlias, TypeVar

import psycopg
from psycopg import AsyncConnection, IsolationLevel
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import AsyncConnectionPool
from starlette.requests import Request
from starlette.responses import Response

from api.connections import connection_options
from api.errors import answer_timeout
from api.long import LongQuestions
from api.presence import while_present
from api.settings import Settings
from api.sizes import too_long
from api.turns import Turns
from models.usage import Window
from store.run import Steps, arun

T = TypeVar("T")

Connection: TypeAlias = AsyncConnection[tuple[Any, ...]]
Pool: TypeAlias = AsyncConnectionPool[Connection]


#: What takes longer than this, seconds, is left to a thread: the event loop is everyone's.
LOOP_S = 0.005


def open_pool(settings: Settings) -> Pool:
    """The pool, not yet open: its owner opens it within the event loop."""
    return AsyncConnectionPool(
        settings.database_url,
        connection_class=AsyncConnection[tuple[Any, ...]],
        min_size=settings.pool_min_size,
        max_size=settings.pool_max_size,
        timeout=settings.pool_timeout_s,
        # A backend that was killed shows itself before a request gets its connection.
        check=AsyncConnectionPool.check_connection,
        open=False,
        name="jishi-api",
        # The pool retries by itself; a database that is away for an hour must not end it.
        reconnect_timeout=60.0,
        kwargs=connection_options(settings),
    )


def turns_of(settings: Settings, waited: Callable[[float], None]) -> Turns:
    """Turns at the pool's connections: some are left for keys' look-ups, some for other askers."""
    places = max(1, settings.pool_max_size - 1)
    return Turns(
        "questions",
        most=places,
        most_each=places - places // 4,
        patience_s=settings.pool_timeout_s,
        waited=waited,
    )


class Planned(Protocol):
    """What is known of an answer before it is worked out."""

    @property
    def cost_s(self) -> float:
        """Seconds that it will take a core, about (`store/figures/costs.py`)."""

    @property
    def window(self) -> Window:
        """What it is about."""


P = TypeVar("P", bound=Planned)


class Database:
    """Transactions over the pool."""

    def __init__(
        self,
        pool: Pool,
        *,
        answer_timeout_s: float,
        turns: Turns | None = None,
        long: LongQuestions | None = None,
    ) -> None:
        """Over a pool that its owner opens.

        Args:
            pool: The connections.
            answer_timeout_s: Seconds that all statements of one answer, and what is made of
                them, may take together.
            turns: Whose turn it is to have one, for those who ask by name (`by`).
            long: Where long questions go; none: nothing is long.
        """
        self.pool = pool
        self._answer_timeout_s = answer_timeout_s
        self._turns = turns
        self._long = long
        self._asker: Hashable = None
        self._address = str(pool.conninfo)

    def by(self, asker: Hashable) -> Self:
        """The same for one asker, who waits in turn with the others.

        The service's own questions, keys' look-ups among them, wait for nobody's turn: there are
        fewer places than connections.
        """
        bound = copy(self)
        bound._asker = asker
        return bound

    @asynccontextmanager
    async def transaction(
        self, *, read_only: bool = False, snapshot: bool = False
    ) -> AsyncIterator[Connection]:
        """A connection with one transaction: committed at the end, rolled back on an error.

        Args:
            read_only: PostgreSQL refuses writes.
            snapshot: All statements see the same state (REPEATABLE READ); otherwise each sees
                what is committed when it begins (READ COMMITTED).
        """
        named = self._asker is not None and self._turns is not None
        turn = self._turns.turn(self._asker) if named and self._turns else nullcontext()
        async with turn, self.pool.connection() as conn:
            level = IsolationLevel.REPEATABLE_READ if snapshot else IsolationLevel.READ_COMMITTED
            # Plain attributes: they go with BEGIN and cost no round trip.
            await conn.set_isolation_level(level)
            # A standby does not even begin what says READ WRITE: silent, it refuses a change.
            await conn.set_read_only(True if read_only else None)
            async with conn.transaction():
                yield conn

    async def read(self, steps: Steps[T], *, snapshot: bool = False) -> T:
        """Run ``steps`` in a read-only transaction.

        Raises:
            Problem: 503; its turn did not come. 504; it took too long.
        """
        async with self._in_time(), self.transaction(read_only=True, snapshot=snapshot) as conn:
            return await arun(conn, steps)

    async def answer(
        self,
        request: Request,
        plan: Callable[[], Steps[P]],
        work: Callable[[P], Steps[T]],
        finish: Callable[[T], Response],
    ) -> Response:
        """Plan an answer, and work it out at once or, where that is long, in its turn.

        Args:
            request: Whose client may leave.
            plan: Refuses what will not be answered, and says what the rest costs; asks for no
                figures. Where the answer is long it is done once more, for the moment of the
                turn.
            work: Of a plan.
            finish: Spells the answer; in the thread where it is long.

        Raises:
            Problem: 422; whatever ``plan`` refuses. 503; its turn did not come. 504; it took too
                long. 499; the client left.
        """
        async with self._in_time(), self.transaction(read_only=True, snapshot=True) as conn:
            planned = await arun(conn, plan())
            if self._long is not None and planned.cost_s > self._long.most_s:
                raise too_long(planned.cost_s, self._long.most_s, planned.window)
            if self._long is None or planned.cost_s <= self._long.from_s:
                threaded = planned.cost_s > LOOP_S
                found = await arun(conn, work(planned), threaded=threaded)
                return (await asyncio.to_thread(finish, found)) if threaded else finish(found)

        def make() -> Steps[Response]:
            planned = yield from plan()
            return finish((yield from work(planned)))

        return await while_present(request, self._long.ask(self._asker, make))

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        # Statements have a limit each; a question of very many small ones would pass under it.
        limit = asyncio.timeout(self._answer_timeout_s)
        try:
            async with limit:
                yield
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise answer_timeout(self._answer_timeout_s) from error

    async def write(
        self,
        steps: Steps[T],
        *,
        timeout_s: float | None = None,
        snapshot: bool = False,
        threaded: bool = False,
    ) -> T:
        """Run ``steps`` in a transaction, committed when this returns.

        Args:
            steps: What to do.
            timeout_s: Seconds a statement may take, where other than the pool's.
            snapshot: As `transaction` has it.
            threaded: What is made of rows takes long: a thread does it.
        """
        async with self.transaction(snapshot=snapshot) as conn:
            if timeout_s is not None:
                await _limit(conn, timeout_s)
            return await arun(conn, steps, threaded=threaded)

    async def rehearse(self, steps: Steps[T], *, timeout_s: float | None = None) -> T:
        """What `write` would return: the same work in a transaction that is rolled back."""
        async with self.transaction() as conn:
            if timeout_s is not None:
                await _limit(conn, timeout_s)
            # Within the pool's transaction one of its own, which alone is undone.
            async with conn.transaction(force_rollback=True):
                return await arun(conn, steps)

    @property
    def user(self) -> str:
        """The role that it connects as."""
        return str(conninfo_to_dict(self._address).get("user") or getpass.getuser())

    async def refusal(self, timeout_s: float = 2.0) -> str | None:
        """Why the database cannot be used; none where it answers a trivial question in time.

        Returns:
            What the server said to a connection that it did not take; empty where nobody
            answered.
        """
        try:
            async with self.pool.connection(timeout=timeout_s) as conn:
                await conn.execute("SELECT 1")
        except (psycopg.Error, TimeoutError):
            return await self._refusal(timeout_s)
        return None

    async def _refusal(self, timeout_s: float) -> str:
        """The pool only knows that it waited: what the server says shows in an attempt."""
        try:
            async with asyncio.timeout(timeout_s):
                conn = await AsyncConnection.connect(self._address)
                await conn.close()
        except (psycopg.Error, TimeoutError) as error:
            said = re.search(r"FATAL: +(.+)", str(error))
            return said[1] if said else ""
        return "no connection of the pool came free in time"


async def _limit(conn: Connection, timeout_s: float) -> None:
    """Let statements of the transaction take so long, rather than what the pool gives them."""
    await conn.execute(
        "SELECT set_config('statement_timeout', %s, true)", (str(int(timeout_s * 1000)),)
    )
