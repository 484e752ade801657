"""What a change would make of figures: told before it is made, and what it then is."""

from typing import Any

import pytest

from tests.integration.api.figures.world import HOUR, World, at, every, iso

BEGIN = at("2026-03-02T08:00+08:00")  # a Monday
MIDNIGHT = at("2026-03-02T00:00+08:00")
WINDOW = {"from": iso(MIDNIGHT), "to": iso(MIDNIGHT + 48 * HOUR), "tz": "Asia/Shanghai"}
LATER = iso(MIDNIGHT + 24 * HOUR)
CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("hours", {"opening_hours": {"mon": [["09:00", "10:30"]]}, "valid_from": iso(MIDNIGHT)}),
    ("hours later", {"opening_hours": {"tue": [["09:00", "10:30"]]}, "valid_from": LATER}),
    ("rated", {"rated_hours_per_year": 876.5, "valid_from": LATER}),
    ("kind", {"kind": "special", "valid_from": iso(MIDNIGHT)}),
    ("gap", {"session_gap_s": 7_200}),
    ("zone", {"timezone": "Europe/Berlin", "valid_from": LATER}),
    ("name", {"name": "another"}),
]


@pytest.fixture
def filled(world: World) -> World:
    """Two days of running and idle hours, rolled up."""
    world.institution("home")
    world.gateway("gw")
    world.instrument(
        "one", gateway="gw", institution="home", opening_hours={"mon": [["08:00", "12:00"]]}
    )
    rows = []
    for start in (BEGIN, BEGIN + 24 * HOUR):
        rows += every(start, start + HOUR, "running") + every(
            start + HOUR, start + 2 * HOUR, "idle"
        )
        rows += every(start + 2 * HOUR, start + 3 * HOUR, "running")
    world.feed("one", rows, gateway="gw")
    return world


def test_a_preview_is_what_figures_are_after_the_change(filled: World, askers: Any) -> None:
    asker = askers()
    for name, change in CHANGES:
        kept = "SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM instrument_version t"
        before = asker("GET", "/instruments/one/utilization", params=WINDOW)["total"]
        rows = filled.conn.execute(kept).fetchone()
        told = asker("POST", "/instruments/one/preview", params=WINDOW, json=change)
        assert filled.conn.execute(kept).fetchone() == rows
        again = asker("GET", "/instruments/one/utilization", params=WINDOW)["total"]
        assert steady(told["present"]) == steady(before) == steady(again), name
        asker("PATCH", "/instruments/one", json=change)
        after = asker("GET", "/instruments/one/utilization", params=WINDOW)["total"]
        assert steady(told["proposed"]) == steady(after), name
        moved = steady(before) != steady(after)
        assert moved == (name != "name"), name


def steady(figures: dict[str, Any]) -> dict[str, Any]:
    """All but what tells when it was asked."""
    return {k: v for k, v in figures.items() if k not in ("as_of", "revision", "buckets")}


def test_what_heartbeats_credit_is_not_previewed_and_only_its_keepers_ask(
    filled: World, askers: Any, client: Any
) -> None:
    asker = askers()
    refused = asker(
        "POST", "/instruments/one/preview", params=WINDOW, json={"hold_s": 60}, status=422
    )
    assert refused["errors"][0]["field"] == "body.hold_s"
    filled.institution("other")
    path, body = "/v1/instruments/one/preview", {"kind": "special"}
    assert client.post(path, params=WINDOW, json=body).status_code == 403
    askers("other")("POST", "/instruments/one/preview", params=WINDOW, json=body, status=404)
    askers("home")("POST", "/instruments/one/preview", params=WINDOW, json=body)
