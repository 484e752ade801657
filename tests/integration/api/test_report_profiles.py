"""Report profiles over HTTP: shipped ones are read, own ones have versions."""

from typing import Any

import httpx
import pytest

import profiles


def own(**more: Any) -> dict[str, Any]:
    column = {"name": "No.", "value": ["record.id"], "required": True}
    return {"title": "Own", "forms": ["csv"], "columns": [column], **more}


def test_shipped_ones_are_listed_and_read(admin: httpx.Client, reader: httpx.Client) -> None:
    items = reader.get("/v1/report-profiles").json()["items"]
    found = {item["name"]: item for item in items}
    for name, profile in profiles.shipped().items():
        said = profile.document
        assert found[name]["origin"] == "shipped"
        assert (found[name]["row"], found[name]["forms"]) == (said.row, said.forms)
        assert found[name]["columns"] == len(profile.columns)
        assert found[name]["read_on"] == (None if said.origin is None else "2026-11-27")
        whole = reader.get(f"/v1/report-profiles/{name}", params={"version": 1}).json()
        assert whole["document"] == said.to_json()
    answer = admin.put("/v1/report-profiles/records", json=own())
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:jishi:problem:conflict")
    assert "copy it under a name of your own" in answer.json()["detail"]


@pytest.mark.parametrize("address", ["nobodys", "records?version=2"])
def test_what_is_not_there(reader: httpx.Client, address: str) -> None:
    assert reader.get(f"/v1/report-profiles/{address}").status_code == 404


def test_own_ones_have_versions_and_an_audit(admin: httpx.Client, fresh: str) -> None:
    address = f"/v1/report-profiles/{fresh}"
    first = admin.put(address, json=own())
    assert (first.status_code, first.json()["version"]) == (201, 1)
    same = admin.put(address, json=own(name=fresh, version=1))
    assert (same.status_code, same.json()) == (200, first.json())
    second = admin.put(address, json=own(about="Newer", version=2))
    assert (second.status_code, second.json()["versions"]) == (200, [1, 2])
    assert admin.get(address).json()["document"]["about"] == "Newer"
    old = admin.get(address, params={"version": 1}).json()
    assert old["document"] == first.json()["document"]
    for version in (1, 2, 4):
        answer = admin.put(address, json=own(title="Other", version=version))
        assert answer.status_code == 409
        assert "the next one is 3" in answer.json()["detail"]
    asked = {"object_type": "report_profile", "object_id": fresh}
    entry, created = admin.get("/v1/audit", params=asked).json()["items"]
    assert (created["action"], created["before"]) == ("create", None)
    assert (entry["action"], entry["before"], entry["after"]) == (
        "update",
        first.json()["document"],
        second.json()["document"],
    )


def test_what_is_put_comes_back_and_can_be_put_again(admin: httpx.Client, fresh: str) -> None:
    for name in profiles.shipped():
        shipped = admin.get(f"/v1/report-profiles/{name}").json()["document"]
        body = {key: value for key, value in shipped.items() if key not in ("name", "version")}
        made = admin.put(f"/v1/report-profiles/{fresh}-{name[:5]}", json=body)
        assert made.status_code == 201, made.text
        assert made.json()["document"] == {**shipped, "name": f"{fresh}-{name[:5]}"}


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        ({"columns": []}, "body.columns", "at least 1 of them"),
        ({"name": "other"}, "body.name", "must be"),
        (
            {"columns": [{"name": "a", "value": ["record.colour"]}]},
            "body.columns.0.value.0",
            "which is no value; values are period.id",
        ),
        ({"forms": ["xml"]}, "body", "must have xml, with its elements"),
    ],
)
def test_what_is_refused(
    admin: httpx.Client, fresh: str, change: dict[str, Any], field: str, rule: str
) -> None:
    answer = admin.put(f"/v1/report-profiles/{fresh}", json=own(**change))
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert rule in error["rule"]
    assert admin.get(f"/v1/report-profiles/{fresh}").status_code == 404
