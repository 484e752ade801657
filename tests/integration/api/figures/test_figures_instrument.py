"""`/v1/instruments/{id}/utilization`, `/timeline` and `/sessions` over a real database."""

from datetime import date, timedelta
from typing import Any

import pytest

from tests.integration.api.figures.world import (
    HOUR,
    MINUTE,
    SECOND,
    Get,
    World,
    at,
    beat,
    day_of,
    every,
    iso,
)

TEN = at("2026-03-02T10:00")
ELEVEN = TEN + HOUR


def ask(
    get: Get, start: int, end: int, identity: str = "a", what: str = "utilization", **more: Any
) -> Any:
    return get(f"/v1/instruments/{identity}/{what}", from_=iso(start), to=iso(end), **more)


def without(body: Any, *names: str) -> Any:
    """The answer without fields that may differ, wherever they stand."""
    if isinstance(body, dict):
        return {k: without(v, *names) for k, v in body.items() if k not in names}
    if isinstance(body, list):
        return [without(v, *names) for v in body]
    return body


def test_example_1_hold(world: World, get: Get) -> None:
    world.instrument("a")
    world.feed("a", [beat(TEN + n * MINUTE, "running") for n in range(3)])
    total = ask(get, TEN, ELEVEN)["total"]
    assert total["window_s"] == 3600
    assert total["running_s"] == 300
    assert total["unknown_s"] == 3300
    assert total["unknown_by_cause"] == {
        "before_first": 0, "collector": 0, "gateway": 0, "device": 3300,
    }  # fmt: skip
    assert total["utilization"] == 1.0
    assert total["coverage"] == 300 / 3600
    assert total["calendar_utilization"] == 300 / 3600
    assert total["utilization_high"] == 1.0
    assert total["sufficient"] is False
    assert total["resolution_s"] == 180
    assert total["scheduled_s"] is None
    assert total["scheduled_utilization"] is None
    assert total["counter_running_s"] is None
    assert total["provisional"] is False


def test_example_2_state_carries_over(world: World, get: Get) -> None:
    world.instrument("a")
    rows = [beat(at("2026-03-02T10:59:30"), "running"), beat(at("2026-03-02T11:00:20"), "running")]
    world.feed("a", rows)
    running = [
        ask(get, start, end)["total"]["running_s"]
        for start, end in ((TEN, ELEVEN), (ELEVEN, ELEVEN + HOUR), (TEN, ELEVEN + HOUR))
    ]
    assert running == [30, 200, 230]


def test_fractions_are_exact(world: World, get: Get, client: Any) -> None:
    world.instrument("a")
    world.feed("a", [beat(TEN, "idle", hold=1), beat(TEN + SECOND, "idle", hold=999_999)])
    answer = client.get(
        "/v1/instruments/a/utilization",
        params={"from": iso(TEN), "to": iso(TEN + 1_000_000 * SECOND)},
    )
    assert '"idle_s":1,' in answer.text
    assert '"unknown_s":999999,' in answer.text


def test_window_ahead_and_clipped(world: World, get: Get) -> None:
    now = world.now_us()
    world.instrument("a")
    world.feed("a", every(now - HOUR, now, "running"))
    answer = ask(get, now - HOUR, now + 24 * HOUR, bucket="hour", tz="UTC")
    total = answer["total"]
    assert 3600 <= total["window_s"] < 3700
    assert total["running_s"] == total["window_s"]
    assert total["provisional"] is True
    assert len(answer["buckets"]) in (1, 2)
    ahead = ask(get, now + HOUR, now + 2 * HOUR, bucket="hour")
    assert ahead["total"]["window_s"] == 0
    assert ahead["total"]["utilization"] is None
    assert ahead["buckets"] == []


def test_example_4_bucket_of_now_is_cut(world: World, get: Get) -> None:
    now = world.now_us()
    begin = now - 10 * MINUTE
    world.instrument("a")
    world.feed("a", every(begin, now, "running"))
    total = ask(get, begin, now + HOUR)["total"]
    assert total["running_s"] == total["window_s"]
    assert total["utilization"] == 1.0


@pytest.mark.parametrize(
    ("zone", "day", "seconds"),
    [
        pytest.param("Europe/Berlin", "2026-03-29", 82_800, id="berlin-spring"),
        pytest.param("Europe/Berlin", "2026-10-25", 90_000, id="berlin-autumn"),
        pytest.param("America/New_York", "2026-03-08", 82_800, id="new-york-spring"),
        pytest.param("America/New_York", "2025-11-02", 90_000, id="new-york-autumn"),
        pytest.param("Asia/Shanghai", "2024-02-29", 86_400, id="leap-day"),
    ],
)
def test_example_11_local_days(world: World, get: Get, zone: str, day: str, seconds: int) -> None:
    noon = at(f"{day}T12:00")
    world.instrument("a", timezone=zone)
    rows = every(noon - 60 * HOUR, noon + 60 * HOUR, "running", step=10 * MINUTE, hold=900 * SECOND)
    world.feed("a", rows)
    answer = ask(get, noon - 48 * HOUR, noon + 48 * HOUR, bucket="day")
    lengths = [b["window_s"] for b in answer["buckets"]]
    assert sum(lengths) == 96 * 3600
    assert seconds in lengths[1:-1]
    assert all(b["running_s"] == b["window_s"] for b in answer["buckets"])
    hours = ask(get, noon - 48 * HOUR, noon + 48 * HOUR, bucket="hour")
    assert sum(b["running_s"] for b in hours["buckets"]) == 96 * 3600
    # The same from rollups, whose days are another zone's.
    world.roll(day_of(noon - 60 * HOUR), day_of(noon + 60 * HOUR))
    rolled = ask(get, noon - 48 * HOUR, noon + 48 * HOUR, bucket="day")
    assert without(rolled, "as_of") == without(answer, "as_of")


def test_example_13_schedule_and_maintenance(world: World, get: Get) -> None:
    zone_day = at("2026-03-02T00:00+08:00")
    hours = {"mon": [["09:00", "17:00"]]}
    world.instrument("a", opening_hours=hours)
    clock = lambda hour: zone_day + hour * HOUR  # noqa: E731
    rows = [
        *every(clock(0), clock(10), "idle"),
        *every(clock(10), clock(14), "running"),
        *every(clock(14), clock(18), "idle"),
        *every(clock(18), clock(20), "running"),
        *every(clock(20), clock(24), "idle"),
    ]
    world.feed("a", rows)
    world.maintenance("a", clock(13), clock(14))
    total = ask(get, clock(0), clock(24))["total"]
    assert total["scheduled_s"] == 7 * 3600
    assert total["running_scheduled_s"] == 3 * 3600
    assert total["scheduled_utilization"] == 3 / 7
    assert total["running_s"] - total["running_scheduled_s"] == 3 * 3600
    world.maintenance("a", clock(9), clock(12), kind="down")
    again = ask(get, clock(0), clock(24))["total"]
    assert again["scheduled_s"] == total["scheduled_s"]
    assert again["running_scheduled_s"] == total["running_scheduled_s"]
    world.holiday("2026-03-02")
    assert ask(get, clock(0), clock(24))["total"]["scheduled_s"] == 0


def test_institution_hours_and_versions(world: World, get: Get) -> None:
    day = at("2026-03-02T00:00+08:00")
    week = {name: [["08:00", "10:00"]] for name in ("mon", "tue", "wed")}
    world.institution("i1", opening_hours=week)
    world.institution("i2", opening_hours={name: [["08:00", "12:00"]] for name in ("mon", "tue")})
    world.instrument("a")
    world.instrument("a", institution="i2", valid_from=day + 24 * HOUR)
    world.feed("a", every(day, day + 48 * HOUR, "running", step=10 * MINUTE, hold=900 * SECOND))
    answer = ask(get, day, day + 48 * HOUR, bucket="day")
    assert [b["scheduled_s"] for b in answer["buckets"]] == [7200, 14400]
    assert answer["total"]["scheduled_s"] == 21600


def test_rated_hours_over_versions(world: World, get: Get) -> None:
    year = at("2025-01-01T00:00+08:00")
    world.instrument("a")
    world.instrument("a", kind="special", valid_from=at("2025-07-01T00:00+08:00"))
    total = ask(get, year, at("2026-01-01T00:00+08:00"))["total"]
    expected = 1400 * 181 / 365 + 800 * 184 / 365
    assert total["rated_s"] == pytest.approx(expected * 3600, abs=1e-5)
    assert total["rated_utilization"] == 0
    assert total["unknown_by_cause"]["before_first"] == total["window_s"]


def test_example_15_sessions(world: World, get: Get) -> None:
    world.instrument("a")
    rows = [beat(TEN + n * MINUTE, "running" if n % 6 == 0 else "idle") for n in range(60)]
    world.feed("a", rows)
    total = ask(get, TEN, ELEVEN)["total"]
    assert (total["effective_s"], total["session_idle_s"]) == (600, 2700)
    found = ask(get, TEN, ELEVEN, what="sessions")["items"]
    assert [(s["seconds"], s["effective_s"], s["session_idle_s"]) for s in found] == [
        (3300, 600, 2700)
    ]
    # A window within sees the same session, cut.
    cut = ask(get, TEN + 2 * MINUTE, TEN + 8 * MINUTE, what="sessions")["items"]
    assert [(s["seconds"], s["effective_s"]) for s in cut] == [(360, 60)]
    assert ask(get, TEN + 2 * MINUTE, TEN + 8 * MINUTE)["total"]["effective_s"] == 60


def test_sessions_page(world: World, get: Get) -> None:
    world.instrument("a")
    rows = [
        row
        for n in range(40)
        for row in (beat(TEN + n * HOUR, "running"), beat(TEN + n * HOUR + 2 * MINUTE, "idle"))
    ]
    world.feed("a", rows)
    whole = ask(get, TEN, TEN + 80 * HOUR, what="sessions")
    assert len(whole["items"]) == 40
    assert whole["next_cursor"] is None
    items: list[Any] = []
    cursor = None
    while True:
        page = ask(get, TEN, TEN + 80 * HOUR, what="sessions", limit=7, cursor=cursor)
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        assert len(page["items"]) == 7
    assert items == whole["items"]


def test_causes(world: World, get: Get) -> None:
    world.instrument("a")
    world.feed("a", [beat(TEN, "running"), beat(TEN + 50 * MINUTE, "off")])
    world.listening(TEN - HOUR, TEN + 10 * MINUTE)
    world.listening(TEN + 20 * MINUTE, TEN + 3 * HOUR)
    world.offline("g1", TEN + 15 * MINUTE, TEN + 30 * MINUTE)
    total = ask(get, TEN - 10 * MINUTE, ELEVEN)["total"]
    assert total["unknown_by_cause"] == {
        "before_first": 600, "collector": 600, "gateway": 600,
        "device": 7 * 60 + 20 * 60 + 7 * 60,
    }  # fmt: skip
    assert sum(total["unknown_by_cause"].values()) == total["unknown_s"]
    told = ask(get, TEN - 10 * MINUTE, ELEVEN, what="timeline")["items"]
    assert [(s["state"], s["cause"], s["seconds"]) for s in told] == [
        ("unknown", "before_first", 600),
        ("running", None, 180),
        ("unknown", "device", 420),
        ("unknown", "collector", 600),
        ("unknown", "gateway", 600),
        ("unknown", "device", 1200),
        ("off", None, 180),
        ("unknown", "device", 420),
    ]


def test_gateway_bound_at_the_time(world: World, get: Get) -> None:
    world.gateway("g2")
    world.instrument("a", gateway="g1")
    world.instrument("a", gateway="g2", valid_from=TEN + 30 * MINUTE)
    world.feed("a", [beat(TEN - HOUR, "running")])
    world.offline("g1", TEN, None)
    causes = ask(get, TEN, ELEVEN)["total"]["unknown_by_cause"]
    assert (causes["gateway"], causes["device"]) == (1800, 1800)


def test_collector_that_hears_some_gateways(world: World, get: Get) -> None:
    world.gateway("g2")
    world.instrument("a", gateway="g1")
    world.instrument("b", gateway="g2")
    for identity in "ab":
        world.feed(identity, [beat(TEN - HOUR, "running")])
    world.listening(TEN - HOUR, ELEVEN, gateways=["g1"])
    world.listening(TEN - HOUR, TEN + 15 * MINUTE, gateways=["g2"])
    assert ask(get, TEN, ELEVEN, "a")["total"]["unknown_by_cause"]["collector"] == 0
    assert ask(get, TEN, ELEVEN, "b")["total"]["unknown_by_cause"]["collector"] == 2700


def test_timeline_joins_hours_and_pages(world: World, get: Get) -> None:
    world.instrument("a")
    rows = [
        *every(TEN, TEN + 30 * HOUR, "idle"),
        *every(TEN + 30 * HOUR, TEN + 70 * 24 * HOUR, "running", step=HOUR, hold=2 * HOUR),
        *(beat(TEN + 70 * 24 * HOUR + n * MINUTE, "idle" if n % 2 else "off") for n in range(20)),
    ]
    world.feed("a", rows)
    end = TEN + 80 * 24 * HOUR
    told = ask(get, TEN, end, what="timeline")
    assert told["next_cursor"] is None
    states = [(s["state"], s["seconds"]) for s in told["items"]]
    assert states[0] == ("idle", 30 * 3600)
    assert states[1] == ("running", 70 * 24 * 3600 - 30 * 3600)
    assert len(states) == 23
    assert sum(length for _, length in states) == 80 * 24 * 3600
    items: list[Any] = []
    cursor = None
    while True:
        page = ask(get, TEN, end, what="timeline", limit=4, cursor=cursor)
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert items == told["items"]


def test_counters_and_flag(world: World, get: Get) -> None:
    world.instrument("a")
    readings = [100, 110, 5, 15]
    rows = [
        beat(TEN + n * MINUTE, "idle", runtime_us=value * SECOND)
        for n, value in enumerate(readings)
    ]
    world.feed("a", rows)
    total = ask(get, TEN - HOUR, ELEVEN)["total"]
    assert total["counter_running_s"] == 25
    assert total["counter_flag"] is False


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Asia/Kolkata", "America/New_York"])
def test_rollups_and_segments_agree(world: World, get: Get, zone: str) -> None:
    begin = at("2026-03-01T16:00")  # a Shanghai midnight
    week = {name: [["08:00", "18:00"]] for name in ("mon", "tue", "wed", "thu", "fri")}
    world.instrument("a", timezone=zone, opening_hours=week)
    rows = []
    t = begin + 7 * HOUR + 1_234_567
    states = ("running", "idle", "running", "off")
    for n in range(3_000):
        rows.append(beat(t, states[n * 7 // 5 % 4], runtime_us=n * 31 * SECOND))
        t += (97 + n * 37 % 400) * SECOND + n % 7
    world.feed("a", rows)
    world.listening(begin, begin + 40 * HOUR)
    world.listening(begin + 45 * HOUR, t)
    world.offline("g1", begin + 60 * HOUR, begin + 70 * HOUR)
    first = day_of(begin)
    end = begin + 9 * 24 * HOUR
    spans = [
        (begin, end),
        (begin - 5 * HOUR, end + 3 * HOUR),
        (begin + 24 * HOUR, begin + 48 * HOUR),
        (begin + 90 * MINUTE, begin + 51 * HOUR),
        (begin + 30 * HOUR, begin + 31 * HOUR),
    ]
    asked = [(*span, bucket) for span in spans for bucket in (None, "hour", "day", "week", "month")]

    def answers() -> list[Any]:
        return [without(ask(get, a, b, bucket=bucket), "as_of") for a, b, bucket in asked]

    measured = answers()
    rows_made = world.roll(first - timedelta(days=2), first + timedelta(days=14))
    assert rows_made == 16 - 2
    assert answers() == measured
    world.conn.execute("DELETE FROM rollup_day WHERE day = %s", (first + timedelta(days=3),))
    assert answers() == measured
    for (_, _, bucket), answer in zip(asked, measured, strict=True):
        if bucket is None:
            continue
        total = answer["total"]
        for name in ("window_s", "running_s", "idle_s", "off_s", "unknown_s", "effective_s"):
            summed = sum(round(b[name] * SECOND) for b in answer["buckets"])
            assert summed == round(total[name] * SECOND), (name, bucket)
        assert sum(round((b["rated_s"]) * SECOND) for b in answer["buckets"]) == round(
            total["rated_s"] * SECOND
        )


def test_no_rows_before_the_first_day(world: World) -> None:
    world.instrument("a")
    world.feed("a", every(TEN, TEN + 30 * HOUR, "running"))
    day = day_of(TEN)
    assert world.roll(day - timedelta(days=3), day + timedelta(days=1)) == 1
    assert world.conn.execute("SELECT day FROM rollup_day").fetchall() == [(day,)]
    assert day == date(2026, 3, 2)


@pytest.mark.parametrize(
    ("params", "field"),
    [
        pytest.param({"from_": "2026-01-01T00:00:00"}, "from", id="no-offset"),
        pytest.param({"from_": "2026-01-03T00:00:00Z"}, "to", id="backwards"),
        pytest.param({"from_": "2026-01-02T00:00:00Z"}, "to", id="empty"),
        pytest.param({"from_": "1990-01-02T00:00:00Z"}, "to", id="too-long"),
        pytest.param({"tz": "Mars/Olympus"}, "tz", id="zone"),
        pytest.param({"bucket": "decade"}, "bucket", id="bucket"),
        pytest.param({"from_": "2020-01-02T00:00:00Z", "bucket": "hour"}, "bucket", id="many"),
    ],
)
def test_what_is_refused(world: World, get: Get, params: dict[str, str], field: str) -> None:
    world.instrument("a")
    asked = {"from_": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z", **params}
    problem = get("/v1/instruments/a/utilization", status=422, **asked)
    assert problem["status"] == 422
    assert field in str(problem["errors"])


def test_unknown_instrument(world: World, get: Get) -> None:
    for what in ("utilization", "timeline", "sessions"):
        ask_ = f"/v1/instruments/nope/{what}"
        get(ask_, status=404, from_=iso(TEN), to=iso(ELEVEN))


def test_etag(world: World, client: Any) -> None:
    world.instrument("a")
    world.feed("a", every(TEN, ELEVEN + HOUR, "running"))
    path = "/v1/instruments/a/utilization"
    params = {"from": iso(TEN), "to": iso(ELEVEN)}
    first = client.get(path, params=params)
    assert first.headers["etag"].startswith('W/"')
    again = client.get(path, params=params, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    revision = first.json()["total"]["revision"]
    world.conn.execute("UPDATE segment SET state = 0")
    changed = client.get(path, params=params, headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200
    assert changed.json()["total"]["revision"] != revision
