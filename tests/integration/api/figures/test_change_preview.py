"""What a change would make of figures: told before it is made, and what it then is."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
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


def test_what_heartbeats_credit_is_told_in_words_and_only_its_keepers_ask(
    filled: World, askers: Any, client: Any
) -> None:
    asker = askers()
    path = "/instruments/one/preview"
    change = {"hold_s": 60, "kind": "special", "valid_from": LATER}
    told = asker("POST", path, params=WINDOW, json=change)
    assert (told["proposed"], told["difference"]) == (None, None)
    assert told["present"]["running_s"]
    assert [(one["effect"], one["fields"], one["from"], one["to"]) for one in told["moves"]] == [
        ("figures", ["kind"], "2026-03-02T16:00:00Z", None),
        ("folds", ["hold_s"], "2026-03-02T16:00:00Z", None),
    ]
    assert "folded anew" in told["moves"][1]["told"]
    assert asker("POST", path, params=WINDOW, json={"name": "Instrument one"})["moves"] == []
    filled.institution("other")
    full, body = f"/v1{path}", {"kind": "special"}
    assert client.post(full, params=WINDOW, json=body).status_code == 403
    askers("other")("POST", path, params=WINDOW, json=body, status=404)
    askers("home")("POST", path, params=WINDOW, json=body)


def test_an_institutions_and_a_gateways_change_is_previewed_by_its_instruments(
    filled: World, askers: Any
) -> None:
    filled.instrument("two", gateway="gw", institution="home")
    rows = every(BEGIN, BEGIN + 2 * HOUR, "running")
    filled.feed("two", rows, gateway="gw")
    asker = askers()
    change = {"opening_hours": {"mon": [["08:00", "09:30"]], "tue": [["00:00", "24:00"]]}}
    change["valid_from"] = LATER
    of = {**WINDOW, "institution": "home"}
    before = asker("GET", "/utilization", params=of)["overall"]
    told = asker("POST", "/institutions/home/preview", params=WINDOW, json=change)
    assert steady(told["present"]) == steady(before)
    asker("PATCH", "/institutions/home", json=change)
    after = asker("GET", "/utilization", params=of)["overall"]
    assert steady(told["proposed"]) == steady(after)
    assert told["difference"]["scheduled_s"] == 24 * 3_600
    assert (told["instruments"], told["first_instruments"]) == (2, ["one", "two"])

    late = {"clock_correction_s": -3_600, "valid_from": LATER, "name": "other"}
    told = asker("POST", "/gateways/gw/preview", params=WINDOW, json=late)
    assert steady(told["present"]) == steady(told["proposed"])
    assert told["present"]["instruments"] == 2
    assert [(one["effect"], one["fields"]) for one in told["moves"]] == [
        ("nothing", ["name"]),
        ("on request", ["clock_correction_s"]),
    ]
    filled.institution("other")
    for path in ("institutions/home", "gateways/gw", "gateways/none"):
        askers("other")("POST", f"/{path}/preview", params=WINDOW, json={}, status=404)


@pytest.mark.parametrize("path", ["instruments/one", "institutions/home"])
def test_what_others_write_meanwhile_is_in_both_figures(
    filled: World, askers: Any, figures_url: str, path: str
) -> None:
    """A change of theirs, and heartbeats, that were written while the preview began."""
    asker = askers()
    filled.instrument("two", gateway="gw", institution="home")
    change = {"opening_hours": {"mon": [["08:00", "08:30"]]}, "valid_from": iso(MIDNIGHT)}
    with psycopg.connect(figures_url) as other, ThreadPoolExecutor(1) as thread:
        other.execute("SELECT FROM registry_revision FOR UPDATE")
        other.execute("SELECT FROM instrument_status ORDER BY instrument_key FOR NO KEY UPDATE")
        theirs = World(other)
        other.execute("UPDATE instrument_version SET rated_hours_per_year = 99")
        theirs.feed("two", every(BEGIN, BEGIN + 3 * HOUR, "running"), gateway="gw")
        other.execute("UPDATE registry_revision SET revision = revision + 1")
        told = thread.submit(asker, "POST", f"/{path}/preview", params=WINDOW, json=change)
        waiting = "SELECT FROM pg_locks WHERE NOT granted"
        while filled.conn.execute(waiting).fetchone() is None:
            assert not told.done(), "it waits for who writes"
        other.commit()
        found = told.result()
    assert found["difference"]["running_s"] == 0
    assert found["difference"]["rated_s"] == 0
    of = {**WINDOW, "institution": "home"} if path == "institutions/home" else WINDOW
    at_path = "/utilization" if path == "institutions/home" else f"/{path}/utilization"
    now = asker("GET", at_path, params=of)
    assert steady(found["present"]) == steady(now.get("overall") or now["total"])


def test_days_of_the_calendar_are_previewed_as_figures_then_are(world: World, askers: Any) -> None:
    """Of instruments with hours of their own, of their institution, and that no calendar moves."""
    week = {day: [["08:00", "12:00"]] for day in ("mon", "tue", "wed")}
    world.institution("home", opening_hours={**week, "sat": [["22:00", "09:00"]]})
    world.gateway("gw")
    hours: dict[str, Any] = {
        "own": {**week, "holidays": "open"},
        "theirs": None,
        "never": {**week, "holidays": "as_weekday"},
    }
    for name, said in hours.items():
        world.instrument(name, gateway="gw", institution="home", opening_hours=said)
        rows = every(BEGIN, BEGIN + HOUR, "running") + every(
            BEGIN + HOUR, BEGIN + 26 * HOUR, "idle"
        )
        world.feed(name, rows, gateway="gw")
    asker = askers()
    window = {"from": iso(MIDNIGHT), "to": iso(MIDNIGHT + 60 * HOUR), "tz": "Asia/Shanghai"}
    changes: list[dict[str, Any]] = [
        {"day": "2026-03-02", "kind": "holiday"},
        {"day": "2026-03-03", "kind": "workday", "as_weekday": 6},
        {"day": "2026-03-02", "kind": "workday", "as_weekday": 3},
        {"day": "2026-03-02", "kind": None},
    ]
    kept = "SELECT md5(string_agg(c::text, '' ORDER BY c::text)) FROM calendar_day c"
    moved = []
    for change in changes:
        rows_before = world.conn.execute(kept).fetchone()
        path = "/calendars/CN/preview"
        told = asker("POST", path, params=window, json={"days": [change]})
        assert world.conn.execute(kept).fetchone() == rows_before
        before = asker("GET", "/utilization", params=window)["overall"]
        assert steady(told["present"]) == steady(before)
        day = f"/calendars/CN/days/{change['day']}"
        if change["kind"] is None:
            asker("DELETE", day, status=204)
        else:
            put = {name: said for name, said in change.items() if name != "day"}
            asker("PUT", day, json=put, status=200 if len(moved) == 2 else 201)
        after = asker("GET", "/utilization", params=window)["overall"]
        assert steady(told["proposed"]) == steady(after)
        moved.append(told["difference"]["scheduled_s"])
        assert (told["changed"], told["following"]) == ([change["day"]], 2)
        again = asker("POST", path, params=window, json={"days": [change]})
        assert (again["changed"], again["difference"]["scheduled_s"]) == ([], 0)
    # A holiday opens one all day and shuts the other; Saturday's hours of one pass midnight into
    # Wednesday's, the other has none.
    assert moved[:2] == [(24 - 4 - 4) * 3_600, (2 + 12 - 4 - 4 - 4) * 3_600]
    asker("DELETE", "/calendars/CN/days/2026-03-03", status=204)
    other = asker("POST", "/calendars/other/preview", params=window, json={"days": changes[:1]})
    assert (other["in_use"], other["difference"]["scheduled_s"]) == (False, 0)
