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


def test_a_key_is_rotated_at_once_and_with_an_overlap(
    admin: httpx.Client, client_of: ClientOf, place: dict[str, str]
) -> None:
    until = (datetime.now(UTC) + timedelta(days=90)).isoformat()
    rights = {"scopes": ["read", "operate"], "institution_id": place["institution_id"]}
    old = admin.post("/v1/keys", json={**rights, "name": "格", "expires_at": until}).json()
    with client_of(old["key"]) as client:
        assert client.put("/v1/views/mine", json={"address": "#/week"}).status_code == 201
        assert client.post(f"/v1/keys/{old['id']}/rotate").status_code == 403
    answer = admin.post(f"/v1/keys/{old['id']}/rotate")
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()
    same = ("name", "scopes", "institution_id", "expires_at")
    assert [made[name] for name in same] == [old[name] for name in same]
    assert (made["replaces"], made["id"] == old["id"]) == (old["id"], False)
    with client_of(old["key"]) as before, client_of(made["key"]) as after:
        assert before.get("/v1/institutions").status_code == 401
        assert len(after.get("/v1/institutions").json()["items"]) == 1
        assert [one["name"] for one in after.get("/v1/views").json()["items"]] == ["mine"]
    assert admin.post(f"/v1/keys/{old['id']}/rotate").status_code == 409

    third = admin.post(f"/v1/keys/{made['id']}/rotate", json={"overlap_s": 3_600}).json()
    ends = datetime.fromisoformat(third["old_ends_at"])
    assert timedelta(minutes=59) < ends - datetime.now(UTC) < timedelta(minutes=61)
    with client_of(made["key"]) as before, client_of(third["key"]) as after:
        assert [one.get("/v1/institutions").status_code for one in (before, after)] == [200, 200]
    (shown,) = [one for one in listed(admin, "/v1/keys") if one["id"] == made["id"]]
    assert (shown["expires_at"], shown["revoked_at"]) == (third["old_ends_at"], None)
    noted = admin.get("/v1/audit", params={"object_type": "key", "object_id": made["id"]}).json()
    assert [one["action"] for one in noted["items"]] == ["rotate", "create"]
    assert noted["items"][0]["after"]["replaced_by"] == third["id"]
    assert noted["items"][1]["after"]["replaces"] == old["id"]
    assert third["key"].split("_", 2)[2] not in str(noted)


def test_a_rotation_keeps_to_what_is_there_and_ones_own(
    admin: httpx.Client, client_of: ClientOf, place: dict[str, str]
) -> None:
    assert admin.post("/v1/keys/none/rotate").status_code == 404
    city = admin.post("/v1/keys", json={"scopes": ["read"]}).json()
    wrong = admin.post(f"/v1/keys/{city['id']}/rotate", json={"overlap_s": 2_592_001})
    assert [error["field"] for error in wrong.json()["errors"]] == ["body.overlap_s"]
    home = {"scopes": ["admin"], "institution_id": place["institution_id"]}
    with client_of(admin.post("/v1/keys", json=home).json()["key"]) as insider:
        assert insider.post(f"/v1/keys/{city['id']}/rotate").status_code == 404
    with client_of(city["key"]) as still:
        assert still.get("/v1/institutions").status_code == 200
