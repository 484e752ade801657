"""Windows by dates and by names: midnights of the right clock, said back, on every route."""

import re
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from models.calendar_file import read_calendar
from models.named_window import NamedWindow
from models.timestamp import format_instant
from store.instant import from_us, to_us
from store.registry.keys import create_key
from store.run import run
from tests.integration.api.conforming import DOCUMENT, wants_window
from tests.integration.api.figures.world import HOUR, Get, World, at, every, iso

#: Told in days of the service's own clock, or within what is signed, the same as without it.
_ELSEWHERE = {"/v1/coverage/sensors/history", "/v1/evidence/purchase/signed"}
#: Every route that takes a window and says it back, and those of one instrument among them.
WINDOWED = [
    path
    for path, item in DOCUMENT["paths"].items()
    if not path.endswith(".ics")
    and path not in _ELSEWHERE
    and any(one["name"] == "from" for one in item.get("get", {}).get("parameters", ()))
]
OF_ONE = [path for path in WINDOWED if "{instrument_id}" in path]
ZONES = ["Europe/Berlin", "Asia/Kathmandu", "Asia/Shanghai"]


def told(us: int) -> str:
    return format_instant(us)


def midnight(day: datetime, zone: str) -> int:
    return to_us(datetime.combine(day.date(), time(0), ZoneInfo(zone)))


@pytest.fixture
def key(world: World) -> str:
    """A key that may see all that there is to ask."""
    return run(world.conn, create_key(name="all", scopes=["admin"], actor="test")).key


@pytest.fixture
def ask(client: httpx.Client, world: World, key: str) -> Get:
    world.instrument("a", timezone="Europe/Berlin")
    world.feed("a", every(at("2026-03-28T00:00:00"), at("2026-04-01T00:00:00"), "running"))

    def get(path: str, *, status: int = 200, **params: Any) -> Any:
        named = {name.rstrip("_"): value for name, value in params.items()}
        address = path.format(instrument_id="a", gateway_id="g1")
        headers = {"Authorization": f"Bearer {key}"}
        answer = client.get(address, params=named, headers=headers)
        assert answer.status_code == status, (address, named, answer.text)
        return answer.json()

    return get


def test_they_are_all_known() -> None:
    assert len(WINDOWED) >= 11
    assert {"/v1/profile", "/v1/utilization", "/v1/audit", "/v1/dead-letters"} <= set(WINDOWED)
    # Whoever takes a window takes its name and its zone as well.
    for path in WINDOWED:
        names = {one["name"] for one in DOCUMENT["paths"][path]["get"]["parameters"]}
        assert {"from", "to", "window", "tz"} <= names, path


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("path", WINDOWED)
def test_dates_are_local_midnights(ask: Get, path: str, zone: str) -> None:
    body = ask(path, from_="2026-03-29", to="2026-03-30", tz=zone)
    start, end = (midnight(datetime(2026, 3, day), zone) for day in (29, 30))  # noqa: DTZ001
    assert (body["from"], body["to"], body["tz"]) == (told(start), told(end), zone)
    assert (end - start) // HOUR == (23 if zone == "Europe/Berlin" else 24)
    # Half-open, and one end may be an instant.
    mixed = ask(path, from_=iso(start), to="2026-03-30", tz=zone)
    assert (mixed["from"], mixed["to"]) == (told(start), told(end))
    if wants_window(path):
        assert ask(path, from_="2026-03-29", to="2026-03-29", tz=zone, status=422)


@pytest.mark.parametrize("path", WINDOWED)
def test_without_a_zone_it_is_the_instrument_s_or_the_service_s(ask: Get, path: str) -> None:
    body = ask(path, from_="2026-10-25", to="2026-10-26")
    zone = "Europe/Berlin" if path in OF_ONE else "Asia/Shanghai"
    start, end = (midnight(datetime(2026, 10, day), zone) for day in (25, 26))  # noqa: DTZ001
    assert (body["from"], body["to"]) == (told(start), told(end))
    # Each instrument's week is by its own clock, which is what `tz` tells there.
    assert body["tz"] == (None if path == "/v1/profile" else zone)


#: Where what is asked for may lie ahead: plans, periods, what people say.
WHOLE = ("/heartbeats", "/self-reports", "/planned", "/completeness")


@pytest.mark.parametrize("name", NamedWindow)
@pytest.mark.parametrize("path", WINDOWED)
def test_names_are_whole_days_up_to_now(ask: Get, world: World, path: str, name: str) -> None:
    zone = ZoneInfo("Asia/Kathmandu")
    short = path.endswith(("/heartbeats", "/explain", "/planned"))
    if short and name in ("last-quarter", "last-year"):
        body = ask(path, window=name, tz=zone.key, status=422)
        assert "31 days" in body["detail"]
        return
    before = from_us(world.now_us()).astimezone(zone)
    body = ask(path, window=name, tz=zone.key)
    assert body["tz"] == zone.key
    start, end = (datetime.fromisoformat(body[name]).astimezone(zone) for name in ("from", "to"))
    assert start.time() == time(0)
    today = datetime.combine(before.date(), time(0), zone)
    if name in ("today", "this-month"):
        assert start == (today if name == "today" else today.replace(day=1))
        if wants_window(path) and not path.endswith(WHOLE):
            assert end <= datetime.now(UTC) + timedelta(seconds=60)  # clipped to now
        else:
            assert end.time() == time(0)
            assert end > before
    else:
        assert end.time() == time(0)
        ends = {"yesterday": today, "last-month": today.replace(day=1)}
        assert name not in ends or end == ends[name]


@pytest.mark.parametrize("path", WINDOWED)
@pytest.mark.parametrize(
    ("asked", "field"),
    [
        pytest.param({"window": "last-month", "from": "2026-01-01"}, "query.window", id="both"),
        pytest.param({"window": "last-month", "to": "2026-01-01"}, "query.window", id="and to"),
        pytest.param({"window": "last-fortnight"}, "query.window", id="no such name"),
        pytest.param({"from": "2026-02-30", "to": "2026-03-01"}, "query.from", id="no such day"),
        pytest.param({"from": "2026-1-1", "to": "2026-03-01"}, "query.from", id="no date"),
        pytest.param({"from": "1969-12-31", "to": "2026-03-01"}, "query.from", id="too early"),
        pytest.param({"from": "2026-03-01", "to": "2026-02-01"}, "query.to", id="backwards"),
    ],
)
def test_what_is_no_window(ask: Get, path: str, asked: dict[str, str], field: str) -> None:
    body = ask(path, **asked, status=422)
    assert field in [one["field"] for one in body["errors"]]


@pytest.mark.parametrize("path", [path for path in WINDOWED if wants_window(path)])
def test_a_window_is_wanted(ask: Get, path: str) -> None:
    body = ask(path, status=422)
    assert [one["field"] for one in body["errors"]] == ["query.from", "query.to"]
    assert "last-month" in body["detail"]
    body = ask(path, from_="2026-03-01", status=422)
    assert [one["field"] for one in body["errors"]] == ["query.to"]


def test_a_day_of_23_hours_is_full(ask: Get) -> None:
    path = "/v1/instruments/{instrument_id}/utilization"
    body = ask(path, from_="2026-03-29", to="2026-03-31", bucket="day")
    assert [one["running_s"] for one in body["buckets"]] == [82_800, 86_400]
    assert body["total"]["running_s"] == 169_200
    # Nobody's midnight but the one that `tz` names.
    nepal = ask(path, from_="2026-03-29", to="2026-03-30", tz="Asia/Kathmandu", bucket="day")
    assert nepal["from"] == "2026-03-28T18:15:00Z"
    assert [one["window_s"] for one in nepal["buckets"]] == [86_400]


def test_a_month_in_which_clocks_go_back_is_not_too_long(ask: Get) -> None:
    """31 days and one hour: raw rows are shown for 31 days."""
    path = "/v1/instruments/{instrument_id}/heartbeats"
    assert ask(path, from_="2025-10-01", to="2025-11-01")["items"] == []
    assert ask(path, from_="2025-10-01", to="2025-11-02", status=422)


def test_the_zone_is_the_one_in_force_at_the_window_s_end(ask: Get, world: World) -> None:
    world.instrument("a", timezone="Asia/Kathmandu", valid_from=at("2026-03-15T00:00:00"))
    path = "/v1/instruments/{instrument_id}/timeline"
    early = ask(path, from_="2026-03-01", to="2026-03-02")
    assert (early["tz"], early["from"]) == ("Europe/Berlin", "2026-02-28T23:00:00Z")
    late = ask(path, from_="2026-03-01", to="2026-03-20")
    assert (late["tz"], late["from"]) == ("Asia/Kathmandu", "2026-02-28T18:15:00Z")


def test_dates_and_instants_give_the_same_figures(ask: Get) -> None:
    for path in WINDOWED:
        if not wants_window(path):
            continue
        dates = ask(path, from_="2026-03-29", to="2026-03-30", tz="Europe/Berlin")
        start, end = dates["from"], dates["to"]
        instants = ask(path, from_=start, to=end, tz="Europe/Berlin")
        for body in (dates, instants):
            for one in (body, *(body.get(n, {}) for n in ("total", "overall", "figures"))):
                one.pop("as_of", None)
        assert dates == instants, path


def test_measured_use_of_a_window_is_cut_to_it(client: httpx.Client, world: World) -> None:
    """By dates of the service's clock, by one end alone, by none, and by none that is allowed."""
    world.instrument("a", timezone="UTC")
    world.feed("a", every(at("2026-03-28T00:00:00"), at("2026-04-01T00:00:00"), "running"))

    def events(**asked: str) -> list[tuple[str, str]]:
        answer = client.get("/v1/instruments/a/measured.ics", params=asked)
        assert answer.status_code == 200, answer.text
        assert read_calendar(answer.text).problems == []
        found = re.findall(r"DTSTART:(\S+)\r\n(?:.*\r\n)*?DTEND:(\S+)", answer.text)
        return [(start, end) for start, end in found]

    shanghai = ("20260329T160000Z", "20260330T160000Z")
    assert events(**{"from": "2026-03-30", "to": "2026-03-31"}) == [shanghai]
    # Thirty days before its end; the last heartbeat's hold is in it.
    assert events(to="2026-04-02") == [("20260328T000000Z", "20260401T000200Z")]
    assert events(**{"from": "2026-03-31T22:00:00Z"}) == [("20260331T220000Z", "20260401T000200Z")]
    assert events(**{"from": "2026-05-01", "to": "2026-05-02"}) == []
    assert events() == []
    for wrong in ({"from": "1990-01-01"}, {"from": "yesterday"}, {"window": "last-aeon"}):
        refused = client.get("/v1/instruments/a/measured.ics", params=wrong)
        assert refused.status_code == 422, refused.text
