"""Self-reports over HTTP: taken, taken again, held against measured use, counted once."""

import io
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import openpyxl

from api.routes.self_reports import XLSX
from models.timestamp import format_instant
from models.usage import Window
from store.figures.grouped import Groups
from store.figures.self_reports import load_claims, load_told
from store.figures.surroundings import load_moment
from store.present.roster import Rosters
from store.registry.keys import create_key
from store.run import Steps, run
from tests.integration.api.figures.test_reconciliation import ASKED, DAY, HOUR, START, closed
from tests.integration.api.figures.world import MINUTE, Get, World, every


def sent(world: World, address: str, *rows: str) -> Any:
    key = run(world.conn, create_key(scopes=["operate"])).key
    text = "\n".join(["instrument_id,from,to,hours,user_type", *rows])
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "text/csv"}
    answer = httpx.post(f"{address}/v1/self-reports/import", content=text, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_they_are_held_against_measured_use(world: World, get: Get, figures_app: str) -> None:
    for name in ("a", "b"):
        world.instrument(name, gateway="g")
    world.feed(
        "a",
        [
            *every(START, START + 4 * HOUR, "running"),
            *every(START + 4 * HOUR, DAY[1] + MINUTE, "idle"),
        ],
    )
    day = f"{ASKED['from']},{ASKED['to']}"
    rows = [f"a,{day},2,internal", f"a,{day},2,external", f"b,{day},1,", f"nobody,{day},1,"]
    first = sent(world, figures_app, *rows)
    assert [first[name] for name in ("created", "updated", "unchanged", "rejected")] == [3, 0, 0, 1]
    assert "nobody" in first["errors"][0]["rule"]
    again = sent(world, figures_app, *rows)
    assert [again[name] for name in ("created", "updated", "unchanged")] == [0, 0, 3]

    found = get("/v1/reconciliation/self-reports", **ASKED)["items"]
    assert [(one["instrument_id"], one["claim"]) for one in found] == [
        ("a", "consistent"),
        ("a", "consistent"),
        ("b", "unmeasured"),
    ]
    assert {one["effective_s"] for one in found} == {4 * 3_600, 0}
    paged = get("/v1/reconciliation/self-reports", **ASKED, limit=1)
    assert paged["items"] == found[:1]  # with the other one of its window

    sent(world, figures_app, f"a,{day},3,external")
    claims = [one["claim"] for one in get("/v1/reconciliation/self-reports", **ASKED)["items"]]
    assert claims == ["over_reported", "over_reported", "unmeasured"]
    told = get("/v1/reconciliation", **ASKED)["overall"]["self_reports"]
    assert told == {
        "reports": 3,
        "counted_s": 6 * 3_600,
        "excess_s": 0,
        "consistent": 0,
        "over_reported": 2,
        "under_reported": 0,
        "unmeasured": 1,
    }


def test_answers_in_a_closed_period_are_added(world: World, get: Get, figures_app: str) -> None:
    world.instrument("a", gateway="g")
    world.feed("a", every(START, START + 4 * HOUR, "running"))
    sent(world, figures_app, f"a,{ASKED['from']},{ASKED['to']},9,")
    key = run(world.conn, create_key(scopes=["operate"])).key

    def told() -> Any:
        (one,) = get("/v1/reconciliation/self-reports", **ASKED)["items"]
        return one

    def answered(text: str) -> Any:
        address = f"{figures_app}/v1/reconciliation/self-reports/{told()['id']}/answer"
        headers = {"Authorization": f"Bearer {key}"}
        answer = httpx.put(address, json={"text": text}, headers=headers, verify=False)
        assert answer.status_code == 200, answer.text
        return answer.json()["text"]

    def texts() -> tuple[str, list[str]]:
        one = told()
        return one["answer"]["text"], [said["text"] for said in one["answer_amendments"]]

    # A period that holds but a part of its window is another's.
    closed(world, START + HOUR, DAY[1])
    answered("a slip")
    answered("the plug was off")
    assert texts() == ("the plug was off", [])
    assert told()["closed"] is False
    closed(world, *DAY)
    late = [answered("no, it was on"), answered("our meter says nine")]
    assert texts() == ("the plug was off", late)
    assert told()["closed"] is True


def test_a_period_that_is_not_over_has_its_reports_in_lists_and_sums(
    world: World, get: Get, figures_app: str
) -> None:
    world.instrument("a", gateway="g")
    world.feed("a", every(START, START + 4 * HOUR, "running"))
    ahead = datetime.now(UTC) + timedelta(days=1)
    asked = {"from": ASKED["from"], "to": f"{ahead:%Y-%m-%dT00:00:00Z}"}
    sent(world, figures_app, f"a,{asked['from']},{asked['to']},4,")
    (one,) = get("/v1/reconciliation/self-reports", **asked)["items"]
    told = get("/v1/reconciliation", **asked)["overall"]["self_reports"]
    assert told["reports"] == told[one["claim"]] == 1


def test_instruments_are_asked_for_together_whatever_their_windows(
    world: World, figures_app: str
) -> None:
    """Windows that they share, and hours of records that are each one's own and overlap."""
    day = f"{ASKED['from']},{ASKED['to']}"
    week = "2026-02-25T16:00:00Z,2026-03-04T16:00:00Z"
    rows = []
    for number, name in enumerate("abc"):
        world.instrument(name, gateway="g")
        rows += [f"{name},{span},1," for span in (day, week)]
        for hour in range(number, number + 3):
            rows.append(f"{name},2026-03-02T0{hour}:00:00Z,2026-03-02T0{hour + 2}:00:00Z,1,")
    sent(world, figures_app, *rows)
    moment = run(world.conn, load_moment())
    roster = run(world.conn, Rosters().load(moment.now_us))

    def asked(count: int) -> int:
        into: list[object] = []
        window = Window(start_us=DAY[0] - 10 * 24 * HOUR, end_us=DAY[1] + 10 * 24 * HOUR)
        extent = run(world.conn, load_told(roster, np.arange(count), window, moment))
        groups = Groups.of(roster, np.arange(count), None)
        steps = load_claims(extent.told, roster, groups, moment)
        told = run(world.conn, counted(steps, into))
        assert told[None].reports == 5 * count
        return len(into)

    assert asked(3) == asked(1)


def counted(steps: Steps[Any], into: list[object]) -> Steps[Any]:
    """The same, noting what it asks."""
    found: Any = None
    while True:
        try:
            query = steps.send(found)
        except StopIteration as end:
            return end.value
        into.append(query)
        found = yield query


def test_what_was_measured_is_what_utilization_says(
    world: World, get: Get, figures_app: str
) -> None:
    """Of short windows that overlap, and of longer ones, of several instruments."""
    rnd = random.Random(3)
    rows = []
    for name in "ab":
        world.instrument(name, gateway="g")
        states = [rnd.choice(["running", "idle", "off"]) for _ in range(20)]
        beats = [
            beat
            for place, state in enumerate(states)
            for beat in every(START + place * HOUR, START + (place + 1) * HOUR, state)
            if rnd.random() < 0.8
        ]
        world.feed(name, beats)
        for _ in range(8):
            start = START + rnd.randrange(-600, 1_000) * MINUTE
            end = start + rnd.choice([30, 90, 600, 6_000]) * MINUTE
            rows.append(f"{name},{format_instant(start)},{format_instant(end)},0,")
    sent(world, figures_app, *rows)
    span = {"from": "2026-02-20T00:00:00Z", "to": "2026-03-20T00:00:00Z"}
    items = get("/v1/reconciliation/self-reports", **span)["items"]
    assert len(items) == len(rows)
    for one in items:
        asked = {"from": one["from"], "to": one["to"]}
        total = get(f"/v1/instruments/{one['instrument_id']}/utilization", **asked)["total"]
        assert (one["effective_s"], one["unknown_s"]) == (total["effective_s"], total["unknown_s"])


def test_files_in_forms_are_read_through_their_columns(
    world: World, get: Get, figures_app: str
) -> None:
    world.instrument("a", gateway="g", external_ids='{"asset": "A-1"}')
    world.feed("a", [*every(START, START + 3 * HOUR, "running")])
    key = run(world.conn, create_key(scopes=["operate"])).key
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "text/csv"}

    def put(body: bytes, form: str | None, kind: str = "text/csv") -> httpx.Response:
        return httpx.post(
            f"{figures_app}/v1/self-reports/import",
            content=body,
            params={} if form is None else {"profile": form},
            headers={**headers, "Content-Type": kind},
        )

    day = format_instant(START + 8 * HOUR)[:10].replace("-", "")
    text = (
        "备注,设备仪器编码,使用开始时间,使用结束时间,使用时长,是否校内\r\n"
        f"x,A-1,{day},{day},1.5,校外人员\r\n"
        f"y,A-1,{day},{day},1.5,校外人员\r\n"
        f"z,A-1,{day},{day},many,校外人员\r\n"
    ).encode()
    first = put(text, "university-share").json()
    assert (first["created"], [one["row"] for one in first["errors"]]) == (1, [4])
    assert "使用时长 is 'many'" in first["errors"][0]["rule"]
    assert put(text, "university-share").json()["unchanged"] == 1

    book = openpyxl.Workbook()
    for line in text.decode().splitlines():
        book.active.append(line.split(","))
    out = io.BytesIO()
    book.save(out)
    assert put(out.getvalue(), "university-share", XLSX).json()["unchanged"] == 1
    assert "name it with `profile`" in put(out.getvalue(), None, XLSX).json()["detail"]
    assert "does not say from when" in put(text, "cers-share-effect").json()["detail"]
    assert "misses 所在单位仪器编号" in put(text, "nrii-columns").json()["detail"]
    assert put(text, "nobodys").status_code == 422

    window = {"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"}
    (one,) = get("/v1/reconciliation/self-reports", **window)["items"]
    assert (one["instrument_id"], one["user_type"], one["reported_s"]) == ("a", "external", 10_800)
