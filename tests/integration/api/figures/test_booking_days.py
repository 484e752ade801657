"""What bookings came to by day: rows say what judging says, and no change leaves one untrue."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from ingest.upkeep.booking_days import make_booking_days
from models.reconciliation import Tolerances
from models.timestamp import format_instant
from store.figures.judged import put_tolerances
from store.instant import from_us
from store.registry.keys import create_key
from store.run import run
from tests.chance import counted
from tests.integration.api.figures.test_reconciliation import book
from tests.integration.api.figures.world import MINUTE, Get, World, day_of, every

HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 1_772_294_400_000_000  # 2026-02-28T16:00:00Z: midnight in Shanghai
DAYS = 4
HELD = {"from": format_instant(START), "to": format_instant(START + DAYS * DAY)}
CASES = counted("JISHI_BOOKING_DAY_CASES", 2)


@pytest.fixture(autouse=True)
def tolerances(world: World) -> Iterator[None]:
    world.conn.execute("DELETE FROM booking_tolerance")
    yield
    world.conn.execute("DELETE FROM booking_tolerance")


def make(world: World) -> int:
    """Makes all that is due; how many rows there are then."""
    while make_booking_days(world.conn, "CN"):
        pass
    row = world.conn.execute(
        "SELECT (SELECT count(*) FROM booking_day), (SELECT count(*) FROM booking_day_todo)"
    ).fetchone()
    assert row is not None
    rows, waiting = row
    assert not waiting
    return int(rows)


def told(get: Get, **asked: Any) -> Any:
    answer = get("/v1/reconciliation", **{**HELD, **asked}, group_by="instrument")
    del answer["as_of"]
    return answer


def judged_anew(world: World, get: Get, **asked: Any) -> Any:
    """The same answer without rows."""
    with world.conn.transaction(force_rollback=False):
        world.conn.execute("SELECT booking_day_forget_from('-infinity')")
    return told(get, **asked)


def lived(world: World, rnd: random.Random, names: str) -> None:
    """Random use of instruments of different settings, with bookings over it, midnights too."""
    for name in names:
        hours = {day: [["06:00", "23:00"]] for day in ("mon", "tue", "sun")}
        world.instrument(
            name,
            gateway="g",
            session_gap_us=rnd.choice([0, 5, 40]) * MINUTE,
            session_min_us=rnd.choice([0, 1, 30]) * MINUTE,
            opening_hours=rnd.choice([None, hours]),
        )
        at, rows = START - DAY, []
        while at < START + (DAYS + 1) * DAY:
            until = at + rnd.randrange(10, 600) * MINUTE
            state = rnd.choice(["running", "idle", "off", None])
            if state:
                rows += every(at, until, state, step=10 * MINUTE, hold=10 * MINUTE)
            at = until
        world.feed(name, rows)
        for _ in range(12):
            begin = START + rnd.randrange(-12 * 60, DAYS * 24 * 60) * MINUTE
            book(world, name, begin, begin + rnd.choice([20, 60, 300, 900, 2_000]) * MINUTE)


def keys(world: World) -> list[int]:
    return [k for (k,) in world.conn.execute("SELECT instrument_key FROM instrument ORDER BY 1")]


@pytest.mark.parametrize("seed", range(CASES))
def test_rows_say_what_judging_says(world: World, get: Get, seed: int) -> None:
    rnd = random.Random(seed)
    lived(world, rnd, "abc")
    odd = {
        "from": format_instant(START + rnd.randrange(1, 600) * MINUTE),
        "to": format_instant(START + DAYS * DAY - rnd.randrange(1, 600) * MINUTE),
    }
    first = [told(get), told(get, **odd)]
    assert first[0]["overall"]["bookings"] > 20
    assert make(world) > 10
    assert [told(get), told(get, **odd)] == first
    # The list is judged one by one, and counts the same.
    listed = get("/v1/reconciliation/bookings", **HELD, limit=1000)["items"]
    counts = dict.fromkeys(first[0]["overall"]["verdicts"], 0)
    for one in listed:
        for verdict in one["verdicts"]:
            counts[verdict] += 1
    assert counts == first[0]["overall"]["verdicts"]


def late(world: World, rnd: random.Random) -> None:
    """As ingest does: pieces change, and their range is forgotten."""
    key = rnd.choice(keys(world))
    low, high = START + DAY + 5 * HOUR, START + DAY + 9 * HOUR
    span = [from_us(low), from_us(high)]
    with world.conn.transaction():
        world.conn.execute(
            "UPDATE segment SET state = 2 - state / 2 * 2 WHERE instrument_key = %s"
            " AND starts_at >= %s AND starts_at < %s",
            [key, *span],
        )
        world.conn.execute(
            "SELECT rollup_forget(ARRAY[%s], ARRAY[%s::timestamptz - interval '2 hours'],"
            " ARRAY[%s::timestamptz + interval '3 hours'])",
            [key, *span],
        )


def booked_more(world: World, rnd: random.Random) -> None:
    begin = START + rnd.randrange(DAYS * 24) * HOUR
    book(world, rnd.choice("abc"), begin, begin + rnd.randrange(1, 30) * HOUR)


def moved(world: World, rnd: random.Random) -> None:
    world.conn.execute(
        "UPDATE booking SET starts_at = starts_at + interval '7 hours',"
        " ends_at = ends_at + interval '9 hours' WHERE booking_key IN"
        " (SELECT booking_key FROM booking ORDER BY uid LIMIT 5)"
    )


def cancelled(world: World, rnd: random.Random) -> None:
    world.conn.execute(
        "UPDATE booking SET is_cancelled = true WHERE booking_key IN"
        " (SELECT booking_key FROM booking ORDER BY uid LIMIT 9)"
    )


def feed_deleted(world: World, rnd: random.Random) -> None:
    world.conn.execute("DELETE FROM booking_feed WHERE name = 'f'")


def tolerant(world: World, rnd: random.Random) -> None:
    wide = Tolerances(early_us=2 * HOUR, grace_us=0, overrun_us=0, leave_us=4 * HOUR)
    run(world.conn, put_tolerances(START + DAY, wide))


CHANGES = (late, booked_more, moved, cancelled, tolerant, feed_deleted)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_no_change_leaves_a_row_untrue(world: World, get: Get, change: Any) -> None:
    rnd = random.Random(change.__name__)
    lived(world, rnd, "abc")
    before = make(world)
    first = told(get)
    change(world, rnd)
    after = told(get)
    assert after != first
    made = make(world)
    assert (made > before // 2) == (change is not feed_deleted)
    assert told(get) == after == judged_anew(world, get)


def test_maintenance_and_hours_are_taken_up(
    world: World, get: Get, figures_app: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the API writes them, also of an instrument that never spoke."""
    world.instrument("a", gateway="g")
    for day in range(3):
        book(world, "a", START + day * DAY + 2 * HOUR, START + day * DAY + 6 * HOUR)
    assert make(world) == 3
    assert told(get)["overall"]["verdicts"]["undetermined"] == 3
    key = run(world.conn, create_key(scopes=["admin"])).key
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=figures_app, headers=headers, timeout=60) as client:
        answer = client.post(
            "/v1/maintenance",
            json={
                "instrument_id": "a",
                "from": format_instant(START + 3 * HOUR),
                "to": format_instant(START + 9 * HOUR),
            },
        )
        assert answer.status_code == 201, answer.text
        make(world)
        verdicts = told(get)["overall"]["verdicts"]
        assert (verdicts["blocked"], verdicts["undetermined"]) == (1, 2)
        hours = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
        body = {"opening_hours": hours, "valid_from": "2026-01-01T00:00:00Z"}
        answer = client.patch("/v1/instruments/a", json=body)
        assert answer.status_code == 200, answer.text
    make(world)
    assert told(get)["overall"]["verdicts"]["blocked"] == 3


def test_a_day_waits_for_the_ends_of_its_bookings(world: World) -> None:
    """What lies ahead, and what a booking of yesterday still reaches, is not made; it comes due."""
    now = world.now_us()
    today = datetime.combine(day_of(now), datetime.min.time(), UTC) - timedelta(hours=8)
    midnight = int(today.timestamp()) * 1_000_000
    world.instrument("a", gateway="g")
    book(world, "a", midnight - 30 * HOUR, midnight - 26 * HOUR)
    book(world, "a", midnight - 2 * HOUR, midnight + 5 * HOUR)
    book(world, "a", midnight + 30 * HOUR, midnight + 31 * HOUR)
    while make_booking_days(world.conn, "CN"):
        pass
    rows = world.conn.execute("SELECT day FROM booking_day ORDER BY day").fetchall()
    due = world.conn.execute(
        "SELECT day, due_at > now() FROM booking_day_todo ORDER BY day"
    ).fetchall()
    day = day_of(now)
    assert [one for (one,) in rows] == [day - timedelta(days=2)]
    waiting = {one for one, _ in due}
    assert {day, day + timedelta(days=1)} <= waiting
    assert all(later for _, later in due)
