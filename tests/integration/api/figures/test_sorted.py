"""``sort`` of instruments: every field, both ways, over pages, against a sort of the whole list."""

from decimal import Decimal
from typing import Any

import pytest

from store.present.instruments import SORTS
from tests.integration.api.figures.world import Get, World, beat

NAMES = ["质谱仪", "alpha", "Beta", "alpha", "", "扫描电镜", "a b", "gamma", "alpha", "0"]


@pytest.fixture
def fleet(world: World) -> World:
    now = world.now_us()
    for number, name in enumerate(NAMES):
        identity = f"s{number * 7 % len(NAMES):02}"
        world.instrument(
            identity,
            institution=f"i{number % 3}",
            gateway=f"g{number % 4}",
            name=name,
            value_cny=None if number % 4 == 1 else Decimal(number % 5) * 1000 + Decimal("0.5"),
            district_code=None if number % 3 == 0 else "310104",
            class_code=None if number % 5 == 0 else "0305",
            kind=["general", "special"][number % 2],
            acquired_on=None if number % 2 else f"20{10 + number}-01-01",
        )
        if number % 3:
            seen = now - number * 40_000_000
            state = ["running", "idle", "off"][number % 3]
            world.feed(identity, [beat(seen, state)], received_at=seen)
    return world


def value(item: dict[str, Any], field: str) -> Any:
    if field in ("connectivity", "activity", "last_received_at"):
        return item["status"][field]
    return item[field]


def test_they_are_documented(get: Get, world: World) -> None:
    document = get("/v1/openapi.json")
    parameters = document["paths"]["/v1/instruments"]["get"]["parameters"]
    (told,) = (one["description"] for one in parameters if one["name"] == "sort")
    assert all(field in told for field in SORTS)


@pytest.mark.parametrize("field", SORTS)
@pytest.mark.parametrize("sign", ["", "-"])
def test_every_field_both_ways_over_pages(get: Get, fleet: World, field: str, sign: str) -> None:
    whole = get("/v1/instruments")["items"]
    assert [one["instrument_id"] for one in whole] == sorted(one["instrument_id"] for one in whole)
    # The ids' order is kept among equals, and what has no value is last either way.
    known = [one for one in whole if value(one, field) is not None]
    known.sort(key=lambda one: value(one, field), reverse=False)
    if sign:
        groups: dict[Any, list[Any]] = {}
        for one in known:
            groups.setdefault(value(one, field), []).append(one)
        known = [one for key in reversed(list(groups)) for one in groups[key]]
    wanted = known + [one for one in whole if value(one, field) is None]

    for limit in (1, 3, 100):
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            page = get("/v1/instruments", sort=f"{sign}{field}", limit=limit, cursor=cursor)
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert [(value(one, field), one["instrument_id"]) for one in found] == [
            (value(one, field), one["instrument_id"]) for one in wanted
        ], limit


def test_sorted_and_filtered(get: Get, fleet: World) -> None:
    found = get("/v1/instruments", sort="-value_cny", institution="i1")["items"]
    assert {one["institution_id"] for one in found} == {"i1"}
    values = [one["value_cny"] for one in found if one["value_cny"] is not None]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("sort", ["colour", "--name", "", "-", "name,kind", "status"])
def test_no_such_field(get: Get, world: World, sort: str) -> None:
    (error,) = get("/v1/instruments", sort=sort, status=422)["errors"]
    assert error["field"] == "query.sort"
    assert "value_cny" in error["rule"]


def test_a_cursor_is_of_its_order(get: Get, fleet: World) -> None:
    cursor = get("/v1/instruments", sort="name", limit=2)["next_cursor"]
    for sort in ("-name", "value_cny", None):
        assert get("/v1/instruments", sort=sort, cursor=cursor, status=422)
