"""`/heartbeats`, `/explain`, `/v1/profile`, and counters where a window cuts a piece."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from store.instant import from_us
from tests.integration.api.figures.world import (
    HOUR,
    MINUTE,
    SECOND,
    Get,
    World,
    at,
    beat,
    every,
    iso,
)

TEN = at("2026-03-02T10:00")
ELEVEN = TEN + HOUR


def test_heartbeats_page(world: World, get: Get) -> None:
    world.instrument("a")
    rows = [
        beat(TEN, "running", seq=1, power_w=1.5, boot_id="b"),
        beat(TEN + MINUTE, "running", seq=1, boot_id="b"),
        beat(TEN + 2 * MINUTE, "idle", seq=2, live=False),
    ]
    world.feed("a", rows, raw=True)
    answer = get("/v1/instruments/a/heartbeats", from_=iso(TEN), to=iso(ELEVEN))
    first, second, third = answer["items"]
    assert first == {
        "ts": "2026-03-02T10:00:00Z",
        "corrected_ts": "2026-03-02T10:00:00Z",
        "received_at": "2026-03-02T10:00:01Z",
        "state": "running",
        "sample": False,
        "available": None,
        "receipt_time": False,
        "power_w": 1.5,
        "runtime_s": None,
        "energy_wh": None,
        "seq": 1,
        "boot_id": "b",
        "interval_s": None,
        "gateway_id": "g1",
        "live": True,
        "stale_repeat": False,
        "historical": False,
        "retained": False,
    }
    assert (second["stale_repeat"], third["historical"], third["live"]) == (True, True, False)
    seen: list[Any] = []
    cursor = None
    while True:
        page = get(
            "/v1/instruments/a/heartbeats",
            from_=iso(TEN), to=iso(ELEVEN), limit=1, cursor=cursor,
        )  # fmt: skip
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == answer["items"]


def explain(get: Get, start: int, end: int, **more: Any) -> Any:
    return get("/v1/instruments/a/explain", from_=iso(start), to=iso(end), **more)


def test_explanation_adds_up(world: World, get: Get) -> None:
    world.instrument("a", opening_hours={"mon": [["08:00", "20:00"]]})
    rows = [
        beat(TEN - MINUTE, "idle", seq=1),
        beat(TEN + MINUTE, "running", seq=2),
        beat(TEN + 2 * MINUTE, "running", seq=2),
        beat(TEN + 3 * MINUTE, "running", seq=3),
        beat(TEN + 30 * MINUTE, "off", seq=4),
        beat(TEN + 59 * MINUTE, "idle", seq=5),
    ]
    world.feed("a", rows, raw=True)
    world.conn.execute(
        "INSERT INTO dead_letter (digest, reason, detail, gateway_id, topic, instrument_id, ts,"
        " received_at, live, payload_bytes, payload_sha256)"
        " VALUES ('x', 'conflict', 'running loses to idle', 'g1', 't', 'a', %s, now(), true, 1,"
        " 'x')",
        (from_us(TEN + 3 * MINUTE),),
    )
    answer = explain(get, TEN, ELEVEN)
    told = [
        (h["ts"][14:16], h["credited_s"], h["ended_by"], h["carries_over"])
        for h in answer["heartbeats"]
    ]
    assert told == [
        ("59", 60, "next_heartbeat", True),
        ("01", 120, "next_heartbeat", False),
        ("02", 0, "stale_repeat", False),
        ("03", 180, "hold", False),
        ("30", 180, "hold", False),
        ("59", 60, "hold", False),
    ]
    figures = answer["figures"]
    credited = sum(h["credited_s"] for h in answer["heartbeats"])
    assert credited == figures["window_s"] - figures["unknown_s"]
    assert answer["heartbeats"][0]["hold_source"] == "default"
    assert answer["heartbeats"][2]["rules"] == [9]
    assert sum(s["seconds"] for s in answer["segments"]) == 3600
    assert answer["conflicts"][0]["detail"] == "running loses to idle"
    assert answer["versions"][0]["gateway_id"] == "g1"
    assert answer["schedule"] == [{"from": "2026-03-02T10:00:00Z", "to": "2026-03-02T11:00:00Z"}]
    paged: list[Any] = []
    cursor = None
    while True:
        page = explain(get, TEN, ELEVEN, limit=2, cursor=cursor)
        paged += page["heartbeats"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert paged == answer["heartbeats"]


def test_explanation_of_corrected_time(world: World, get: Get) -> None:
    world.gateway("g1", clock_correction_us=10 * MINUTE)
    world.instrument("a", hold_us=MINUTE)
    key = world.conn.execute("SELECT instrument_key FROM instrument").fetchall()[0][0]
    gateway = world.conn.execute("SELECT gateway_key FROM gateway").fetchall()[0][0]
    world.store_raw(
        key, gateway, [beat(TEN - 10 * MINUTE, "running"), beat(TEN - 5 * MINUTE, "off")]
    )
    answer = explain(get, TEN, TEN + MINUTE)
    assert [(h["corrected_ts"], h["credited_s"]) for h in answer["heartbeats"]] == [
        ("2026-03-02T10:00:00Z", 60)
    ]
    assert answer["heartbeats"][0]["hold_source"] == "instrument.hold_s"
    assert 8 in answer["heartbeats"][0]["rules"]


@pytest.mark.parametrize("raw", [True, False], ids=["raw", "raw-gone"])
def test_counters_add_up_over_any_split(world: World, get: Get, raw: bool) -> None:
    world.instrument("a")
    rows = [
        beat(TEN - 30 * MINUTE + n * MINUTE, "running", runtime_us=(500 + n * 50) * SECOND)
        for n in range(180)
    ]
    world.feed("a", rows, raw=raw)

    def counted(start: int, end: int) -> float:
        total = get("/v1/instruments/a/utilization", from_=iso(start), to=iso(end))["total"]
        return float(total["counter_running_s"] or 0)

    a, c = TEN - HOUR, TEN + 4 * HOUR
    whole = counted(a, c)
    assert whole == 179 * 50
    for b in (TEN + 17 * MINUTE, TEN + 17 * MINUTE + 1, ELEVEN, ELEVEN + 59 * MINUTE):
        assert counted(a, b) + counted(b, c) == whole
    if raw:
        # Heartbeats of 10:05 to 10:14.
        assert counted(TEN + 5 * MINUTE, TEN + 15 * MINUTE) == 500
        assert counted(TEN + 5 * MINUTE + 1, TEN + 15 * MINUTE) == 450


def test_profile(world: World, get: Get) -> None:
    monday = at("2026-03-02T00:00+08:00")
    world.instrument("a")
    world.instrument("b", timezone="Asia/Kolkata")
    for identity in "ab":
        world.feed(
            identity,
            [
                *every(monday, monday + 10 * HOUR, "idle"),
                *every(monday + 10 * HOUR, monday + 12 * HOUR, "running"),
                *every(monday + 12 * HOUR, monday + 40 * HOUR, "idle"),
            ],
        )

    def shares(**more: Any) -> dict[tuple[int, int], float]:
        answer = get("/v1/profile", from_=iso(monday), to=iso(monday + 168 * HOUR), **more)
        assert len(answer["items"]) == 168
        assert sum(one["running_s"] for one in answer["items"]) == 2 * 2 * 3600
        known = sum(one["running_s"] + one["idle_s"] + one["off_s"] for one in answer["items"])
        # The last heartbeat of each holds for two minutes more.
        assert known == 2 * (40 * 3600 + 120)
        return {
            (one["weekday"], one["hour"]): one["running_share"]
            for one in answer["items"]
            if one["running_share"]
        }

    assert shares(tz="Asia/Shanghai") == {(1, 10): 1.0, (1, 11): 1.0}
    # Kolkata is two hours and a half behind.
    assert shares() == {(1, 7): 0.25, (1, 8): 0.5, (1, 9): 0.25, (1, 10): 0.5, (1, 11): 0.5}
    empty = get("/v1/profile", from_=iso(monday - 1000 * HOUR), to=iso(monday - 500 * HOUR))
    assert all(one["running_share"] is None for one in empty["items"])


def test_profile_by_the_zone_of_the_time(world: World, get: Get) -> None:
    """Each minute of known time by the clock that was set then, some set for a time to come."""
    monday = at("2026-03-02T00:00+08:00")
    end = monday + 40 * HOUR
    zones = [
        (monday - HOUR, "Asia/Shanghai"),
        (monday + 11 * HOUR + 20 * MINUTE, "Asia/Kolkata"),
        (monday + 26 * HOUR, "Europe/Berlin"),
        (monday + 39 * HOUR + 45 * MINUTE, "UTC"),  # within the open piece
        (world.now_us() + 24 * HOUR, "Asia/Tokyo"),
    ]
    for index, (since, zone) in enumerate(zones):
        world.instrument("a", timezone=zone, valid_from=since if index else None)
    world.feed("a", [*every(monday, monday + 39 * HOUR, "running"),
                     beat(monday + 39 * HOUR, "idle", hold=HOUR)])  # fmt: skip
    expected: dict[tuple[int, int], list[int]] = {}
    for minute in range(monday, end, MINUTE):
        zone = next(name for since, name in reversed(zones) if since <= minute)
        local = from_us(minute).astimezone(ZoneInfo(zone))
        running, idle = expected.setdefault((local.isoweekday(), local.hour), [0, 0])
        expected[local.isoweekday(), local.hour] = (
            [running + 60, idle] if minute < monday + 39 * HOUR else [running, idle + 60]
        )
    answer = get("/v1/profile", from_=iso(monday - HOUR), to=iso(end + HOUR))
    assert {
        (one["weekday"], one["hour"]): [one["running_s"], one["idle_s"]]
        for one in answer["items"]
        if one["running_s"] or one["idle_s"]
    } == expected
