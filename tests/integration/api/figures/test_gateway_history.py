"""A gateway's history: its link adds up, what came was stored, unknown time is the figures'."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from models.gateway_history import Link, link_stretches, link_us
from models.usage import Window
from store.instant import from_us
from tests.integration.api.figures.world import HOUR, MINUTE, SECOND, Get, World, at, every, iso

START, END = at("2026-03-02T00:00"), at("2026-03-04T00:00")
CAUSES = ("before_first", "collector", "gateway", "device")


def city(world: World) -> None:
    """Two days: heard from 1 h on, off in the evening, listened to but for an hour of it."""
    world.listening(START - 24 * HOUR, START + 20 * HOUR)
    world.listening(START + 21 * HOUR, END + 24 * HOUR)
    world.gateway("g1")
    world.offline("g1", START + 18 * HOUR, START + 22 * HOUR)
    for name in ("a", "b"):
        world.instrument(name)
    world.instrument("elsewhere", gateway="g2")
    rows = every(START + HOUR, START + 18 * HOUR, "running", step=30 * MINUTE, hold=HOUR)
    rows += every(START + 23 * HOUR, END, "idle", step=30 * MINUTE, hold=HOUR)
    for name in ("a", "b"):
        world.feed(name, rows, raw=True)
    world.feed("elsewhere", rows, raw=True, gateway="g2")
    world.conn.execute(
        "UPDATE heartbeat SET received_at = ts + interval '40 ms'"
        " WHERE ts = %s AND instrument_key ="
        " (SELECT instrument_key FROM instrument WHERE instrument_id = 'a')",
        [from_us(START + 2 * HOUR)],
    )
    for ago, count in ((10, 3), (30, 4)):
        world.conn.execute(
            "INSERT INTO dead_letter (digest, reason, gateway_id, topic, received_at, live,"
            " occurrences, heartbeats, payload_bytes, payload_sha256) VALUES"
            " (sha256(%s::text::bytea), 'malformed', 'g1', 't', %s, true, %s, 2, 1, '')",
            [ago, from_us(START + ago * HOUR), count],
        )


def asked(get: Get, **more: Any) -> Any:
    return get("/v1/gateways/g1/history", from_=iso(START), to=iso(END), tz="UTC", **more)


def test_a_gateways_two_days(world: World, get: Get) -> None:
    city(world)
    found = asked(get, bucket="day")
    assert [(one["state"], one["seconds"] / 3_600) for one in found["link"]] == [
        ("on", 18),
        ("off", 2),
        ("unheard", 1),
        ("off", 1),
        ("on", 26),
    ]
    first, second = found["buckets"]
    assert (first["off_s"], first["unheard_s"], second["on_s"]) == (10_800, 3_600, 86_400)
    # Half-hourly, of two instruments; the first day from 1 h to 18 h and from 23 h on.
    assert (first["heartbeats"], second["heartbeats"]) == (2 * 36, 2 * 48)
    assert found["total"]["heartbeats"] == 2 * 84
    assert (first["skew_s"], second["skew_s"], found["total"]["skew_s"]) == (0.04, 1, 0.04)
    assert (first["dead_letters"], second["dead_letters"]) == (6, 8)
    assert first["unknown_by_cause"] == {
        "before_first": 2 * 3_600,
        "collector": 2 * 3_600,
        # Credited until half past six.
        "gateway": 2 * (1.5 + 1) * 3_600,
        "device": 2 * 3_600,
    }


@pytest.mark.parametrize("bucket", ["hour", "day", None])
@pytest.mark.parametrize("rolled", [False, True])
def test_unknown_time_is_the_figures_and_all_adds_up(
    world: World, get: Get, bucket: str | None, rolled: bool
) -> None:
    city(world)
    if rolled:
        world.roll(date(2026, 3, 1), date(2026, 3, 5))
    found = asked(get, bucket=bucket)
    groups = get(
        "/v1/utilization", from_=iso(START), to=iso(END), tz="UTC", gateway="g1", bucket=bucket,
        group_by="gateway",
    )["groups"][0]  # fmt: skip
    fields = ("instruments", "window_s", "unknown_s", "unknown_by_cause")
    told = [groups, *groups["buckets"]] if bucket else [groups]
    for mine, theirs in zip([found["total"], *found["buckets"]], told, strict=True):
        assert {name: mine[name] for name in fields} == {name: theirs[name] for name in fields}
    for part in (found["total"], *found["buckets"]):
        assert sum(part["unknown_by_cause"].values()) == part["unknown_s"]
    if bucket:
        for name in ("on_s", "off_s", "unheard_s", "heartbeats", "dead_letters", "unknown_s"):
            assert sum(one[name] for one in found["buckets"]) == found["total"][name], name
    assert sum(found["total"][f"{one}_s"] for one in Link) == (END - START) / SECOND


def test_a_key_of_one_institution_sees_its_own_behind_a_shared_gateway(
    world: World, askers: Any
) -> None:
    city(world)
    world.institution("i2")
    world.gateway("g1", valid_from=START - HOUR, institution_key=world._key("institution", "i2"))
    world.instrument("b", valid_from=START - HOUR, institution="i2")
    path = f"/gateways/g1/history?from={iso(START)}&to={iso(END)}".replace("+", "%2B")
    own = askers("i2")("GET", path)["total"]
    assert (own["instruments"], own["heartbeats"]) == (1, 84)
    assert askers()("GET", path)["total"]["heartbeats"] == 2 * 84
    askers("i1")("GET", path, status=404)


def test_raw_rows_that_are_gone_are_not_none(world: World, get: Get) -> None:
    city(world)
    long = get("/v1/gateways/g1/history", from_="2026-01-01", to="2026-03-05", bucket="month")
    assert long["total"]["heartbeats"] is None
    assert long["total"]["dead_letters"] == 14
    days = {"from_": "2026-02-27", "to": "2026-03-05", "bucket": "day", "tz": "UTC"}
    before = get("/v1/gateways/g1/history", **days)
    counts = [one["heartbeats"] for one in before["buckets"]]
    assert counts[0] is None
    assert sum(one or 0 for one in counts) == 2 * 84
    get("/v1/gateways/nobody/history", status=404, window="today")


def test_a_link_is_on_off_or_unheard() -> None:
    window = Window(start_us=10, end_us=100)
    found = link_stretches(window, [(0, 20), (50, 80)], [(60, 70), (95, 200)])
    assert [tuple(one) for one in found] == [
        (10, 20, Link.OFF), (20, 50, Link.ON), (50, 60, Link.OFF), (60, 70, Link.UNHEARD),
        (70, 80, Link.OFF), (80, 95, Link.ON), (95, 100, Link.UNHEARD),
    ]  # fmt: skip
    parts = link_us(found, Window(start_us=15, end_us=65))
    assert parts == {Link.ON: 30, Link.OFF: 15, Link.UNHEARD: 5}
    assert link_stretches(Window(start_us=5, end_us=5), [], []) == []
    assert Decimal(sum(link_us(found, window).values())) == 90
