"""Settings that change under figures that are rolled up already: one figure, whatever came first.

Whatever is written in the registry, days whose rollups it leaves must still be what is measured
by the versions that hold then; and a world in which all was written before anything was sent
tells the same figures (rules 3, 15).
"""

import random
from datetime import timedelta
from typing import Any

import pytest

from models.registry_fields import INSTITUTION, INSTRUMENT, KINDS, Kind
from models.registry_plan import Change, Mode, Result
from store.registry.records import read_versions, write
from store.run import run
from tests.chance import counted
from tests.integration.api.figures.test_figures_instrument import without
from tests.integration.api.figures.test_figures_totals import agree
from tests.integration.api.figures.world import (
    HOUR,
    MINUTE,
    SECOND,
    Get,
    World,
    at,
    beat,
    day_of,
    iso,
    zone_of,
)

BEGIN = at("2026-03-01T16:00")  # a Shanghai midnight, and a Monday there
DAY = 24 * HOUR
DAYS = 5
WORLDS = counted("JISHI_FIGURE_SETTINGS", 2)
LONG_AGO, AHEAD = BEGIN - 60 * DAY, at("2100-01-01T00:00")
NAMES = ("a", "b", "c")
HOURS = (
    None,
    {"mon": [["08:00", "18:00"]], "wed": [["22:00", "03:30"]], "holidays": "open"},
    {"tue": [["00:00", "24:00"]], "thu": [["09:15", "09:45"]], "holidays": "closed"},
)
#: What is drawn of each setting; session lengths, which have no versions, stand apart.
SETTINGS: dict[str, tuple[Any, ...]] = {
    "timezone": ("Asia/Shanghai", "Asia/Kolkata", "Europe/Berlin", "America/New_York"),
    "opening_hours": HOURS,
    "kind": ("general", "special"),
    "rated_hours_per_year": (None, None, 0.0, 900.0),
    "institution_id": ("i0", "i1"),
    "always_on": (False, True),
    "name": ("x", "y"),
}
TIMELESS = {"session_gap_us": (0, 300 * SECOND, 1_800 * SECOND), "session_min_us": (0, 60 * SECOND)}


def change(
    world: World, kind: Kind, identity: str, mode: Mode, since: int | None, fields: dict[str, Any]
) -> None:
    """A write of the registry, as the API makes it."""
    asked = Change(id=identity, mode=mode, fields=fields, valid_from_us=since)
    with world.conn.transaction():
        steps = write(kind, [asked], actor="test", zone=zone_of("Asia/Shanghai"))
        (outcome,) = run(world.conn, steps)
    assert outcome.result is not Result.REJECTED, outcome.refusals


def register(world: World) -> None:
    for n in range(2):
        change(world, INSTITUTION, f"i{n}", Mode.PUT, LONG_AGO, {"name": f"I{n}"})
    change(world, KINDS["gateway"], "g1", Mode.PUT, LONG_AGO, {})
    for name in NAMES:
        fields = {"name": "x", "institution_id": "i0", "gateway_id": "g1"}
        change(world, INSTRUMENT, name, Mode.PUT, LONG_AGO, fields)


def feed(world: World, dice: random.Random) -> None:
    """Some days of each, with stretches of silence."""
    for name in NAMES:
        rows, when = [], BEGIN - 2 * HOUR + dice.randrange(10 * HOUR)
        while when < BEGIN + DAYS * DAY:
            rows.append(beat(when, dice.choice(("running", "running", "idle", "off"))))
            when += dice.choice((MINUTE, 2 * MINUTE, 3 * MINUTE, 3 * MINUTE, 25 * MINUTE))
        world.feed(name, rows)


def change_something(world: World, dice: random.Random, name: str) -> None:
    since = dice.choice(
        (None, LONG_AGO, AHEAD, *(BEGIN + dice.randrange(DAYS * 24 * 60) * MINUTE for _ in "12345"))
    )
    if dice.random() < 0.2:
        hours = {"opening_hours": dice.choice(HOURS)}
        change(world, INSTITUTION, dice.choice(("i0", "i1")), Mode.PATCH, since, hours)
    elif dice.random() < 0.2:
        lengths = {field: dice.choice(values) for field, values in TIMELESS.items()}
        change(world, INSTRUMENT, name, Mode.PATCH, None, lengths)
    else:
        drawn = dice.sample(sorted(SETTINGS), dice.choice((1, 1, 1, 3)))
        fields = {field: dice.choice(SETTINGS[field]) for field in drawn}
        change(world, INSTRUMENT, name, Mode.PATCH, since, fields)


def figures(get: Get) -> list[Any]:
    """Everything that is told of the days, of each instrument and of groups."""
    span = {"from_": iso(BEGIN), "to": iso(BEGIN + DAYS * DAY)}
    told = [
        get(f"/v1/instruments/{name}/utilization", bucket="day", tz=zone, **span)
        for name in NAMES
        for zone in ("Asia/Shanghai", "Europe/Berlin")
    ]
    told += [
        get("/v1/utilization", group_by=by, bucket="day", basis="scheduled", **span)
        for by in ("institution", "instrument")
    ]
    told.append(get("/v1/profile", **span))
    return [without(one, "as_of") for one in told]


@pytest.mark.parametrize("seed", range(WORLDS))
def test_any_order_of_days_and_settings(
    world: World, get: Get, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.figures.layout.FEW", 0)
    dice = random.Random(seed)
    register(world)
    feed(world, random.Random(seed))
    first, end = day_of(BEGIN) - timedelta(days=1), day_of(BEGIN + DAYS * DAY)
    world.roll(first, end)
    world.total(end)
    for turn in range(12):
        for name in NAMES:
            change_something(world, dice, name)
        left = figures(get)
        agree(world, BEGIN, BEGIN + DAYS * DAY, group_by="institution")
        world.unroll()
        assert figures(get) == left, turn
        if dice.random() < 0.7:  # else the next change finds no rollup
            world.roll(first, end)
            world.total(end)

    # The same versions, written before anything was sent.
    kinds = ((INSTITUTION, ("i0", "i1")), (INSTRUMENT, NAMES))
    versions = {kind.name: run(world.conn, read_versions(kind, names)) for kind, names in kinds}
    world.conn.execute("CREATE TEMP TABLE keys_kept AS TABLE api_key")
    world.clear()
    world.conn.execute("INSERT INTO api_key TABLE keys_kept")
    register(world)
    for kind, names in kinds:
        for name in names:
            for since, record in versions[kind.name][name]:
                change(world, kind, name, Mode.PUT, since, dict(record))
    feed(world, random.Random(seed))
    world.roll(first, end)
    assert without(figures(get), "revision") == without(left, "revision")
