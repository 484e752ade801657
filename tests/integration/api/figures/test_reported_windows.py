"""What was measured in windows of self-reports: rows say what measuring says, none is untrue."""

import random
from typing import Any

import pytest

from ingest.upkeep.reported_windows import measure_reported_windows
from models.timestamp import format_instant
from tests.integration.api.figures.test_booking_days import (
    DAY,
    DAYS,
    HELD,
    HOUR,
    START,
    keys,
    late,
    lived,
)
from tests.integration.api.figures.test_self_reports import sent
from tests.integration.api.figures.world import MINUTE, Get, World


def reported(world: World, address: str, rnd: random.Random, names: str = "abc") -> None:
    """Hours of uses, of days, and of the whole, which overlap; some by two kinds of users."""
    rows = []
    for name in names:
        spans = [(START, START + DAYS * DAY)]
        for _ in range(6):
            begin = START + rnd.randrange(0, (DAYS - 1) * 24 * 60) * MINUTE
            spans.append((begin, begin + rnd.choice([20, 90, 300, 1_440]) * MINUTE))
        for start, end in spans:
            for kind in rnd.choice([[""], ["internal", "external"]]):
                hours = rnd.randrange(0, (end - start) // MINUTE) / 100
                rows.append(f"{name},{format_instant(start)},{format_instant(end)},{hours},{kind}")
    assert sent(world, address, *rows)["rejected"] == 0


def measure(world: World) -> None:
    """All that is due: nothing is left."""
    while measure_reported_windows(world.conn, "CN"):
        pass
    left = world.conn.execute("SELECT count(*) FROM reported_window WHERE due_at IS NOT NULL")
    assert left.fetchone() == (0,)


def told(get: Get) -> Any:
    """The sums by instrument, and each report."""
    sums = get("/v1/reconciliation", **HELD, group_by="instrument")
    listed = get("/v1/reconciliation/self-reports", **HELD, limit=1000)
    items = [{k: v for k, v in one.items() if k != "answer"} for one in listed["items"]]
    return [[one["self_reports"] for one in sums["groups"]], items]


def anew(world: World, get: Get) -> Any:
    """The same answers with nothing measured before."""
    world.conn.execute(
        "UPDATE reported_window SET effective_us = NULL, unknown_us = NULL, due_at = now()"
    )
    return told(get)


def test_rows_say_what_measuring_says(world: World, get: Get, figures_app: str) -> None:
    rnd = random.Random(5)
    lived(world, rnd, "abc")
    reported(world, figures_app, rnd)
    first = told(get)
    measure(world)
    kept = world.conn.execute("SELECT sum(reports), count(*) FROM reported_window").fetchone()
    assert kept is not None
    assert kept[0] == len(first[1]) > kept[1]
    assert told(get) == first


def late_once(world: World, rnd: random.Random, address: str) -> None:
    for _ in range(3):
        late(world, rnd)


def said_otherwise(world: World, rnd: random.Random, address: str) -> None:
    rows = world.conn.execute(
        "SELECT i.instrument_id, r.starts_at, r.ends_at, r.user_type FROM self_report r"
        " JOIN instrument i USING (instrument_key) ORDER BY self_report_key LIMIT 9"
    )
    sent(
        world,
        address,
        *(f"{one},{a.isoformat()},{b.isoformat()},3.5,{kind}" for one, a, b, kind in rows),
    )


def said_by_others(world: World, rnd: random.Random, address: str) -> None:
    reported(world, address, random.Random(5))
    span = f"{format_instant(START)},{format_instant(START + DAYS * DAY)}"
    sent(world, address, *(f"{name},{span},7,external" for name in "abc"))


def answered(world: World, rnd: random.Random, address: str) -> None:
    """What is said to a report changes nothing of it."""
    world.conn.execute("UPDATE self_report SET answer = 'so', answered_by = 'x'")


CHANGES = (late_once, said_otherwise, said_by_others, answered)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_no_change_leaves_a_row_untrue(
    world: World, get: Get, figures_app: str, change: Any
) -> None:
    rnd = random.Random(change.__name__)
    lived(world, rnd, "abc")
    reported(world, figures_app, rnd)
    measure(world)
    first = told(get)
    change(world, rnd, figures_app)
    after = told(get)
    assert (after != first) == (change is not answered)
    measure(world)
    assert told(get) == after == anew(world, get)


def test_a_window_waits_for_its_end(world: World, figures_app: str) -> None:
    now = world.now_us()
    world.instrument("a", gateway="g")
    assert keys(world)
    spans = [(now - 9 * HOUR, now - 5 * HOUR), (now - 2 * HOUR, now), (now - HOUR, now + 40 * HOUR)]
    sent(
        world,
        figures_app,
        *(f"a,{format_instant(start)},{format_instant(end)},1," for start, end in spans),
    )
    while measure_reported_windows(world.conn, "CN"):
        pass
    rows = world.conn.execute(
        "SELECT effective_us IS NULL, due_at > now() FROM reported_window ORDER BY starts_at"
    ).fetchall()
    assert rows == [(False, None), (True, True), (True, True)]
