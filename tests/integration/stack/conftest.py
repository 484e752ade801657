"""Real servers for the tests of the stack itself."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from stack import Mosquitto, MqttAccount, Postgres, Programs, Settings, find_programs
from tests.integration.stack.support import Client, Connect


@pytest.fixture(scope="session")
def programs() -> Programs:
    return find_programs(Settings.from_environ(os.environ))


@pytest.fixture(scope="session")
def postgres(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """One server for all tests that leave it running."""
    folder = tmp_path_factory.mktemp("postgres")
    with Postgres(programs.postgres, folder, durable=False) as server:
        yield server


@pytest.fixture
def broker(programs: Programs, tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that ties client ids to user names."""
    with Mosquitto(programs.mosquitto, tmp_path / "broker") as server:
        yield server


@pytest.fixture
def open_broker(programs: Programs, tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker with the publisher account."""
    with Mosquitto(programs.mosquitto, tmp_path / "open", publisher=True) as server:
        yield server


@pytest.fixture
def connect() -> Iterator[Connect]:
    with ExitStack() as closing:

        def open_client(broker: Mosquitto, account: MqttAccount, **options: Any) -> Client:
            client = Client(broker, account, **options)
            closing.callback(client.close)
            return client

        yield open_client
