"""`/v1/instruments`, `/{id}`, `/{id}/status` and `/v1/status/summary`."""

from typing import Any

import pytest

from models.status import is_online
from store.instant import from_us
from tests.integration.api.figures.world import HOUR, MINUTE, SECOND, Get, World, beat, every, iso


def status(get: Get, identity: str = "a") -> Any:
    return get(f"/v1/instruments/{identity}/status")


def heard(world: World) -> None:
    """A collector that has been listening all along."""
    now = world.now_us()
    world.listening(now - 1000 * HOUR, now + HOUR, closed=False)


def test_never_seen(world: World, get: Get) -> None:
    world.instrument("a")
    answer = status(get)
    assert answer.pop("as_of")
    assert answer == {
        "instrument_id": "a",
        "connectivity": "never_seen",
        "activity": "unknown",
        "cause": "before_first",
        "since": None,
        "last_heartbeat_at": None,
        "last_received_at": None,
        "power_w": None,
        "clock_skew_s": None,
        "flags": [],
        "availability": "unknown",
        "until": None,
        "reasons": ["before_first"],
    }


def test_online(world: World, get: Get) -> None:
    now = world.now_us()
    world.instrument("a")
    rows = every(now - 90 * MINUTE, now, "running", seq=None)
    rows[-1] = beat(rows[-1].at_us, "running", power_w=350.5)
    world.feed("a", rows, received_at=now)
    answer = status(get)
    assert (answer["connectivity"], answer["activity"], answer["cause"]) == (
        "online", "running", None,
    )  # fmt: skip
    assert from_us(now - 90 * MINUTE).strftime("%H:%M:%S") in answer["since"]
    assert answer["power_w"] == 350.5
    assert answer["flags"] == ["unsequenced"]


@pytest.mark.parametrize(
    ("gone", "listens", "cause"),
    [
        pytest.param(False, True, "device", id="device"),
        pytest.param(True, True, "gateway", id="gateway"),
        pytest.param(True, False, "collector", id="collector-first"),
    ],
)
def test_offline_causes(world: World, get: Get, gone: bool, listens: bool, cause: str) -> None:
    now = world.now_us()
    world.instrument("a")
    world.feed("a", every(now - 2 * HOUR, now - HOUR, "running"))
    world.listening(now - 3 * HOUR, now if listens else now - MINUTE, closed=False)
    if gone:
        world.offline("g1", now - 50 * MINUTE, None)
    answer = status(get)
    assert (answer["connectivity"], answer["activity"]) == ("offline", "unknown")
    assert answer["cause"] == cause
    assert answer["power_w"] is None
    # Its last state held for 180 s after the last heartbeat.
    last = now - HOUR - MINUTE + 3 * MINUTE
    assert answer["since"].startswith(from_us(last).strftime("%Y-%m-%dT%H:%M:%S"))


def test_gateway_back_online_is_not_the_cause(world: World, get: Get) -> None:
    now = world.now_us()
    world.instrument("a")
    world.feed("a", [beat(now - HOUR, "off")])
    world.offline("g1", now - 50 * MINUTE, now - 40 * MINUTE)
    assert status(get)["cause"] == "device"


def test_historical_makes_nothing_look_alive(world: World, get: Get) -> None:
    now = world.now_us()
    world.instrument("a")
    world.feed("a", every(now - HOUR, now, "running", live=False), received_at=now)
    answer = status(get)
    assert (answer["connectivity"], answer["activity"]) == ("offline", "unknown")


def test_heartbeat_ahead_of_now_hides_nothing(world: World, get: Get) -> None:
    now = world.now_us()
    world.instrument("a")
    rows = [*every(now - 2 * HOUR, now, "running"), beat(now + 2 * MINUTE, "idle")]
    world.feed("a", rows, received_at=now)
    answer = status(get)
    assert (answer["connectivity"], answer["activity"]) == ("online", "running")
    assert answer["since"].startswith(from_us(now - 2 * HOUR).strftime("%Y-%m-%dT%H:%M:%S"))
    assert get("/v1/status/summary")["overall"]["activity"]["running"] == 1
    total = get(
        "/v1/instruments/a/utilization", from_=iso(now - HOUR), to=iso(now + HOUR)
    )["total"]  # fmt: skip
    assert total["running_s"] == total["window_s"]
    assert total["idle_s"] == 0
    assert total["session_idle_s"] == 0


def test_first_heartbeat_ahead_of_now(world: World, get: Get) -> None:
    now = world.now_us()
    world.instrument("a")
    world.feed("a", [beat(now + 2 * MINUTE, "idle")], received_at=now)
    answer = status(get)
    assert (answer["connectivity"], answer["activity"]) == ("online", "unknown")
    assert answer["since"] is None


@pytest.mark.parametrize(
    ("accepted_ago", "refused_ago", "cause", "flagged"),
    [
        pytest.param(None, MINUTE, "clock", True, id="never-right"),
        pytest.param(HOUR, MINUTE, "clock", True, id="right-once"),
        pytest.param(HOUR, 30 * MINUTE, "device", True, id="silent-since"),
        pytest.param(30 * MINUTE, HOUR, "device", False, id="mended"),
    ],
)
def test_clock(
    world: World,
    get: Get,
    accepted_ago: int | None,
    refused_ago: int,
    cause: str,
    flagged: bool,
) -> None:
    now = world.now_us()
    world.instrument("a")
    if accepted_ago is not None:
        world.feed("a", [beat(now - accepted_ago, "idle", seq=1)])
    world.conn.execute(
        "UPDATE instrument_status SET clock_future_at = %s", (from_us(now - refused_ago),)
    )
    answer = status(get)
    assert answer["cause"] == cause
    assert ("clock_future" in answer["flags"]) == flagged


def test_clock_behind(world: World, get: Get) -> None:
    now = world.now_us()
    world.instrument("a")
    world.feed("a", every(now - 3 * HOUR, now - 2 * HOUR, "idle"), received_at=now - 5 * SECOND)
    world.conn.execute("UPDATE gateway_status SET skew_us = %s, skew_at = now()", (2 * HOUR,))
    answer = status(get)
    assert (answer["cause"], answer["clock_skew_s"]) == ("clock", 7200)


def test_flags(world: World, get: Get) -> None:
    now = world.now_us()
    world.instrument("a")
    world.feed("a", [beat(now - MINUTE, "idle", seq=5), beat(now - SECOND, "idle", seq=5)])
    world.conn.execute(
        "UPDATE instrument_status SET counter_disagrees = true, energy_disagrees = true"
    )
    assert status(get)["flags"] == ["stale_repeat", "counter_disagrees", "energy_disagrees"]


def fleet(world: World) -> None:
    now = world.now_us()
    world.institution("i1", district_code="310101", lon=121.5, lat=31.2)
    world.institution("i2", district_code="310104")
    world.instrument("a", name="显微镜 one", class_code="010101", lon=121.4, lat=31.2)
    world.instrument("b", class_code="010200", institution="i2", gateway="g2", lon=121.4, lat=31.3)
    world.instrument("c", class_code="020100", institution="i2", gateway="g2", kind="special")
    world.instrument("d", class_code="020100", retired_on="2026-01-01")
    world.instrument("e", institution="i1")
    world.feed("a", every(now - HOUR, now, "running"), received_at=now)
    world.feed("b", every(now - HOUR, now, "idle"), received_at=now)
    world.feed("c", every(now - HOUR, now - 10 * MINUTE, "off"), received_at=now)
    world.feed("e", every(now - HOUR, now, "idle"), received_at=now)
    heard(world)


def test_list_and_filters(world: World, get: Get) -> None:
    fleet(world)

    def found(**params: Any) -> str:
        return "".join(one["instrument_id"] for one in get("/v1/instruments", **params)["items"])

    assert found() == "abce"
    assert found(retired="true") == "abcde"
    assert found(instrument=["e", "b", "d"]) == "be"
    assert found(instrument=["b", "d"], retired="true", institution="i2") == "b"
    assert found(institution="i2") == "bc"
    assert found(district="310101") == "ae"
    assert found(class_="010000") == "ab"
    assert found(class_="010100") == "a"
    assert found(class_="010101") == "a"
    assert found(class_="010102") == ""
    assert found(gateway="g2") == "bc"
    assert found(connectivity="online") == "abe"
    assert found(connectivity="offline") == "c"
    assert found(activity="idle") == "be"
    assert found(activity="unknown") == "c"
    assert found(activity="off") == ""
    assert found(q="显微") == "a"
    assert found(q="INSTRUMENT") == "bce"
    assert found(q="%") == ""
    assert found(kind="special") == "c"
    assert found(activity="running", q="one", class_="010000") == "a"
    get("/v1/instruments", status=422, activity="asleep")
    get("/v1/instruments", status=422, class_="a b")


def test_pages(world: World, get: Get) -> None:
    fleet(world)
    seen = []
    cursor = None
    while True:
        page = get("/v1/instruments", limit=2, cursor=cursor)
        seen += [one["instrument_id"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["a", "b", "c", "e"]


def test_one(world: World, get: Get) -> None:
    fleet(world)
    one = get("/v1/instruments/a")
    assert one["name"] == "显微镜 one"
    assert one["institution_name"] == "Inst i1"
    assert one["district_code"] == "310101"
    assert one["status"]["activity"] == "running"
    assert get("/v1/instruments/d")["retired_on"] == "2026-01-01"
    get("/v1/instruments/zz", status=404)
    get("/v1/instruments/zz/status", status=404)
    get("/v1/instruments/-zz", status=422)


def test_summary_agrees_with_each(world: World, get: Get) -> None:
    fleet(world)
    for group_by, count in (
        ("institution", 2), ("district", 2), ("class", 4), ("class_major", 3), ("gateway", 2),
        ("kind", 2), (None, 0),
    ):  # fmt: skip
        answer = get("/v1/status/summary", group_by=group_by)
        assert len(answer["groups"]) == count
        overall = answer["overall"]
        assert overall["instruments"] == 4
        assert overall["connectivity"] == {"online": 3, "offline": 1, "never_seen": 0}
        assert overall["activity"] == {"running": 1, "idle": 2, "off": 0, "unknown": 1}
    by_class = {g["key"]: g for g in get("/v1/status/summary", group_by="class_major")["groups"]}
    assert set(by_class) == {"010000", "020000", None}
    assert by_class["010000"]["activity"]["running"] == 1
    get("/v1/status/summary", status=422, group_by="colour")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"district": "310101"}, "ae"),
        ({"district": "310104"}, "bc"),
        ({"district": "0"}, ""),
        ({"institution": "i3"}, "f"),
        ({"class_": "010000"}, "ab"),
        ({"class_": "020100"}, "c"),
        ({"gateway": "g2"}, "bc"),
        ({"kind": "special"}, "c"),
        ({"always_on": "true"}, ""),
    ],
)
def test_summary_and_figures_filter_as_the_list_does(
    world: World, get: Get, filters: dict[str, str], expected: str
) -> None:
    """Also where an instrument has no district or class at all: unset is no match."""
    fleet(world)
    world.institution("i3")
    world.instrument("f", institution="i3")
    items = get("/v1/instruments", **filters)["items"]
    assert "".join(one["instrument_id"] for one in items) == expected
    counts = get("/v1/status/summary", **filters)["overall"]
    assert counts["instruments"] == len(expected)
    day = {"from_": "2025-12-01T00:00:00Z", "to": "2025-12-02T00:00:00Z"}
    groups = get("/v1/utilization", group_by="instrument", **day, **filters)["groups"]
    assert sorted({g["key"] for g in groups} - {"d"}) == sorted(expected)


def test_a_key_of_one_institution_sees_only_that(world: World, client: Any) -> None:
    from store.registry.keys import create_key
    from store.run import run

    fleet(world)
    made = run(world.conn, create_key(scopes=["read"], institution_id="i2", actor="test"))
    client.headers["Authorization"] = f"Bearer {made.key}"
    items = client.get("/v1/instruments").json()["items"]
    assert [one["instrument_id"] for one in items] == ["b", "c"]
    assert client.get("/v1/status/summary").json()["overall"]["instruments"] == 2
    window = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
    for path, asked in (
        ("", {}),
        ("/status", {}),
        ("/utilization", window),
        ("/timeline", window),
        ("/sessions", window),
        ("/heartbeats", window),
        ("/explain", window),
    ):
        assert client.get(f"/v1/instruments/a{path}", params=asked).status_code == 404, path
        assert client.get(f"/v1/instruments/b{path}", params=asked).status_code == 200, path
    group = client.get("/v1/utilization", params={**window, "group_by": "institution"}).json()
    assert [g["key"] for g in group["groups"]] == ["i2"]
    assert [o["instrument_id"] for o in client.get("/v1/available").json()["items"]] == ["b"]


def test_available(world: World, get: Get) -> None:
    fleet(world)
    answer = get("/v1/available", near="121.4,31.31")
    assert [one["instrument_id"] for one in answer["items"]] == ["b", "e"]
    near, far = (one["distance_m"] for one in answer["items"])
    assert near == pytest.approx(1_112, abs=2)
    assert 10_000 < far < 20_000
    assert answer["items"][0]["usual_free_hours"]
    first = get("/v1/available", near="121.4,31.31", limit=1)
    assert [one["instrument_id"] for one in first["items"]] == ["b"]
    then = get("/v1/available", near="121.4,31.31", limit=1, cursor=first["next_cursor"])
    assert [one["instrument_id"] for one in then["items"]] == ["e"]
    assert then["next_cursor"] is None
    assert len(get("/v1/available")["items"]) == 2
    assert [o["instrument_id"] for o in get("/v1/available", class_="010000")["items"]] == ["b"]
    for near in ("121.4", "200,0", "a,b", "nan,1"):
        get("/v1/available", status=422, near=near)


def test_online_word_is_the_models() -> None:
    from models.fold import Track

    assert is_online(Track(live_until_us=2), 1)
    assert not is_online(Track(live_until_us=2), 2)
    assert not is_online(Track(), 2)
