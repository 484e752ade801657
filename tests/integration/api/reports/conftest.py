"""A database with a day of uses, of which each test closes periods of its own."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from migrations.runner import migrate
from models.period import Period
from stack import Postgres
from store.reports.closing import close_period
from store.reports.register import create_period, find_institution
from store.run import run
from tests.integration.api.figures.world import HOUR, MINUTE, World, at, beat
from tests.signing import signing_key

START = at("2026-03-01T00:00")
#: Uses in a day of one instrument: two minutes of every twenty.
USES = 72


@pytest.fixture(scope="session")
def reports_url(api_server: Postgres) -> str:
    url = api_server.create_database()
    migrate(url)
    with psycopg.connect(url, autocommit=True) as connection:
        world = World(connection)
        for name, institution in (("sem-1", "i1"), ("sem-2", "i2")):
            world.instrument(name, institution=institution)
            minutes = [
                (use * 20 + minute, state)
                for use in range(USES)
                for minute, state in ((0, "running"), (1, "running"), (2, "idle"))
            ]
            world.feed(name, [beat(START + minute * MINUTE, state) for minute, state in minutes])
    return url


@pytest.fixture
def world(reports_url: str) -> Iterator[World]:
    with psycopg.connect(reports_url, autocommit=True, options="-c TimeZone=UTC") as connection:
        connection.execute("DELETE FROM delivery")
        yield World(connection)


@pytest.fixture(scope="session")
def key_file() -> Path:
    return signing_key()


def opened(world: World, institution: str | None = "i1", days: float = 1) -> Period:
    """A period from the start of all on."""
    key = None if institution is None else run(world.conn, find_institution(institution, None))[0]
    return run(
        world.conn,
        create_period(
            institution=key,
            start_us=START,
            end_us=START + int(days * 24 * HOUR),
            timezone="Asia/Shanghai",
            actor="test",
        ),
    )


def closed(world: World, institution: str | None = "i1", days: float = 1) -> Period:
    """The same, closed."""
    made = opened(world, institution, days)
    with world.conn.transaction():
        world.conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        found = run(world.conn, close_period(made.period_id, actor="test"))
    assert found is not None
    return found
