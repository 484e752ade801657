"""Hour meters where windows cut, whatever lies before; heartbeats that carry over a window's start.

Both must not know how far back the one before lies, nor who else is registered.
"""

import random
from typing import Any

import pytest

from tests import oracle
from tests.core import rows_of
from tests.integration.api.figures.world import (
    HOUR,
    MINUTE,
    SECOND,
    Get,
    World,
    at,
    beat,
    iso,
)

MONDAY = at("2026-03-02T10:00")
DAY = 24 * HOUR


def counted(get: Get, start: int, end: int, **more: Any) -> list[Any]:
    answer = get("/v1/instruments/a/utilization", from_=iso(start), to=iso(end), **more)
    return [one["counter_running_s"] for one in answer["buckets"] or [answer["total"]]]


@pytest.mark.parametrize("stranger", [False, True])
def test_a_step_over_a_free_weekend_counts_where_it_ends(
    world: World, get: Get, stranger: bool
) -> None:
    """A stranger's correction of days changes nothing."""
    if stranger:
        world.gateway("stranger", clock_correction_us=20 * DAY)
    world.instrument("a")
    rows = [beat(MONDAY - 60 * HOUR, "off", runtime_us=0)]
    rows += [
        beat(MONDAY + n * MINUTE, "running", runtime_us=(30 + 60 * (n - 4)) * SECOND)
        for n in range(4, 120)
    ]
    world.feed("a", rows, raw=True)
    start = MONDAY - 30 * MINUTE
    found = counted(get, start, start + 3 * HOUR, bucket="hour", tz="Asia/Kolkata")
    assert found == [1_530, 3_600, 1_800]


def test_a_reset_after_five_days_counts_where_it_is_read(world: World, get: Get) -> None:
    world.instrument("a")
    world.feed(
        "a",
        [
            beat(MONDAY - 5 * DAY, "running", runtime_us=1_000 * SECOND),
            beat(MONDAY, "running", runtime_us=79 * SECOND),
            beat(MONDAY + 2 * MINUTE, "running", runtime_us=199 * SECOND),
        ],
        raw=True,
    )
    middle = MONDAY + 90 * SECOND
    assert counted(get, MONDAY, middle) == [79]
    assert counted(get, middle, MONDAY + 3 * MINUTE) == [120]


def test_many_cut_pieces_count_as_each_alone(world: World, get: Get) -> None:
    """A city's hour is cut for every instrument at once."""
    names = [f"m{n:03}" for n in range(620)]
    for n, name in enumerate(names):
        world.instrument(name)
        world.feed(
            name,
            [
                beat(MONDAY + m * MINUTE, "running", runtime_us=(m * (30 + n % 31)) * SECOND)
                for m in (0, 1, 2, 3)
            ],
            raw=True,
        )
    middle = MONDAY + 90 * SECOND
    for start, end, steps in ((MONDAY - HOUR, middle, 1), (middle, MONDAY + HOUR, 2)):
        answer = get(
            "/v1/utilization", from_=iso(start), to=iso(end), group_by="instrument", limit=1_000
        )
        each = {one["key"]: one["counter_running_s"] for one in answer["groups"]}
        assert each == {name: steps * (30 + n % 31) for n, name in enumerate(names)}
        assert answer["overall"]["counter_running_s"] == sum(each.values())


def registered(world: World, versions: list[dict]) -> None:
    """An instrument whose settings and whose gateway's correction have these versions."""
    for n, version in enumerate(versions):
        since = version.get("from") if n else None
        world.gateway("g1", valid_from=since, clock_correction_us=version["correction_s"] * SECOND)
        world.instrument("a", valid_from=since, hold_us=version["hold_s"] * SECOND)


def history(rnd: random.Random) -> tuple[list[dict], list[dict]]:
    """Heartbeats over nine days with gaps of days and resets; versions past and future."""
    versions = [{"hold_s": 600, "correction_s": rnd.choice([0, 90, -300])}]
    since = MONDAY - 8 * DAY
    while rnd.random() < 0.7:
        since += rnd.randrange(1, 6 * DAY)
        versions.append(
            {
                "from": since,
                "hold_s": rnd.choice([60, 600, 7_200]),
                "correction_s": rnd.choice([0, 0, 3_600, -1_800, 0.5]),
            }
        )
    ts, runtime, beats = MONDAY - 9 * DAY, 500.0, []
    while ts < MONDAY:
        ts += rnd.choice([MINUTE] * 8 + [7 * MINUTE, 2 * HOUR, 26 * HOUR, 61 * HOUR])
        runtime += rnd.choice([0.0, 30.0, 60.0, 59.5, 4_000.0])
        if rnd.random() < 0.03:
            runtime = rnd.choice([0.0, 12.5])
        one: dict[str, Any] = {"ts": ts, "state": rnd.choice(["idle", "running", "running"])}
        if rnd.random() < 0.6:
            one["runtime_s"] = runtime
        beats.append(one)
    return beats, versions


def corrected_order(timeline: oracle.Timeline, versions: list[dict]) -> list[tuple[int, dict]]:
    return [(oracle.corrected(row, versions), row) for row in timeline.rows]


@pytest.mark.parametrize("seed", range(12))
def test_meters_and_explanations_agree_with_the_oracle(world: World, get: Get, seed: int) -> None:
    rnd = random.Random(seed)
    beats, versions = history(rnd)
    registered(world, versions)
    timeline = oracle.Timeline(
        [{**one, "instrument_id": "a"} for one in beats], now=world.now_us(), versions=versions
    )
    world.feed("a", rows_of(timeline, versions), raw=True)
    order = corrected_order(timeline, versions)
    zone = rnd.choice(["Asia/Kolkata", "Asia/Kathmandu", "America/New_York"])
    for _ in range(6):
        chosen = rnd.choice(order)[0] + rnd.randrange(-HOUR, HOUR)
        start = chosen - chosen % SECOND
        end = start + 5 * HOUR + 90 * SECOND
        answer = get(
            "/v1/instruments/a/utilization",
            from_=iso(start), to=iso(end), bucket="hour", tz=zone,
        )  # fmt: skip
        for one in (*answer["buckets"], answer["total"]):
            low, high = (at(one["from"]), at(one["to"])) if "from" in one else (start, end)
            figures = timeline.figures(low, high)
            said = one["counter_running_s"]
            assert said == (figures["counter"] / SECOND if figures["readings"] else None)
            assert one["counter_flag"] == timeline.counter_flag(low, high)
        explained(get, timeline, versions, start, start + rnd.choice([MINUTE, HOUR, 3 * DAY]))


def explained(
    get: Get, timeline: oracle.Timeline, versions: list[dict], start: int, end: int
) -> None:
    """Whatever credits the window is named, with what it credits, and nothing else."""
    answer = get("/v1/instruments/a/explain", from_=iso(start), to=iso(end), limit=10_000)
    order = corrected_order(timeline, versions)
    expected = []
    for n, (time, row) in enumerate(order):
        until = time + oracle.hold_of(row, versions)
        if n + 1 < len(order):
            until = min(until, order[n + 1][0])
        if start <= time < end or time < start < until:
            expected.append((row["ts"], time))
    found = [
        (at(one["ts"]), at(one["corrected_ts"]), one["credited_s"], one["carries_over"])
        for one in answer["heartbeats"]
    ]
    assert [one[:2] for one in found] == expected
    assert [carries for *_, carries in found] == [time < start for _, time in expected]
    figures = timeline.figures(start, end)
    known = sum(figures[state] for state in oracle.STATES)
    assert sum(one[2] for one in found) == pytest.approx(known / SECOND, abs=1e-5)


def test_the_carried_over_heartbeat_is_named_whatever_is_corrected_later(
    world: World, get: Get
) -> None:
    world.gateway("g1")
    world.instrument("a", hold_us=600 * SECOND)
    world.feed("a", [beat(MONDAY, "running", hold=600 * SECOND)], raw=True)

    def told() -> list[Any]:
        answer = get(
            "/v1/instruments/a/explain",
            from_=iso(MONDAY + MINUTE), to=iso(MONDAY + 2 * MINUTE),
        )  # fmt: skip
        assert answer["figures"]["running_s"] == 60
        return [(at(one["ts"]), one["credited_s"]) for one in answer["heartbeats"]]

    assert told() == [(MONDAY, 60)]
    world.gateway("g1", valid_from=MONDAY + 2 * DAY, clock_correction_us=HOUR)
    assert told() == [(MONDAY, 60)]
    world.gateway("g1", valid_from=MONDAY + 3 * DAY, clock_correction_us=-HOUR)
    assert told() == [(MONDAY, 60)]
