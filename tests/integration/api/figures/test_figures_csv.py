"""Figures as CSV: each row is evidence by itself."""

import csv
import io
from typing import Any

import httpx
import pytest

from tests.integration.api.figures.world import HOUR, SECOND, Get, World, at, every

DAY = {"from": "2026-03-01", "to": "2026-03-02", "tz": "Europe/Berlin"}
START = at("2026-02-28T23:00:00")


def table(client: httpx.Client, path: str, **asked: Any) -> list[dict[str, str]]:
    answer = client.get(path, params={**DAY, **asked, "format": "csv"})
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def test_groups_say_what_they_are_of(client: httpx.Client, get: Get, world: World) -> None:
    for number, hours in enumerate((24, 12, 6)):
        world.instrument(f"x{number}", rated_hours_per_year=8760)
        rows = [
            *every(START, START + hours * HOUR, "running"),
            *every(START + hours * HOUR, START + 24 * HOUR, "idle"),
        ]
        world.feed(f"x{number}", rows)
    asked = {"group_by": "institution", "basis": "known"}
    (row,) = table(client, "/v1/utilization", **asked)
    (group,) = get("/v1/utilization", from_="2026-03-01", to="2026-03-02", tz=DAY["tz"], **asked)[
        "groups"
    ]
    names = list(row)
    assert names[:3] == ["group_by", "key", "name"]
    assert names[3:10] == ["from", "to", "tz", "bucket", "basis", "as_of", "revision"]
    assert (row["group_by"], row["key"], row["basis"]) == ("institution", "i1", "known")
    assert row["from"] == "2026-02-28T23:00:00Z"
    assert row["to"] == "2026-03-01T23:00:00Z"
    assert row["tz"] == "Europe/Berlin"
    assert row["revision"] == group["revision"]
    assert row["as_of"].endswith("Z")
    # Of three, one is above 0.8; 0.5 itself is not above 0.5.
    assert row["instruments_above_0.5"] == row["instruments_above_0.8"] == "1"
    assert float(row["share_above_0.8"]) == pytest.approx(1 / 3)
    assert row["banded_instruments"] == row["averaged_instruments"] == "3"
    assert float(row["mean_utilization"]) == pytest.approx(1.75 / 3)
    assert not any("[" in value for value in row.values()), "nothing in a cell but a value"
    # Each ratio is to be had again from what stands beside it.
    known = sum(float(row[f"{state}_s"]) for state in ("running", "idle", "off"))
    assert float(row["utilization"]) == pytest.approx(float(row["running_s"]) / known)
    assert float(row["coverage"]) == pytest.approx(known / float(row["window_s"]))
    assert float(row["share_above_0.5"]) == pytest.approx(
        float(row["instruments_above_0.5"]) / float(row["banded_instruments"])
    )


@pytest.mark.parametrize("sort", ["key", "-running_s"])
def test_all_groups_are_of_one_moment(client: httpx.Client, world: World, sort: str) -> None:
    for number in range(130):
        world.instrument(f"x{number:03}")
    found = table(client, "/v1/utilization", group_by="instrument", sort=sort)
    assert [row["key"] for row in found] == [f"x{number:03}" for number in range(130)]
    assert len({row["as_of"] for row in found}) == 1


def test_raw_rows_are_all_there(client: httpx.Client, world: World) -> None:
    world.instrument("a")
    rows = every(START, START + 1_250 * 10 * SECOND, "running", step=10 * SECOND)
    world.feed("a", rows, raw=True)
    found = table(client, "/v1/instruments/a/heartbeats")
    assert len(found) == 1_250
    assert len({row["ts"] for row in found}) == 1_250
    assert list(found[0])[:1] == ["instrument_id"]
    assert {row["tz"] for row in found} == {"Europe/Berlin"}
    assert {row["instrument_id"] for row in found} == {"a"}


def test_segments_say_whose_and_of_which_window(client: httpx.Client, world: World) -> None:
    world.instrument("a")
    world.feed("a", every(START, START + HOUR, "running"))
    found = table(client, "/v1/instruments/a/timeline")
    assert [row["state"] for row in found] == ["running", "unknown"]
    for row in found:
        assert list(row)[:6] == ["instrument_id", "from", "to", "window_from", "window_to", "tz"]
        assert row["window_from"] == "2026-02-28T23:00:00Z"
        assert row["window_to"] == "2026-03-01T23:00:00Z"
        assert row["as_of"]


def test_a_page_that_fails_ends_the_file(
    client: httpx.Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was cut must not look whole."""
    world.instrument("a")
    world.feed("a", every(START, START + 1_500 * SECOND, "running", step=10 * SECOND), raw=True)
    seen = 0

    def fails(*_: Any) -> Any:
        nonlocal seen
        seen += 1
        raise RuntimeError("no more")

    monkeypatch.setattr("api.pages._page", fails)
    with pytest.raises(httpx.RemoteProtocolError):
        table(client, "/v1/instruments/a/heartbeats")
    assert seen == 1
