"""One database server for all fault tests, one broker a test; long forms only when asked for."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from stack import Postgres, Settings
from stack.fetch import find_mosquitto, find_postgres
from stack.mosquitto import Mosquitto
from tests.faults.rig import Rig

MakeRig = Callable[..., Rig]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long forms take minutes to an hour; ``make test-faults`` sets JISHI_SLOW=1."""
    if os.environ.get("JISHI_SLOW") == "1":
        return
    skip = pytest.mark.skip(reason="minutes long: set JISHI_SLOW=1, or run `make test-faults`")
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and item.get_closest_marker("slow"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """What is committed outlives a killed process, though not the machine's own death."""
    settings = Settings.from_environ(
        {k: v for k, v in os.environ.items() if k != "JISHI_DATABASE_URL"}
    )
    with Postgres(find_postgres(settings), tmp_path_factory.mktemp("postgres")) as server:
        _set_fsync(server, on=False)
        yield server


def _set_fsync(server: Postgres, *, on: bool) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET fsync = {'on' if on else 'off'}")
        connection.execute("SELECT pg_reload_conf()")


@pytest.fixture(scope="module")
def as_operated(postgres: Postgres) -> Iterator[None]:
    """For who judges the server's own settings: they are those that operators have."""
    _set_fsync(postgres, on=True)
    yield
    _set_fsync(postgres, on=False)


@pytest.fixture
def make_rig(postgres: Postgres, tmp_path: Path) -> Iterator[MakeRig]:
    """Makes rigs; keywords for the broker and for ``Rig``."""
    settings = Settings.from_environ(os.environ)
    with ExitStack() as cleanup:

        def make(*, broker: dict[str, Any] | None = None, **more: Any) -> Rig:
            folder = tmp_path / f"rig-{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            mosquitto = cleanup.enter_context(
                Mosquitto(
                    find_mosquitto(settings),
                    folder,
                    publisher=True,
                    **{"ingest_workers": 3, **(broker or {})},
                )
            )
            return cleanup.enter_context(Rig(postgres, mosquitto, folder, **more))

        yield make


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    """Four gateways of ten instruments."""
    return make_rig()
