"""One rule of what a filter means: in memory and in the database, of any registry."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from models.usage import Window
from store.figures.members import load_members
from store.figures.question import Question
from store.instant import to_us
from store.present.board import look
from store.present.filters import Filters
from store.present.instruments import find_registered
from store.present.roster import Rosters
from store.run import run
from store.wanted import wanted
from tests.chance import examples
from tests.integration.api.figures.world import MINUTE, Get, World, beat

#: Codes as they are, and as they should not be: what patterns, prefixes and cases would confuse.
CODES = ("010000", "010100", "010103", "010200", "020000", "01", "0101", "01%", "01_103", "5012",
         "50%", "%", "_", "", "\\", "a", "A", "é", "e\u0301", "区", "000000", "00", "٠١0000",
         "٠١02", "01\\%")  # fmt: skip
CODE = st.sampled_from(CODES) | st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), max_size=8
)
IDS = ("i1", "i2", "I1", "i%", "i_", "")
RECORDS = st.lists(
    st.fixed_dictionaries(
        {
            "institution": st.sampled_from(IDS),
            "gateway": st.sampled_from(("g1", "G1", "g%", "g")),
            "district_code": st.none() | CODE,
            "class_code": st.none() | CODE,
            "kind": st.sampled_from(("general", "special")),
            "always_on": st.booleans(),
        }
    ),
    min_size=1,
    max_size=6,
)
HOMES = st.dictionaries(st.sampled_from(IDS), st.none() | CODE)


def some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | st.frozensets(values, max_size=4)


ASKED = st.builds(
    Filters,
    tenant=st.none() | st.integers(0, 3),
    institution=some(st.sampled_from((*IDS, "none"))),
    district=some(CODE),
    class_=some(CODE),
    gateway=some(st.sampled_from(("g1", "G1", "g%", "g", "%", ""))),
    kind=some(st.sampled_from(("general", "special", "%"))),
    always_on=some(st.booleans()),
)


@pytest.fixture(scope="module")
def filtered(figures_url: str) -> Iterator[World]:
    with psycopg.connect(figures_url, autocommit=True, options="-c TimeZone=UTC") as conn:
        yield World(conn)


def meant(world: World, filters: Filters) -> list[set[str]]:
    """Ids of the instruments that each way of looking finds."""
    now = to_us(world.conn.execute("SELECT now()").fetchone()[0])  # type: ignore[index]
    window = Window(start_us=now - 3_600_000_000, end_us=now)
    names = dict(world.conn.execute("SELECT instrument_key, instrument_id FROM instrument"))
    roster = run(world.conn, Rosters().load(now))
    members = run(world.conn, look(None, None)).members
    assert members is not None
    fits = filters.fits()
    listed = run(world.conn, find_registered(filters, limit=100))
    counted = run(world.conn, load_members(Question(window=window, filters=filters)))
    return [
        {row["instrument_id"] for row in listed},
        {names[member.key] for member in counted},
        {one.instrument_id for one in members.values() if fits(one)},
        {names[int(key)] for key in roster.keys[roster.members(filters, window)]},
        {names[int(key)] for key in roster.keys[roster.in_service(filters, now)]},
    ]


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=RECORDS, homes=HOMES, asked=st.lists(ASKED, min_size=1, max_size=8))
@example(
    records=[
        {
            "institution": "i1",
            "gateway": "g1",
            "district_code": None,
            "class_code": "5012",
            "kind": "general",
            "always_on": False,
        }
    ],
    homes={},
    asked=[Filters(class_=wanted(["50%"])), Filters(class_=wanted(["5_12", "5012"]))],
)
def test_every_way_of_looking_means_the_same(
    filtered: World,
    records: list[dict[str, Any]],
    homes: dict[str, str | None],
    asked: list[Filters],
) -> None:
    with filtered.conn.transaction(force_rollback=True):
        filtered.clear()
        for home, district in homes.items():
            filtered.institution(home, district_code=district)
        for number, record in enumerate(records):
            filtered.instrument(f"x{number}", **record)
        for filters in asked:
            first, *others = meant(filtered, filters)
            assert others == [first] * len(others), filters


@pytest.fixture
def lot(world: World) -> World:
    for name, district, code, more in (
        ("a", "310101", "010103", {}),
        ("b", "310104", "010200", {"kind": "special"}),
        ("c", "310115", "5012", {"always_on": True, "institution": "i2"}),
    ):
        world.instrument(name, district_code=district, class_code=code, **more)
    return world


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param("district=310101&district=310104", "ab", id="either district"),
        pytest.param("district=310101&district=310101", "a", id="one twice"),
        pytest.param("class=50%25", "", id="a wildcard is no wildcard"),
        pytest.param("class=5012&class=010200", "bc", id="either class"),
        pytest.param("class=010000", "ab", id="a class and those below it"),
        pytest.param("class=010100&class=5012", "ac", id="below one, and another"),
        pytest.param("kind=special&always_on=true", "", id="both filters"),
        pytest.param("always_on=true&always_on=false", "abc", id="all there are"),
        pytest.param("institution=i2&institution=i1&gateway=g1", "abc", id="institutions"),
    ],
)
def test_every_route_takes_either_value(lot: World, get: Get, query: str, found: str) -> None:
    asked = parse_qs(query)
    window = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z"}
    listed = get("/v1/instruments", **asked)["items"]
    assert "".join(one["instrument_id"] for one in listed) == found
    assert get("/v1/status/summary", **asked)["overall"]["instruments"] == len(found)
    for path in ("/v1/utilization", "/v1/profile"):
        told = get(path, **asked, **window)
        assert told.get("overall", told)["instruments"] == len(found)


def test_either_is_free(lot: World, get: Get) -> None:
    for name in "abc":
        lot.feed(name, [beat(lot.now_us() - MINUTE, "idle")])
    assert len(get("/v1/available")["items"]) == 3
    found = get("/v1/available", district=["310101", "310115"])["items"]
    assert [one["instrument_id"] for one in found] == ["a", "c"]


def test_either_status_is_listed(lot: World, get: Get) -> None:
    def listed(status: int = 200, **asked: list[str]) -> int:
        return len(get("/v1/instruments", status=status, **asked).get("items", ()))

    assert listed(connectivity=["online", "never_seen"]) == 3
    assert listed(activity=["running", "idle"]) == 0
    assert listed(activity=["running", "unknown"]) == 3
    listed(422, activity=["running", "resting"])
