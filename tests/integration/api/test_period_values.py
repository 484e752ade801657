"""What forms ask for of an instrument and a period that nothing measures."""

from typing import Any

import httpx
import psycopg
import pytest

from store.reports.values import load_values
from store.run import run

Connection = psycopg.Connection[tuple[object, ...]]
YEAR = {"from": "2025-01-01", "to": "2026-01-01"}


@pytest.fixture
def period(admin: httpx.Client, place: dict[str, str]) -> int:
    body = {"institution_id": place["institution_id"], **YEAR}
    return int(admin.post("/v1/periods", json=body).json()["period_id"])


def address(period: int, instrument: str) -> str:
    return f"/v1/periods/{period}/values/{instrument}"


def test_what_is_said_is_read_and_replaced(
    admin: httpx.Client, conn: Connection, period: int, instrument: str
) -> None:
    at = address(period, instrument)
    nothing = admin.get(at).json()
    assert (nothing["fields"], nothing["changed_at"], nothing["changed_by"]) == ({}, None, None)
    said = admin.put(at, json={"fields": {"TRNSTUD": " 12 ", "PAPERINDEX": "3"}})
    assert said.json()["fields"] == {"PAPERINDEX": "3", "TRNSTUD": "12"}
    assert said.json() == admin.get(at).json()
    assert run(conn, load_values(period)) == {instrument: {"PAPERINDEX": "3", "TRNSTUD": "12"}}
    again = admin.put(at, json={"fields": {"PAPERINDEX": "3", "TRNSTUD": "12"}})
    assert again.json()["changed_at"] == said.json()["changed_at"], "nothing is new"
    assert admin.put(at, json={"fields": {"TRNSTUD": "13"}}).json()["fields"] == {"TRNSTUD": "13"}
    assert admin.put(at, json={"fields": None}).json() == nothing
    asked = {"object_type": "period_value", "object_id": f"{period}/{instrument}"}
    entries = admin.get("/v1/audit", params=asked).json()["items"]
    assert [one["after"]["fields"] for one in entries] == [
        None,
        {"TRNSTUD": "13"},
        {"PAPERINDEX": "3", "TRNSTUD": "12"},
    ]


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"a": "b\nc"}, "control characters"),
        ({"": "b"}, "at least 1"),
        ({}, "must hold a word"),
        ({str(number): "1" for number in range(65)}, "at most 64"),
    ],
)
def test_what_is_refused(
    admin: httpx.Client, period: int, instrument: str, fields: dict[str, str], rule: str
) -> None:
    answer = admin.put(address(period, instrument), json={"fields": fields})
    assert answer.status_code == 422
    assert rule in answer.text


def test_unknown_periods_and_instruments(admin: httpx.Client, period: int, instrument: str) -> None:
    body = {"fields": {"a": "b"}}
    assert admin.put(address(10**12, instrument), json=body).status_code == 404
    assert admin.put(address(period, "nowhere"), json=body).status_code == 404
    assert admin.get(address(period, "nowhere")).status_code == 404


def sent(client: httpx.Client, period: int, text: str) -> Any:
    answer = client.post(
        f"/v1/periods/{period}/values/import",
        content=text.encode(),
        headers={"Content-Type": "text/csv"},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_file_twice_changes_nothing_and_bad_rows_cost_themselves(
    admin: httpx.Client, conn: Connection, period: int, instrument: str, fresh: str
) -> None:
    admin.patch(f"/v1/instruments/{instrument}", json={"external_ids": {"asset": fresh}})
    text = (
        "external_id,TRNSTUD,CHARGEMAN\r\n"
        f"{fresh},12,某某\r\n"
        "nobodys,1,x\r\n"
        ",1,x\r\n"
        f"{fresh}x,{'9' * 501},\r\n"
    )
    first = sent(admin, period, text)
    assert (first["created"], first["updated"], first["unchanged"]) == (1, 0, 0)
    assert [(one["row"], one["rule"]) for one in first["errors"]] == [
        (3, "'nobodys' names no instrument that the key may see"),
        (4, "instrument_id and external_id are empty: one of them is wanted"),
        (5, "TRNSTUD: String should have at most 500 characters"),
    ]
    assert run(conn, load_values(period)) == {instrument: {"CHARGEMAN": "某某", "TRNSTUD": "12"}}
    assert sent(admin, period, text)["unchanged"] == 1
    assert sent(admin, period, f"instrument_id,TRNSTUD\n{instrument},9\n")["updated"] == 1


@pytest.mark.parametrize("text", ["", "TRNSTUD\n1\n", "instrument_id,\nx,1\n"])
def test_files_that_are_none(admin: httpx.Client, period: int, text: str) -> None:
    answer = admin.post(
        f"/v1/periods/{period}/values/import",
        content=text.encode(),
        headers={"Content-Type": "text/csv"},
    )
    assert answer.status_code == 422
    assert "header" in answer.json()["detail"]


def test_a_closed_period_stays_as_it_is(admin: httpx.Client, period: int, instrument: str) -> None:
    at = address(period, instrument)
    admin.put(at, json={"fields": {"TRNSTUD": "12"}})
    assert admin.post(f"/v1/periods/{period}/close").status_code == 200
    answer = admin.put(at, json={"fields": {"TRNSTUD": "13"}})
    assert (answer.status_code, "is closed" in answer.json()["detail"]) == (409, True)
    assert admin.get(at).json()["fields"] == {"TRNSTUD": "12"}


def test_what_was_said_goes_with_an_open_period(
    admin: httpx.Client, conn: Connection, period: int, instrument: str
) -> None:
    admin.put(address(period, instrument), json={"fields": {"TRNSTUD": "12"}})
    assert admin.delete(f"/v1/periods/{period}").status_code == 204
    assert run(conn, load_values(period)) == {}
