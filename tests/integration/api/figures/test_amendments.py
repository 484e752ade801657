"""Closed periods and what came later: closed + difference is today's, and what is frozen stays."""

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from models.usage import Window
from store.reports.amendments import scanned
from tests.chance import counted
from tests.integration.api.figures.conftest import Asker
from tests.integration.api.figures.test_periods import history
from tests.integration.api.figures.world import HOUR, MINUTE, World, at, every, iso

BEGIN = at("2026-03-01T08:00+08:00")
DAY = 24 * HOUR
WORLDS = counted("JISHI_AMENDMENT_WORLDS", 1)
WINDOW = {"from": iso(BEGIN + 90 * MINUTE), "to": iso(BEGIN + 20 * HOUR)}
FROZEN = ("period", "period_institution", "period_subject", "period_usage", "period_record")
ADDED = (
    "window_s", "running_s", "idle_s", "off_s", "unknown_s", "scheduled_s", "running_scheduled_s",
    "effective_s", "session_idle_s", "rated_s", "counter_running_s",
)  # fmt: skip


def frozen(world: World) -> list[Any]:
    """Every byte that a closed period keeps."""
    rows = "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM"
    return [world.conn.execute(f"{rows} {name} t").fetchone() for name in FROZEN]


def close(asker: Asker, institution: str | None = None) -> int:
    body = {"institution_id": institution, **WINDOW}
    number: int = asker("POST", "/periods", json=body, status=201)["period_id"]
    asker("POST", f"/periods/{number}/close")
    return number


def amendments(asker: Asker, period: int, limit: int = 100) -> dict[str, Any]:
    """All pages as one."""
    whole: dict[str, Any] = {}
    asked: dict[str, Any] = {"limit": limit}
    while True:
        found = asker("GET", f"/periods/{period}/amendments", params=asked)
        whole = {**found, "items": [*whole.get("items", ()), *found["items"]]}
        if found["next_cursor"] is None:
            return whole
        asked["cursor"] = found["next_cursor"]


def exact(value: Any) -> Decimal:
    return Decimal(str(value or 0))


def held(asker: Asker, period: int, institution: str | None = None) -> dict[str, Any]:
    """The amendments, held to ``/v1/utilization``."""
    found = amendments(asker, period, limit=2)
    asked = WINDOW if institution is None else {**WINDOW, "institution": institution}

    def today(group: str | None) -> dict[str | None, Any]:
        answer = asker(
            "GET", "/utilization", params={**asked, **({"group_by": group} if group else {})}
        )
        return {one["key"]: one for one in answer["groups"]} if group else {None: answer["overall"]}

    def check(one: dict[str, Any], figures: dict[str, Any] | None) -> None:
        for name in ADDED:
            now = exact(figures[name]) if figures else 0
            assert exact(one["today"][name]) == now, name
            assert exact(one["closed"][name]) + exact(one["difference"][name]) == now, name
        for cause, seconds in one["difference"]["unknown_by_cause"].items():
            now = exact(figures["unknown_by_cause"][cause]) if figures else 0
            assert exact(one["closed"]["unknown_by_cause"][cause]) + exact(seconds) == now

    check(found["overall"], today(None)[None])
    groups = today("institution")
    for one in found["institutions"]:
        check(one, groups.get(one["institution_id"]))
    instruments = today("instrument")
    for one in found["items"]:
        check(one, instruments.get(one["instrument_id"]))
    # What is not told differs in nothing, and what is told makes up all that differs.
    for name in ADDED:
        whole = exact(found["overall"]["difference"][name])
        for parts in (found["items"], found["institutions"]):
            assert sum(exact(one["difference"][name]) for one in parts) == whole, name
    return found


@pytest.mark.parametrize("seed", range(WORLDS))
def test_whatever_comes_later_closed_and_difference_are_todays(
    world: World, askers: Any, seed: int
) -> None:
    dice = random.Random(seed)
    rows = {}
    for number in range(6):
        name = f"m{number}"
        hours = {"mon": [], "sun": [["08:00", "20:00"]]} if number % 2 else None
        world.instrument(name, institution=f"i{number % 2}", opening_hours=hours)
        rows[name] = history(dice, BEGIN, BEGIN + DAY)
        if number < 5:  # one is never seen before it was closed
            kept = [row for row in rows[name] if dice.random() < 0.9]
            world.feed(name, kept or rows[name])
    city = askers()
    periods = [(close(city), None), (close(city, "i0"), "i0"), (close(city, "i1"), "i1")]
    before = frozen(world)
    for period, institution in periods:
        found = held(city, period, institution)
        assert (found["items"], found["institutions"]) == ([], [])

    hours = iter(range(24))

    def late() -> None:
        name = dice.choice(sorted(rows))
        world.conn.execute(
            "DELETE FROM segment WHERE instrument_key ="
            " (SELECT instrument_key FROM instrument WHERE instrument_id = %s)", (name,)
        )  # fmt: skip
        world.feed(name, rows[name])

    def version(**fields: Any) -> Callable[[], None]:
        def change() -> None:
            name = dice.choice(sorted(rows))
            world.instrument(
                name,
                institution=dice.choice(["i0", "i1", "i2"]),
                # Each later than the one before, as the world wants them.
                valid_from=BEGIN + next(hours) * 4 * HOUR + dice.randrange(4 * HOUR),
                **fields,
            )

        return change

    def maintained() -> None:
        start = BEGIN + dice.randrange(DAY)
        world.maintenance(dice.choice(sorted(rows)), start, start + HOUR)

    changes = [
        late, late, late, maintained, version(), version(retired_on="2026-03-01"),
        version(acquired_on="2026-03-02"), version(rated_hours_per_year=100),
        version(opening_hours={"sun": [["10:00", "11:00"]]}),
        lambda: world.offline("g1", BEGIN + 5 * HOUR, BEGIN + 9 * HOUR),
        lambda: world.conn.execute("UPDATE instrument_version SET session_gap_us = 60000000"),
    ]  # fmt: skip
    dice.shuffle(changes)
    for at_once in range(0, len(changes), 6):
        for change in changes[at_once : at_once + 6]:
            change()
        for period, institution in periods:
            held(city, period, institution)
    assert frozen(world) == before


def one_amendment(world: World, askers: Any, change: Callable[[], Any]) -> dict[str, Any]:
    """Two instruments run for an hour; what the change makes different."""
    for name in ("m", "other"):
        world.instrument(name)
        world.feed(name, every(BEGIN + 2 * HOUR, BEGIN + 3 * HOUR, "running"), raw=True)
    city = askers()
    period = close(city)
    before = frozen(world)
    change()
    assert frozen(world) == before
    (item,) = held(city, period)["items"]
    assert item["instrument_id"] == "m"
    found: dict[str, Any] = item
    return found


def late_rows(world: World) -> None:
    world.conn.execute("DELETE FROM segment WHERE instrument_key = (SELECT min(instrument_key)"
                       " FROM segment)")  # fmt: skip
    rows = every(BEGIN + 2 * HOUR, BEGIN + 4 * HOUR, "running")
    world.feed("m", rows)
    key, gateway = world._key("instrument", "m"), world._key("gateway", "g1")
    world.store_raw(key, gateway, [row for row in rows if row.at_us >= BEGIN + 3 * HOUR])
    world.conn.execute(
        "UPDATE heartbeat SET received_at = now() WHERE ts >= %s", (iso(BEGIN + 3 * HOUR),)
    )


def test_late_heartbeats_are_told_with_the_records_that_they_made(
    world: World, askers: Any
) -> None:
    item = one_amendment(world, askers, lambda: late_rows(world))
    assert (item["change"], item["reasons"]) == ("changed", ["late_heartbeats"])
    assert item["late_heartbeats"]["heartbeats"] == 60
    assert item["late_heartbeats"]["from"] == "2026-03-01T03:00:00Z"
    assert item["difference"]["effective_s"] == 3600
    (record,) = item["records"]
    assert record["change"] == "changed"
    assert record["record_id"].endswith("-1")
    assert (record["closed"]["effective_s"], record["today"]["effective_s"]) == (3720, 7320)


def test_registry_that_moved_it_away_removes_it(world: World, askers: Any) -> None:
    item = one_amendment(
        world,
        askers,
        lambda: world.instrument("m", valid_from=BEGIN - DAY, retired_on="2026-02-01"),
    )
    assert (item["change"], item["reasons"]) == ("removed", ["registry"])
    assert (item["institution_id"], item["institution_id_today"]) == ("i1", None)
    assert [one["change"] for one in item["records"]] == ["removed"]


def test_registry_that_moved_it_to_another_says_both(world: World, askers: Any) -> None:
    item = one_amendment(
        world, askers, lambda: world.instrument("m", institution="i2", valid_from=BEGIN - DAY)
    )
    assert (item["change"], item["reasons"]) == ("changed", ["registry"])
    assert (item["institution_id"], item["institution_id_today"]) == ("i1", "i2")
    assert item["records"] == []


def test_what_is_said_later_is_an_amendment_too(world: World, askers: Any) -> None:
    said = {"at": iso(BEGIN + 2 * HOUR), "content": "late"}
    item = one_amendment(
        world,
        askers,
        lambda: askers()("POST", "/instruments/m/annotations", json=said, status=201),
    )
    assert (item["reasons"], item["difference"]["effective_s"]) == (["annotation"], 0)
    assert item["records"][0]["closed"]["annotation"] is None
    assert item["records"][0]["today"]["annotation"]["content"] == "late"


def test_open_period_has_none_and_anothers_is_not_there(world: World, askers: Any) -> None:
    world.instrument("m")
    world.instrument("o", institution="i2")
    city = askers()
    number = city("POST", "/periods", json={"institution_id": "i1", **WINDOW}, status=201)[
        "period_id"
    ]
    assert "is open" in city("GET", f"/periods/{number}/amendments", status=409)["detail"]
    askers("i2")("GET", f"/periods/{number}/amendments", status=404)


@pytest.mark.parametrize(
    ("days", "instruments"), [(0.5, 1_920), (1, 1_920), (10, 1_440), (30, 480), (366, 480)]
)
def test_of_a_short_period_more_are_looked_at(days: float, instruments: int) -> None:
    window = Window(start_us=BEGIN, end_us=BEGIN + int(days * DAY))
    assert scanned(window) == instruments


def test_few_are_looked_at_for_a_page(
    world: World, askers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("store.reports", "api.routes"):
        monkeypatch.setattr(f"{module}.amendments.scanned", lambda window: 2)
    monkeypatch.setattr("store.reports.amendments.AT_ONCE", 2)
    names = [f"m{n}" for n in range(5)]
    for name in names:
        world.instrument(name)
        world.feed(name, every(BEGIN + 2 * HOUR, BEGIN + 3 * HOUR, "running"))
    city = askers()
    period = close(city)
    for name in ("m2", "m4"):
        world.instrument(name, valid_from=BEGIN - DAY, retired_on="2026-02-01")
    first = city("GET", f"/periods/{period}/amendments")
    assert (first["items"], first["next_cursor"] is None) == ([], False)
    assert [one["instrument_id"] for one in held(city, period)["items"]] == ["m2", "m4"]
