"""Bulk exports: every table adds up to `/v1/utilization`, for whoever may see it."""

import io
import json
import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import httpx
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from models.export_table import tag_of
from store.registry.keys import create_key
from store.run import run
from tests.chance import counted
from tests.integration.api.figures.world import HOUR, MINUTE, Get, World, at, beat
from tests.live import us_of

WORLDS = counted("JISHI_EXPORT_WORLDS", 2)
MONTH, START, END = "2026-03", "2026-03-01", "2026-04-01"
DAYS = {"mon": [["08:00", "17:30"]], "sat": [["20:00", "23:59"]], "holidays": "closed"}

#: Names of an answer's figures, and of the export's columns that add up to them.
DAILY = {
    "window_s": "window_us",
    "running_s": "running_us",
    "idle_s": "idle_us",
    "off_s": "off_us",
    "unknown_s": "unknown_us",
    "scheduled_s": "scheduled_us",
    "running_scheduled_s": "running_scheduled_us",
    "effective_s": "effective_us",
    "session_idle_s": "session_idle_us",
    "rated_s": "rated_us",
    "counter_running_s": "counter_running_us",
}
CAUSES = ("before_first", "collector", "gateway", "device")


def random_world(world: World, seed: int) -> None:
    """Instruments that live through March 2026 in all manner of ways."""
    dice = random.Random(seed)
    begin, end = at("2026-02-25T00:00"), at("2026-04-03T00:00")
    world.listening(begin, end)
    world.listening(end + HOUR, end + 2 * HOUR)
    for place in range(3):
        world.institution(f"i{place}", opening_hours=DAYS if place == 1 else None)
        world.gateway(f"g{place}")
        for _ in range(3):
            since = dice.randrange(begin, end)
            world.offline(f"g{place}", since, since + dice.randrange(1, 40) * HOUR)
    for number in range(9):
        name = f"m{number}"
        world.instrument(
            name,
            institution=f"i{number % 3}",
            gateway=f"g{number % 3}",
            district_code=dice.choice(["310101", "310104", None]),
            class_code=dice.choice(["010101", "020000", None]),
            kind="special" if number % 2 else "general",
            always_on=number == 4,
            timezone=dice.choice(["Asia/Shanghai", "Europe/Berlin"]),
            acquired_on=date(2026, 3, 11) if number == 5 else None,
            retired_on=date(2026, 3, 20) if number in (5, 6) else None,
            session_gap_us=dice.choice([0, 300, 7_200]) * 1_000_000,
            session_min_us=dice.choice([0, 60, 3_600]) * 1_000_000,
        )
        if number == 7:
            continue  # never heard of
        world.feed(name, _beats(dice, begin if number != 8 else at("2026-03-17T05:00"), end))
        world.maintenance(name, at("2026-03-09T01:00"), at("2026-03-09T07:30"))
    # Some days have rollups, some have none, and some instruments have no totals.
    world.roll(date(2026, 2, 25), date(2026, 3, 28), instruments=["m0", "m1", "m2", "m5"])
    if seed % 2:
        world.total(date(2026, 3, 28))


def _beats(dice: random.Random, begin: int, end: int) -> list[Any]:
    rows, now, meter = [], begin + dice.randrange(HOUR), 0
    while now < end:
        state = dice.choice(["off", "idle", "running", "running"])
        for _ in range(dice.randrange(1, 5)):
            step = dice.randrange(1, 90 * MINUTE)
            meter += dice.randrange(step)
            runtime = meter if dice.random() < 0.5 else None
            rows.append(beat(now, state, hold=dice.choice([HOUR, 3 * HOUR]), runtime_us=runtime))
            now += step
        if dice.random() < 0.1:
            now += dice.randrange(40 * HOUR)
    return rows


@pytest.fixture
def get(client: httpx.Client) -> Get:
    """As everywhere, with every digit of the seconds."""

    def ask(path: str, **params: Any) -> Any:
        named = {name.rstrip("_"): value for name, value in params.items()}
        answer = client.get(path, params=named).raise_for_status()
        return json.loads(answer.text, parse_float=Decimal)

    return ask


@pytest.fixture
def export(client: httpx.Client) -> Callable[..., pa.Table]:
    def ask(what: str, **params: Any) -> pa.Table:
        answer = client.get(
            f"/v1/export/{what}",
            params={"month": MONTH, **{k.rstrip("_"): v for k, v in params.items()}},
        )
        assert answer.status_code == 200, answer.text
        return pq.read_table(io.BytesIO(answer.content))

    return ask


def total(table: pa.Table, column: str) -> int | None:
    found: int | None = pc.sum(table[column]).as_py()
    return found


def said(table: pa.Table) -> dict[str, str]:
    return {
        name.decode().removeprefix("jishi."): value.decode()
        for name, value in table.schema.metadata.items()
        if name.startswith(b"jishi.")
    }


def adds_up(daily: pa.Table, segments: pa.Table, sessions: pa.Table, figures: Any) -> None:
    """To the microsecond."""
    for name, column in DAILY.items():
        expected = us_of(figures[name])
        found = total(daily, column)
        assert (found or 0) == (expected or 0), name
        assert (found is None) == (expected is None) or not daily.num_rows, name
    for cause in CAUSES:
        expected = us_of(figures["unknown_by_cause"][cause])
        assert (total(daily, f"unknown_{cause}_us") or 0) == expected, cause
        of_cause = segments.filter(pc.equal(pc.cast(segments["cause"], pa.string()), cause))
        assert (total(of_cause, "duration_us") or 0) == expected, cause
    for state in ("running", "idle", "off", "unknown"):
        of_state = segments.filter(pc.equal(pc.cast(segments["state"], pa.string()), state))
        assert (total(of_state, "duration_us") or 0) == us_of(figures[f"{state}_s"]), state
    for column in ("effective_us", "session_idle_us"):
        assert (total(sessions, column) or 0) == us_of(figures[f"{column[:-3]}_s"]), column


def of(table: pa.Table, column: str, value: str | None) -> pa.Table:
    cells = pc.cast(table[column], pa.string())
    return table.filter(pc.is_null(cells) if value is None else pc.equal(cells, value))


@pytest.mark.parametrize("seed", range(WORLDS))
def test_each_table_adds_up_to_the_figures(
    world: World, get: Get, export: Callable[..., pa.Table], seed: int
) -> None:
    random_world(world, seed)
    tz = ("Asia/Shanghai", "Asia/Shanghai", "America/New_York")[seed % 3]
    tables = [export(what, tz=tz) for what in ("daily", "segments", "sessions")]
    for group_by, column in (("instrument", "instrument_id"), ("district", "district_code")):
        answer = get("/v1/utilization", from_=START, to=END, tz=tz, group_by=group_by, limit=100)
        assert {said(table)["revision"] for table in tables} == {answer["overall"]["revision"]}
        adds_up(*tables, answer["overall"])
        for group in answer["groups"]:
            adds_up(*(of(table, column, group["key"]) for table in tables), group)
    daily, segments, sessions = tables
    # And day by day.
    answer = get(
        "/v1/utilization",
        from_=START,
        to=END,
        tz=tz,
        group_by="instrument",
        bucket="day",
        limit=100,
    )
    rows = {(row["instrument_id"], str(row["day"])): row for row in daily.to_pylist()}
    assert len(rows) == daily.num_rows
    for group in answer["groups"]:
        for bucket in group["buckets"]:
            day = datetime.fromisoformat(bucket["from"]).astimezone(ZoneInfo(tz)).date()
            row = rows.pop((group["key"], str(day)), None)
            if row is None:
                assert bucket["window_s"] == 0
                continue
            for name, cell in DAILY.items():
                assert row[cell] == us_of(bucket[name]), name
    assert not rows
    for table in (segments, sessions):
        ends = list(zip(*(table[name].to_pylist() for name in TIMELINE), strict=True))
        assert ends == sorted(ends, key=lambda one: (int(one[0][1:]), one[1]))
        assert all(start < end for _, start, end in ends)


TIMELINE = ("instrument_id", "starts_at", "ends_at")


def test_segments_and_sessions_are_those_of_the_timeline(
    world: World, get: Get, export: Callable[..., pa.Table]
) -> None:
    random_world(world, 11)
    segments, sessions = export("segments"), export("sessions")
    window = {"from": START, "to": END, "tz": "Asia/Shanghai", "limit": 10_000}
    for name in ("m0", "m8"):
        told = get(f"/v1/instruments/{name}/timeline", **window)["items"]
        rows = of(segments, "instrument_id", name).to_pylist()
        assert [(one["state"], one["cause"]) for one in told] == [
            (row["state"], row["cause"]) for row in rows
        ]
        assert [us_of(one["seconds"]) for one in told] == [row["duration_us"] for row in rows]
        told = get(f"/v1/instruments/{name}/sessions", **window)["items"]
        rows = of(sessions, "instrument_id", name).to_pylist()
        assert [(us_of(one["effective_s"]), us_of(one["session_idle_s"])) for one in told] == [
            (row["effective_us"], row["session_idle_us"]) for row in rows
        ]


def test_an_institution_gets_its_own_alone(
    world: World, figures_app: str, client: httpx.Client
) -> None:
    random_world(world, 2)
    made = run(world.conn, create_key(scopes=["read"], institution_id="i1", actor="test"))
    for what in ("daily", "segments", "sessions"):
        for filters in ({}, {"institution": "i2"}):
            answer = httpx.get(
                f"{figures_app}/v1/export/{what}",
                params={"month": MONTH, **filters},
                headers={"Authorization": f"Bearer {made.key}"},
                timeout=60,
            )
            table = pq.read_table(io.BytesIO(answer.content))
            found = set(table["institution_id"].to_pylist())
            assert found == (set() if filters else {"i1"})
        filtered = client.get(
            f"/v1/export/{what}", params={"month": MONTH, "institution": "i1", "kind": "special"}
        )
        table = pq.read_table(io.BytesIO(filtered.content))
        assert set(table["institution_id"].to_pylist()) == {"i1"}
        assert set(table["kind"].to_pylist()) == {"special"}
        assert said(table)["filters"] == '{"institution": ["i1"], "kind": ["special"]}'


def test_what_a_file_says_of_itself(
    world: World, get: Get, client: httpx.Client, export: Callable[..., pa.Table]
) -> None:
    random_world(world, 4)
    answer = client.get("/v1/export/sessions", params={"month": MONTH})
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    assert answer.headers["content-disposition"] == (
        'attachment; filename="jishi-sessions-2026-03.parquet"'
    )
    table = pq.read_table(io.BytesIO(answer.content))
    facts = said(table)
    assert facts["from"].startswith("2026-02-28T16:00:00")
    assert facts["to"].startswith("2026-03-31T16:00:00")
    assert (facts["tz"], facts["what"], facts["month"]) == ("Asia/Shanghai", "sessions", MONTH)
    assert facts["provisional"] == "false"
    # A late change changes the revision, the registry's its own.
    again = said(export("sessions"))
    assert (again["revision"], again["registry"]) == (facts["revision"], facts["registry"])
    assert again["as_of"] > facts["as_of"]
    world.conn.execute("DELETE FROM segment WHERE instrument_key % 2 = 0")
    world.unroll()
    world.conn.execute("TRUNCATE rollup_total, rollup_total_step, rollup_total_reach")
    later = said(export("sessions"))
    assert later["revision"] != facts["revision"]
    assert later["registry"] == facts["registry"]
    world.conn.execute("UPDATE instrument_version SET class_code = '010102'")
    world.conn.execute("UPDATE registry_revision SET revision = revision + 1")
    assert said(export("sessions"))["registry"] != facts["registry"]


def test_this_month_and_one_that_lies_ahead(
    world: World, get: Get, export: Callable[..., pa.Table]
) -> None:
    now = world.now_us()
    world.instrument("m0")
    world.feed("m0", [beat(t, "running") for t in range(now - 3 * HOUR, now, MINUTE)])
    this = get("/v1/utilization", window="this-month")
    month = this["to"][:7]
    ahead = date.fromisoformat(f"{month}-01") + timedelta(days=70)
    for what in ("daily", "segments", "sessions"):
        table = export(what, month=month, tz="UTC")
        assert table.num_rows
        assert said(table)["provisional"] == "true"
        empty = export(what, month=str(ahead)[:7])
        assert empty.num_rows == 0


@pytest.mark.parametrize(
    "month", ["2026-13", "2026-3", "March", "2026-03-01", "1969-12", "2200-01"]
)
def test_no_month(client: httpx.Client, month: str) -> None:
    answer = client.get("/v1/export/daily", params={"month": month})
    assert answer.status_code == 422
    assert "YYYY-MM" in answer.json()["errors"][0]["rule"]


def test_head_and_what_there_is_not(client: httpx.Client) -> None:
    assert client.head("/v1/export/daily", params={"month": MONTH}).status_code == 200
    assert client.get("/v1/export/heartbeats", params={"month": MONTH}).status_code == 422
    assert client.get("/v1/export/daily").status_code == 422


def test_who_has_it_already(world: World, client: httpx.Client) -> None:
    random_world(world, 6)
    params = {"month": MONTH, "kind": "general"}
    first = client.get("/v1/export/daily", params=params)
    tag = first.headers["etag"]
    assert tag == tag_of(said(pq.read_table(io.BytesIO(first.content))))
    again = client.get("/v1/export/daily", params=params, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get("/v1/export/sessions", params=params, headers={"If-None-Match": tag})
    assert other.status_code == 200


def test_two_other_engines_read_the_same(
    world: World, client: httpx.Client, tmp_path: Path
) -> None:
    random_world(world, 7)
    for what in ("daily", "segments", "sessions"):
        (tmp_path / f"{what}.parquet").write_bytes(
            client.get(f"/v1/export/{what}", params={"month": MONTH}).content
        )
    with duckdb.connect() as engine:
        engine.execute("SET TimeZone = 'UTC'")

        def ask(sql: str) -> tuple[Any, ...]:
            row = engine.execute(sql.replace("@", f"{tmp_path}/")).fetchone()
            assert row is not None
            return row

        running, window = ask("SELECT sum(running_us), sum(window_us) FROM '@daily.parquet'")
        by_segment = ask("SELECT sum(duration_us) FROM '@segments.parquet' WHERE state = 'running'")
        ends = ask("SELECT sum(epoch_us(ends_at) - epoch_us(starts_at)) FROM '@segments.parquet'")
        effective = ask("SELECT sum(effective_us) FROM '@sessions.parquet'")
        by_day = ask("SELECT sum(effective_us) FROM '@daily.parquet'")
        assert ((running,), (window,), effective) == (by_segment, ends, by_day)
        (days,) = ask("SELECT count(DISTINCT day) FROM '@daily.parquet'")
        assert days == 31
        (zone,) = ask(
            "SELECT decode(value) FROM parquet_kv_metadata('@daily.parquet')"
            " WHERE decode(key) = 'jishi.tz'"
        )
        assert zone == "Asia/Shanghai"
    table = pq.read_table(tmp_path / "daily.parquet")
    assert total(table, "running_us") == running
