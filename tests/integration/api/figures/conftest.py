"""Fixtures of the figures' tests: one database for all, emptied before each test."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
import uvicorn

from api.app import create_app
from api.settings import Settings
from migrations.runner import migrate
from stack import Postgres
from stack import Settings as StackSettings
from stack.fetch import find_postgres
from store.registry.keys import create_key
from store.run import run
from tests.integration.api.conforming import conforms
from tests.integration.api.figures.world import Get, World
from tests.signing import signing_key


@pytest.fixture(scope="session")
def figures_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    programs = find_postgres(StackSettings.from_environ(os.environ))
    with Postgres(programs, tmp_path_factory.mktemp("figures"), durable=False) as server:
        url = server.create_database()
        migrate(url)
        yield url


@pytest.fixture(scope="session")
def figures_app(figures_url: str) -> Iterator[str]:
    """A server on a port of the kernel's choice; its address."""
    app = create_app(
        Settings(
            database_url=figures_url,
            pool_min_size=1,
            pool_max_size=2,
            signing_key_file=signing_key(),
        )
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def world(figures_url: str) -> Iterator[World]:
    with psycopg.connect(figures_url, autocommit=True, options="-c TimeZone=UTC") as conn:
        world = World(conn)
        world.clear()
        yield world


@pytest.fixture
def client(figures_app: str, world: World) -> Iterator[httpx.Client]:
    made = run(world.conn, create_key(name="t", scopes=["read"], actor="test"))
    headers = {"Authorization": f"Bearer {made.key}"}
    hooks = {"response": [conforms]}
    with httpx.Client(
        base_url=figures_app,
        headers=headers,
        timeout=60,
        event_hooks=hooks,
        verify=False,  # nothing here is TLS, and reading the authorities costs 30 ms
    ) as client:
        yield client


@pytest.fixture
def get(client: httpx.Client) -> Get:
    """Asks, and wants an answer: 200 unless told otherwise."""

    def ask(path: str, *, status: int = 200, **params: Any) -> Any:
        named = {name.rstrip("_"): value for name, value in params.items() if value is not None}
        answer: httpx.Response = client.get(path, params=named)
        assert answer.status_code == status, answer.text
        return answer.json()

    return ask


class Asker:
    """A key's answers."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def __call__(self, method: str, path: str, *, status: int = 200, **asked: Any) -> Any:
        answer = self._client.request(method, f"/v1{path}", **asked)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None


@pytest.fixture
def askers(figures_app: str, world: World) -> Iterator[Any]:
    """Makes askers: of the city, or of an institution."""
    clients: list[httpx.Client] = []

    def make(institution: str | None = None) -> Asker:
        made = run(world.conn, create_key(name="t", scopes=["admin"], institution_id=institution))
        headers = {"Authorization": f"Bearer {made.key}"}
        hooks = {"response": [conforms]}
        clients.append(
            httpx.Client(
                base_url=figures_app,
                headers=headers,
                timeout=60,
                event_hooks=hooks,
                verify=False,
            )
        )
        return Asker(clients[-1])

    yield make
    for client in clients:
        client.close()
