"""The index of what instruments are called: made once of each state of the registry."""

import asyncio
from typing import Any

import psycopg
import pytest

from api import finder
from store.run import Steps, run


class Delayed:
    """A database that keeps back one answer until it is told to give it."""

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        self.conn = conn
        self.until: asyncio.Event | None = None

    async def read(self, steps: Steps[Any], *, snapshot: bool = False) -> Any:
        found = run(self.conn, steps)
        until, self.until = self.until, None
        if until is not None:
            await until.wait()
        return found


def test_who_knew_an_older_state_takes_the_index_of_the_newer_one(
    conn: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    built = 0

    def build(*told: Any) -> finder.Index:
        nonlocal built
        built += 1
        return finder_index(*told)

    finder_index = finder.Index
    monkeypatch.setattr(finder, "Index", build)

    async def ask() -> None:
        database: Any = Delayed(conn)
        ours = finder.Finder()
        database.until = released = asyncio.Event()
        late = asyncio.create_task(ours.find(database, "x"))
        await asyncio.sleep(0)
        conn.execute("UPDATE registry_revision SET revision = revision + 1")
        await ours.find(database, "x")
        released.set()
        await late
        await ours.find(database, "x")

    asyncio.run(ask())
    assert built == 1
