"""Maintenance plans: made, changed, done and ended, by whom and with what left behind."""

from typing import Any

import httpx
import pytest


@pytest.fixture
def plan(admin: httpx.Client, instrument: str) -> dict[str, Any]:
    body = {"instrument_id": instrument, "name": "校准", "every_running_s": 3600.000001}
    made = admin.post("/v1/maintenance/plans", json=body)
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    assert made.headers["location"] == f"/v1/maintenance/plans/{found['id']}"
    return found


def test_a_plan_is_made_changed_done_and_ended(
    admin: httpx.Client, instrument: str, plan: dict[str, Any]
) -> None:
    path = f"/v1/maintenance/plans/{plan['id']}"
    assert plan["every_running_s"] == 3600.000001
    assert admin.get(path).json() == plan
    asked = {"instrument": instrument}
    assert admin.get("/v1/maintenance/plans", params=asked).json()["items"] == [plan]
    changed = {"instrument_id": instrument, "name": "校准", "every_days": 30}
    new = admin.put(path, json=changed).json()
    assert new == {**plan, "every_running_s": None, "every_days": 30}
    done = admin.post(f"{path}/resets", json={"reason": "done"})
    assert done.status_code == 201
    assert done.json()["last_reset_reason"] == "done"
    table = admin.get("/v1/maintenance/due", params={"format": "csv"})
    assert "remaining_running_s" in table.text.splitlines()[0]
    assert f",{instrument}," in table.text
    for _ in range(2):
        assert admin.delete(path).status_code == 204
    assert admin.get(path).json()["ended_at"] is not None
    for answer in (
        admin.put(path, json=changed),
        admin.post(f"{path}/resets", json={"reason": "x"}),
    ):
        assert answer.status_code == 409
        assert "has ended" in answer.json()["detail"]
    asked = {"object_type": "maintenance_plan", "object_id": str(plan["id"])}
    told = admin.get("/v1/audit", params=asked).json()["items"]
    assert [one["action"] for one in told] == ["end", "reset", "update", "create"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"every_running_s": 0}, "body.every_running_s"),
        ({"every_running_s": 0.0000001}, "body.every_running_s"),
        ({"every_days": 0}, "body.every_days"),
        ({"every_days": 1, "instrument_id": "nobody"}, "body.instrument_id"),
        ({"every_days": 1, "name": ""}, "body.name"),
        ({"every_days": 1, "person": "x"}, "body.person"),
    ],
)
def test_what_is_no_plan(
    admin: httpx.Client, instrument: str, body: dict[str, Any], field: str
) -> None:
    whole = {"instrument_id": instrument, "name": "x", **body}
    answer = admin.post("/v1/maintenance/plans", json=whole)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize("when", ["2019-01-01T00:00:00Z", "2199-01-01T00:00:00Z"])
def test_it_is_done_between_its_beginning_and_now(
    admin: httpx.Client, plan: dict[str, Any], when: str
) -> None:
    path = f"/v1/maintenance/plans/{plan['id']}/resets"
    answer = admin.post(path, json={"at": when, "reason": "x"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["value"] == when


def test_what_is_due_is_asked_of_an_instrument_and_plans_of_an_institution(
    admin: httpx.Client, instrument: str, plan: dict[str, Any]
) -> None:
    def due(of: str) -> list[int]:
        answer = admin.get("/v1/maintenance/due", params={"instrument": of})
        return [one["id"] for one in answer.json()["items"]]

    assert due(instrument) == [plan["id"]]
    assert due("nobody") == []
    span = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
    body = {"instrument_id": instrument, **span}
    made = admin.post("/v1/maintenance", json=body).json()["id"]
    for home, found in ((plan["institution_id"], True), ("nobody", False)):
        answer = admin.get("/v1/maintenance", params={"institution": home, "limit": 1000})
        assert (made in [one["id"] for one in answer.json()["items"]]) is found
