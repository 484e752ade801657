"""Every query of the shipped dashboards, asked of the running service as Grafana would ask.

Grafana itself is not run here: its macros and variables are expanded as its documentation has
them, SQL goes in as the role that its data source names, addresses with a key that may read.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import yaml

from cli.roles import role_urls
from tests.live import DAY, DAY_LENGTH, HOUR, Live, beat, iso
from tests.prometheus import DEPLOY, promtool

GRAFANA = DEPLOY / "grafana"
DASHBOARDS = {
    path.stem: json.loads(path.read_text("utf-8"))
    for path in sorted((GRAFANA / "dashboards").glob("*.json"))
}
SOURCES = {
    source["uid"]: source
    for source in yaml.safe_load(
        (GRAFANA / "provisioning/datasources/jishi.yml").read_text("utf-8")
    )["datasources"]
}
METRICS = set(
    re.findall(r"^\| `([a-z_]+)` \|", (DEPLOY.parent / "docs/metrics.md").read_text("utf-8"), re.M)
)
#: What processes and those who watch tell of themselves.
OTHERS = {"process_resident_memory_bytes", "process_cpu_seconds_total", "ALERTS",
          "node_filesystem_size_bytes"}  # fmt: skip
TARGETS = [
    pytest.param(panel, target, id=f"{name}: {panel['title']} {target['refId']}")
    for name, dashboard in DASHBOARDS.items()
    for panel in dashboard["panels"]
    for target in panel.get("targets", ())
]


def of(kind: str) -> list[Any]:
    return [p for p in TARGETS if SOURCES[p.values[1]["datasource"]["uid"]]["type"] == kind]


def sql_of(title: str) -> str:
    """The statement of the one panel of this title that asks the database."""
    (found,) = [
        p.values[1]["rawSql"]
        for p in of("grafana-postgresql-datasource")
        if p.values[0]["title"] == title
    ]
    return str(found)


def expanded(text: str, start: int, end: int, chosen: dict[str, list[str]]) -> str:
    """SQL as Grafana sends it: its macros, and variables of several values as a quoted list."""
    low, high = (datetime.fromtimestamp(us / 1e6, UTC).strftime("'%Y-%m-%dT%H:%M:%SZ'")
                 for us in (start, end))  # fmt: skip
    for name, values in chosen.items():
        text = text.replace(f"${name}", ",".join(f"'{value}'" for value in values))
    text = text.replace("$__timeFrom()", low).replace("$__timeTo()", high)
    text = re.sub(r"\$__timeFilter\((\w+)\)", rf"\1 BETWEEN {low} AND {high}", text)
    text = re.sub(
        r"\$__timeGroupAlias\((\w+), '(\d+)d'\)",
        lambda m: f"time_bucket('{int(m[2]) * 86_400}.000s',{m[1]}) AS \"time\"",
        text,
    )
    assert "$" not in text, f"what is not expanded: {text}"
    return text


@pytest.fixture(scope="module")
def fleet(live: Live) -> dict[str, Any]:
    """Two instruments of an institution with some days of a few hours' use, all rolled up."""
    live.put("institutions/graphed", {"name": "Graphed", "district_code": "310104"})
    gateway = live.gateway(institution_id="graphed")
    scopes = [
        live.instrument(institution_id="graphed", gateway=gateway, kind=kind, hold_s=86_400)
        for kind in ("general", "special")
    ]
    start = DAY - 5 * DAY_LENGTH
    for number, scope in enumerate(scopes):
        begins = [start + day * DAY_LENGTH + 2 * HOUR for day in range(7)]
        beats = [(at, at + (number + 1) * HOUR) for at in begins]
        live.publish(
            scope, *(b for on, off in beats for b in (beat(on, "running"), beat(off, "idle")))
        )
    for scope in scopes:
        live.wait_for_rollups(scope)
    return {"instruments": scopes, "start": start, "end": DAY}


@pytest.fixture(scope="module")
def reader(live: Live) -> Iterator[psycopg.Connection[Any]]:
    source = SOURCES["jishi-database"]
    url = role_urls(live.service.database_url, live.service.stack.folder)[source["user"]]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = on")
        yield connection


def chosen(reader: psycopg.Connection[Any]) -> dict[str, list[str]]:
    """Every value of every variable, as "All" stands for them."""
    found = {}
    for variable in DASHBOARDS["fleet"]["templating"]["list"]:
        cursor = reader.execute(variable["query"])
        assert [column.name for column in cursor.description or ()] == ["__text", "__value"]
        found[variable["name"]] = [value for _, value in cursor]
    return found


def answer(
    reader: psycopg.Connection[Any], text: str, fleet: dict[str, Any], **only: list[str]
) -> list[dict[str, Any]]:
    query = expanded(text, fleet["start"], fleet["end"], {**chosen(reader), **only})
    cursor = reader.execute(query)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor]


@pytest.mark.parametrize(("panel", "target"), of("grafana-postgresql-datasource"))
def test_sql_answers(
    reader: psycopg.Connection[Any], fleet: dict[str, Any], panel: Any, target: Any
) -> None:
    rows = answer(reader, target["rawSql"], fleet)
    if "silent" not in target["rawSql"]:
        assert rows, "it shows nothing where there is something"
    if target["format"] == "time_series":
        times = [row["time"] for row in rows]
        assert times == sorted(times)
        assert all(isinstance(time, datetime) for time in times)
    if rows and panel["fieldConfig"]["defaults"]["unit"] == "percentunit":
        ratios = [v for row in rows for v in row.values() if isinstance(v, Decimal)]
        assert ratios
        assert all(v >= 0 for v in ratios)


def test_sums_are_the_api_s(
    live: Live, reader: psycopg.Connection[Any], fleet: dict[str, Any]
) -> None:
    by_institution = sql_of("Institutions")
    (row,) = [
        row for row in answer(reader, by_institution, fleet) if row["institution_id"] == "graphed"
    ]
    # The days of the panel are whole ones of the service's zone: from 8 h before midnight UTC on.
    eight = 8 * HOUR
    group = live.get(
        "utilization",
        from_=iso(fleet["start"] - eight),
        to=iso(fleet["end"] + DAY_LENGTH - eight),
        institution="graphed",
        group_by="institution",
    )["groups"][0]
    assert row["instruments"] == group["instruments"] == 2
    assert row["running_h"] * 3600 == group["running_s"]
    known = group["window_s"] - group["unknown_s"]
    assert round(row["utilization"], 9) == round(Decimal(group["running_s"]) / known, 9)
    assert round(row["rated_utilization"], 9) == round(
        Decimal(group["effective_s"]) / group["rated_s"], 9
    )
    daily = reader.execute(
        "SELECT sum(running_s), sum(idle_s), sum(off_s), sum(unknown_s), sum(window_s)"
        " FROM dashboard_v1.instrument_day WHERE institution_id = 'graphed'"
        " AND day BETWEEN %s::timestamptz::date AND %s::timestamptz::date",
        [iso(fleet["start"]), iso(fleet["end"])],
    ).fetchone()
    assert daily == tuple(
        group[f"{name}_s"] for name in ("running", "idle", "off", "unknown", "window")
    )


def test_who_is_there_now_is_the_api_s(live: Live, reader: psycopg.Connection[Any]) -> None:
    rows = reader.execute(
        "SELECT instrument_id, connectivity, activity FROM dashboard_v1.instrument"
    ).fetchall()
    told = [
        (one["instrument_id"], one["status"]["connectivity"], one["status"]["activity"])
        if "status" in one
        else (one["instrument_id"], one["connectivity"], one["activity"])
        for one in live.page_through("instruments", limit=1_000)
    ]
    assert sorted(rows) == sorted(told)


def test_a_district_that_is_chosen_is_the_only_one(
    reader: psycopg.Connection[Any], fleet: dict[str, Any]
) -> None:
    by_district = sql_of("Utilization by district")
    rows = answer(reader, by_district, fleet, district=["310104"])
    assert len(rows) == 1


@pytest.mark.parametrize(("panel", "target"), of("yesoreyeram-infinity-datasource"))
def test_addresses_answer(live: Live, fleet: dict[str, Any], panel: Any, target: Any) -> None:
    key = live.post("keys", {"name": "grafana", "scopes": ["read"]})["key"]
    found = httpx.get(
        live.service.api_url + target["url"], headers={"Authorization": f"Bearer {key}"}
    )
    assert found.status_code == 200, found.text
    rows = found.json()
    for part in target["root_selector"].split("."):
        rows = rows[part]
    assert rows
    for row in rows:
        for column in target["columns"]:
            value = row
            for part in column["selector"].split("."):
                assert part in value, f"{column['selector']} is not there"
                value = value[part]
            kinds = {"number": int | float, "string": str}[column["type"]]
            assert value is None or isinstance(value, kinds)


def test_prometheus_reads_every_expression(tmp_path: Path) -> None:
    expressions = [p.values[1]["expr"] for p in of("prometheus")]
    rules = [{"record": f"panel:{n}", "expr": e} for n, e in enumerate(expressions)]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}), "utf-8")
    done = promtool("check", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("panel", "target"), of("prometheus"))
def test_expressions_ask_for_metrics_that_there_are(panel: Any, target: Any) -> None:
    unquoted = re.sub(r'"[^"]*"', "", target["expr"])
    asked = set(re.findall(r"\b(?:jishi|node|probe|process)_\w+|\bALERTS\b", unquoted))
    assert asked or target["expr"].startswith("sum(up")
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked} <= METRICS | OTHERS


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_is_whole(name: str) -> None:
    dashboard = DASHBOARDS[name]
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, f"{panel['title']} lies over another"
        assert all(x < 24 for x, _ in cells)
        taken |= cells
        for part in (panel, *panel.get("targets", ())):
            if part.get("type") != "row":
                source = SOURCES[part["datasource"]["uid"]]
                assert part["datasource"]["type"] == source["type"]
    assert len({d["uid"] for d in DASHBOARDS.values()}) == len(DASHBOARDS)


def test_secrets_of_data_sources_are_files_of_the_container() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    service = compose["services"]["grafana"]
    named = {
        re.fullmatch(r"\$__file\{/run/secrets/(\w+)\}", value)[1]  # type: ignore[index]
        for source in SOURCES.values()
        for value in source.get("secureJsonData", {}).values()
    }
    admin = service["environment"]["GF_SECURITY_ADMIN_PASSWORD__FILE"].rpartition("/")[2]
    assert named | {admin} == set(service["secrets"])
    assert any(volume.startswith("grafana:") for volume in service["volumes"])
    home = service["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert Path(home).stem in DASHBOARDS
    hosts = {re.split(r"[:/]+", s["url"].removeprefix("http://"))[0] for s in SOURCES.values()}
    assert hosts <= compose["services"].keys()
