"""Bookings held against measured use, over HTTP: groups, single ones, late data, answers."""

import random
from typing import Any

import httpx
import pytest

from models.timestamp import format_instant
from models.zone import local_day
from store.figures.subject import zone_of
from store.instant import from_us
from store.registry.keys import create_key
from store.run import run
from tests.integration.api.figures.test_periods import closed
from tests.integration.api.figures.world import MINUTE, Get, World, every

HOUR = 60 * MINUTE
SHANGHAI = zone_of("Asia/Shanghai")
START = 1_772_438_400_000_000  # 2026-03-02T08:00:00Z
DAY = (START, START + 10 * HOUR)
ASKED = {"from": format_instant(DAY[0]), "to": format_instant(DAY[1])}


def book(world: World, name: str, start_us: int, end_us: int) -> int:
    world.conn.execute(
        "INSERT INTO booking_feed (name, timezone) VALUES ('f', 'UTC') ON CONFLICT DO NOTHING"
    )
    row = world.conn.execute(
        "INSERT INTO booking (feed_key, uid, recurrence_id, instrument_key, starts_at, ends_at,"
        " is_cancelled) SELECT feed_key, gen_random_uuid(), '', i.instrument_key, %s, %s, false"
        " FROM booking_feed, instrument i WHERE i.instrument_id = %s RETURNING booking_key",
        [from_us(start_us), from_us(end_us), name],
    ).fetchone()
    assert row is not None
    key: int = row[0]
    return key


def verdicts(get: Get, **more: Any) -> list[str]:
    items = get("/v1/reconciliation/bookings", **ASKED, **more)["items"]
    return [f"{one['instrument_id']} {' '.join(one['verdicts'])}" for one in items]


def test_each_verdict_and_both_identities(world: World, get: Get) -> None:
    for name, institution in (("a", "i1"), ("b", "i1"), ("c", "i2")):
        world.instrument(name, institution=institution, gateway="g")
    # Known all day, in use from 9 to 11 and, unbooked, from 14 to 15.
    world.feed(
        "a",
        [
            *every(START, START + HOUR, "idle"),
            *every(START + HOUR, START + 3 * HOUR, "running"),
            *every(START + 3 * HOUR, START + 6 * HOUR, "idle"),
            *every(START + 6 * HOUR, START + 7 * HOUR, "running"),
            *every(START + 7 * HOUR, DAY[1], "idle"),
        ],
    )
    # Silent from 10 on.
    world.feed("b", every(START, START + 2 * HOUR, "running"))
    book(world, "a", START + HOUR, START + 3 * HOUR)
    book(world, "a", START + 4 * HOUR, START + 5 * HOUR)
    book(world, "b", START, START + 90 * MINUTE)
    book(world, "b", START + 3 * HOUR, START + 4 * HOUR)
    book(world, "c", START, START + HOUR)
    assert sorted(verdicts(get)) == [
        "a kept",
        "a no_show",
        "b overrun",
        "b undetermined",
        "c undetermined",
    ]
    answer = get("/v1/reconciliation", **ASKED, group_by="institution")
    assert [group["key"] for group in answer["groups"]] == ["i1", "i2"]
    for group in (answer["overall"], *answer["groups"]):
        booked = ("used_booked_s", "unused_booked_s", "unknown_booked_s")
        assert group["booked_s"] == sum(group[name] for name in booked)
        assert group["used_s"] == group["used_booked_s"] + group["used_unbooked_s"]
    first = answer["groups"][0]
    effective = get("/v1/utilization", **ASKED, institution="i1")["overall"]["effective_s"]
    assert first["used_s"] == effective
    assert first["used_unbooked_s"] == 3_600 + 1_800 + 60 * 3 - 60
    assert first["verdicts"]["kept"] == first["verdicts"]["overrun"] == 1
    assert first["bookings"] == 4


def test_groups_are_the_sum_of_their_instruments(world: World, get: Get) -> None:
    """Random use and bookings, against minute by minute."""
    rnd = random.Random(7)
    expected = dict.fromkeys(("booked", "used", "both", "unknown"), 0)
    for number in range(4):
        name = f"r{number}"
        world.instrument(name, gateway="g", session_gap_us=0, session_min_us=0)
        states = [rnd.choice(["running", "idle", "off", None]) for _ in range(600)]
        rows = [
            row
            for minute, state in enumerate(states)
            if state
            for row in every(
                START + minute * MINUTE, START + (minute + 1) * MINUTE, state, hold=MINUTE
            )
        ]
        world.feed(name, rows)
        booked = set()
        for _ in range(rnd.randrange(6)):
            low = rnd.randrange(580)
            high = low + rnd.randrange(1, 60)
            book(world, name, START + low * MINUTE, START + high * MINUTE)
            booked |= set(range(low, min(high, 600)))
        used = {minute for minute, state in enumerate(states) if state == "running"}
        unknown = {minute for minute, state in enumerate(states) if state is None}
        expected["booked"] += len(booked)
        expected["used"] += len(used)
        expected["both"] += len(booked & used)
        expected["unknown"] += len(booked & unknown)
    found = get("/v1/reconciliation", **ASKED)["overall"]
    assert [found[f"{n}_s"] / 60 for n in ("booked", "used", "used_booked", "unknown_booked")] == [
        expected[name] for name in ("booked", "used", "both", "unknown")
    ]


def test_pages_judge_as_the_whole_does(world: World, get: Get) -> None:
    world.instrument("a", gateway="g")
    world.feed("a", every(START, START + 4 * HOUR, "running"))
    for number in range(5):
        book(world, "a", START + number * HOUR, START + (number + 1) * HOUR)
    whole = get("/v1/reconciliation/bookings", **ASKED)["items"]
    pages, cursor = [], None
    while True:
        asked = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        answer = get("/v1/reconciliation/bookings", **ASKED, **asked)
        pages += answer["items"]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert pages == whole
    assert [one["verdicts"] for one in whole] == [["kept"]] * 4 + [["undetermined"]]
    world.instrument("b", gateway="g")
    book(world, "b", START, START + HOUR)
    (own,) = get("/v1/reconciliation/bookings", **ASKED, instrument="b")["items"]
    assert own["instrument_id"] == "b"
    assert get("/v1/reconciliation/bookings", **ASKED, instrument="a")["items"] == whole


def judged(get: Get) -> Any:
    (one,) = get("/v1/reconciliation/bookings", **ASKED)["items"]
    return one


def answered(world: World, address: str, key: int, text: str) -> Any:
    made = run(world.conn, create_key(scopes=["operate"])).key
    answer = httpx.put(
        f"{address}/v1/reconciliation/bookings/{key}/answer",
        json={"text": text},
        headers={"Authorization": f"Bearer {made}"},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_late_data_turns_undetermined_into_a_verdict(
    world: World, get: Get, figures_app: str
) -> None:
    world.instrument("a", gateway="g")
    key = book(world, "a", START, START + HOUR)
    first = answered(world, figures_app, key, "停电")
    before = judged(get)
    assert (before["verdicts"], before["answer"]) == (["undetermined"], first)
    assert judged(get)["revision"] == before["revision"]
    world.feed("a", every(START - HOUR, START + 2 * HOUR, "idle"))
    after = judged(get)
    assert after["verdicts"] == ["no_show"]
    assert after["revision"] != before["revision"]
    assert (after["answer"], after["closed"]) == (first, None)
    second = answered(world, figures_app, key, "来电")
    told = judged(get)
    assert (told["answer"], told["answer_amendments"]) == (second, [])


def test_a_closed_period_keeps_its_verdict_and_takes_amendments(
    world: World, get: Get, figures_app: str
) -> None:
    world.instrument("a", gateway="g")
    key = book(world, "a", START, START + HOUR)
    # It begins before: another period's.
    other = book(world, "a", START - 30 * HOUR, START + 2 * HOUR)
    first = answered(world, figures_app, key, "停电")
    period = closed(world, START - HOUR, DAY[1])
    rows = world.conn.execute("SELECT booking_key FROM period_booking").fetchall()
    assert (rows, other != key) == ([(key,)], True)
    told = judged(get)["closed"]
    assert (told["period_id"], told["verdicts"], told["amended"]) == (
        period.period_id,
        ["undetermined"],
        False,
    )
    world.feed("a", every(START - 2 * HOUR, START + 3 * HOUR, "idle"))
    late = [answered(world, figures_app, key, text) for text in ("来电", "没人来")]
    after = judged(get)
    assert after["verdicts"] == ["no_show"]
    assert (after["closed"]["verdicts"], after["closed"]["amended"]) == (["undetermined"], True)
    assert (after["answer"], after["answer_amendments"]) == (first, late)
    # What was frozen stays when the feed is forgotten.
    world.conn.execute("DELETE FROM booking_feed")
    assert world.conn.execute("SELECT verdicts FROM period_booking").fetchall() == [
        (["undetermined"],)
    ]


@pytest.mark.parametrize("kind", ["maintenance", "down"])
@pytest.mark.parametrize("hours", [1, 2])
def test_maintenance_of_half_of_it_blocks(world: World, get: Get, hours: int, kind: str) -> None:
    world.instrument("a", gateway="g")
    book(world, "a", START, START + 4 * HOUR)
    world.maintenance("a", START, START + hours * HOUR, kind=kind)
    assert verdicts(get) == ["a blocked" if hours == 2 else "a undetermined"]


def test_instruments_count_for_the_days_on_which_they_served(world: World, get: Get) -> None:
    """As in every sum of a group: what is used, and booked, before and after is in none."""
    day = 24 * HOUR
    start = START - 16 * HOUR - 2 * day  # a midnight in Shanghai
    low, high = start + day, start + 3 * day
    served = {"acquired_on": local_day(low, SHANGHAI), "retired_on": local_day(high, SHANGHAI)}
    for name, dates in (("whole", {}), ("part", served)):
        world.instrument(name, gateway="g", hold_us=HOUR, **dates)
        world.feed(name, every(start, start + 4 * day, "running", step=30 * MINUTE, hold=HOUR))
        for at in range(4):
            book(world, name, start + at * day + 8 * HOUR, start + at * day + 10 * HOUR)
        book(world, name, low - HOUR, low + HOUR)
        book(world, name, high - HOUR, high + HOUR)
    asked = {"from": format_instant(start), "to": format_instant(start + 4 * day)}
    for more in ({}, {"from": format_instant(low + HOUR)}, {"to": format_instant(high + HOUR)}):
        window = {**asked, **more}
        answer = get("/v1/reconciliation", **window, group_by="instrument")
        used = get("/v1/utilization", **window, group_by="instrument")["groups"]
        listed = get("/v1/reconciliation/bookings", **window)["items"]
        for group, other in zip(answer["groups"], used, strict=True):
            assert (group["key"], group["used_s"]) == (other["key"], other["effective_s"])
            assert group["bookings"] == sum(one["instrument_id"] == group["key"] for one in listed)
    part, whole = get("/v1/reconciliation", **asked, group_by="instrument")["groups"]
    assert (part["booked_s"], part["used_s"], part["bookings"]) == (6 * 3_600, 48 * 3_600, 3)
    assert (whole["booked_s"], whole["used_s"], whole["bookings"]) == (12 * 3_600, 96 * 3_600, 6)
