"""``availability`` of statuses, lists and ``/v1/available``: live state and plans together."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.timestamp import format_instant
from store.instant import from_us
from tests.integration.api.figures.world import Get, World, beat

HOUR = 3_600_000_000
ALWAYS = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


@pytest.fixture
def now(world: World) -> int:
    return world.now_us()


def instrument(world: World, identity: str, now_us: int, state: str = "idle", **fields: Any) -> int:
    world.instrument(identity, timezone="UTC", **fields)
    world.feed(identity, [beat(now_us - HOUR // 60, state)], received_at=now_us)
    row = world.conn.execute(
        "SELECT instrument_key FROM instrument WHERE instrument_id = %s", [identity]
    ).fetchone()
    assert row is not None
    key: int = row[0]
    return key


def plan(world: World, key: int, start_us: int, end_us: int, *, kind: str = "maintenance") -> None:
    world.conn.execute(
        "INSERT INTO maintenance (instrument_key, starts_at, ends_at, kind)"
        " VALUES (%s, %s, %s, %s)",
        [key, from_us(start_us), from_us(end_us), kind],
    )


def book(world: World, key: int, start_us: int, end_us: int, *, cancelled: bool = False) -> None:
    world.conn.execute(
        "INSERT INTO booking_feed (name, timezone) VALUES ('f', 'UTC') ON CONFLICT DO NOTHING"
    )
    world.conn.execute(
        "INSERT INTO booking (feed_key, uid, recurrence_id, instrument_key, starts_at, ends_at,"
        " is_cancelled) SELECT feed_key, gen_random_uuid(), '', %s, %s, %s, %s FROM booking_feed",
        [key, from_us(start_us), from_us(end_us), cancelled],
    )


def told(get: Get, name: str) -> tuple[str, str | None, list[str]]:
    """The same wherever it stands."""
    status = get(f"/v1/instruments/{name}/status")
    one = get(f"/v1/instruments/{name}")["status"]
    (listed,) = [i for i in get("/v1/instruments")["items"] if i["instrument_id"] == name]
    found = {
        (body["availability"], body["until"], tuple(body["reasons"]))
        for body in (status, one, listed["status"])
    }
    ((availability, until, reasons),) = found
    free = [one["instrument_id"] for one in get("/v1/available")["items"]]
    assert (name in free) == (availability == "free")
    return availability, until, list(reasons)


def test_each_answer(world: World, get: Get, now: int) -> None:
    later, much_later = now + 2 * HOUR, now + 5 * HOUR
    instrument(world, "free", now)
    instrument(world, "runs", now, "running")
    key = instrument(world, "maintained", now)
    plan(world, key, now - HOUR, later)
    key = instrument(world, "broken", now)
    plan(world, key, now - HOUR, much_later, kind="down")
    plan(world, key, now - HOUR, later)
    key = instrument(world, "booked", now)
    book(world, key, now - HOUR, later)
    book(world, key, later, much_later)
    key = instrument(world, "cancelled", now)
    book(world, key, now - HOUR, later, cancelled=True)
    key = instrument(world, "soon", now)
    book(world, key, later, much_later)
    instrument(world, "silent", now - HOUR)
    assert told(get, "free") == ("free", None, ["idle"])
    assert told(get, "runs") == ("in_use", None, ["running"])
    assert told(get, "maintained") == ("maintenance", format_instant(later), ["maintenance"])
    reasons = ["down", "maintenance"]
    assert told(get, "broken") == ("down", format_instant(much_later), reasons)
    assert told(get, "booked") == ("booked", format_instant(much_later), ["booked"])
    assert told(get, "cancelled") == ("free", None, ["idle"])
    assert told(get, "soon") == ("free", format_instant(later), ["idle"])
    assert told(get, "silent") == ("unknown", None, ["device"])


def test_opening_hours_and_holidays(world: World, get: Get, now: int) -> None:
    today = datetime.fromtimestamp(now / 1e6, UTC).date()
    world.institution("own", opening_hours={**ALWAYS, "holidays": "closed"})
    instrument(world, "house", now, institution="own")
    instrument(world, "shut", now, opening_hours={"holidays": "as_weekday"})
    assert told(get, "house")[0] == "free"
    assert told(get, "shut") == ("closed", None, ["closed"])
    world.conn.execute(
        "INSERT INTO calendar_day (calendar, day, kind, name, confirmed, source)"
        " VALUES ('CN', %s, 'holiday', 'x', true, 'test')"
        " ON CONFLICT (calendar, day) DO UPDATE SET kind = 'holiday', as_weekday = NULL",
        [today],
    )
    availability, until, reasons = told(get, "house")
    assert (availability, reasons) == ("closed", ["closed"])
    midnight = datetime(today.year, today.month, today.day, tzinfo=UTC) + timedelta(days=1)
    assert until == format_instant(int(midnight.timestamp()) * 1_000_000)


def test_a_time_to_come(world: World, get: Get, now: int) -> None:
    at = now + 24 * HOUR
    key = instrument(world, "a", now, "running")
    other = instrument(world, "b", now - HOUR)
    book(world, key, at + 2 * HOUR, at + 3 * HOUR)
    plan(world, other, at - HOUR, at + HOUR, kind="down")

    def free(start_us: int, for_s: int) -> list[str]:
        answer = get("/v1/available", at=format_instant(start_us), for_s=for_s)
        return [one["instrument_id"] for one in answer["items"]]

    assert free(at, 7_200) == ["a"]
    assert free(at, 7_201) == []
    assert free(at + HOUR, 3_600) == ["a", "b"]
    assert free(at + 2 * HOUR, 3_600) == ["b"]
    (one,) = get("/v1/available", at=format_instant(at), for_s=7_200)["items"]
    assert (one["availability"], one["until"]) == ("free", format_instant(at + 2 * HOUR))
    assert one["status"]["availability"] == "in_use"
    for wrong in ("tomorrow", format_instant(now - HOUR), format_instant(now + 400 * 24 * HOUR)):
        get("/v1/available", at=wrong, status=422)


def test_pages_go_on_over_what_is_taken(world: World, get: Get, now: int) -> None:
    for number in range(7):
        key = instrument(world, f"i{number}", now)
        if number % 2:
            book(world, key, now - HOUR, now + HOUR)
    pages, cursor = [], None
    while True:
        asked = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        answer = get("/v1/available", **asked)
        pages += [one["instrument_id"] for one in answer["items"]]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert pages == ["i0", "i2", "i4", "i6"]


def test_words_find_what_is_free(world: World, get: Get, now: int) -> None:
    instrument(world, "a", now, name="扫描电镜")
    instrument(world, "b", now, name="质谱仪")
    found = get("/v1/available", q="SEM")["items"]
    assert [one["instrument_id"] for one in found] == ["a"]


def test_the_earliest_times(world: World, get: Get, now: int) -> None:
    key = instrument(world, "booked", now)
    book(world, key, now - HOUR, now + 2 * HOUR)
    book(world, key, now + 3 * HOUR, now + 4 * HOUR)
    key = instrument(world, "maintained", now)
    plan(world, key, now - HOUR, now + 3 * HOUR)
    instrument(world, "runs", now, "running")

    def told(**asked: Any) -> list[tuple[str, str, str | None]]:
        found = get("/v1/available/earliest", **asked)["items"]
        return [(one["instrument_id"], one["from"], one["to"]) for one in found]

    first = ("booked", format_instant(now + 2 * HOUR), format_instant(now + 3 * HOUR))
    assert told() == [first, ("maintained", format_instant(now + 3 * HOUR), None)]
    assert told(for_s=3_601)[1] == ("booked", format_instant(now + 4 * HOUR), None)
    assert told(limit=1) == [first]
    # At a time to come, what it does now says nothing.
    at = format_instant(now + HOUR // 2)
    assert told(at=at)[0] == ("runs", at, None)


def test_what_is_planned_of_a_window(world: World, get: Get, now: int) -> None:
    midnight = now - now % (24 * HOUR)
    hours = {**ALWAYS, "mon": [], "holidays": "as_weekday"}
    key = instrument(world, "a", now, opening_hours=hours)
    plan(world, key, midnight - HOUR, midnight + HOUR)
    week = {"from_": format_instant(midnight), "to": format_instant(midnight + 7 * 24 * HOUR)}
    answer = get("/v1/instruments/a/planned", **week)
    monday = midnight + (-datetime.fromtimestamp(midnight / 1e6, UTC).weekday()) % 7 * 24 * HOUR
    wanted = [
        (midnight, midnight + HOUR, "maintenance"),
        (monday, monday + 24 * HOUR, "closed"),
    ]
    assert [(one["from"], one["to"], one["kind"]) for one in answer["items"]] == [
        (format_instant(start), format_instant(end), kind) for start, end, kind in sorted(wanted)
    ]
    assert answer["tz"] == "UTC"
    instrument(world, "never-shut", now)
    assert get("/v1/instruments/never-shut/planned", **week)["items"] == []
    get("/v1/instruments/nobody/planned", **week, status=404)
    month = {**week, "to": format_instant(midnight + 32 * 24 * HOUR)}
    get("/v1/instruments/a/planned", **month, status=422)


def test_what_is_recommended_and_why(world: World, get: Get, now: int) -> None:
    """What is quiet and known before what is not, and near before far."""
    places = {"near": (121.40, 31.20), "busy": (121.399, 31.20), "far": (122.4, 31.2)}
    week = 7 * 24 * HOUR
    minute = HOUR // 60
    for name, (lon, lat) in places.items():
        world.instrument(name, timezone="UTC", lon=lon, lat=lat, name=f"扫描电镜 {name}")
        state = "running" if name == "busy" else "idle"
        rows = [
            beat(now - back * week + step * minute, state)
            for back in (4, 3, 2, 1)
            for step in range(-5, 65)
        ]
        world.feed(name, [*rows, beat(now - minute, "idle")], received_at=now)
    instrument(world, "unknown", now, name="扫描电镜 unknown", lon=121.4, lat=31.2)
    asked = {"q": "SEM", "near": "121.4,31.2", "sort": "recommended"}
    items = get("/v1/available", **asked)["items"]
    assert [one["instrument_id"] for one in items] == ["near", "unknown", "busy", "far"]
    best = {part["name"]: part for part in items[0]["fit"]["parts"]}
    assert best.keys() == {"words", "distance", "free", "quiet", "trust"}
    assert best["quiet"]["because"].startswith("ran 0 %")
    assert items[0]["fit"]["marks"] > items[1]["fit"]["marks"]
    again = get("/v1/available", **asked, limit=1)
    assert (again["items"][0]["instrument_id"], again["next_cursor"]) == ("near", None)
    # What ran least in four weeks, by the figures that every other answer has; one page as well.
    quiet = get("/v1/available", sort="quietest")
    start = datetime.fromisoformat(quiet["as_of"]) - timedelta(weeks=4)
    whole = {"from_": start.isoformat(), "to": quiet["as_of"]}
    groups = get("/v1/utilization", group_by="instrument", **whole)["groups"]
    used = {one["key"]: one["utilization"] for one in groups}
    assert {one["instrument_id"]: one["recent_utilization"] for one in quiet["items"]} == used
    assert [one["instrument_id"] for one in quiet["items"]] == sorted(
        used, key=lambda name: (used[name], name)
    )
    assert used["near"] == 0 < used["busy"]
    assert get("/v1/available", sort="quietest", limit=1)["next_cursor"] is None
    get("/v1/available", sort="quietest", cursor="x", status=422)
    # Nearest first unless told otherwise.
    plain = get("/v1/available", q="SEM", near="121.399,31.2")["items"]
    assert plain[0]["instrument_id"] == "busy"
    assert plain[0]["fit"]["marks"] <= 1_000
    # And never what is broken.
    row = world.conn.execute("SELECT instrument_key FROM instrument WHERE instrument_id = 'near'")
    (key,) = row.fetchone() or (0,)
    plan(world, key, now - HOUR, now + HOUR, kind="down")
    assert "near" not in [one["instrument_id"] for one in get("/v1/available", **asked)["items"]]
