"""Tables as CSV: the same fields by the same names, and nothing that a spreadsheet would run."""

import csv
import io
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import httpx
import pytest

import api.answers
from api.tables import ABOUT, IDENTIFYING, _table
from tests.integration.api.conforming import DOCUMENT, wants_window

WINDOW = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z"}
#: What answers are, by the name that they have in the document.
MODELS: dict[str, Any] = {
    name: model
    for module in iter_modules(api.answers.__path__, "api.answers.")
    for name, model in vars(import_module(module.name)).items()
}
#: Routes whose answer holds a table, as the document says.
TABLES = [
    path
    for path, item in DOCUMENT["paths"].items()
    if "text/csv" in item.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
]


def rows(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv; charset=utf-8")
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def test_every_list_is_among_them() -> None:
    assert {"/v1/instruments", "/v1/utilization", "/v1/status/summary", "/v1/audit"} <= set(TABLES)
    assert "/v1/instruments/{instrument_id}/timeline" in TABLES


def closed_period(admin: httpx.Client, institution: str) -> str:
    made = admin.post("/v1/periods", json={"institution_id": institution, **WINDOW}).json()
    assert admin.post(f"/v1/periods/{made['period_id']}/close").is_success
    return str(made["period_id"])


@pytest.mark.parametrize("path", TABLES)
def test_every_table_is_to_be_had(admin: httpx.Client, instrument: str, path: str) -> None:
    names = {"instrument_id": instrument, "gateway_id": instrument.replace("sem", "gw")}
    names["institution_id"] = instrument.replace("sem", "inst")
    if "{period_id}" in path:
        names["period_id"] = closed_period(admin, names["institution_id"])
    if "{plan_id}" in path:
        plan = {"instrument_id": instrument, "name": "oil", "every_days": 90}
        names["plan_id"] = str(admin.post("/v1/maintenance/plans", json=plan).json()["id"])
    if "{evaluation_id}" in path:
        period = int(closed_period(admin, names["institution_id"]))
        asked_for = {"scheme": "campus-benefit", "period_ids": [period]}
        made = admin.post("/v1/evaluations", json=asked_for).json()
        names["evaluation_id"] = str(made["evaluation_id"])
    address = path.format(**names)
    asked: dict[str, Any] = WINDOW if wants_window(path) else {}
    if path.endswith("/check"):
        asked = {"profile": "records"}
    by_header = admin.get(address, params=asked, headers={"Accept": "text/csv"})
    by_query = admin.get(address, params={**asked, "format": "csv"})
    assert rows(by_header) is not None
    assert by_header.text.partition("\r\n")[0] == by_query.text.partition("\r\n")[0]
    assert "attachment" in by_query.headers["content-disposition"]
    assert admin.get(address, params={**asked, "format": "xlsx"}).status_code == 422
    # JSON stays what who takes anything gets.
    for accept in ("*/*", "application/json", "application/json, text/csv;q=0.5", "text/html"):
        answer = admin.get(address, params=asked, headers={"Accept": accept})
        assert answer.headers["content-type"] == "application/json"


def test_fields_and_digits_are_the_same(admin: httpx.Client, fresh: str, instrument: str) -> None:
    admin.patch(f"/v1/instruments/{instrument}", json={"value_cny": "1250000.50", "hold_s": 0.5e3})
    body = admin.get("/v1/instruments", params={"q": fresh}).json()["items"][0]
    (row,) = rows(admin.get("/v1/instruments", params={"q": fresh, "format": "csv"}))
    assert row["value_cny"] == "1250000.50"
    assert row["hold_s"] == "500"
    assert row["always_on"] == "false"
    assert row["lon"] == ""
    assert row["status.connectivity"] == body["status"]["connectivity"]
    flat = {f"status.{name}" for name in body["status"]} | body.keys() - {"status"}
    assert row.keys() == flat | {"as_of"}


def test_formulas_are_defused(admin: httpx.Client, fresh: str, place: dict[str, str]) -> None:
    names = ['=HYPERLINK("http://x","y")', "＝1+1", "@SUM(1)", "-2+3", "扫描电镜"]
    for number, name in enumerate(names):
        body = {"name": name, **place}
        assert admin.put(f"/v1/instruments/{fresh}-{number}", json=body).status_code == 201
    found = rows(admin.get("/v1/instruments", params={"q": fresh, "format": "csv"}))
    assert [row["name"] for row in found] == [*(f"'{name}" for name in names[:4]), "扫描电镜"]
    # The audit shows the same names within JSON, where no cell begins with one.
    seen = rows(admin.get("/v1/audit", params={"object_id": f"{fresh}-0", "format": "csv"}))
    assert all(row["after"].startswith("{") for row in seen)


def test_pages_follow_one_another(admin: httpx.Client, fresh: str) -> None:
    for number in range(3):
        admin.put(f"/v1/institutions/{fresh}-{number}", json={})
    found: list[str] = []
    address = f"/v1/institutions?q={fresh}&limit=2&format=csv"
    for _ in range(2):
        answer = admin.get(address)
        found += [row["institution_id"] for row in rows(answer)]
        address = answer.links.get("next", {}).get("url", "")
    assert found == [f"{fresh}-{number}" for number in range(3)]
    assert address == ""


def test_all_rows_are_in_it_unless_a_page_is_asked_for(admin: httpx.Client, fresh: str) -> None:
    """More than a page by default, and than the largest that may be asked for."""
    wanted = [f"{fresh}-{number:04}" for number in range(1_150)]
    text = "institution_id,name\n" + "".join(f"{one},=1+1\n" for one in wanted)
    made = admin.post(
        "/v1/registry/import",
        params={"type": "institutions"},
        content=text,
        headers={"Content-Type": "text/csv"},
    )
    assert made.json()["created"] == len(wanted)
    asked = {"q": fresh, "format": "csv"}
    answer = admin.get("/v1/institutions", params=asked)
    found = rows(answer)
    assert [row["institution_id"] for row in found] == wanted
    assert {row["name"] for row in found} == {"'=1+1"}
    assert "link" not in answer.headers
    # What is told in several pages has no one tag.
    assert "etag" not in answer.headers
    by_header = admin.get("/v1/institutions", params={"q": fresh}, headers={"Accept": "text/csv"})
    assert by_header.text == answer.text
    # From a cursor on: all the rest.
    page = admin.get("/v1/institutions", params={**asked, "limit": 7})
    assert [row["institution_id"] for row in rows(page)] == wanted[:7]
    rest = admin.get(page.links["next"]["url"].replace("limit=7&", ""))
    assert [row["institution_id"] for row in rows(rest)] == wanted[7:]


@pytest.mark.parametrize("path", TABLES)
def test_what_identifies_a_row_stands_first(path: str) -> None:
    answered = DOCUMENT["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    table = _table(MODELS[answered["schema"]["$ref"].rpartition("/")[2]])
    assert table is not None
    names = [column.name for column in table.columns]
    assert len(set(names)) == len(names)
    windows = ("/timeline", "/sessions", "/planned", "/rollups")  # what is told of is a window
    counted = ["kind", "state", "alerts"]  # a row of counts is told by what it counts
    assert names[0] in IDENTIFYING or path.endswith(windows) or names == counted
    known = [name for name in names if name in IDENTIFYING]
    about = [name for name in names if name in ABOUT]
    assert names[: len(known) + len(about)] == [*known, *about]
    if "from" in names:
        assert {"from", "to"} <= set(names)
        assert {"tz", "timezone"} & set(names), "by which clock"


def test_each_form_has_its_own_tag(admin: httpx.Client, instrument: str) -> None:
    asked = {"q": instrument}
    plain = admin.get("/v1/instruments", params=asked)
    table = admin.get("/v1/instruments", params={**asked, "format": "csv"})
    assert plain.headers["etag"] != table.headers["etag"]
    assert "Accept" in plain.headers["vary"]
    same = {"If-None-Match": table.headers["etag"]}
    again = admin.get("/v1/instruments", params={**asked, "format": "csv"}, headers=same)
    assert again.status_code == 304
    assert admin.get("/v1/instruments", params=asked, headers=same).status_code == 200


def test_the_whole_is_a_row_where_nothing_divides_it(admin: httpx.Client, instrument: str) -> None:
    (row,) = rows(admin.get("/v1/utilization", params={**WINDOW, "format": "csv"}))
    assert row["key"] == ""
    assert row["window_s"]
    assert (row["from"], row["to"], row["tz"]) == (*WINDOW.values(), "Asia/Shanghai")
    path = f"/v1/instruments/{instrument}/utilization"
    (row,) = rows(admin.get(path, params={**WINDOW, "format": "csv"}))
    assert row["from"] == WINDOW["from"]
    hours = rows(admin.get(path, params={**WINDOW, "bucket": "hour", "format": "csv"}))
    assert len(hours) == 24
    assert {one["instrument_id"] for one in hours} == {instrument}
    assert {(one["window_from"], one["window_to"]) for one in hours} == {tuple(WINDOW.values())}
    assert sum(float(one["window_s"]) for one in hours) == 86_400
