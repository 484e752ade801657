from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest

from tests.integration.api.listing import listed

ClientOf = Callable[[str | None], httpx.Client]


def test_a_key_from_its_making_to_its_end(
    admin: httpx.Client, client_of: ClientOf, conn: psycopg.Connection[tuple[object, ...]]
) -> None:
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    answer = admin.post("/v1/keys", json={"scopes": ["read"], "expires_at": until, "name": "格"})
    assert answer.status_code == 201
    made = answer.json()
    assert made["key"].startswith(f"jishi_{made['id']}_")
    assert answer.headers["cache-control"] == "no-store"

    with client_of(made["key"]) as client:
        assert client.get("/v1/institutions").status_code == 200
        (shown,) = [one for one in listed(admin, "/v1/keys") if one["id"] == made["id"]]
        assert shown["last_used_at"] is not None
        assert shown["scopes"] == ["read"]
        assert "key" not in shown

        stored = conn.execute("SELECT * FROM api_key WHERE key_id = %s", [made["id"]]).fetchone()
        assert made["key"].split("_", 2)[2] not in str(stored)

        assert admin.delete(f"/v1/keys/{made['id']}").status_code == 204
        assert client.get("/v1/institutions").status_code == 401
    assert admin.delete(f"/v1/keys/{made['id']}").status_code == 204
    actions = admin.get("/v1/audit", params={"object_type": "key", "object_id": made["id"]}).json()
    assert [one["action"] for one in actions["items"]] == ["revoke", "create"]
    assert made["key"].split("_", 2)[2] not in str(actions)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param({}, "body.scopes", id="no scopes"),
        pytest.param({"scopes": []}, "body.scopes", id="empty scopes"),
        pytest.param({"scopes": ["root"]}, "body.scopes.0", id="unknown scope"),
        pytest.param(
            {"scopes": ["read"], "expires_at": "tomorrow"}, "body.expires_at", id="no time"
        ),
        pytest.param(
            {"scopes": ["read"], "institution_id": "nowhere"}, "body.institution_id", id="unknown"
        ),
        pytest.param({"scopes": ["read"], "colour": 1}, "body.colour", id="unknown field"),
        pytest.param({"scopes": ["read"], "name": "a\0b"}, "body.name", id="NUL"),
    ],
)
def test_wrong_requests(admin: httpx.Client, body: dict[str, object], field: str) -> None:
    answer = admin.post("/v1/keys", json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_there_is_no_such_key(admin: httpx.Client) -> None:
    assert admin.delete("/v1/keys/none").status_code == 404
