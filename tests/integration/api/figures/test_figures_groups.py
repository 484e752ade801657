"""`/v1/utilization`: sums, ratios of sums, means, bands, service, order and pages."""

from typing import Any

import pytest

from tests.integration.api.figures.test_figures_instrument import without
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

BEGIN = at("2026-03-01T16:00")  # a Shanghai midnight, and a Monday there
DAY = 24 * HOUR
PATH = "/v1/utilization"


def ask(get: Get, start: int = BEGIN, end: int = BEGIN + DAY, **more: Any) -> Any:
    return get(PATH, from_=iso(start), to=iso(end), **more)


def by_key(answer: Any) -> dict[str | None, Any]:
    return {group["key"]: group for group in answer["groups"]}


def used(
    world: World, identity: str, hours: float, *, start: int = BEGIN, known: float = 24
) -> None:
    """Running for the first hours of a day, idle for the rest of what is known."""
    switch = start + int(hours * HOUR)
    world.feed(
        identity,
        [
            *every(start, switch, "running", step=10 * MINUTE, hold=600 * SECOND),
            *every(switch, start + int(known * HOUR), "idle", step=10 * MINUTE, hold=600 * SECOND),
        ],
    )


def test_example_14_ratio_of_sums_and_mean(world: World, get: Get) -> None:
    for identity in "ab":
        world.instrument(identity)
    used(world, "a", 4.5, known=9)
    used(world, "b", 10, known=10)
    overall = ask(get, BEGIN, BEGIN + 10 * HOUR)["overall"]
    assert overall["utilization"] == 14.5 / 19
    assert overall["mean_utilization"] == 0.75
    assert overall["window_s"] == 20 * 3600
    assert (overall["instruments"], overall["sufficient_instruments"]) == (2, 2)


def test_groups_names_and_never_seen(world: World, get: Get) -> None:
    world.institution("i1", district_code="310101")
    world.institution("i2", district_code="310104")
    world.instrument("a", class_code="010101", institution="i1", gateway="g1")
    world.instrument("b", class_code="010200", institution="i2", gateway="g2")
    world.instrument("c", class_code="020100", institution="i2", gateway="g2", kind="special")
    world.instrument("d", institution="i1", gateway="g1")
    for identity, hours in (("a", 12), ("b", 6), ("c", 3)):
        used(world, identity, hours)

    def running(group_by: str, **more: Any) -> dict[str | None, float]:
        answer = ask(get, group_by=group_by, **more)
        assert answer["overall"]["running_s"] == sum(g["running_s"] for g in answer["groups"])
        return {g["key"]: g["running_s"] / 3600 for g in answer["groups"]}

    assert running("institution") == {"i1": 12, "i2": 9}
    assert running("district") == {"310101": 12, "310104": 9}
    assert running("class") == {"010101": 12, "010200": 6, "020100": 3, None: 0}
    assert running("class_major") == {"010000": 18, "020000": 3, None: 0}
    assert running("gateway") == {"g1": 12, "g2": 9}
    assert running("instrument") == {"a": 12, "b": 6, "c": 3, "d": 0}
    assert running("kind") == {"general": 18, "special": 3}
    assert running("instrument", class_="010000") == {"a": 12, "b": 6}
    assert running("instrument", district="310104", kind="special") == {"c": 3}
    assert running("instrument", institution="i1") == {"a": 12, "d": 0}
    assert running("instrument", gateway="nope") == {}
    group = by_key(ask(get, group_by="institution"))["i1"]
    assert group["name"] == "Inst i1"
    assert (group["instruments"], group["never_seen_instruments"]) == (2, 1)
    assert group["window_s"] == 86_400
    assert ask(get)["groups"] == []
    # Nobody was seen before this window's end.
    early = ask(get, BEGIN - 2 * DAY, BEGIN - DAY)["overall"]
    assert (early["instruments"], early["never_seen_instruments"], early["window_s"]) == (4, 4, 0)


def test_bands_by_basis_and_always_on(world: World, get: Get) -> None:
    for identity, hours in (("a", 12), ("b", 12.5), ("c", 20), ("d", 1)):
        world.instrument(identity, rated_hours_per_year=8_760)
        used(world, identity, hours)
    world.instrument("e", rated_hours_per_year=8_760, always_on=True)
    used(world, "e", 24)
    world.instrument("f", rated_hours_per_year=8_760)  # silent for most of the day
    used(world, "f", 10, known=10)
    overall = ask(get, basis="calendar")["overall"]
    assert overall["sufficient_instruments"] == 5
    assert overall["bands"] == [
        {"above": 0.5, "instruments": 2, "share": 0.5},
        {"above": 0.8, "instruments": 1, "share": 0.25},
    ]
    assert overall["mean_utilization"] == pytest.approx((12 + 12.5 + 20 + 1) / 24 / 4)
    # 8,760 rated hours a year are 24 a day.
    assert ask(get)["overall"]["bands"] == overall["bands"]
    assert ask(get, basis="known")["overall"]["bands"] == overall["bands"]
    assert ask(get, basis="powered")["overall"]["bands"] == overall["bands"]
    assert ask(get, basis="scheduled")["overall"]["bands"] == [
        {"above": 0.5, "instruments": 0, "share": None},
        {"above": 0.8, "instruments": 0, "share": None},
    ]
    only = ask(get, always_on="true", basis="calendar")["overall"]
    assert (only["running_s"], only["mean_utilization"]) == (86_400, None)
    assert overall["running_s"] == (12 + 12.5 + 20 + 1 + 24 + 10) * 3600


def test_null_denominator_leaves_out_of_both_sums(world: World, get: Get) -> None:
    world.instrument("a", opening_hours={"mon": [["00:00", "12:00"]]})
    world.instrument("b")
    world.instrument("c", rated_hours_per_year=0)
    for identity, hours in (("a", 6), ("b", 24), ("c", 24)):
        used(world, identity, hours)
    overall = ask(get)["overall"]
    assert overall["scheduled_utilization"] == 0.5
    assert overall["rated_s"] == pytest.approx(2 * 1400 / 365 * 3600, abs=1e-5)
    assert overall["rated_utilization"] == pytest.approx(30 / (2 * 1400 / 365))
    assert overall["effective_s"] == 54 * 3600


def test_in_service_days_only(world: World, get: Get) -> None:
    world.instrument("a", acquired_on="2026-03-03")
    world.instrument("b", retired_on="2026-03-03")
    world.instrument("c", acquired_on="2026-03-05")
    world.instrument("d", retired_on="2026-03-02")
    world.instrument("e", acquired_on="2026-03-03", timezone="Europe/Berlin")
    for identity in "abcde":
        world.feed(identity, every(BEGIN, BEGIN + 3 * DAY, "running"))
    for rolled in (False, True):
        if rolled:
            world.roll(day_of(BEGIN), day_of(BEGIN + 4 * DAY))
        groups = by_key(ask(get, BEGIN, BEGIN + 3 * DAY, group_by="instrument"))
        assert {key: g["window_s"] / 3600 for key, g in groups.items()} == {
            "a": 48, "b": 24, "e": 41,
        }  # fmt: skip
        days = ask(get, BEGIN, BEGIN + 3 * DAY, group_by="instrument", bucket="day")
        assert [b["window_s"] / 3600 for b in by_key(days)["a"]["buckets"]] == [0, 24, 24]
        assert [b["running_s"] / 3600 for b in days["overall"]["buckets"]] == [24, 24 + 17, 48]
        assert days["overall"]["running_s"] == (48 + 24 + 41) * 3600
    assert ask(get, BEGIN, BEGIN + 3 * DAY)["overall"]["instruments"] == 3


@pytest.mark.parametrize("few", [pytest.param(200, id="one by one"), pytest.param(0, id="at once")])
def test_a_bucket_counts_who_is_in_service_and_heard_in_it(
    world: World, get: Get, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr("store.figures.layout.FEW", few)
    world.instrument("always")
    world.instrument("comes", acquired_on="2026-03-03")
    world.instrument("goes", retired_on="2026-03-04")
    world.instrument("late")  # first heard on the third day
    world.instrument("silent")
    world.instrument("silent-goes", retired_on="2026-03-03")
    world.instrument("silent-comes", acquired_on="2026-03-05")
    for identity in ("always", "comes", "goes"):
        world.feed(identity, every(BEGIN, BEGIN + 4 * DAY, "running", step=HOUR, hold=HOUR))
    world.feed("late", every(BEGIN + 60 * HOUR, BEGIN + 4 * DAY, "running", step=HOUR, hold=HOUR))

    def counts(**more: Any) -> list[tuple[int, int]]:
        answer = ask(get, BEGIN, BEGIN + 4 * DAY, **more)
        (group,) = answer["groups"]
        assert group["buckets"] == answer["overall"]["buckets"]
        assert (group["instruments"], group["never_seen_instruments"]) == (7, 3)
        for name in ("window_s", "running_s", "unknown_s"):
            assert group[name] == sum(one[name] for one in group["buckets"])
        return [(one["instruments"], one["never_seen_instruments"]) for one in group["buckets"]]

    for rolled in (False, True):
        if rolled:
            world.roll(day_of(BEGIN), day_of(BEGIN + 4 * DAY))
            world.total(day_of(BEGIN + 4 * DAY))
        assert counts(group_by="institution", bucket="day") == [(5, 3), (5, 2), (4, 1), (5, 2)]
        hours = counts(group_by="institution", bucket="hour", tz="Asia/Kolkata")
        assert hours[:24] == [(5, 3)] * 24
        assert hours[59:61] == [(4, 2), (4, 1)]  # heard at noon, within a bucket that has begun


def test_registry_of_the_windows_end(world: World, get: Get) -> None:
    world.instrument("a", institution="i1")
    world.instrument("a", institution="i2", valid_from=BEGIN + 12 * HOUR)
    used(world, "a", 12)
    assert list(by_key(ask(get, BEGIN, BEGIN + 6 * HOUR, group_by="institution"))) == ["i1"]
    assert list(by_key(ask(get, BEGIN, BEGIN + 12 * HOUR, group_by="institution"))) == ["i1"]
    assert list(by_key(ask(get, group_by="institution"))) == ["i2"]


def many(world: World, count: int) -> None:
    for n in range(count):
        world.instrument(f"m{n:02}", institution=f"i{n % 5}", district_code=f"3101{n % 7:02}")
        known = 24 if n % 4 else 10
        used(world, f"m{n:02}", n * 7 % 24 + n / 100, known=max(known, n * 7 % 24 + 1))


def test_sort_and_pages(world: World, get: Get) -> None:
    many(world, 23)
    for sort in ("key", "-key", "name", "-utilization", "utilization", "-running_s", "coverage"):
        whole = ask(get, group_by="instrument", sort=sort)["groups"]
        assert len(whole) == 23
        field = sort.removeprefix("-")
        sufficient = [g for g in whole if g["sufficient"]] if field == "utilization" else whole
        if field == "utilization":
            assert whole[: len(sufficient)] == sufficient
            assert 0 < len(sufficient) < 23
        values = [g[field] for g in sufficient]
        assert values == sorted(values, reverse=sort.startswith("-"))
        paged: list[Any] = []
        cursor = None
        while True:
            page = ask(get, group_by="instrument", sort=sort, limit=5, cursor=cursor)
            paged += page["groups"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert without(paged, "as_of") == without(whole, "as_of")
    get(PATH, status=422, from_=iso(BEGIN), to=iso(BEGIN + DAY), sort="-nonsense")
    get(PATH, status=422, from_=iso(BEGIN), to=iso(BEGIN + DAY), cursor="abc")
    get(PATH, status=422, from_=iso(BEGIN), to=iso(BEGIN + DAY), group_by="colour")


@pytest.mark.parametrize("basis", ["rated", "calendar", "scheduled", "powered", "known"])
def test_rolled_and_measured_agree(
    world: World, get: Get, basis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    week = {name: [["08:00", "18:00"]] for name in ("mon", "tue")}
    world.institution("i0", opening_hours=week)
    for n in range(12):
        world.instrument(
            f"m{n:02}",
            institution=f"i{n % 3}",
            always_on=n == 3,
            rated_hours_per_year=(None, 0, 4_000)[n % 3],
            acquired_on="2026-03-03" if n == 5 else None,
            timezone="Europe/Berlin" if n in (5, 6) else "Asia/Shanghai",
        )
        if n == 7:
            continue
        start = BEGIN + n * 5 * HOUR
        rows = []
        for k in range(300):
            state = ("running", "idle", "off")[(k * (n + 3) // 7) % 3]
            rows.append(beat(start + k * 17 * MINUTE + k % 5, state, hold=900 * SECOND))
        world.feed(f"m{n:02}", rows)
    world.offline("g1", BEGIN + 30 * HOUR, BEGIN + 40 * HOUR)
    spans = [
        (BEGIN, BEGIN + 5 * DAY),
        (BEGIN + 7 * HOUR, BEGIN + 3 * DAY + 90 * MINUTE),
        (BEGIN, BEGIN + 10 * HOUR),  # before most are heard, though that day
    ]

    def answers() -> list[Any]:
        return [
            without(
                ask(get, a, b, group_by="institution", bucket=bucket, basis=basis, tz=zone),
                "as_of",
            )
            for a, b in spans
            for bucket in (None, "day", "week")
            for zone in ("Asia/Shanghai", "UTC")
        ]

    measured = answers()
    world.roll(day_of(BEGIN), day_of(BEGIN + 9 * DAY))
    assert answers() == measured
    monkeypatch.setattr("store.figures.layout.FEW", 0)  # buckets by totals
    assert world.total(day_of(BEGIN + 9 * DAY))
    assert answers() == measured
    world.conn.execute("DELETE FROM rollup_day WHERE instrument_key % 2 = 0 AND day = '2026-03-04'")
    assert answers() == measured
    assert world.total(day_of(BEGIN + 9 * DAY))
    assert answers() == measured
    for answer in measured:
        overall = answer["overall"]
        for name in ("window_s", "running_s", "unknown_s", "effective_s", "scheduled_s"):
            assert round(overall[name] * SECOND) == sum(
                round((g[name] or 0) * SECOND) for g in answer["groups"]
            )
            if overall["buckets"]:
                assert round(overall[name] * SECOND) == sum(
                    round((b[name] or 0) * SECOND) for b in overall["buckets"]
                )


def test_too_many_buckets(world: World, get: Get) -> None:
    for n in range(6):
        world.instrument(f"m{n}")
    get(
        PATH, status=422, from_=iso(BEGIN), to=iso(BEGIN + 90 * DAY), bucket="hour",
        group_by="instrument",
    )  # fmt: skip


def test_revision_notices_what_cancels_out(world: World, get: Get) -> None:
    for identity in "ab":
        world.instrument(identity)
    used(world, "a", 4)
    used(world, "b", 6)
    first = ask(get)["overall"]
    keys = [row[0] for row in world.conn.execute("SELECT instrument_key FROM instrument")]
    for key, other in (keys, reversed(keys)):
        world.conn.execute(
            "UPDATE segment SET instrument_key = %s WHERE instrument_key = %s", (-other, key)
        )
    world.conn.execute(
        "UPDATE segment SET instrument_key = -instrument_key WHERE instrument_key < 0"
    )
    second = ask(get)["overall"]
    assert first["running_s"] == second["running_s"]
    assert first["revision"] != second["revision"]
