"""Running totals and arrays against the careful way: the same sums, bands and digests."""

import random
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import psycopg
import pytest

from models.bucket import Bucket, buckets
from models.group import Basis
from models.usage import Window
from models.zone import start_of_day
from store.figures import totals
from store.figures.groups import tally_groups
from store.figures.members import load_members, tally_members
from store.figures.question import Group, Question
from store.figures.rollup_columns import COLUMNS
from store.figures.subject import zone_of
from store.figures.surroundings import load_moment
from store.present.filters import Filters
from store.present.instruments import GROUPINGS
from store.present.roster import Rosters
from store.run import Steps, run
from store.wanted import wanted
from tests.integration.api.figures.world import HOUR, MINUTE, SECOND, World, beat

ZONE = zone_of("Asia/Shanghai")
FIRST = date(2026, 1, 5)
DAY = timedelta(days=1)


def midnight(day: date) -> int:
    return start_of_day(day, ZONE)


def both(world: World, window: Window, **more: Any) -> tuple[dict[Any, Group], dict[Any, Group]]:
    """Groups all at once, and one by one, of one moment."""
    with world.conn.transaction():
        world.conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        moment = run(world.conn, load_moment())
        question = Question(window=window.clip(moment.now_us), **more)
        members = run(world.conn, load_members(question))
        careful = run(world.conn, tally_members(members, question, moment))
        return run(world.conn, tally_groups(question, moment, Rosters())), careful


def agree(world: World, start: int, end: int, **more: Any) -> dict[Any, Group]:
    fast, careful = both(world, Window(start_us=start, end_us=end), **more)
    assert fast.keys() == careful.keys()
    for key, group in careful.items():
        assert (fast[key].total, fast[key].digest) == (group.total, group.digest), key
        assert fast[key].buckets == group.buckets
    return fast


def fill(world: World, days: int, *, count: int = 9) -> list[int]:
    """Instruments with day rows that no heartbeat stands behind, some without hours."""
    dice = random.Random(3)
    for n in range(count):
        world.instrument(f"m{n}", institution=f"i{n % 3}", always_on=n == 4)
    keys = [k for (k,) in world.conn.execute("SELECT instrument_key FROM instrument ORDER BY 1")]
    world.conn.execute("UPDATE instrument_status SET first_at = '2026-01-01Z'")
    rows = []
    for number in range(days):
        for place, key in enumerate(keys):
            figures = dict.fromkeys(COLUMNS, 0)
            parts = sorted(dice.sample(range(1, 86_400), 3))
            names = ("running_us", "idle_us", "off_us", "unknown_device_us")
            for name, low, high in zip(names, (0, *parts), (*parts, 86_400), strict=True):
                figures[name] = (high - low) * SECOND + (
                    dice.randrange(9) if name == names[0] else 0
                )
            figures["unknown_device_us"] = 24 * HOUR - sum(figures[name] for name in names[:3])
            figures["effective_us"] = figures["running_us"] // 2
            figures["rated_us"] = 0 if place == 5 else 4 * HOUR + dice.randrange(5)
            figures["counter_readings"] = 0 if place == 6 else dice.randrange(3)
            figures["counter_us"] = figures["witness_state_us"] = dice.randrange(HOUR)
            figures["step_us"] = (
                dice.choice((10, 60, 180, 900 if number % 37 == 0 else 20)) * SECOND
            )
            hours = place % 3 == 1 or (place % 3 == 2 and number % 5 == 0)
            values: dict[str, int | None] = dict(figures)
            values["scheduled_us"] = 8 * HOUR if hours else None
            values["running_scheduled_us"] = dice.randrange(HOUR) if hours else None
            rows.append((key, FIRST + number * DAY, *(values[name] for name in COLUMNS)))
    insert(world, rows)
    return keys


def insert(world: World, rows: list[tuple[Any, ...]]) -> None:
    with (
        world.conn.cursor() as cursor,
        cursor.copy(
            f"COPY rollup_day (instrument_key, day, {', '.join(COLUMNS)}) FROM STDIN"
        ) as copy,
    ):
        for row in rows:
            copy.write_row(row)


def stale(world: World) -> int:
    row = world.conn.execute("SELECT count(*) FROM rollup_total_stale").fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def filled(world: World) -> World:
    fill(world, 140)
    world.total(FIRST + 140 * DAY)
    return world


@pytest.mark.parametrize("basis", list(Basis))
def test_any_days_by_totals(filled: World, basis: Basis) -> None:
    dice = random.Random(5)
    for length in (1, 2, 3, 7, 30, 64, 100, 140):
        first = FIRST + dice.randrange(141 - length) * DAY
        agree(
            filled, midnight(first), midnight(first + length * DAY),
            group_by="institution", basis=basis,
        )  # fmt: skip


def test_groups_and_filters_of_a_fleet_with_blanks(filled: World) -> None:
    """Where a district or a class is unset, the roster means whom the database means."""
    dice = random.Random(11)
    blank: dict[str, list[str | None]] = {
        "district_code": ["310101", "310104", None],
        "class_code": ["010101", "010200", "020000", None],
        "kind": ["general", "special"],
    }
    filled.gateway("g2")
    (other,) = filled.conn.execute(
        "SELECT gateway_key FROM gateway WHERE gateway_id = 'g2'"
    ).fetchone() or (None,)
    for (key,) in filled.conn.execute("SELECT instrument_key FROM instrument").fetchall():
        values = {name: dice.choice(choices) for name, choices in blank.items()}
        if key % 3:
            values["gateway_key"] = other
        filled.conn.execute(
            f"UPDATE instrument_version SET {', '.join(f'{n} = %({n})s' for n in values)}"
            " WHERE instrument_key = %(key)s",
            {**values, "key": key},
        )
    filled.conn.execute("UPDATE registry_revision SET revision = revision + 1")
    start, end = midnight(FIRST + 20 * DAY), midnight(FIRST + 27 * DAY)
    filters = [
        Filters(),
        Filters(district=wanted(["310101"])),
        Filters(district=wanted(["0"])),
        Filters(class_=wanted(["010000"])),
        Filters(class_=wanted(["020000", "0305"])),
        Filters(gateway=wanted(["g2"])),
        Filters(institution=wanted(["i1"])),
        Filters(kind=wanted(["special"]), district=wanted(["310104", "310101"])),
        Filters(always_on=wanted([True])),
    ]
    for group_by in (None, *GROUPINGS):
        for chosen in filters:
            agree(filled, start, end, group_by=group_by, filters=chosen)


def test_changed_days_are_taken_from_days_until_totals_follow(filled: World) -> None:
    start, end = midnight(FIRST + 20 * DAY), midnight(FIRST + 60 * DAY)
    before = agree(filled, start, end)
    filled.conn.execute(
        "UPDATE rollup_day SET running_us = running_us + 5, idle_us = idle_us - 5,"
        " step_us = 7200000000 WHERE instrument_key %% 2 = 0 AND day = %s",
        [FIRST + 33 * DAY],
    )
    assert stale(filled)
    changed = agree(filled, start, end)
    assert changed[None].digest != before[None].digest
    # Windows that hold none of the changed days need not know.
    agree(filled, midnight(FIRST + 40 * DAY), end)
    filled.total(FIRST + 140 * DAY)
    assert not stale(filled)
    again = agree(filled, start, end)
    assert again[None].digest == changed[None].digest
    assert again[None].total.usage.step_us == 7_200 * SECOND


@pytest.mark.parametrize(
    "remade", [pytest.param(False, id="marked"), pytest.param(True, id="marked-and-made-again")]
)
def test_an_answer_is_of_one_state(world: World, figures_url: str, remade: bool) -> None:
    """Days change between any two statements of an answer; it is the one from before."""
    fill(world, 9)
    boundary = FIRST + 9 * DAY
    world.total(boundary)
    window = Window(start_us=midnight(FIRST), end_us=midnight(boundary))

    def change() -> None:
        with psycopg.connect(figures_url, autocommit=True) as other:
            other.execute(
                "UPDATE rollup_day SET running_us = running_us + 5, idle_us = idle_us - 5"
                " WHERE day = %s",
                [FIRST + 4 * DAY],
            )
            if remade:
                World(other).total(boundary)

    at = asked = 0
    while at <= asked:
        world.total(boundary)
        before = agree(world, window.start_us, window.end_us)
        with world.conn.transaction():
            world.conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            moment = run(world.conn, load_moment())
            steps = tally_groups(Question(window=window), moment, Rosters())
            groups, asked = interrupted(world, steps, at, change)
        assert groups[None].total == before[None].total
        assert groups[None].digest == before[None].digest
        at += 1
    assert asked > 5


def interrupted(
    world: World, steps: Steps[dict[Any, Group]], at: int, change: Callable[[], None]
) -> tuple[dict[Any, Group], int]:
    """Drives ``steps``, ``change`` after query number ``at``; and tells the number of the last."""
    query, number = next(steps), 0
    while True:
        with world.conn.cursor(row_factory=query.rows, binary=query.binary) as cursor:
            rows = cursor.execute(query.sql, query.params).fetchall()
        if number == at:
            change()
        try:
            query = steps.send(rows)
        except StopIteration as end:
            return end.value, number
        number += 1


def test_rows_that_are_missing_in_the_middle(filled: World) -> None:
    start, end = midnight(FIRST + 20 * DAY), midnight(FIRST + 60 * DAY)
    filled.conn.execute(
        "DELETE FROM rollup_day WHERE instrument_key %% 3 = 0 AND day BETWEEN %s AND %s",
        [FIRST + 30 * DAY, FIRST + 31 * DAY],
    )
    agree(filled, start, end)
    filled.total(FIRST + 140 * DAY)
    agree(filled, start, end)


def test_days_before_the_first_and_after_the_last_total(filled: World) -> None:
    rows = filled.conn.execute(
        f"SELECT instrument_key, {', '.join(COLUMNS)} FROM rollup_day WHERE day = %s", [FIRST]
    ).fetchall()
    for far in (-3, -2, -1, 140, 141):
        insert(filled, [(key, FIRST + far * DAY, *figures) for key, *figures in rows])
    # Days after the last total would be measured, and no heartbeat stands behind these.
    for spans in ([(-3, 20), (-2, 0)], [(-3, 20), (-2, 0), (100, 142), (139, 142)]):
        for low, high in spans:
            agree(filled, midnight(FIRST + low * DAY), midnight(FIRST + high * DAY))
        filled.total(FIRST + 142 * DAY)
        assert not stale(filled)


def test_in_service_for_a_part_of_the_window(filled: World) -> None:
    filled.conn.execute("UPDATE registry_revision SET revision = revision + 1")
    filled.conn.execute(
        "UPDATE instrument_version SET acquired_on = %s WHERE instrument_key %% 4 = 0",
        [FIRST + 25 * DAY],
    )
    filled.conn.execute(
        "UPDATE instrument_version SET retired_on = %s WHERE instrument_key %% 4 = 1",
        [FIRST + 50 * DAY],
    )
    for low, high in ((20, 60), (0, 25), (25, 50), (50, 80)):
        weeks = [midnight(FIRST + n * DAY) for n in (*range(low, high, 7), high)]
        parts = [Window(start_us=a, end_us=b) for a, b in pairwise(weeks)]
        agree(filled, weeks[0], weeks[-1], group_by="kind", buckets=parts)


def test_a_truncated_table_leaves_no_total(filled: World) -> None:
    filled.conn.execute("TRUNCATE rollup_day")
    row = filled.conn.execute("SELECT count(*) FROM rollup_total").fetchone()
    assert row == (0,)


def test_what_is_due(filled: World) -> None:
    filled.conn.execute(
        "INSERT INTO service_setting (name, value) VALUES ('rolled_through', %s)"
        " ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value",
        [(FIRST + 140 * DAY).isoformat()],
    )
    try:
        while found := totals.due(filled.conn, "Asia/Shanghai", most=10_000):
            assert sum(totals.make(filled.conn, chunk, boundary) for chunk, boundary in found)
        assert totals.due(filled.conn, "Asia/Shanghai") == []
        filled.conn.execute("UPDATE rollup_day SET idle_us = idle_us WHERE day = %s", [FIRST])
        (chunk,) = {chunk for chunk, _ in totals.due(filled.conn, "Asia/Shanghai", 9)}
        # Not while the chunk has days to be rolled up: they would only change it again.
        filled.conn.execute(
            "INSERT INTO rollup_todo SELECT instrument_key, %s FROM instrument LIMIT 1", [FIRST]
        )
        assert totals.due(filled.conn, "Asia/Shanghai") == []
        filled.conn.execute("DELETE FROM rollup_todo")
        assert totals.make(filled.conn, chunk, FIRST) == 141
        assert totals.due(filled.conn, "Asia/Shanghai") == []
    finally:
        filled.conn.execute("DELETE FROM service_setting WHERE name = 'rolled_through'")


def test_windows_up_to_now(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.figures.layout.FEW", 0)
    now = world.now_us()
    hour = now - now % HOUR
    week = {d: [["00:30", "23:10"]] for d in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    world.institution("i0", opening_hours=week)
    dice = random.Random(9)
    for n in range(14):
        gateway = f"g{n % 4}"
        world.instrument(
            f"m{n}", institution=f"i{n % 3}", gateway=gateway,
            session_gap_us=(0, 300, 1_800)[n % 3] * SECOND,
            hold_us=2 * HOUR if n == 11 else None,
            rated_hours_per_year=(None, 0, 4_000)[n % 3],
        )  # fmt: skip
        if n == 13:
            continue
        begin = hour - (2 if n == 12 else 60) * HOUR
        rows, when, meter = [], begin, 0
        while when < now - (0, 2 * MINUTE, 3 * HOUR)[n % 3]:
            state = ("running", "idle", "off", "running")[(when // (7 * MINUTE) + n) % 4]
            runtime = meter if n % 5 == 0 else None
            hold = (2 * HOUR if n == 11 else 180 * SECOND)  # fmt: skip
            rows.append(beat(when, state, hold=hold, runtime_us=runtime))
            meter += 20 * SECOND
            when += dice.choice((1, 2, 2, 6)) * MINUTE
        world.feed(f"m{n}", rows, gateway=gateway)
    world.listening(hour - 80 * HOUR, hour - 20 * HOUR)
    world.listening(hour - 19 * HOUR, now, closed=False)
    world.offline("g3", hour - 5 * HOUR, hour - 4 * HOUR)
    world.maintenance("m2", hour - 6 * HOUR, hour - 5 * HOUR)
    far = now + 10 * HOUR
    for start in (hour, hour - HOUR, hour - 9 * HOUR, hour - 40 * HOUR, now - 90 * MINUTE):
        agree(world, start, far, group_by="institution")
        if start != hour:
            # By the hour, on a clock whose hours are ours and on one whose are not.
            for name in ("Asia/Shanghai", "Asia/Kolkata"):
                window = Window(start_us=start, end_us=now)
                parts = buckets(window, Bucket.HOUR, zone_of(name), limit=100)
                found = agree(world, start, now, group_by="institution", buckets=parts)
                assert {len(group.buckets) for group in found.values()} == {len(parts)}
    # Whole days from totals, today measured; then with yesterday's totals still to come.
    today = (hour + 8 * HOUR) // (24 * HOUR) * 24 * HOUR - 8 * HOUR
    day = FIRST + timedelta(microseconds=today - midnight(FIRST))
    world.roll(day - 2 * DAY, day)
    for through in (day - DAY, day):
        world.total(through)
        agree(world, today - 48 * HOUR, far, group_by="institution")
        agree(
            world, today - 48 * HOUR, now, group_by="kind",
            buckets=[
                Window(start_us=a, end_us=b)
                for a, b in (
                    (today - 48 * HOUR, today - 24 * HOUR),
                    (today - 24 * HOUR, today),
                    (today, now),
                )
            ],
        )  # fmt: skip


def test_figures_settle_no_sooner_than_the_longest_newest_heartbeat(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A heartbeat that reports a long interval holds longer than the registry says."""
    monkeypatch.setattr("store.figures.layout.FEW", 0)
    now = world.now_us()
    for n, hold in enumerate((180, 900, 30)):
        world.instrument(f"m{n}")
        rows = [beat(now - k * MINUTE, "idle", hold=hold * SECOND) for k in (2, 1)]
        world.feed(f"m{n}", rows)
    hour = now - now % HOUR
    fast, careful = both(world, Window(start_us=hour - HOUR, end_us=now), group_by="instrument")
    settled = {key: group.settle_us for key, group in fast.items()}
    assert settled == {key: group.settle_us for key, group in careful.items()}
    assert settled == {"m0": 360 * SECOND, "m1": 900 * SECOND, "m2": 360 * SECOND}


def test_buckets_of_days_without_totals_that_cut_pieces(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Midnights half past the hour lie within pieces, whose counters only raw rows can divide."""
    monkeypatch.setattr("store.figures.layout.FEW", 0)
    world.instrument("m1")
    zone = zone_of("Asia/Kolkata")
    nights = [start_of_day(FIRST + n * DAY, zone) for n in range(5)]
    # Counters about the midnight between the last two days alone: the window's own ends cut none.
    rows = []
    for n, at in enumerate(range(nights[0] - 7 * HOUR, nights[-1] + HOUR, 17 * MINUTE)):
        counted = abs(at - nights[3]) < 9 * HOUR
        rows.append(beat(at, "running", hold=HOUR, runtime_us=n * n * SECOND if counted else None))
    world.feed("m1", rows, raw=True)
    world.conn.execute("INSERT INTO service_setting VALUES ('rollup_zone', 'Asia/Kolkata')")
    try:
        world.roll(FIRST, FIRST + 2 * DAY)
        world.total(FIRST + 2 * DAY)
        buckets = [Window(start_us=a, end_us=b) for a, b in pairwise(nights)]
        agree(world, nights[0], nights[-1], buckets=buckets)
    finally:
        world.conn.execute("DELETE FROM service_setting WHERE name = 'rollup_zone'")
