"""Five hundred requests at once with one key, over few connections; and a key that is revoked."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import psycopg
import pytest
from prometheus_client import CollectorRegistry
from starlette.requests import HTTPConnection

from api.auth import Principal, authenticate, principal_of
from api.context import Context
from api.database import Database, open_pool
from api.errors import Problem
from api.exports import Exports
from api.metrics import Metrics
from api.session import COOKIE
from api.settings import Settings
from store.registry.keys import create_key, key_id_of, revoke_key
from store.registry.sign_ins import begin_sign_in, end_sign_in
from store.run import Steps, run

T = TypeVar("T")


class Counting(Database):
    """Counts what is asked; an answer is held back while nobody may go."""

    reads = writes = 0

    def __init__(self, pool: object) -> None:
        super().__init__(pool, answer_timeout_s=60.0)  # type: ignore[arg-type]
        self.go, self.answered = asyncio.Event(), asyncio.Event()
        self.go.set()

    async def read(self, steps: Steps[T], *, snapshot: bool = False) -> T:
        self.reads += 1
        found = await super().read(steps, snapshot=snapshot)
        self.answered.set()
        await self.go.wait()
        return found

    async def write(self, steps: Steps[T], *, timeout_s: float | None = None) -> T:
        self.writes += 1
        return await super().write(steps, timeout_s=timeout_s)


@pytest.fixture
def key(api_database: str) -> str:
    with psycopg.connect(api_database) as conn:
        return run(conn, create_key(scopes=["read"], name="wall")).key


def having(url: str, body: Callable[[Context, Counting], Awaitable[None]]) -> None:
    """Runs ``body`` with a context of one connection."""

    async def inside() -> None:
        settings = Settings(database_url=url, pool_min_size=1, pool_max_size=1)
        async with open_pool(settings) as pool:
            database = Counting(pool)
            context = Context(
                settings=settings,
                database=database,
                metrics=Metrics(CollectorRegistry()),
                exports=Exports(settings),
            )
            await body(context, database)

    asyncio.run(inside())


def test_many_at_once_ask_the_database_once(api_database: str, key: str) -> None:
    async def crowd(context: Context, database: Counting) -> None:
        found = await asyncio.gather(
            *(authenticate(context, f"Bearer {key}") for _ in range(500)),
            *(authenticate(context, f"Bearer {key}x") for _ in range(20)),
            return_exceptions=True,
        )
        assert all(isinstance(one, Principal) for one in found[:500])
        # They share what is stored, and nothing of what is right.
        assert all(isinstance(one, Problem) and one.status == 401 for one in found[500:])
        assert (database.reads, database.writes) == (1, 1)

    having(api_database, crowd)


def test_a_revoked_key_stops_at_once(api_database: str, key: str) -> None:
    """Also where a look-up that began before is still under way, and others wait already."""
    key_id = key_id_of(key)
    assert key_id is not None

    async def revoked(context: Context, database: Counting) -> None:
        await authenticate(context, f"Bearer {key}")  # notes the use
        database.go.clear()
        database.answered.clear()
        early = asyncio.create_task(authenticate(context, f"Bearer {key}"))
        await database.answered.wait()
        await asyncio.to_thread(_revoke)
        late = [asyncio.create_task(authenticate(context, f"Bearer {key}")) for _ in range(50)]
        await asyncio.sleep(0)
        database.go.set()
        found = await asyncio.gather(*late, return_exceptions=True)
        assert all(isinstance(one, Problem) and one.status == 401 for one in found)
        assert database.reads == 3
        # Who came before may have been let in or not: the look-up and the revocation raced.
        await asyncio.gather(early, return_exceptions=True)

    def _revoke() -> None:
        with psycopg.connect(api_database) as conn:
            assert run(conn, revoke_key(key_id, "test"))

    having(api_database, revoked)


def test_a_sign_in_is_looked_up_as_a_key_is(api_database: str, key: str) -> None:
    """Five hundred at once ask once; and one that was ended stops, whoever waits already."""
    key_id = key_id_of(key)
    assert key_id is not None
    with psycopg.connect(api_database) as conn:
        made = run(conn, begin_sign_in(key_id, idle_s=60, lasts_s=60, most=9))
        assert made is not None
    cookie = (b"cookie", f"{COOKIE}={made.token}".encode())
    page = HTTPConnection({"type": "http", "method": "GET", "path": "/", "headers": [cookie]})

    async def crowd(context: Context, database: Counting) -> None:
        found = await asyncio.gather(*(principal_of(context, page) for _ in range(500)))
        assert {one.sign_in_id for one in found} == {made.sign_in_id}
        assert (database.reads, database.writes) == (1, 0)
        database.go.clear()
        database.answered.clear()
        early = asyncio.create_task(principal_of(context, page))
        await database.answered.wait()
        await asyncio.to_thread(_end)
        late = [asyncio.create_task(principal_of(context, page)) for _ in range(50)]
        await asyncio.sleep(0)
        database.go.set()
        refused = await asyncio.gather(*late, return_exceptions=True)
        assert all(isinstance(one, Problem) and one.status == 401 for one in refused)
        assert database.reads == 3
        await asyncio.gather(early, return_exceptions=True)

    def _end() -> None:
        with psycopg.connect(api_database) as conn:
            assert run(conn, end_sign_in(made.sign_in_id, "test"))

    having(api_database, crowd)
