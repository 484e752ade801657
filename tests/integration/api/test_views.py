"""Views of the page by name: each key's own, bounded, within the page, gone with the key."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from store.registry import views
from tests.integration.api.listing import listed

ClientOf = Callable[[str | None], httpx.Client]
ADDRESS = "#/explore?by=institution&range=d90"


def made(admin: httpx.Client, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = admin.post("/v1/keys", json={"scopes": ["read"], **more}).json()
    return found


@pytest.fixture
def mine(admin: httpx.Client, client_of: ClientOf) -> httpx.Client:
    return client_of(made(admin)["key"])


def test_a_view_from_its_making_to_its_end(mine: httpx.Client, admin: httpx.Client) -> None:
    path = "/v1/views/各机构 季度"
    assert mine.get(path).status_code == 404
    answer = mine.put(path, json={"address": ADDRESS})
    assert answer.status_code == 201
    kept = answer.json()
    assert (kept["name"], kept["address"], kept["landing"]) == ("各机构 季度", ADDRESS, False)
    assert mine.get(path).json() == kept
    changed = mine.put(path, json={"address": "#/city", "landing": True})
    assert changed.status_code == 200
    assert [one["address"] for one in listed(mine, "/v1/views")] == ["#/city"]
    assert mine.delete(path).status_code == 204
    assert mine.delete(path).status_code == 404
    assert listed(mine, "/v1/views") == []
    told = admin.get("/v1/audit", params={"object_type": "view", "object_id": "各机构 季度"})
    assert [one["action"] for one in told.json()["items"][:3]] == ["delete", "update", "create"]


def test_one_view_is_shown_first(mine: httpx.Client) -> None:
    for name in ("a", "b", "c", "b"):
        assert mine.put(f"/v1/views/{name}", json={"address": "#/city", "landing": True}).is_success
        assert [one["name"] for one in listed(mine, "/v1/views") if one["landing"]] == [name]


def test_names_are_each_keys_own(
    mine: httpx.Client, admin: httpx.Client, client_of: ClientOf
) -> None:
    assert mine.put("/v1/views/ours", json={"address": ADDRESS}).status_code == 201
    other = client_of(made(admin)["key"])
    for client in (other, admin):
        assert client.get("/v1/views/ours").status_code == 404
        assert client.delete("/v1/views/ours").status_code == 404
    assert other.put("/v1/views/ours", json={"address": "#/health"}).status_code == 201
    assert mine.get("/v1/views/ours").json()["address"] == ADDRESS


@pytest.mark.parametrize(
    "address",
    [
        "https://elsewhere.example/",
        "//elsewhere.example/",
        "javascript:alert(1)",
        "/docs",
        "#city",
        "#/city#\u202e",
        "#/a b",
        "#/" + "a" * 2_000,
        "",
    ],
)
def test_nothing_but_an_address_within_the_page(mine: httpx.Client, address: str) -> None:
    answer = mine.put("/v1/views/wrong", json={"address": address})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "body.address"


@pytest.mark.parametrize("name", ["a" * 81, "a%0Ab", "a%7Fb"])
def test_names_that_nobody_can_read(mine: httpx.Client, name: str) -> None:
    assert mine.put(f"/v1/views/{name}", json={"address": "#/city"}).status_code == 422


def test_a_key_has_so_many_at_most(mine: httpx.Client) -> None:
    for number in range(views.VIEWS_MOST):
        put = mine.put(f"/v1/views/{number:02}", json={"address": "#/city"})
        assert put.status_code == 201
    refused = mine.put("/v1/views/one more", json={"address": "#/city"})
    assert refused.status_code == 409
    assert "delete one" in refused.json()["detail"]
    assert mine.put("/v1/views/00", json={"address": ADDRESS}).status_code == 200


def test_views_go_with_their_key(
    admin: httpx.Client,
    client_of: ClientOf,
    mine: httpx.Client,
    conn: psycopg.Connection[tuple[object, ...]],
) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    revoked, expiring = made(admin), made(admin, expires_at=soon)
    for key in (revoked, expiring):
        put = client_of(key["key"]).put("/v1/views/last", json={"address": ADDRESS})
        assert put.status_code == 201

    def left() -> set[object]:
        rows = conn.execute("SELECT owner FROM saved_view WHERE name = 'last'").fetchall()
        conn.rollback()
        return {owner for (owner,) in rows}

    assert {revoked["id"], expiring["id"]} <= left()
    assert admin.delete(f"/v1/keys/{revoked['id']}").status_code == 204
    assert revoked["id"] not in left()
    conn.execute("UPDATE api_key SET expires_at = now() WHERE key_id = %s", [expiring["id"]])
    conn.commit()
    assert mine.put("/v1/views/any", json={"address": "#/city"}).is_success
    assert expiring["id"] not in left()
