"""Coverage of sensors held to brute force: any registry, partly rolled up, with late data."""

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from store.figures.rollup_columns import COLUMNS
from tests.chance import counted
from tests.integration.api.figures.world import HOUR, Get, World, beat, every, iso

DAY = 24 * HOUR
ONE = timedelta(days=1)
HISTORY = "/v1/coverage/sensors/history"
ZONE = ZoneInfo("Asia/Shanghai")
SEEDS = counted("JISHI_COVERAGE_SEEDS", 2)


def day_at(us: int) -> date:
    return datetime.fromtimestamp(us / 1_000_000, UTC).astimezone(ZONE).date()


def midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=ZONE).timestamp()) * 1_000_000


class Town:
    """A random town, and what is true of it, kept in plain lists."""

    def __init__(self, world: World, seed: int) -> None:
        self.draw = random.Random(seed)
        self.world = world
        self.now = world.now_us()
        self.today = day_at(self.now)
        #: By instrument: (force_from, force_to, fields), whole microseconds or None.
        self.versions: dict[str, list[tuple[int | None, int | None, dict[str, Any]]]] = {}
        self.beats: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self.gateways: dict[str, date | None] = {}

    def some_day(self, first: int = 150) -> date:
        return self.today - self.draw.randrange(-5, first) * ONE

    def build(self) -> None:
        draw = self.draw
        for n in range(3):
            self.world.institution(f"i{n}", district_code=draw.choice(["310104", "310110", None]))
        for n in range(6):
            self.gateways[f"g{n}"] = draw.choice([None, None, self.some_day()])
            self.world.gateway(f"g{n}", retired_on=self.gateways[f"g{n}"])
        for n in range(14):
            self.register(f"m{n}")
        late = set(draw.sample(list(self.versions), 4))
        for name in self.versions:
            if name not in late:
                self.speak(name)
        through = self.today - draw.randrange(0, 5) * ONE
        self.world.roll(self.today - 160 * ONE, through)
        # Some were taken to be heard on days on which they turn out not to have been.
        self.world.conn.execute(
            f"INSERT INTO rollup_day (instrument_key, day, {', '.join(COLUMNS)})"
            f" SELECT instrument_key, %s::date - n{', 1' * len(COLUMNS)} FROM instrument,"
            " generate_series(2, 90, 3) n WHERE instrument_id = ANY (%s)",
            (through, sorted(late)),
        )
        if draw.random() < 0.8:
            self.world.total(through)
        self.world.conn.execute(
            "DELETE FROM rollup_day d USING instrument i WHERE i.instrument_key = d.instrument_key"
            " AND i.instrument_id = ANY (%s)",
            [sorted(late)],
        )
        for name in late:
            self.speak(name)
            self.world.conn.execute(
                "INSERT INTO rollup_todo SELECT instrument_key, %s::date - n FROM instrument,"
                " generate_series(1, 160) n WHERE instrument_id = %s",
                (self.today, name),
            )
        # What was rolled up and changed since: its row is gone, and it waits to be made anew.
        self.world.conn.execute(
            "WITH gone AS (DELETE FROM rollup_day WHERE (instrument_key + (day - '2020-01-01'))"
            " % 7 = 0 RETURNING instrument_key, day) INSERT INTO rollup_todo SELECT * FROM gone"
            " ON CONFLICT DO NOTHING"
        )

    def register(self, name: str) -> None:
        draw = self.draw
        edges = sorted(midnight(self.some_day()) for _ in range(draw.randrange(3)))
        for at, start in enumerate([None, *edges]):
            fields = {
                "institution": f"i{draw.randrange(3)}",
                "gateway": f"g{draw.randrange(6)}",
                "class_code": draw.choice(["010101", "010203", "020100", None]),
                "source": draw.choice([None, None, '{"mapping": "x", "device": "d"}']),
                **dict.fromkeys(["planned_on", "accepted_on", "acquired_on", "retired_on"]),
            }
            for field in ("planned_on", "accepted_on", "acquired_on", "retired_on"):
                if draw.random() < 0.4:
                    fields[field] = self.some_day()
            self.world.instrument(name, valid_from=start, **fields)
            end = edges[at] if at < len(edges) else None
            self.versions.setdefault(name, []).append((start, end, fields))

    def speak(self, name: str) -> None:
        draw = self.draw
        rows = []
        for _ in range(draw.choice([0, 1, 1, 3, 6])):
            start = self.now - draw.randrange(HOUR, 150 * DAY)
            hold = draw.choice([180_000_000, 3 * HOUR])
            rows += [*every(start, min(start + draw.randrange(1, 40 * HOUR), self.now), "idle",
                            step=HOUR, hold=hold)]  # fmt: skip
        if draw.random() < 0.2:
            rows.append(beat(self.now - HOUR // 2, "running", hold=20 * HOUR))
        rows = list({row.at_us: row for row in rows}.values())
        rows.sort(key=lambda row: row.at_us)
        if rows:
            self.world.feed(name, rows)
        self.beats[name] = [(row.at_us, row.hold_us) for row in rows]

    # -- the oracle: one instrument, one day, one heartbeat at a time ------------------------

    def heard(self, name: str, first: date, last: date) -> bool:
        beats = self.beats[name]
        for at, (start, hold) in enumerate(beats):
            following = beats[at + 1][0] if at + 1 < len(beats) else self.now
            end = min(start + hold, following, self.now)
            if start < end and day_at(start) <= last and day_at(end - 1) >= first:
                return True
        return False

    def record(self, name: str, end: int) -> dict[str, Any]:
        for start, until, fields in self.versions[name]:
            if (start is None or start < end) and (until is None or until >= end):
                return fields
        raise AssertionError

    def told(self, day: date, within: int, by: str | None) -> dict[str | None, tuple[int, ...]]:
        end = min(midnight(day + ONE), self.now + 1)
        known = {
            self.record(name, end)["gateway"]
            for name, beats in self.beats.items()
            if beats and beats[0][0] < end
        }
        found: dict[str | None, list[int]] = defaultdict(lambda: [0, 0, 0])
        for name in self.versions:
            one = self.record(name, end)
            begins = [d for d in (one["accepted_on"], one["acquired_on"]) if d is not None]
            if not begins and one["planned_on"] is not None:
                continue
            if begins and day < min(begins):
                continue
            if one["retired_on"] is not None and day >= one["retired_on"]:
                continue
            counts = found[None if by is None else one[by]]
            counts[0] += 1
            gone = self.gateways[one["gateway"]]
            if gone is not None and day >= gone:
                continue
            if one["source"] is None and one["gateway"] not in known:
                continue
            counts[1] += 1
            counts[2] += self.heard(name, day - (within - 1) * ONE, day)
        return {key: tuple(counts) for key, counts in found.items()}


def counts(one: dict[str, Any]) -> tuple[int, ...]:
    return one["listed"], one["fitted"], one["speaking"]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_as_one_counts_by_hand(world: World, get: Get, seed: int) -> None:
    town = Town(world, seed)
    town.build()
    if day_at(world.now_us()) != town.today:
        pytest.skip("midnight came between")
    for within in (1, 30, 75):
        days = [town.today - n * ONE for n in (0, 1, 3, 31, town.draw.randrange(120))]
        for day in days:
            for word, by in (("institution", "institution"), ("class", "class_code")):
                answer = get("/v1/coverage/sensors", on=day, within_days=within, group_by=word)
                wanted = town.told(day, within, by)
                assert {g["key"]: counts(g) for g in answer["groups"]} == wanted, (day, within)
            (whole,) = town.told(day, within, None).values() or [(0, 0, 0)]
            assert counts(answer["overall"]) == whole
    first = town.today - 70 * ONE
    for bucket in ("day", "month"):
        answer = get(HISTORY, from_=first, to=town.today + ONE, bucket=bucket, limit=1000)
        for point in answer["items"]:
            day = date.fromisoformat(point["on"])
            (whole,) = town.told(day, 30, None).values() or [(0, 0, 0)]
            assert counts(point) == whole, day
        ends = [point["on"] for point in answer["items"]]
        assert ends[-1] == town.today.isoformat()
        assert len(ends) == (71 if bucket == "day" else len({end[:7] for end in ends}))


def test_none_but_old_instruments_speak(world: World, get: Get) -> None:
    """Their keys are a thousand and more below the newest, and no day is rolled up."""
    now = world.now_us()
    world.instrument("old", institution="io", gateway="go")
    world.feed("old", every(now - 2 * HOUR, now - HOUR, "idle", step=HOUR // 4))
    world.conn.execute(
        "SELECT setval(pg_get_serial_sequence('instrument', 'instrument_key'),"
        " max(instrument_key) + 3000) FROM instrument"
    )
    world.instrument("young", institution="iy", gateway="gy")
    found = get("/v1/coverage/sensors", within_days=2, group_by="institution")["groups"]
    assert {one["key"]: one["speaking"] for one in found} == {"io": 1, "iy": 0}


def test_months_of_groups_add_up_to_the_whole(world: World, get: Get, askers: Any) -> None:
    today = day_at(world.now_us())
    for n in range(5):
        world.instrument(f"m{n}", institution=f"i{n % 2}", gateway=f"g{n % 3}",
                         district_code=["310104", "310110"][n % 2])  # fmt: skip
    world.feed(
        "m0", every(midnight(today - 40 * ONE), midnight(today - 39 * ONE), "idle", step=HOUR)
    )
    year = {"from_": today - 365 * ONE, "to": today + ONE}
    by = get(HISTORY, **year, group_by="district")["items"]
    whole = get(HISTORY, **year)["items"]
    for point in whole:
        parts = [counts(one) for one in by if one["on"] == point["on"]]
        assert tuple(map(sum, zip(*parts, strict=True))) == counts(point)
    # Pages are the same rows.
    page = get(HISTORY, **year, group_by="district", limit=3)
    rows = page["items"]
    while page["next_cursor"]:
        page = get(HISTORY, **year, group_by="district", limit=3,
                   cursor=page["next_cursor"])  # fmt: skip
        rows += page["items"]
    assert rows == by
    # A filter means the same as a group; an institution's key sees its own.
    mine = get("/v1/coverage/sensors", institution="i0")["overall"]
    groups = get("/v1/coverage/sensors", group_by="institution")["groups"]
    assert mine == {k: v for k, v in groups[0].items() if k not in ("key", "name")}
    theirs = askers("i0")("GET", "/coverage/sensors", params={"group_by": "institution"})
    assert [one["key"] for one in theirs["groups"]] == ["i0"]


def test_targets_from_their_days_on(world: World, get: Get, askers: Any) -> None:
    world.instrument("a")
    world.conn.execute("DELETE FROM coverage_target")
    city = askers()
    today = day_at(world.now_us())
    for back, share in ((60, 0.25), (10, 0.5)):
        city("PUT", f"/coverage/targets/{today - back * ONE}", json={"share": share})
    city("PUT", f"/coverage/targets/{today}", json={"share": 1.5}, status=422)
    told = {
        back: get("/v1/coverage/sensors", on=today - back * ONE)["target_share"]
        for back in (0, 10, 11, 60, 61)
    }
    assert told == {0: 0.5, 10: 0.5, 11: 0.25, 60: 0.25, 61: None}
    city("DELETE", f"/coverage/targets/{today - 10 * ONE}", status=204)
    city("DELETE", f"/coverage/targets/{today - 10 * ONE}", status=404)
    assert get("/v1/coverage/sensors")["target_share"] == 0.25
    assert [one["share"] for one in get("/v1/coverage/targets")["items"]] == [0.25]
    askers("i1")("PUT", f"/coverage/targets/{today}", json={"share": 0.1}, status=403)


def test_what_cannot_be_asked(world: World, get: Get) -> None:
    world.instrument("a")
    today = day_at(world.now_us())
    for path, asked in (
        ("", {"on": today + ONE}),
        ("", {"within_days": 0}),
        ("", {"group_by": "colour"}),
        ("/history", {"from_": today + ONE, "to": today + 2 * ONE}),
        ("/history", {"from_": "2018-01-01", "to": today, "bucket": "day"}),
        ("/history", {}),
    ):
        get(f"/v1/coverage/sensors{path}", status=422, **asked)
    assert get("/v1/coverage/sensors", on=date(2000, 1, 1))["overall"]["speaking_share"] is None


# -- the life cycle --------------------------------------------------------------------------


def test_a_life_is_told_step_by_step(world: World, get: Get, askers: Any) -> None:
    world.instrument("a")
    city, own = askers(), askers("i1")
    path = "/instruments/a/life-cycle"
    assert (city("GET", path)["state"], city("GET", path)["items"]) == ("in_service", [])
    told = [("planned", "2025-01-01"), ("accepted", "2025-02-01"), ("in_service", "2025-03-01"),
            ("suspended", "2025-04-01"), ("in_service", "2025-05-01")]  # fmt: skip
    for state, on in told:
        before = city("GET", "/instruments/a/versions")["items"]
        answer = own("PUT", path, json={"state": state, "on": on, "reason": f"why {state}"})
        assert (answer["state"], answer["since"]) == (state, on)
        # The very same again changes nothing.
        own("PUT", path, json={"state": state, "on": on, "reason": "again"})
        assert len(city("GET", "/instruments/a/versions")["items"]) == len(before) + 1
    items = city("GET", path)["items"]
    assert [(one["state"], one["on"]) for one in items] == told
    assert [one["reason"] for one in items] == [f"why {state}" for state, _ in told]
    assert all(one["by"] and one["noted_at"] for one in items)
    record = city("GET", "/instruments/a")
    assert (record["planned_on"], record["accepted_on"], record["acquired_on"]) == (
        "2025-01-01", "2025-02-01", "2025-03-01",
    )  # fmt: skip
    for body, rule in (
        ({"state": "planned"}, "what may follow in_service since 2025-05-01: retired, suspended"),
        ({"state": "suspended", "on": "2025-04-30"}, "not before 2025-05-01"),
    ):
        refused = own("PUT", path, json={"reason": "x", **body}, status=422)
        assert rule in refused["errors"][0]["rule"]
    # The registry has the dates; what it alone says has no reason.
    city("PATCH", "/instruments/a", json={"retired_on": "2025-06-01"})
    last = city("GET", path)
    assert (last["state"], last["may_follow"]) == ("retired", [])
    assert last["items"][-1]["reason"] is None
    city("PATCH", "/instruments/a", json={"retired_on": "2024-06-01"}, status=422)
    world.institution("i2")
    other = askers("i2")
    other("GET", path, status=404)
    other("PUT", path, json={"state": "retired", "reason": "x"}, status=404)
    city("PUT", "/instruments/nobody/life-cycle", json={"state": "retired", "reason": "x"},
         status=404)  # fmt: skip


def test_time_of_a_suspension_stays_in_figures(world: World, get: Get, askers: Any) -> None:
    world.instrument("a", timezone="UTC", acquired_on="2026-03-01")
    start = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()) * 1_000_000
    world.feed("a", every(start, start + DAY, "running"))
    asked = {"from": iso(start), "to": iso(start + 2 * DAY), "group_by": "institution"}

    def told() -> dict[str, Any]:
        (group,) = get("/v1/utilization", **asked)["groups"]
        return {name: value for name, value in group.items() if name != "as_of"}

    before = told()
    askers()("PUT", "/instruments/a/life-cycle",
             json={"state": "suspended", "on": "2026-03-01", "reason": "moved"})  # fmt: skip
    assert told() == before


def test_the_life_cycle_is_imported(world: World, get: Get, askers: Any) -> None:
    world.instrument("a")
    text = (
        "instrument_id,name,institution_id,gateway_id,planned_on,accepted_on,acquired_on,suspensions\n"
        'b,B,i1,g1,2025-01-01,2025-02-01,2025-03-01,"[{""from"": ""2025-04-01""}]"\n'
    )
    askers()("POST", "/registry/import", content=text, headers={"Content-Type": "text/csv"})
    told = get("/v1/instruments/b/life-cycle")
    assert (told["state"], told["since"]) == ("suspended", "2025-04-01")
