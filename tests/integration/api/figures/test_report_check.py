"""What a period lacks for a form, told before it is closed and after, the same page by page."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from cli.reports import app
from store.registry.keys import create_key
from store.run import run
from tests.integration.api.conforming import conforms
from tests.integration.api.figures.world import HOUR, MINUTE, World, at, every

BEGIN = at("2026-03-01T00:00+08:00")
DAY = 24 * HOUR
MONTH = {"from": "2026-03-01", "to": "2026-04-01"}
TOLD = ["服务金额(元)", "服务方式", "服务对象", "服务类型", "服务经费来源", "课题主要科学领域",
        "本次服务是否签订协议", "是否在单位内使用", "申请人单位", "用户评价及意见"]  # fmt: skip


@pytest.fixture
def city(figures_app: str, world: World) -> Iterator[httpx.Client]:
    key = run(world.conn, create_key(name="t", scopes=["admin"], institution_id=None)).key
    headers, hooks = {"Authorization": f"Bearer {key}"}, {"response": [conforms]}
    with httpx.Client(
        base_url=figures_app, headers=headers, timeout=60, event_hooks=hooks
    ) as client:
        yield client


def filled(world: World, city: httpx.Client) -> str:
    """A period of two instruments, of which one has a use that was told; its address."""
    for name, uses in (("a", 3), ("b", 1), ("idle", 0)):
        world.instrument(name, institution="i1")
        starts = [BEGIN + n * DAY + HOUR for n in range(uses)]
        world.feed(name, [r for s in starts for r in every(s, s + 31 * MINUTE, "running")])
    world.conn.execute(
        "INSERT INTO annotation (instrument_key, at, purpose, user_type, user_unit, direction,"
        " amount_cny, more, actor) SELECT instrument_key, %s::timestamptz, 'research', 'external',"
        " 'Lab', 'x', 5, %s::jsonb, 'x' FROM instrument WHERE instrument_id = 'a'",
        [
            "2026-03-01T01:10+08:00",
            '{"服务方式": "占用共享", "服务经费来源": "无", "本次服务是否签订协议": "否",'
            ' "是否在单位内使用": "单位内使用", "用户评价及意见": "一般"}',
        ],
    )
    made = city.post("/v1/periods", json={"institution_id": "i1", **MONTH})
    assert made.status_code == 201, made.text
    return f"/v1/periods/{made.json()['period_id']}"


def check(city: httpx.Client, path: str, profile: str, **asked: Any) -> Any:
    answer = city.get(f"{path}/check", params={"profile": profile, **asked})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_it_is_told_by_instrument_and_column_and_the_same_once_closed(
    world: World, city: httpx.Client
) -> None:
    path = filled(world, city)
    found = check(city, path, "nrii-columns")
    assert found["rows"] == 4
    assert found["lacks"] == 2 * len(TOLD)
    assert [one["column"] for one in found["columns"]] == TOLD
    assert {(one["rows"], one["instruments"]) for one in found["columns"]} == {(3, 2)}
    told = [(one["instrument_id"], one["column"], one["rows"]) for one in found["items"]]
    assert told == [("a", column, 2) for column in TOLD] + [("b", column, 1) for column in TOLD]
    first = found["items"][0]
    assert first["first_from"] == "2026-03-01T17:00:00Z", "the second day's: the first was told"
    assert first["rule"] == "is empty; the form requires it"
    assert first["mend"] == {
        "page": "#/instrument/a",
        "method": "POST",
        "address": "/v1/instruments/a/annotations",
    }
    world.conn.execute(
        "INSERT INTO annotation_person (annotation_id, name, phone) SELECT annotation_id,"
        " 'Li', '021-0' FROM annotation"
    )
    reader = run(world.conn, create_key(name="r", scopes=["read"])).key
    params, headers = {"profile": "records", "persons": True}, {"Authorization": f"Bearer {reader}"}
    assert city.get(f"{path}/check", params=params, headers=headers).status_code == 403
    with_persons = check(city, path, "nrii-columns", persons=True)
    assert {one["column"]: one["rows"] for one in with_persons["columns"]} == {
        **dict.fromkeys(TOLD, 3),
        **dict.fromkeys(["申请人", "申请人电话"], 3),
        "申请人电子邮箱": 4,
    }
    assert city.post(f"{path}/close").status_code == 200
    closed = check(city, path, "nrii-columns")
    assert {**closed, "as_of": None} == {**found, "as_of": None}


def test_pages_are_parts_of_the_whole(world: World, city: httpx.Client) -> None:
    path = filled(world, city)
    whole = check(city, path, "nrii-columns")
    items, cursor = [], None
    while True:
        asked = {"limit": 7, **({"cursor": cursor} if cursor else {})}
        part = check(city, path, "nrii-columns", **asked)
        assert (part["lacks"], part["columns"]) == (whole["lacks"], whole["columns"])
        items += part["items"]
        cursor = part["next_cursor"]
        if cursor is None:
            break
    assert items == whole["items"]


def test_instruments_without_records_are_in_forms_with_a_row_an_instrument(
    world: World, city: httpx.Client
) -> None:
    path = filled(world, city)
    found = check(city, path, "cers-share-effect")
    assert found["rows"] == 3
    lacking = {(one["instrument_id"], one["column"]): one for one in found["items"]}
    assert {name for name, column in lacking if column == "CHARGEMAN"} == {"a", "b", "idle"}
    assert lacking["a", "RSCHUSEDHRS"]["rule"].startswith("lacks 2 of 3 records")
    assert ("idle", "RSCHUSEDHRS") not in lacking
    assert lacking["a", "CHARGEMAN"]["mend"]["address"] == f"{path}/values/a"
    assert lacking["a", "SchoolCode"]["mend"]["address"] == "/v1/institutions/i1"
    said = city.put(f"{path}/values/a", json={"fields": {"CHARGEMAN": "Li"}})
    assert said.status_code == 200
    again = check(city, path, "cers-share-effect")
    assert again["lacks"] == found["lacks"] - 1


def test_what_there_is_no_form_or_period_of(world: World, city: httpx.Client) -> None:
    path = filled(world, city)
    assert city.get(f"{path}/check", params={"profile": "nobodys"}).status_code == 422
    assert city.get(f"{path}/check").status_code == 422
    params = {"profile": "records"}
    assert city.get("/v1/periods/987654321/check", params=params).status_code == 404
    assert check(city, path, "records")["lacks"] == 0


def test_by_the_command_line_the_same(
    world: World, city: httpx.Client, figures_url: str, tmp_path: Path
) -> None:
    path = filled(world, city)
    number = path.rpartition("/")[2]

    def jishi(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(
            app,
            list(words),
            env={"COLUMNS": "200", "JISHI_DATABASE_URL": figures_url},
        )
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.output

    own = {"region_code": "310000", "report_fields": {"address": "1 号楼"}}
    since = {"valid_from": "2020-01-01T00:00:00Z"}
    assert city.patch("/v1/institutions/i1", json={**own, **since}).is_success
    fields = {"report_fields": {"department": "分析测试中心"}}
    assert city.patch("/v1/instruments/a", json={**fields, **since}).is_success
    code, told = jishi("check", number, "--profile", "nrii-columns")
    assert code == 1
    assert f"lacks something for nrii-columns in {2 * len(TOLD)} places" in told
    code, told = jishi("check", number, "--profile", "records")
    assert (code, "lacks nothing" in told) == (0, True), told
    assert city.post(f"{path}/close").status_code == 200
    files = {}
    for profile, form, rows in (
        ("records", "json", 4), ("nrii-columns", "csv", 4), ("cers-share-effect", "xml", 3),
    ):  # fmt: skip
        file = tmp_path / f"{profile}.{form}"
        code, told = jishi("write", number, str(file), "--profile", profile, "--as", form)
        assert (code, f"{rows} rows of {profile} 1 as {form}" in told) == (0, True), told
        files[profile] = file.read_bytes()
    listed = city.get(f"{path}/records").json()["items"]
    written = json.loads(files["records"])["records"]
    for one, other in zip(listed, written, strict=True):
        for name in ("record_id", "instrument_id", "from", "to", "effective_s", "hours"):
            assert one[name] == other[name]
    first = written[0]
    assert (first["instrument_id"], first["region_code"]) == ("a", own["region_code"])
    assert first["report_fields"] == fields["report_fields"]
    assert first["institution_report_fields"] == own["report_fields"]
    assert files["cers-share-effect"].decode().count("<Instru>") == 3
    code, told = jishi("write", number, str(tmp_path / "x"), "--profile", "records", "--as", "xml")
    assert (code, "records is not written as xml" in told) == (2, True)
    assert [one.name for one in tmp_path.iterdir() if one.suffix not in (".json", ".csv", ".xml")
            ] == []  # fmt: skip
    assert jishi("write", "987654", str(tmp_path / "x"), "--profile", "records")[0] == 1
