"""``/v1/maintenance/due`` held to brute force, by rollups and by segments alike."""

import random
from datetime import timedelta
from typing import Any

import pytest

from models.timestamp import format_instant
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
)

DAY = 24 * HOUR


def plan(
    world: World, instrument: str, start: int, running: int | None = None, days: int | None = None
) -> int:
    row = world.conn.execute(
        "INSERT INTO maintenance_plan (instrument_key, name, every_running_us, every_days,"
        " starts_at) SELECT instrument_key, 'x', %s, %s, %s::timestamptz FROM instrument"
        " WHERE instrument_id = %s RETURNING plan_id",
        [running, days, format_instant(start), instrument],
    ).fetchone()
    assert row is not None
    return int(row[0])


def reset(world: World, plan_id: int, when: int) -> None:
    world.conn.execute(
        "INSERT INTO maintenance_reset (plan_id, at, reason, actor) VALUES (%s, %s, 'x', 'x')",
        [plan_id, format_instant(when)],
    )


def by_hand(runs: list[tuple[int, int]], start: int, wanted: int) -> tuple[int, str | None]:
    """Counted stretch by stretch: how much ran, and when it was enough."""
    ran, reached = 0, None
    for since, end in runs:
        for left in range(max(since, start), end):
            # A stretch at a time, not a microsecond: its whole is known.
            whole = end - left
            if reached is None and ran + whole >= wanted:
                reached = format_instant(left + wanted - ran)
            ran += whole
            break
    return ran, reached


@pytest.mark.parametrize("seed", range(6))
def test_what_ran_and_when_it_was_enough(world: World, get: Get, seed: int) -> None:
    draw = random.Random(seed)
    now = world.now_us()
    begin = now - now % DAY - 9 * DAY
    runs: list[tuple[int, int]] = []
    rows = []
    when = begin + draw.randrange(DAY)
    while when < now - 3 * HOUR:
        length = draw.randrange(1, 6 * HOUR)
        end = min(when + length, now - HOUR)
        runs.append((when, end))
        rows += [*every(when, end, "running", step=30 * MINUTE, hold=HOUR), beat(end, "idle")]
        when = end + draw.randrange(1, 20 * HOUR)
    wanted: dict[int, tuple[int, int]] = {}
    for name in ("a", "b"):
        world.instrument(name, timezone="UTC")
        world.feed(name, rows)
        for _ in range(3):
            start = begin + draw.randrange(9 * DAY)
            running = draw.randrange(1, 30 * HOUR)
            wanted[plan(world, name, start, running)] = (start, running)
    #: Today's two days are never rolled; of the others some are, of one instrument all.
    first, last = day_of(begin), day_of(now)
    world.roll(first, last, instruments=["a"])
    world.roll(first, first + timedelta(days=draw.randrange(1, 8)), instruments=["b"])
    found = {one["id"]: one for one in get("/v1/maintenance/due")["items"]}
    assert found.keys() == wanted.keys()
    for number, (start, running) in wanted.items():
        ran, reached = by_hand(runs, start, running)
        one = found[number]
        assert round(one["running_s"] * SECOND) == ran
        assert one["due_at"] == reached, (start, running)
        assert one["overdue"] is (reached is not None)
        assert round(one["remaining_running_s"] * SECOND) == max(0, running - ran)


@pytest.mark.parametrize("seed", range(3))
def test_counted_as_utilization_counts_it(world: World, get: Get, seed: int) -> None:
    draw = random.Random(seed)
    now = world.now_us()
    begin = now - now % DAY - 6 * DAY
    for name in ("rolled", "holes", "late", "never"):
        world.instrument(name, timezone="UTC")
        since = begin + 2 * DAY * (name == "late")
        minutes = sorted(
            {since + draw.randrange((now - since) // MINUTE) * MINUTE for _ in range(90)}
        )
        states = [draw.choice(["running", "idle", "off"]) for _ in minutes]
        if name != "never":
            # The last one goes on, and is in no segment that is closed.
            last = beat(now - 50 * MINUTE, "running", hold=2 * HOUR)
            beats = [beat(*one, hold=3 * HOUR) for one in zip(minutes, states, strict=True)]
            world.feed(name, [*(one for one in beats if one.at_us < last.at_us), last])
        for _ in range(5):
            start = begin - DAY + draw.randrange(now - begin + DAY)
            plan(world, name, start, draw.randrange(1, 40 * HOUR))
        plan(world, name, now - 20 * MINUTE, 10 * MINUTE)
        plan(world, name, now + DAY, HOUR)
        # Where running makes nothing due, it is told all the same.
        for _ in range(3):
            plan(world, name, begin + draw.randrange(now - begin), days=draw.randrange(1, 9))
    first, last_day = day_of(begin), day_of(now)
    world.roll(first, last_day, instruments=["rolled", "late"])
    world.roll(first, first + timedelta(days=2), instruments=["holes"])
    world.roll(first + timedelta(days=3), last_day, instruments=["holes"])
    told = get("/v1/maintenance/due")
    assert len(told["items"]) == 40
    first_page = get("/v1/maintenance/due", limit=3)["items"]
    assert [one["id"] for one in first_page] == [one["id"] for one in told["items"][:3]]
    for one in told["items"]:
        if one["counted_from"] >= told["as_of"]:
            assert (one["running_s"], one["unknown_s"], one["due_at"]) == (0, 0, None)
            continue

        def ran(one: dict[str, Any] = one, **until: str) -> Any:
            address = f"/v1/instruments/{one['instrument_id']}/utilization"
            return get(address, from_=one["counted_from"], **until)["total"]

        total = ran(to=told["as_of"])
        assert (one["running_s"], one["unknown_s"]) == (total["running_s"], total["unknown_s"])
        if one["every_running_s"] is None:
            assert one["due_at"] == one["due_on_date"] == one["expected_at"]
            assert one["overdue"] is (one["due_at"] <= told["as_of"])
            continue
        assert one["overdue"] is (total["running_s"] >= one["every_running_s"])
        if one["overdue"]:
            assert ran(to=one["due_at"])["running_s"] == one["every_running_s"]


def test_by_date_or_running_whichever_comes_first(world: World, get: Get) -> None:
    now = world.now_us()
    midnight = now - now % DAY
    world.instrument("a", timezone="UTC", district_code="310104")
    world.feed("a", [*every(midnight - 5 * DAY, midnight - 5 * DAY + HOUR, "running")])
    early = plan(world, "a", midnight - 6 * DAY + HOUR, HOUR, 3)
    late = plan(world, "a", midnight - 6 * DAY + HOUR, 2 * HOUR, 30)
    both = plan(world, "a", midnight - 6 * DAY + HOUR, HOUR // 2, 3)
    found = {one["id"]: one for one in get("/v1/maintenance/due")["items"]}
    date = format_instant(midnight - 3 * DAY)
    # An hour, and what its last heartbeat is held for.
    ran = format_instant(midnight - 5 * DAY + HOUR)
    half = format_instant(midnight - 5 * DAY + HOUR // 2)
    assert (found[early]["due_at"], found[early]["due_by"]) == (ran, "running")
    assert found[early]["due_on_date"] == date
    assert (found[both]["due_at"], found[both]["due_by"]) == (half, "running")
    due_on = format_instant(midnight + 24 * DAY)
    assert (found[late]["due_at"], found[late]["due_by"]) == (due_on, "date")
    assert [one["overdue"] for one in found.values()] == [True, True, False]
    # The estimate comes before the date: 3,720 s in six days, so 7,200 s in less than twelve.
    assert found[late]["expected_at"] < due_on
    # Done, it counts anew, from the latest time that it was.
    for when in (midnight - DAY, midnight - 4 * DAY):
        reset(world, both, when)
    again = {one["id"]: one for one in get("/v1/maintenance/due")["items"]}[both]
    assert again["counted_from"] == format_instant(midnight - DAY)
    assert (again["running_s"], again["overdue"]) == (0, False)
    assert again["due_at"] == format_instant(midnight + 2 * DAY)


def test_what_is_listed(world: World, get: Get) -> None:
    now = world.now_us()
    world.institution("i2", district_code="310104")
    world.instrument("a", timezone="UTC")
    world.instrument("b", timezone="UTC", institution="i2", gateway="g2")
    world.instrument("gone", timezone="UTC", retired_on="2026-01-01")
    plans = [plan(world, "b", now - 40 * DAY, days=days) for days in (10, 45, 20, 400)]
    never = plan(world, "a", now - DAY, running=HOUR)
    ended = plan(world, "a", now - DAY, days=1)
    plan(world, "gone", now - 40 * DAY, days=1)
    world.conn.execute("UPDATE maintenance_plan SET ended_at = now() WHERE plan_id = %s", [ended])

    def ids(**asked: Any) -> list[int]:
        return [one["id"] for one in get("/v1/maintenance/due", **asked)["items"]]

    order = [plans[0], plans[2], plans[1], plans[3], never]
    assert ids() == order
    assert ids(overdue=True) == order[:2]
    assert ids(overdue=False) == order[2:]
    assert ids(within_days=10) == order[:3]
    assert ids(institution="i1") == [never]
    assert ids(district="310104") == order[:4]
    paged, cursor = [], None
    while True:
        answer = get("/v1/maintenance/due", limit=2, cursor=cursor)
        paged += [one["id"] for one in answer["items"]]
        assert answer["overdue"] == 2
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert paged == order


def test_a_day_with_dst_is_a_day(world: World, get: Get) -> None:
    world.instrument("a", timezone="Europe/Berlin")
    number = plan(world, "a", at("2026-10-20T12:00:00Z"), days=7)
    (one,) = get("/v1/maintenance/due")["items"]
    assert one["id"] == number
    assert one["due_at"] == "2026-10-26T23:00:00Z"


def test_dates_are_by_the_clock_that_was_in_force(world: World, get: Get) -> None:
    world.instrument("a", timezone="Europe/Berlin")
    world.instrument("a", timezone="UTC", valid_from=at("2026-10-21T00:00:00Z"))
    early = plan(world, "a", at("2026-10-20T12:00:00Z"), days=7)
    late = plan(world, "a", at("2026-10-21T00:00:00Z"), days=7)
    found = {one["id"]: one["due_at"] for one in get("/v1/maintenance/due")["items"]}
    assert found == {early: "2026-10-26T23:00:00Z", late: "2026-10-28T00:00:00Z"}
