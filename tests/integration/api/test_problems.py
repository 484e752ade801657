"""Every error is a problem (RFC 9457), whoever makes it."""

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import APIRouter

from api.app import create_app
from api.auth import Reader
from api.context import Ctx
from api.settings import Settings
from cli.roles import ROLES, let_in, with_login
from stack import Postgres
from store.run import Query, Steps
from tests.integration.api.serving import serving
from tests.migrated import migrated


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["type"].startswith("urn:jishi:problem:")
    assert body["title"]
    assert body["detail"]
    return body


@pytest.mark.parametrize(
    ("method", "path", "request_", "status"),
    [
        pytest.param("GET", "/nowhere", {}, 404, id="no such address"),
        pytest.param("GET", "/v1/institutions/none", {}, 404, id="no such record"),
        pytest.param("DELETE", "/v1/institutions", {}, 405, id="method"),
        pytest.param("GET", "/v1/institutions?limit=1001", {}, 422, id="limit too high"),
        pytest.param("GET", "/v1/institutions?limit=0", {}, 422, id="limit too low"),
        pytest.param("GET", "/v1/institutions?cursor=x", {}, 422, id="cursor"),
        pytest.param("GET", "/v1/institutions?q=%00", {}, 400, id="NUL in the query"),
        pytest.param("GET", "/v1/institutions/%00", {}, 400, id="NUL in the path"),
        pytest.param("PUT", "/v1/institutions/a%20b", {"json": {}}, 422, id="id"),
        pytest.param("PUT", "/v1/institutions/a", {"content": "{"}, 422, id="no JSON"),
        pytest.param("PUT", "/v1/institutions/a", {"json": []}, 422, id="no object"),
        pytest.param("PUT", "/v1/institutions/a", {"json": {"name": 5}}, 422, id="type"),
        pytest.param(
            "PUT", "/v1/institutions/a", {"json": {"name": "\ud800"}}, 422, id="surrogate"
        ),
        pytest.param("PUT", "/v1/institutions/a", {"content": b"x" * 100_001}, 413, id="body"),
        pytest.param(
            "PUT", "/v1/institutions/a", {"content": iter([b"x" * 60_000] * 2)}, 413, id="chunked"
        ),
        pytest.param("POST", "/v1/registry/import", {"json": {}}, 415, id="media type"),
    ],
)
def test_problems(
    admin: httpx.Client, method: str, path: str, request_: dict[str, Any], status: int
) -> None:
    if "json" in request_:
        # httpx would refuse half a surrogate pair.
        request_ = {
            "content": json.dumps(request_["json"]),
            "headers": {"content-type": "application/json"},
        }
    body = problem(admin.request(method, path, **request_), status)
    if status == 422:
        assert all(error.keys() == {"field", "value", "rule"} for error in body["errors"])
        assert body["errors"]


NO_FIELD = (
    "no such field; did you mean `name`? It takes address, district_code, external_ids,"
    " institution_id, kind, lat, lon, name, name_en, opening_hours, region_code, report_fields,"
    " retired_on, timezone, valid_from"
)


@pytest.mark.parametrize(
    ("content", "kind", "field", "value", "rule"),
    [
        pytest.param('{"nam": 1}', "application/json", "body.nam", 1, NO_FIELD, id="misspelt"),
        pytest.param('{"name": []}', "application/json", "body.name", "[]", "a text", id="type"),
        pytest.param("[]", "application/json", "body", "[]", "a JSON object", id="no object"),
        pytest.param(
            '{"name": x}',
            "application/json",
            "body",
            None,
            "JSON; at character 9 it is not: Expecting value",
            id="no JSON",
        ),
        pytest.param(
            '{"name": "x"}',
            "application/x-www-form-urlencoded",
            "header.content-type",
            "application/x-www-form-urlencoded",
            "application/json, as the body is",
            id="said to be a form",
        ),
        pytest.param(
            '{"name": "x"}',
            None,
            "header.content-type",
            None,
            "application/json, as the body is",
            id="said to be nothing",
        ),
    ],
)
def test_rules_are_said_in_our_words(
    admin: httpx.Client, content: str, kind: str | None, field: str, value: object, rule: str
) -> None:
    headers = {} if kind is None else {"content-type": kind}
    answer = admin.put("/v1/institutions/words", content=content, headers=headers)
    assert problem(answer, 422)["errors"] == [{"field": field, "value": value, "rule": rule}]


def test_405_says_what_is_allowed(admin: httpx.Client) -> None:
    assert "GET" in admin.delete("/v1/institutions").headers["allow"]


def test_answers_carry_the_headers_of_all(admin: httpx.Client) -> None:
    for path in ("/v1/institutions", "/nowhere"):
        assert admin.get(path).headers["x-content-type-options"] == "nosniff"


def test_the_document_names_every_error(nobody: httpx.Client) -> None:
    document = nobody.get("/v1/openapi.json").json()
    for path, item in document["paths"].items():
        if path.startswith("/v1"):
            for operation in item.values():
                content = operation["responses"]["422"]["content"]
                assert list(content) == ["application/problem+json"]
    assert "ProblemBody" in document["components"]["schemas"]


def test_a_bug_is_a_500_without_a_traceback(api_database: str, keys: dict[str, str]) -> None:
    app = create_app(Settings(database_url=api_database, pool_min_size=1, answer_timeout_s=0.5))
    router = APIRouter()

    @router.get("/bug")
    async def bug() -> None:
        raise RuntimeError("the secret inside")

    @router.get("/slow")
    async def slow(context: Ctx, _: Reader) -> None:
        def steps() -> Steps[None]:
            yield Query("SET LOCAL statement_timeout = 20")
            yield Query("SELECT pg_sleep(5)")

        await context.database.read(steps())

    @router.get("/endless")
    async def endless(context: Ctx, _: Reader) -> None:
        def steps() -> Steps[None]:
            while True:
                yield Query("SELECT pg_sleep(0.01)")

        await context.database.read(steps())

    app.include_router(router)
    with serving(app) as url, httpx.Client(base_url=url, timeout=60) as client:
        body = problem(client.get("/bug"), 500)
        assert "secret" not in json.dumps(body)
        headers = {"Authorization": f"Bearer {keys['read']}"}
        body = problem(client.get("/slow", headers=headers), 504)
        assert body["type"] == "urn:jishi:problem:statement-timeout"
        body = problem(client.get("/endless", headers=headers), 504)
        assert body["type"] == "urn:jishi:problem:answer-timeout"
        assert "0.5 s" in body["detail"]


def test_without_its_database_it_says_so_and_recovers(api_server: Postgres) -> None:
    url = api_server.create_database()
    name = url.rsplit("/", 1)[1]
    other = api_server.create_database()
    settings = Settings(database_url=url, pool_min_size=0, pool_timeout_s=0.5)
    app = create_app(settings)
    with serving(app) as address, httpx.Client(base_url=address, timeout=60) as client:
        assert client.get("/healthz").status_code == 200
        assert "migrat" in problem(client.get("/readyz"), 503)["detail"]
        with psycopg.connect(other, autocommit=True) as conn:
            conn.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            key = {"Authorization": "Bearer jishi_aaaaaaaaaaaa_bbbb"}
            away = client.get("/v1/institutions", headers=key)
            problem(away, 503)
            assert int(away.headers["retry-after"]) > 0
            assert client.get("/healthz").status_code == 200
            problem(client.get("/readyz"), 503)
            conn.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        deadline = time.monotonic() + 30
        while "answer" in client.get("/readyz").json()["detail"]:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_old_code_on_a_newer_schema_is_not_ready(api_server: Postgres) -> None:
    url = migrated(api_server)
    with (
        serving(create_app(Settings(database_url=url))) as address,
        httpx.Client(base_url=address, timeout=60) as client,
        psycopg.connect(url, autocommit=True) as conn,
    ):
        assert client.get("/readyz").status_code == 200
        newer = "incremental/9999_newer.sql"
        conn.execute("INSERT INTO schema_migration (name, sha256) VALUES (%s, '')", [newer])
        body = problem(client.get("/readyz"), 503)
        assert body["type"] == "urn:jishi:problem:migrations-unknown"
        assert newer in body["detail"]
        assert "start the version" in body["detail"]


def test_a_transaction_that_idles_too_long_may_be_asked_for_again(api_database: str) -> None:
    """So it goes when we compute for longer than the server bears: busy, not broken."""
    routes = APIRouter()

    @routes.get("/idle")
    async def idle(context: Ctx) -> None:
        def ask() -> Steps[None]:
            yield Query("SELECT 1", {})
            time.sleep(0.5)  # the loop stands still, as it does while a city is summed up
            yield Query("SELECT 1", {})

        await context.database.read(ask())

    # The server's patience is twice this.
    app = create_app(Settings(database_url=api_database, statement_timeout_s=0.1))
    app.include_router(routes)
    with serving(app) as address, httpx.Client(base_url=address, timeout=60) as client:
        answer = client.get("/idle")
        problem(answer, 503)
        assert int(answer.headers["retry-after"]) > 0


def test_the_process_announces_its_port_and_ends_on_sigterm(api_database: str) -> None:
    environment = {**os.environ, "JISHI_DATABASE_URL": api_database, "JISHI_API_PORT": "0"}
    with subprocess.Popen(
        [sys.executable, "-m", "api"], env=environment, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        try:
            url = json.loads(process.stdout.readline())["api_url"]
            assert httpx.get(f"{url}/readyz").status_code == 200
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) in (0, -signal.SIGTERM)
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("statement", "kind", "told"),
    [
        pytest.param("DROP TABLE gateway_word", "schema-incomplete", "gateway_word", id="table"),
        pytest.param("DROP TABLE schema_object", "schema-incomplete", "schema_object", id="record"),
        pytest.param(
            "REVOKE INSERT ON audit FROM jishi_api",
            "database-rights",
            "INSERT on audit",
            id="right",
        ),
        pytest.param(
            "REVOKE ALL ON schema_migration FROM jishi_api",
            "database-rights",
            "schema_migration",
            id="the first right",
        ),
    ],
)
def test_what_is_missing_is_named(
    api_server: Postgres, statement: str, kind: str, told: str
) -> None:
    url = migrated(api_server)
    passwords = {role: f"a-password-of-{role}" for role in ROLES}
    let_in(url, passwords)
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(statement)
    of_api = with_login(url, "jishi_api", passwords["jishi_api"])
    with (
        serving(create_app(Settings(database_url=of_api))) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        body = problem(client.get("/readyz"), 503)
        assert body["type"] == f"urn:jishi:problem:{kind}"
        assert told in body["detail"]
        assert "jishi" in body["detail"]


@pytest.mark.parametrize(
    ("user", "database", "told"),
    [
        pytest.param("nobody_here", None, "jishi migrate", id="no such role"),
        pytest.param(None, "nothing_here", "jishi restore", id="no such database"),
    ],
)
def test_a_database_that_refuses_is_not_one_that_is_away(
    api_server: Postgres, user: str | None, database: str | None, told: str
) -> None:
    url = api_server.url_of(database or "jishi")
    if user is not None:
        url = with_login(url, user, "whatever")
    settings = Settings(database_url=url, pool_min_size=0, pool_timeout_s=0.5)
    with (
        serving(create_app(settings)) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        body = problem(client.get("/readyz"), 503)
        assert body["type"] == "urn:jishi:problem:database-refuses"
        assert "does not answer" not in body["detail"]
        assert (user or database or "") in body["detail"]
        assert told in body["detail"]
