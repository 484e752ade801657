"""A server over a database of its own, and clients with keys, for all of these tests.

Tests share both: each names its own records (`fresh`), and reads what it wrote.
"""

import itertools
import os
import sys
from collections.abc import Callable, Iterator

import httpx
import psycopg
import pytest
import structlog
from pydantic import SecretStr

from api.app import create_app
from api.settings import Settings
from stack import Postgres
from stack import Settings as StackSettings
from stack.fetch import find_postgres
from store.registry.keys import create_key
from store.run import run
from tests.integration.api.conforming import conforms
from tests.integration.api.serving import WEBHOOK_KEY, serving
from tests.migrated import migrated
from tests.signing import signing_key

# As in production: the console's own way shows every frame with its locals, which takes seconds.
# To where standard error leads at that moment, so that a failed test shows what the service said.
structlog.configure(
    processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
    logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
)

Connection = psycopg.Connection[tuple[object, ...]]


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    programs = find_postgres(StackSettings.from_environ(os.environ))
    with Postgres(programs, tmp_path_factory.mktemp("api"), durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def api_database(api_server: Postgres) -> str:
    return migrated(api_server)


@pytest.fixture(scope="session")
def api_address(api_database: str) -> Iterator[str]:
    app = create_app(
        Settings(
            database_url=api_database,
            pool_min_size=1,
            pool_max_size=4,
            body_max_bytes=100_000,
            import_max_bytes=10_000_000,
            # Tests come with wrong keys by the hundred.
            strangers_burst=100_000,
            webhook_keys=SecretStr(WEBHOOK_KEY),
            signing_key_file=signing_key(),
        )
    )
    with serving(app) as address:
        yield address


@pytest.fixture
def conn(api_database: str) -> Iterator[Connection]:
    with psycopg.connect(api_database, autocommit=True, options="-c TimeZone=UTC") as conn:
        yield conn


@pytest.fixture(scope="session")
def keys(api_database: str) -> dict[str, str]:
    """A key of each scope."""
    with psycopg.connect(api_database) as conn:
        return {
            scope: run(conn, create_key(scopes=[scope], name=scope)).key
            for scope in ("read", "operate", "admin")
        }


@pytest.fixture(scope="session")
def client_of(api_address: str) -> Iterator[Callable[[str | None], httpx.Client]]:
    """Clients by key."""
    clients: list[httpx.Client] = []

    def make(key: str | None) -> httpx.Client:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        clients.append(
            httpx.Client(
                base_url=api_address,
                headers=headers,
                timeout=60,
                event_hooks={"response": [conforms]},
                verify=False,  # nothing here is TLS, and reading the authorities costs 30 ms
            )
        )
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture(scope="session")
def admin(client_of: Callable[[str | None], httpx.Client], keys: dict[str, str]) -> httpx.Client:
    return client_of(keys["admin"])


@pytest.fixture(scope="session")
def reader(client_of: Callable[[str | None], httpx.Client], keys: dict[str, str]) -> httpx.Client:
    return client_of(keys["read"])


@pytest.fixture(scope="session")
def nobody(client_of: Callable[[str | None], httpx.Client]) -> httpx.Client:
    return client_of(None)


_numbers = itertools.count(1)


@pytest.fixture
def fresh() -> str:
    """A prefix for ids that no other test has."""
    return f"t{next(_numbers):04}"


@pytest.fixture
def place(admin: httpx.Client, fresh: str) -> dict[str, str]:
    """A registered institution and gateway, as an instrument's fields."""
    ids = {"institution_id": f"{fresh}-inst", "gateway_id": f"{fresh}-gw"}
    for path, body in (
        (f"/v1/institutions/{ids['institution_id']}", {"name": "研究所"}),
        (f"/v1/gateways/{ids['gateway_id']}", {"institution_id": ids["institution_id"]}),
    ):
        assert admin.put(path, json=body).status_code == 201
    return ids


@pytest.fixture
def instrument(admin: httpx.Client, fresh: str, place: dict[str, str]) -> str:
    """A registered instrument's id."""
    answer = admin.put(f"/v1/instruments/{fresh}-sem", json={"name": "扫描电镜", **place})
    assert answer.status_code == 201
    return f"{fresh}-sem"
