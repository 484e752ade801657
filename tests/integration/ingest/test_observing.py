"""What ingest sees of a primary with a standby: one that follows, one that stands still, none."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from prometheus_client import CollectorRegistry

from ingest.metrics import DatabaseMetrics
from ingest.upkeep.observing import Observer
from migrations.runner import migrate
from stack import Postgres, Settings
from stack.fetch import find_postgres
from tests.standby import standby


@pytest.fixture(scope="module")
def primary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    programs = find_postgres(Settings.from_environ(os.environ))
    with Postgres(programs, tmp_path_factory.mktemp("primary"), durable=False) as server:
        migrate(server.url)
        yield server


def until(question: object) -> None:
    end = time.monotonic() + 30
    while not question():  # type: ignore[operator]
        assert time.monotonic() < end, "nothing came of it"
        time.sleep(0.1)


def test_a_standby_that_stands_still_falls_behind(primary: Postgres, tmp_path: Path) -> None:
    metrics = DatabaseMetrics(registry := CollectorRegistry())
    observer = Observer(primary.url, "observer", metrics)

    def seen(name: str) -> float:
        value = registry.get_sample_value(f"jishi_database_{name}")
        assert value is not None
        return value

    with psycopg.connect(primary.url, autocommit=True) as connection:
        observer.look(connection)
        assert seen("up") == 1
        assert seen("standbys") == 0
        assert seen("standby_lag_seconds") != seen("standby_lag_seconds")  # NaN: no such figure

        programs = find_postgres(Settings.from_environ(os.environ))
        with standby(primary, programs, tmp_path / "standby") as follower:

            def lag() -> float:
                observer.look(connection)
                return seen("standby_lag_seconds")

            until(lambda: lag() == 0)
            assert seen("standbys") == 1
            with psycopg.connect(follower.url, autocommit=True) as there:
                there.execute("SELECT pg_wal_replay_pause()")
                until(
                    lambda: (
                        there.execute("SELECT pg_get_wal_replay_pause_state()").fetchone()
                        == ("paused",)
                    )
                )
                connection.execute("CREATE TABLE something (x int)")
                until(lambda: lag() > 1)
                there.execute("SELECT pg_wal_replay_resume()")
            until(lambda: lag() == 0)
        observer.look(connection)
        assert seen("standbys") == 0


def test_a_database_that_is_away_leaves_nothing_known() -> None:
    metrics = DatabaseMetrics(registry := CollectorRegistry())
    metrics.up.set(1)
    metrics.figures["institutions_silent"].set(7)
    metrics.forget()
    assert registry.get_sample_value("jishi_database_up") == 0
    value = registry.get_sample_value("jishi_institutions_silent")
    assert value != value
