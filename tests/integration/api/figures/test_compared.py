"""`compare`: figures beside those of another window, and by how much they differ."""

import csv
import io
from typing import Any

import httpx
import pytest

from tests.integration.api.figures.test_figures_groups import BEGIN, DAY, PATH, by_key
from tests.integration.api.figures.world import HOUR, MINUTE, SECOND, Get, World, every, iso

WEEK = 7 * DAY


def figures(body: dict[str, Any]) -> dict[str, Any]:
    """A body without what `compare` adds."""
    return {name: body[name] for name in body if name not in ("compared", "difference")}


def timeless(body: dict[str, Any]) -> dict[str, Any]:
    """A body that two moments have in common."""
    kept = {name: value for name, value in body.items() if name != "as_of"}
    return {**kept, "buckets": [{**part, "as_of": None} for part in body["buckets"]]}


def day(start: int, hours: int) -> list[Any]:
    """Running for the first hours of a day, idle for the rest."""
    until = start + hours * HOUR
    held = {"step": 10 * MINUTE, "hold": 600 * SECOND}
    return [
        *every(start, until, "running", **held),
        *every(until, start + DAY, "idle", **held),
    ]


@pytest.fixture
def fallen(world: World) -> World:
    """Two institutions: one used less in the second week, one more; a third one is gone."""
    for number in (1, 2, 3):
        world.institution(f"i{number}", district_code=f"31010{number}")
    for identity, institution in (("a", "i1"), ("b", "i2")):
        world.instrument(identity, institution=institution)
    world.instrument("c", institution="i3", retired_on="2026-03-09")
    for identity, hours in (("a", (20, 5)), ("b", (6, 9)), ("c", (8,))):
        days = [(BEGIN + number * WEEK, ran) for number, ran in enumerate(hours)]
        world.feed(identity, [beat for start, ran in days for beat in day(start, ran)])
    return world


def test_both_windows_and_the_difference(fallen: World, get: Get) -> None:
    asked = {"from_": iso(BEGIN + WEEK), "to": iso(BEGIN + 2 * WEEK), "group_by": "institution"}
    answer = get(PATH, **asked, compare="previous", bucket="day")
    alone = get(PATH, **asked, bucket="day")
    before = get(PATH, from_=iso(BEGIN), to=iso(BEGIN + WEEK), group_by="institution", bucket="day")
    assert answer["compare"] == "previous"
    assert answer["compared_window"] == {"from": before["from"], "to": before["to"]}
    assert "compare" not in alone
    groups, then = by_key(answer), by_key(before)
    for key, group in by_key(alone).items():
        assert timeless(figures(groups[key])) == timeless(group)
        compared = groups[key]["compared"]
        assert timeless(compared) == timeless({name: then[key][name] for name in compared})
    assert groups["i1"]["difference"]["running_s"] == -15 * 3600
    assert groups["i2"]["difference"]["running_s"] == 3 * 3600
    assert groups["i1"]["difference"]["utilization"] == pytest.approx(-15 / 24, abs=1e-15)
    # An institution whose instruments are gone is where the fall comes from.
    assert groups["i3"]["instruments"] == 0
    assert groups["i3"]["compared"]["running_s"] == 8 * 3600
    assert answer["overall"]["difference"]["running_s"] == -20 * 3600
    assert answer["overall"]["difference"]["running_s"] == sum(
        group["difference"]["running_s"] for group in answer["groups"]
    )
    assert len(groups["i1"]["compared"]["buckets"]) == len(groups["i1"]["buckets"]) == 7


def test_who_fell_most_stands_first(fallen: World, get: Get) -> None:
    asked = {
        "from_": iso(BEGIN + WEEK), "to": iso(BEGIN + WEEK + DAY), "group_by": "institution",
        "compare": "previous", "limit": 1,
    }  # fmt: skip

    def all_by(sort: str) -> list[str]:
        found, cursor = [], None
        while True:
            answer = get(PATH, **asked, sort=sort, **({"cursor": cursor} if cursor else {}))
            found += [group["key"] for group in answer["groups"]]
            cursor = answer["next_cursor"]
            if cursor is None:
                return found

    # Held against the Sunday before, on which nobody said anything.
    assert all_by("-difference.running_s") == ["i2", "i1", "i3"]
    assert all_by("difference.running_s") == ["i3", "i1", "i2"]
    refused = get(
        PATH, from_="2026-03-01", to="2026-03-02", sort="difference.running_s", status=422
    )
    assert refused["errors"][0]["field"] == "query.sort"


def test_one_instrument(fallen: World, get: Get) -> None:
    path = "/v1/instruments/a/utilization"
    asked = {"from_": iso(BEGIN + WEEK), "to": iso(BEGIN + 2 * WEEK), "bucket": "day"}
    answer = get(path, **asked, compare="previous")
    alone = get(path, **asked)
    before = get(path, from_=iso(BEGIN), to=iso(BEGIN + WEEK), bucket="day")
    assert {**answer["total"], "as_of": 0} == {**alone["total"], "as_of": 0}
    assert answer["compared"]["running_s"] == before["total"]["running_s"] == 20 * 3600
    assert [day["running_s"] for day in answer["compared"]["buckets"]] == [
        day["running_s"] for day in before["buckets"]
    ]
    assert answer["difference"]["running_s"] == -15 * 3600
    assert answer["compared_window"] == {"from": before["from"], "to": before["to"]}


def test_what_is_not_over_is_held_against_the_same_point(world: World, get: Get) -> None:
    world.instrument("a")
    answer = get("/v1/instruments/a/utilization", window="this-month", compare="last-year")
    assert answer["to"][4:] == answer["compared_window"]["to"][4:]
    assert answer["total"]["window_s"] == answer["compared"]["window_s"]


def test_a_file_has_both(fallen: World, client: httpx.Client) -> None:
    asked = {"from": iso(BEGIN + WEEK), "to": iso(BEGIN + WEEK + DAY), "format": "csv"}

    def rows_of(path: str, **more: str) -> list[dict[str, str]]:
        answer = client.get(path, params={**asked, **more})
        assert answer.status_code == 200, answer.text
        return list(csv.DictReader(io.StringIO(answer.text)))

    for path, more in ((PATH, {"group_by": "institution"}), ("/v1/instruments/a/utilization", {})):
        plain, rows = rows_of(path, **more), rows_of(path, **more, compare="previous")
        assert not any("compare" in name or "difference" in name for name in plain[0])
        assert all(row["compare"] == "previous" and row["compared_to"] for row in rows)
        row = rows[0]
        assert float(row["difference.running_s"]) == float(row["running_s"]) - float(
            row["compared.running_s"]
        )
        assert len(row) == len(set(row))
