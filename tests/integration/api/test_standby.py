"""The API over a standby: reads are answered, changes are refused, its lag is told."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from api.app import create_app
from api.settings import Settings
from cli.roles import ROLES, let_in, with_login
from migrations.runner import migrate
from stack import Postgres
from stack import Settings as StackSettings
from stack.fetch import find_postgres
from store.registry.keys import create_key
from store.run import run
from tests.integration.api.conforming import conforms
from tests.integration.api.serving import serving
from tests.standby import standby

PASSWORDS = {role: f"a-password-of-{role}" for role in ROLES}
ELSEWHERE = "https://jishi.example.org"


@pytest.fixture(scope="module")
def primary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    programs = find_postgres(StackSettings.from_environ(os.environ))
    with Postgres(programs, tmp_path_factory.mktemp("primary"), durable=False) as server:
        migrate(server.url)
        let_in(server.url, PASSWORDS)
        yield server


@pytest.fixture(scope="module")
def key(primary: Postgres) -> str:
    with psycopg.connect(primary.url) as conn:
        return run(conn, create_key(scopes=["admin"], name="standby")).key


@pytest.fixture(scope="module")
def follower(
    primary: Postgres, key: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Postgres]:
    programs = find_postgres(StackSettings.from_environ(os.environ))
    with standby(primary, programs, tmp_path_factory.mktemp("standby") / "data") as server:
        yield server


@contextmanager
def client(url: str, key: str, **settings: Any) -> Iterator[httpx.Client]:
    app = create_app(Settings(database_url=url, pool_min_size=1, pool_max_size=3, **settings))
    with (
        serving(app) as address,
        httpx.Client(
            base_url=address,
            headers={"Authorization": f"Bearer {key}"},
            timeout=60,
            event_hooks={"response": [conforms]},
        ) as found,
    ):
        yield found


def refused(answer: httpx.Response, kind: str) -> str:
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"urn:jishi:problem:{kind}"
    assert int(answer.headers["retry-after"]) > 0
    return str(answer.json()["detail"])


def until(question: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not question():
        assert time.monotonic() < end, "nothing came of it"
        time.sleep(0.1)


def test_a_standby_answers_reads_and_says_where_changes_go(follower: Postgres, key: str) -> None:
    url = with_login(follower.url, "jishi_api", PASSWORDS["jishi_api"])
    with client(url, key, writable_url=ELSEWHERE) as api:
        until(lambda: api.get("/readyz").status_code == 200)
        assert set(api.get("/readyz").json()["standby"]) == {"lag_s", "lag_bytes"}
        # The key's use cannot be noted here, which is nobody's business.
        for path in ("status/summary", "institutions", "utilization?window=today", "keys"):
            assert api.get(f"/v1/{path}").status_code == 200
        for method, path, body in (
            ("PUT", "institutions/x", {"name": "X"}),
            ("PATCH", "institutions/x", {"name": "X"}),
            ("POST", "keys", {"name": "x", "scopes": ["read"]}),
            ("POST", "session", {"key": key}),
        ):
            detail = refused(api.request(method, f"/v1/{path}", json=body), "read-only")
            assert ELSEWHERE in detail


def test_a_role_without_the_rights_is_not_ready_and_says_which(
    follower: Postgres, key: str
) -> None:
    url = with_login(follower.url, "jishi_read", PASSWORDS["jishi_read"])
    with client(url, key) as api:
        until(lambda: "api_key" in refused(api.get("/readyz"), "database-rights"))
        detail = refused(api.get("/readyz"), "database-rights")
        assert "jishi_read lacks" in detail
        assert "SELECT on api_key" in detail
        assert "connect as jishi_api" in detail
        # Nothing can be written there, so no right to write is missed.
        assert "INSERT" not in detail
        refused(api.get("/v1/status/summary"), "database-rights")


def test_a_standby_that_stands_still_is_not_ready(
    primary: Postgres, follower: Postgres, key: str
) -> None:
    with (
        client(follower.url, key, standby_lag_max_s=0.5) as api,
        psycopg.connect(primary.url, autocommit=True) as there,
        psycopg.connect(follower.url, autocommit=True) as here,
    ):
        there.execute("CREATE TABLE something (x int)")
        until(lambda: api.get("/readyz").status_code == 200)
        here.execute("SELECT pg_wal_replay_pause()")
        there.execute("DROP TABLE something")
        until(lambda: api.get("/readyz").status_code == 503)
        detail = refused(api.get("/readyz"), "standby-behind")
        assert "JISHI_STANDBY_LAG_MAX_S" in detail
        assert " 0 bytes" not in detail
        here.execute("SELECT pg_wal_replay_resume()")
        until(lambda: api.get("/readyz").json() == {"status": "ready", "standby": LEVEL})


LEVEL = {"lag_s": 0, "lag_bytes": 0}


def test_a_standby_whose_primary_is_silent_is_behind(
    primary: Postgres, key: str, tmp_path: Path
) -> None:
    programs = find_postgres(StackSettings.from_environ(os.environ))
    with (
        standby(primary, programs, tmp_path / "data") as server,
        client(server.url, key, standby_lag_max_s=0.5) as api,
        psycopg.connect(server.url, autocommit=True) as here,
    ):
        until(lambda: api.get("/readyz").status_code == 200)
        here.execute("ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port=1'")
        here.execute("SELECT pg_reload_conf()")
        until(lambda: api.get("/readyz").status_code == 503)
        assert "pg_stat_wal_receiver" in refused(api.get("/readyz"), "standby-behind")
