"""`compare`: figures beside those of another window, and by how much they differ."""

import csv
import io
from typing import Any

import httpx
import pytest

from store.registry.keys import create_key
from store.run import run
from tests.integration.api.figures.test_figures_groups import BEGIN, DAY, PATH, by_key
from tests.integration.api.figures.test_reconciliation import book
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


def test_the_hours_of_the_week_of_both(fallen: World, get: Get) -> None:
    path = "/v1/profile"
    asked = {"from_": iso(BEGIN + WEEK), "to": iso(BEGIN + 2 * WEEK), "tz": "Asia/Shanghai"}
    answer = get(path, **asked, compare="previous")
    alone = get(path, **asked)
    before = get(path, from_=iso(BEGIN), to=iso(BEGIN + WEEK), tz="Asia/Shanghai")
    assert answer["compared_window"] == {"from": before["from"], "to": before["to"]}
    assert answer["compared_instruments"] == before["instruments"]
    fields = ("running_s", "idle_s", "off_s", "running_share")
    for one, own, then in zip(answer["items"], alone["items"], before["items"], strict=True):
        assert figures(one) == own
        assert one["compared"] == {name: then[name] for name in fields}
        for name in fields:
            differs = None if None in (own[name], then[name]) else own[name] - then[name]
            assert one["difference"][name] == pytest.approx(differs, abs=1e-12)
    lost = sum(one["difference"]["running_s"] for one in answer["items"])
    assert lost == -20 * 3600


def test_bookings_and_self_reports_of_both(fallen: World, get: Get, client: httpx.Client) -> None:
    """Each side is what is answered of its own window; what is gone stands there with nothing."""
    path = "/v1/reconciliation"
    for name, start in (("a", BEGIN), ("a", BEGIN + WEEK), ("b", BEGIN + WEEK), ("c", BEGIN)):
        book(fallen, name, start, start + 6 * HOUR)
    reported = ["instrument_id,from,to,hours"]
    reported += [f"a,{iso(start)},{iso(start + DAY)},12" for start in (BEGIN, BEGIN + WEEK)]
    client.post(
        "/v1/self-reports/import",
        content="\n".join(reported),
        headers={
            "Content-Type": "text/csv",
            "Authorization": f"Bearer {run(fallen.conn, create_key(scopes=['operate'])).key}",
        },
    ).raise_for_status()
    week = {"from_": iso(BEGIN + WEEK), "to": iso(BEGIN + 2 * WEEK), "group_by": "institution"}
    answer = get(path, **week, compare="previous")
    alone = get(path, **week)
    before = get(path, from_=iso(BEGIN), to=iso(BEGIN + WEEK), group_by="institution")
    assert answer["compared_window"] == {"from": before["from"], "to": before["to"]}
    assert "compared" not in alone["overall"]
    own, then = by_key(alone), by_key(before)
    assert [group["key"] for group in answer["groups"]] == ["i1", "i2", "i3"]
    for group in (*answer["groups"], answer["overall"]):
        key = group["key"]
        both = (alone["overall"], before["overall"]) if key is None else (own.get(key), then[key])
        for told, side in zip((figures(group), group["compared"]), both, strict=True):
            if side is not None:
                assert told == {name: side[name] for name in told}
        assert_differs(group, group["compared"], group["difference"])
    assert answer["overall"]["difference"]["used_booked_s"] == (5 + 6 - 6 - 6) * 3600
    assert answer["overall"]["difference"]["verdicts"]["no_show"] == 0
    assert own["i1"]["self_reports"]["over_reported"] == 1
    assert by_key(answer)["i1"]["difference"]["self_reports"]["over_reported"] == 1
    rows = list(csv.DictReader(io.StringIO(client.get(path, params={
        "from": week["from_"], "to": week["to"], "group_by": "institution",
        "compare": "previous", "format": "csv",
    }).text, newline="")))  # fmt: skip
    for row, group in zip(rows, answer["groups"], strict=True):
        assert row["compared_from"] == answer["compared_window"]["from"]
        for name in ("compared", "difference"):
            assert float(row[f"{name}.booked_s"]) == group[name]["booked_s"]
            told = group[name]["self_reports"]["over_reported"]
            assert int(row[f"{name}.self_reports.over_reported"]) == told


def assert_differs(own: dict[str, Any], then: dict[str, Any], told: dict[str, Any]) -> None:
    """Number by number, in whatever is nested, and of all that there is."""
    assert told.keys() == then.keys()
    for name, by in told.items():
        if isinstance(by, dict):
            assert_differs(own[name], then[name], by)
        else:
            assert by == pytest.approx(own[name] - then[name], abs=1e-9)
