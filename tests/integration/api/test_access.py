"""Who may ask what, over every route that the OpenAPI document names."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from api.app import create_app
from api.settings import Settings
from store.keys import create_key, revoke_key
from store.run import run

ClientOf = Callable[[str | None], httpx.Client]

OPEN = {"/healthz", "/readyz", "/metrics"}
ADMIN_READS = {"/v1/keys", "/v1/audit"}
OPERATOR_READS = {"/v1/dead-letters", "/v1/dead-letters/{dead_letter_id}"}


def routes() -> list[tuple[str, str]]:
    document: dict[str, Any] = create_app(Settings(database_url="")).openapi()
    return [
        (method, path)
        for path, item in document["paths"].items()
        for method in item
        if path not in OPEN
    ]


def filled(path: str) -> str:
    path = path.replace("{day}", "2026-10-01")
    return re.sub(r"\{\w+\}", "1", path)


def denied(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert {"type", "title", "detail", "instance", "errors"} <= body.keys()
    assert answer.headers.get("www-authenticate", "").startswith("Bearer") is (status == 401)


@pytest.fixture(scope="session")
def bad_keys(api_database: str, keys: dict[str, str]) -> dict[str, str | None]:
    with psycopg.connect(api_database) as conn:
        past = datetime.now(UTC) - timedelta(seconds=1)
        expired = run(conn, create_key(scopes=["admin"], expires_at=past)).key
        revoked = run(conn, create_key(scopes=["admin"]))
        run(conn, revoke_key(revoked.key_id, "test"))
    return {
        "no key": None,
        "not ours": "letmein",
        "unknown": "jishi_000000000000_" + "A" * 43,
        "right id, wrong secret": keys["admin"][:-1] + ("A" if keys["admin"][-1] != "A" else "B"),
        "expired": expired,
        "revoked": revoked.key,
    }


@pytest.mark.parametrize(("method", "path"), routes(), ids=lambda part: str(part))
def test_every_route_wants_a_key(
    client_of: ClientOf, bad_keys: dict[str, str | None], method: str, path: str
) -> None:
    for key in bad_keys.values():
        with client_of(key) as client:
            denied(client.request(method, filled(path)), 401)


@pytest.mark.parametrize(
    ("method", "path"),
    [one for one in routes() if one[0] != "get" or one[1] in ADMIN_READS | OPERATOR_READS],
    ids=lambda part: str(part),
)
def test_a_read_key_writes_nothing(reader: httpx.Client, method: str, path: str) -> None:
    denied(reader.request(method, filled(path)), 403)


def test_scopes_imply_smaller_ones(client_of: ClientOf, keys: dict[str, str]) -> None:
    with client_of(keys["operate"]) as client:
        assert client.get("/v1/institutions").status_code == 200
        assert client.get("/v1/dead-letters").status_code == 200
        denied(client.get("/v1/keys"), 403)


def test_what_needs_no_key(nobody: httpx.Client) -> None:
    assert nobody.get("/healthz").json() == {"status": "ok"}
    assert nobody.get("/readyz").json() == {"status": "ready"}
    metrics = nobody.get("/metrics")
    assert metrics.status_code == 200
    assert "jishi_api_requests_total" in metrics.text


def test_metrics_hold_no_ids_and_no_keys(
    nobody: httpx.Client, reader: httpx.Client, keys: dict[str, str]
) -> None:
    reader.get("/v1/institutions/very-private")
    text = nobody.get("/metrics").text
    assert "very-private" not in text
    assert "/v1/institutions/{institution_id}" in text
    assert not any(key.split("_", 2)[2] in text for key in keys.values())


def test_a_key_of_one_institution_does_not_see_the_city(
    admin: httpx.Client, client_of: ClientOf, place: dict[str, str]
) -> None:
    asked = {"scopes": ["read"], "institution_id": place["institution_id"]}
    key = admin.post("/v1/keys", json=asked).json()["key"]
    with client_of(key) as client:
        denied(client.get("/v1/audit"), 403)
        denied(client.get("/v1/gateways"), 403)
