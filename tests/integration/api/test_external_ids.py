"""Ids of other registers: one record's each, within their scheme."""

import csv
import io
from typing import Any

import httpx
import psycopg
import pytest

JUNE = "2026-06-01T00:00:00+08:00"


@pytest.fixture
def two(admin: httpx.Client, fresh: str, place: dict[str, str]) -> tuple[str, str]:
    """Two instruments of one institution."""
    names = f"{fresh}-a", f"{fresh}-b"
    for name in names:
        answer = admin.put(f"/v1/instruments/{name}", json={"name": "电镜", **place})
        assert answer.status_code == 201
    return names


def patch(client: httpx.Client, name: str, ids: Any, **more: Any) -> httpx.Response:
    return client.patch(f"/v1/instruments/{name}", json={"external_ids": ids, **more})


def imported(client: httpx.Client, *rows: str) -> dict[str, Any]:
    answer = client.post(
        "/v1/registry/import", content="\n".join(rows), headers={"Content-Type": "text/csv"}
    )
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_they_are_in_every_answer(admin: httpx.Client, two: tuple[str, str], fresh: str) -> None:
    sent = {
        "model": "JEM-2100",
        "manufacturer": "JEOL",
        "external_ids": {"nrii": f"{fresh}", "asset": "G 7"},
    }
    made = admin.patch(f"/v1/instruments/{two[0]}", json=sent)
    assert made.status_code == 200
    (listed, other) = admin.get("/v1/instruments", params={"q": fresh}).json()["items"]
    versions = admin.get(f"/v1/instruments/{two[0]}/versions").json()["items"]
    one = admin.get(f"/v1/instruments/{two[0]}").json()
    for body in (made.json(), listed, one, versions[-1]):
        assert {name: body[name] for name in sent} == sent
    assert {name: other[name] for name in sent} == dict.fromkeys(sent)


def test_a_file_comes_back_as_it_went_out(
    admin: httpx.Client, two: tuple[str, str], fresh: str
) -> None:
    admin.patch(
        f"/v1/instruments/{two[0]}", json={"model": "G7", "external_ids": {"nrii": f"{fresh}-1"}}
    )
    text = admin.get("/v1/instruments", params={"q": fresh, "format": "csv"}).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["external_ids"] == f'{{"nrii": "{fresh}-1"}}'
    names = ["instrument_id", "name", "institution_id", "gateway_id", "model", "external_ids"]
    again = io.StringIO()
    writer = csv.DictWriter(again, names, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    report = imported(admin, again.getvalue())
    assert (report["unchanged"], report["rejected"]) == (2, 0)


def test_the_second_is_refused_and_both_are_named(
    admin: httpx.Client, two: tuple[str, str], fresh: str, place: dict[str, str]
) -> None:
    first, second = two
    assert patch(admin, first, {"nrii": fresh, "asset": "7"}).status_code == 200
    for answer in (
        patch(admin, second, {"nrii": fresh}),
        patch(admin, second, {"nrii": fresh}, valid_from="2100-01-01T00:00:00Z"),
        admin.put(
            f"/v1/instruments/{second}",
            json={"name": "x", **place, "external_ids": {"nrii": fresh}},
        ),
    ):
        assert answer.status_code == 409, answer.text
        problem = answer.json()
        assert repr(first) in problem["detail"]
        assert repr(second) in problem["detail"]
        (error,) = problem["errors"]
        assert (error["field"], error["value"]) == ("body.external_ids", f"nrii: {fresh}")
    assert admin.get(f"/v1/instruments/{second}").json()["external_ids"] is None
    # Another scheme's value is another id, and the same record may say its own again.
    assert patch(admin, second, {"asset": fresh}).status_code == 200
    assert patch(admin, first, {"nrii": fresh}).status_code == 200


def test_what_is_given_up_is_free_from_then_on(
    admin: httpx.Client, two: tuple[str, str], fresh: str, place: dict[str, str]
) -> None:
    first, second = two
    patch(admin, first, {"nrii": fresh}, valid_from=JUNE)
    assert patch(admin, first, None).status_code == 200
    assert patch(admin, second, {"nrii": fresh}, valid_from=JUNE).status_code == 409
    assert patch(admin, second, {"nrii": fresh}).status_code == 200
    assert patch(admin, second, None).status_code == 200
    new = {"name": "新", **place, "external_ids": {"nrii": fresh}}
    assert admin.put(f"/v1/instruments/{fresh}-c", json=new).status_code == 201


def test_rows_are_told_apart(
    admin: httpx.Client, two: tuple[str, str], fresh: str, place: dict[str, str]
) -> None:
    patch(admin, two[0], {"nrii": fresh})
    bound = ",".join(place.values())

    def row(name: str, ids: str) -> str:
        return f'{name},电镜,{bound},"{{""nrii"": ""{ids}""}}"'

    report = imported(
        admin,
        f"instrument_id,name,{','.join(place)},external_ids",
        row(f"{fresh}-new", f"{fresh}-x"),
        row(two[1], fresh),
        row(f"{fresh}-newer", f"{fresh}-x"),
    )
    assert (report["created"], report["rejected"]) == (1, 2)
    assert [(one["row"], one["column"], one["value"]) for one in report["errors"]] == [
        (3, "external_ids", f"nrii: {fresh}"),
        (4, "external_ids", f"nrii: {fresh}-x"),
    ]
    pairs = (two, (f"{fresh}-new", f"{fresh}-newer"))
    for error, names in zip(report["errors"], pairs, strict=True):
        assert all(repr(name) in error["rule"] for name in names)


def test_institutions_have_theirs(admin: httpx.Client, fresh: str, two: tuple[str, str]) -> None:
    body = {"external_ids": {"nrii": fresh}}
    assert admin.put(f"/v1/institutions/{fresh}-1", json=body).json()["external_ids"] == {
        "nrii": fresh
    }
    assert admin.get(f"/v1/institutions/{fresh}-1").json()["external_ids"] == {"nrii": fresh}
    refused = admin.put(f"/v1/institutions/{fresh}-2", json=body)
    assert refused.status_code == 409
    assert f"{fresh}-1" in refused.json()["detail"]
    # An instrument is another kind of thing.
    assert patch(admin, two[0], body["external_ids"]).status_code == 200


def test_no_id_waits_outside_the_index(conn: psycopg.Connection[tuple[Any, ...]]) -> None:
    rows = conn.execute(
        "SELECT reloptions FROM pg_class WHERE relname LIKE '%version_external_ids'"
    ).fetchall()
    assert rows == [(["fastupdate=off"],)] * 2
