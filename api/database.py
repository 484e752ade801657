"""The API's connections: an async pool, and one transaction around each piece of work.

What is asked stands in `store/` and `api/`'s own query modules, as generators; `Database`
drives them (`store/run.py`).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, TypeVar

import psycopg
from psycopg import AsyncConnection, IsolationLevel
from psycopg_pool import AsyncConnectionPool

from api.errors import Problem
from api.settings import Settings
from store.run import Steps, arun

T = TypeVar("T")

Connection: TypeAlias = AsyncConnection[tuple[Any, ...]]
Pool: TypeAlias = AsyncConnectionPool[Connection]


def open_pool(settings: Settings) -> Pool:
    """The pool, not yet open: its owner opens it within the event loop."""
    timeout_ms = int(settings.statement_timeout_s * 1000)
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
        kwargs={
            "connect_timeout": settings.connect_timeout_s,
            "keepalives": 1,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            # A peer that stopped answering without a word: given up after this.
            "tcp_user_timeout": 30_000,  # ms
            "application_name": "jishi-api",
            # At first sight: the statements are few and fixed, and planning one anew costs as
            # much as running it.
            "prepare_threshold": 0,
            "options": (
                f"-c statement_timeout={timeout_ms} -c TimeZone=UTC "
                f"-c idle_in_transaction_session_timeout={timeout_ms * 2}"
            ),
        },
    )


class Database:
    """Transactions over the pool."""

    def __init__(self, pool: Pool, *, answer_timeout_s: float) -> None:
        """Over a pool that its owner opens.

        Args:
            pool: The connections.
            answer_timeout_s: Seconds that all statements of one answer, and what is made of
                them, may take together.
        """
        self.pool = pool
        self._answer_timeout_s = answer_timeout_s

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
        async with self.pool.connection() as conn:
            level = IsolationLevel.REPEATABLE_READ if snapshot else IsolationLevel.READ_COMMITTED
            # Plain attributes: they go with BEGIN and cost no round trip.
            await conn.set_isolation_level(level)
            await conn.set_read_only(read_only)
            async with conn.transaction():
                yield conn

    async def read(self, steps: Steps[T], *, snapshot: bool = False) -> T:
        """Run ``steps`` in a read-only transaction.

        Raises:
            Problem: 504; it took too long.
        """
        # Statements have a limit each; a question of very many small ones would pass under it.
        limit = asyncio.timeout(self._answer_timeout_s)
        try:
            async with limit, self.transaction(read_only=True, snapshot=snapshot) as conn:
                return await arun(conn, steps)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise Problem(
                504,
                "answer-timeout",
                f"the answer took longer than {self._answer_timeout_s:g} s: ask for a shorter "
                "window, a coarser bucket, days of the service's own zone or fewer instruments",
            ) from error

    async def write(self, steps: Steps[T], *, timeout_s: float | None = None) -> T:
        """Run ``steps`` in a transaction, committed when this returns.

        Args:
            steps: What to do.
            timeout_s: Seconds a statement may take, where other than the pool's.
        """
        async with self.transaction() as conn:
            if timeout_s is not None:
                await conn.execute(
                    "SELECT set_config('statement_timeout', %s, true)",
                    (str(int(timeout_s * 1000)),),
                )
            return await arun(conn, steps)

    async def answers(self, timeout_s: float = 2.0) -> bool:
        """Whether the database answers a trivial question in time."""
        try:
            async with self.pool.connection(timeout=timeout_s) as conn:
                await conn.execute("SELECT 1")
        except (psycopg.Error, TimeoutError):
            return False
        return True
