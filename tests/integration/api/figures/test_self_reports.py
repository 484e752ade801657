"""Self-reports over HTTP: taken, taken again, held against measured use, counted once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from models.usage import Window
from store.figures.self_reports import load_claims
from store.figures.surroundings import load_moment
from store.present.filters import Filters
from store.registry.keys import create_key
from store.run import Steps, run
from tests.integration.api.figures.test_reconciliation import ASKED, DAY, HOUR, START
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


def test_instruments_of_one_window_are_asked_for_together(world: World, figures_app: str) -> None:
    day, half = f"{ASKED['from']},{ASKED['to']}", f"{ASKED['from']},2026-03-02T12:00:00Z"
    for name in ("a", "b", "c"):
        world.instrument(name, gateway="g")
    sent(world, figures_app, *(f"{name},{span},1," for name in "abc" for span in (day, half)))

    keys = [key for (key,) in world.conn.execute("SELECT instrument_key FROM instrument")]
    moment = run(world.conn, load_moment())

    def asked(count: int) -> int:
        into: list[object] = []
        groups = dict.fromkeys(keys[:count])
        window = Window(start_us=DAY[0], end_us=DAY[1])
        told = run(world.conn, counted(load_claims(Filters(), window, groups, moment), into))
        assert told[None].reports == 2 * count
        return len(into)

    assert asked(3) == asked(1)


def counted(steps: Steps[Any], into: list[object]) -> Steps[Any]:
    """The same, noting what it asks."""
    found = None
    while True:
        try:
            query = steps.send(found)
        except StopIteration as end:
            return end.value
        into.append(query)
        found = yield query
