"""SEMI E10's six states add up to the window, and are what a second implementation counts.

That one walks the window minute by minute and shares no code with the service.
"""

import random
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from models.timestamp import format_instant
from store.instant import from_us
from tests.chance import counted
from tests.integration.api.figures.world import HOUR, MINUTE, SECOND, Get, World, beat, day_of

DAY = 24 * HOUR
WORLDS = counted("JISHI_TEST_STATE_WORLDS", 2)
SIX = ("productive_s", "standby_s", "engineering_s", "scheduled_down_s", "unscheduled_down_s",
       "non_scheduled_s")  # fmt: skip
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SHANGHAI = ZoneInfo("Asia/Shanghai")
HOLD = 20 * MINUTE
Stretch = tuple[int, int]


def walk(
    beats: list[tuple[int, str]],
    stretches: list[tuple[int, int, str]],
    hours: dict[str, Any] | None,
    hours_from: int,
    window: Stretch,
) -> dict[str, int]:
    """Seconds by state, one minute after the other; all times are whole minutes."""
    found = dict.fromkeys((*SIX, "unknown_s"), 0)
    states: dict[int, str] = {}
    for n, (ts, said) in enumerate(beats):
        following = beats[n + 1][0] if n + 1 < len(beats) else ts + HOLD
        for minute in range(ts, min(ts + HOLD, following), MINUTE):
            states[minute] = said
    for at in range(window[0], window[1], MINUTE):
        kinds = {kind for start, end, kind in stretches if start <= at < end}
        state = states.get(at, "unknown")
        closed = False
        if hours is not None and at >= hours_from:
            local = from_us(at).astimezone(SHANGHAI)
            clock = f"{local.hour:02}:{local.minute:02}"
            closed = not any(a <= clock < b for a, b in hours.get(WEEKDAYS[local.weekday()], ()))
        if "down" in kinds:
            name = "unscheduled_down_s"
        elif "maintenance" in kinds:
            name = "scheduled_down_s"
        elif "engineering" in kinds:
            name = "engineering_s"
        elif state == "running":
            name = "productive_s"
        else:
            name = "non_scheduled_s" if closed else "standby_s"
            found["unknown_s"] += 60 * (state == "unknown")
        found[name] += 60
    return found


def downs(stretches: list[tuple[int, int, str]], window: Stretch) -> tuple[int, int, int]:
    """Failures, repairs and their seconds: minutes that are down, told by their edges."""
    down = {m for a, b, kind in stretches if kind == "down" for m in range(a, b, MINUTE)}
    starts = sorted(m for m in down if m - MINUTE not in down)
    ends = sorted(m + MINUTE for m in down if m + MINUTE not in down)
    repaired = [(a, b) for a, b in zip(starts, ends, strict=True) if window[0] < b <= window[1]]
    failures = sum(window[0] <= a < window[1] for a in starts)
    return failures, len(repaired), sum(b - a for a, b in repaired) // SECOND


@pytest.mark.parametrize("seed", range(WORLDS))
def test_six_states_add_up_and_are_what_is_counted_by_hand(
    world: World, get: Get, seed: int
) -> None:
    draw = random.Random(seed)
    begin = world.now_us() // DAY * DAY - 6 * DAY

    def minute(most: int = 4 * 24 * 60) -> int:
        return begin + draw.randrange(most) * MINUTE

    hours = None
    hours_from = begin - 100 * DAY
    if seed % 3:
        hours = {day: [["08:00", "12:30"], ["14:00", "19:00"]] for day in WEEKDAYS[:5]}
        hours["holidays"] = "as_weekday"
    if seed % 3 == 2:
        hours_from = minute()
        world.instrument("a", interval_us=HOLD)
        world.instrument("a", valid_from=hours_from, opening_hours=hours, interval_us=HOLD)
    else:
        world.instrument("a", opening_hours=hours, interval_us=HOLD)
    beats = sorted(
        {minute(): draw.choice(["running", "running", "idle", "off"]) for _ in range(250)}.items()
    )
    world.feed("a", [beat(ts, state, hold=HOLD) for ts, state in beats])
    stretches = []
    for _ in range(9):
        start = minute()
        end = start + draw.randrange(1, 600) * MINUTE
        kind = draw.choice(["down", "maintenance", "engineering"])
        stretches.append((start, end, kind))
        world.maintenance("a", start, end, kind=kind)
    if seed % 2:
        world.roll(day_of(begin), day_of(begin + 3 * DAY))
    edges = sorted({minute() for _ in range(3)})
    parts = []
    for start, end in [*pairwise(edges), (edges[0], edges[-1])]:
        asked = {"from_": format_instant(start), "to": format_instant(end)}
        told = get("/v1/instruments/a/equipment-states", **asked)
        parts.append(told)
        assert sum(round(told[name] * SECOND) for name in SIX) == end - start
        counted = walk(beats, stretches, hours, hours_from, (start, end))
        assert {name: told[name] for name in counted} == counted
        failures, repairs, repaired_s = downs(stretches, (start, end))
        assert (told["failures"], told["repairs"]) == (failures, repairs)
        assert told["mtbf_s"] == (
            pytest.approx(told["productive_s"] / failures, abs=1e-5) if failures else None
        )
        assert told["mttr_s"] == (
            pytest.approx(repaired_s / repairs, abs=1e-5) if repairs else None
        )
        group = get("/v1/equipment-states", **asked, group_by="institution")
        assert {name: group["groups"][0][name] for name in counted} == counted
    for name in (*SIX, "unknown_s", "failures", "repairs"):
        assert sum(part[name] for part in parts[:-1]) == parts[-1][name], name


def test_of_groups_those_that_were_heard(world: World, get: Get) -> None:
    begin = world.now_us() // DAY * DAY - 2 * DAY
    for name, home in (("a", "i1"), ("b", "i2"), ("never", "i2")):
        world.instrument(name, institution=home, gateway=f"g-{home}")
    for name in ("a", "b"):
        world.feed(name, [beat(begin, "running", hold=HOUR)])
    # Not over yet: it is down until now, whenever that is asked for.
    world.conn.execute(
        "INSERT INTO maintenance (instrument_key, starts_at, ends_at, kind) SELECT instrument_key,"
        " %s, 'infinity', 'down' FROM instrument WHERE instrument_id = 'b'",
        [from_us(begin + HOUR // 2)],
    )
    asked = {"from_": format_instant(begin), "to": format_instant(begin + 2 * HOUR)}
    told = get("/v1/equipment-states", **asked, group_by="institution")
    one, two = told["groups"]
    assert (one["key"], one["instruments"], one["productive_s"]) == ("i1", 1, 3_600)
    assert (two["instruments"], two["never_seen_instruments"]) == (2, 1)
    assert (two["productive_s"], two["unscheduled_down_s"]) == (1_800, 5_400)
    assert (two["failures"], two["mtbf_s"], two["repairs"], two["mttr_s"]) == (1, 1_800, 0, None)
    assert told["overall"]["window_s"] == 4 * 3_600
    assert told["overall"]["unknown_s"] == 3_600
    status = get("/v1/instruments/b/status")
    assert (status["availability"], status["until"]) == ("down", None)
    (listed,) = get("/v1/maintenance", instrument="b")["items"]
    assert listed["to"] is None
    answer = get("/v1/equipment-states", **asked, district="310104")
    assert answer["overall"]["window_s"] == 0


COUNTED = (*SIX, "window_s", "unknown_s", "failures", "repairs")


def test_groups_are_the_sums_of_their_instruments_however_these_are_found(
    world: World, get: Get
) -> None:
    draw = random.Random(20)
    end = world.now_us() // DAY * DAY - 8 * HOUR  # a midnight of the rollups' zone
    begin = end - 3 * DAY
    short = {day: [["09:00", "12:00"]] for day in WEEKDAYS}
    long = {day: [["00:00", "20:00"]] for day in WEEKDAYS}
    world.institution("i1")
    world.institution("i2", opening_hours=short)
    world.institution("i3", opening_hours=short)
    world.institution("i3", valid_from=begin + DAY, opening_hours=long)
    own: dict[str, dict[str, Any]] = {
        "plain": {},
        "open": {"opening_hours": long},
        "later": {"acquired_on": day_of(begin + DAY), "timezone": "Asia/Shanghai"},
        "gone": {"retired_on": day_of(begin + 2 * DAY), "timezone": "Asia/Shanghai"},
        "stopped": {"opening_hours": short},
        "was-stopped": {"opening_hours": short},
        "never": {},
    }
    served = {"later": (begin + DAY, end), "gone": (begin, begin + 2 * DAY)}
    names = []
    for home in ("i1", "i2", "i3"):
        for kind, fields in own.items():
            name = f"{kind}-{home}"
            names.append(name)
            world.instrument(name, institution=home, gateway=f"g-{home}", **fields)
            if kind != "never":
                minutes = {begin - HOUR + draw.randrange(4 * 24 * 60) * MINUTE for _ in range(150)}
                states = ("running", "idle", "off")
                world.feed(
                    name,
                    [beat(ts, draw.choice(states), hold=HOLD) for ts in sorted(minutes)],
                )
            if kind == "stopped":
                world.maintenance(name, begin + 5 * HOUR, begin + 9 * HOUR, kind="maintenance")
                world.maintenance(name, begin + 7 * HOUR, begin + 11 * HOUR, kind="down")
            if kind == "was-stopped":
                world.maintenance(name, begin - 5 * HOUR, begin, kind="down")
                world.maintenance(name, end, end + HOUR, kind="engineering")
    world.instrument(
        "plain-i1", institution="i1", gateway="g-i1", valid_from=begin + DAY, opening_hours=short
    )
    world.roll(day_of(begin), day_of(end))
    world.total(day_of(end))

    for cut in (0, 90 * MINUTE):
        window = (begin + cut, end - cut)
        told = get(
            "/v1/equipment-states",
            from_=format_instant(window[0]),
            to=format_instant(window[1]),
            group_by="institution",
        )
        expected: dict[str, dict[str, float]] = {
            home: dict.fromkeys(COUNTED, 0.0) for home in ("i1", "i2", "i3")
        }
        for name in names:
            kind, _, home = name.rpartition("-")
            start, until = served.get(kind, window)
            if kind == "never":
                continue
            one = get(
                f"/v1/instruments/{name}/equipment-states",
                from_=format_instant(max(start, window[0])),
                to=format_instant(min(until, window[1])),
            )
            for field in COUNTED:
                expected[home][field] += one[field]
        for group in told["groups"]:
            assert {name: group[name] for name in COUNTED} == expected[group["key"]]
            assert (group["instruments"], group["never_seen_instruments"]) == (7, 1)
            assert group["non_scheduled_s"] > 0
            assert group["unscheduled_down_s"] == 4 * 3_600
