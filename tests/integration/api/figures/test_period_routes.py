"""Periods over HTTP: made, closed once, read again; whose they are, and who has not closed."""

from typing import Any

import pytest
from typer.testing import CliRunner

from cli.reports import app
from tests.integration.api.figures.world import HOUR, MINUTE, World, at, every, iso
from tests.signing import signing_key

BEGIN = at("2026-03-01T00:00+08:00")
DAY = 24 * HOUR
MONTH = {"from": "2026-03-01", "to": "2026-04-01"}


def fill(world: World) -> None:
    for name, institution, uses in (("a", "i1", 3), ("b", "i1", 1), ("c", "i2", 2)):
        world.instrument(name, institution=institution, external_ids=f'{{"nrii": "{name}"}}')
        starts = [BEGIN + n * DAY + HOUR for n in range(uses)]
        world.feed(name, [r for s in starts for r in every(s, s + 31 * MINUTE, "running")])


def test_period_from_its_making_to_its_records(world: World, askers: Any) -> None:
    fill(world)
    city = askers()
    made = city("POST", "/periods", json={"institution_id": "i1", **MONTH}, status=201)
    assert {k: made[k] for k in ("from", "to", "tz", "state", "records", "institution_id")} == {
        "from": "2026-02-28T16:00:00Z",
        "to": "2026-03-31T16:00:00Z",
        "tz": "Asia/Shanghai",
        "state": "open",
        "records": None,
        "institution_id": "i1",
    }
    path = f"/periods/{made['period_id']}"
    live = city("GET", f"{path}/records")
    assert live["state"] == "open"
    assert {one["record_id"] for one in live["items"]} == {None}
    closed = city("POST", f"{path}/close")
    assert (closed["state"], closed["records"]) == ("closed", 4)
    frozen = city("GET", f"{path}/records")
    assert (frozen["state"], frozen["as_of"]) == ("closed", closed["closed_at"])
    number = made["period_id"]
    assert [one.pop("record_id") for one in frozen["items"]] == [
        f"{number}-{n}" for n in range(1, 5)
    ]
    assert [{**one, "record_id": None} for one in frozen["items"]] == live["items"]
    assert frozen["items"][0] == {
        "instrument_id": "a",
        "name": "Instrument a",
        "institution_id": "i1",
        "external_ids": {"nrii": "a"},
        "from": "2026-02-28T17:00:00Z",
        "to": "2026-02-28T17:33:00Z",
        "effective_s": 1980,
        "hours": 0.6,
        "source": "measured",
        "coverage": 1.0,
        "revision": live["items"][0]["revision"],
        "annotation": None,
    }
    detail = city("GET", path)
    assert detail["institutions"] == [
        {
            "institution_id": "i1",
            "instruments": 2,
            "records": 4,
            "records_without_annotation": 4,
            "effective_s": 7920,
            "hours": 2.2,
        }
    ]
    assert sum(one["hours"] * 10 for one in frozen["items"]) == pytest.approx(22)
    # All of them together are told with any page, before it is closed as well.
    (share,) = detail["institutions"]
    del share["institution_id"]
    assert city("GET", f"{path}/records", params={"limit": 1})["overall"] == share
    assert live["overall"] == share
    pages = []
    cursor = None
    while True:
        asked = {"limit": 3, **({"cursor": cursor} if cursor else {})}
        found = city("GET", f"{path}/records", params=asked)
        pages.append([one["record_id"] for one in found["items"]])
        cursor = found["next_cursor"]
        if cursor is None:
            break
    assert pages == [[f"{number}-1", f"{number}-2", f"{number}-3"], [f"{number}-4"]]
    again = city("POST", f"{path}/close", status=409)
    assert f"period {number} was closed at {closed['closed_at']}" in again["detail"]
    assert "amendments" in city("DELETE", path, status=409)["detail"]
    entries = city("GET", "/audit", params={"object_type": "period", "object_id": str(number)})[
        "items"
    ]
    assert [(one["action"], one["actor"] == closed["closed_by"]) for one in entries] == [
        ("close", True),
        ("create", True),
    ]


def test_open_period_is_taken_away(world: World, askers: Any) -> None:
    fill(world)
    city = askers()
    made = city("POST", "/periods", json=MONTH, status=201)
    assert made["institution_id"] is None
    city("DELETE", f"/periods/{made['period_id']}", status=204)
    city("GET", f"/periods/{made['period_id']}", status=404)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param({"from": "2026-03-01"}, "body.to", id="without an end"),
        pytest.param({"from": "2026-03-02", "to": "2026-03-02"}, "later than `from`", id="empty"),
        pytest.param({**MONTH, "tz": "Mars/Olympus"}, "IANA", id="no zone"),
        pytest.param({**MONTH, "institution_id": "nowhere"}, "registered", id="no institution"),
    ],
)
def test_what_is_no_period_is_refused(
    world: World, askers: Any, body: dict[str, str], says: str
) -> None:
    fill(world)
    assert says in askers()("POST", "/periods", json=body, status=422)["detail"]


def test_days_are_of_the_institutions_zone(world: World, askers: Any) -> None:
    world.institution("far", timezone="Europe/Berlin")
    made = askers()(
        "POST",
        "/periods",
        json={"institution_id": "far", "from": "2026-03-29", "to": "2026-03-30"},
        status=201,
    )
    assert (made["from"], made["to"]) == ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")


def test_period_that_is_not_over_says_from_when_on(world: World, askers: Any) -> None:
    fill(world)
    city = askers()
    ends = world.now_us() + HOUR
    made = city("POST", "/periods", json={"from": iso(BEGIN), "to": iso(ends)}, status=201)
    refused = city("POST", f"/periods/{made['period_id']}/close", status=409)
    assert f"may be closed from {made['to']} on" in refused["detail"]


def test_institution_sees_and_closes_its_own_alone(world: World, askers: Any) -> None:
    fill(world)
    city, own, other = askers(), askers("i1"), askers("i2")
    whole = city("POST", "/periods", json=MONTH, status=201)["period_id"]
    made = own("POST", "/periods", json=MONTH, status=201)
    assert made["institution_id"] == "i1"
    rule = other("POST", "/periods", json={"institution_id": "i1", **MONTH}, status=422)
    assert "registered" in rule["detail"]
    for asker, hidden in ((own, whole), (other, whole), (other, made["period_id"])):
        for method, path in (("GET", ""), ("GET", "/records"), ("POST", "/close"), ("DELETE", "")):
            asker(method, f"/periods/{hidden}{path}", status=404)
    assert own("GET", "/periods")["items"] == [made]
    assert other("GET", "/periods")["items"] == []
    own("POST", f"/periods/{made['period_id']}/close")
    audited = {"object_type": "period", "object_id": str(made["period_id"])}
    entries = own("GET", "/audit", params=audited)["items"]
    assert [one["action"] for one in entries] == ["close", "create"]
    assert other("GET", "/audit", params=audited)["items"] == []
    city("POST", f"/periods/{whole}/close")
    records = city("GET", f"/periods/{whole}/records")["items"]
    assert [one["instrument_id"] for one in records] == ["a", "a", "a", "b", "c", "c"]


def test_city_sees_who_has_not_closed(world: World, askers: Any) -> None:
    fill(world)
    world.instrument("d", institution="i3")
    city, own = askers(), askers("i1")
    period = own("POST", "/periods", json=MONTH, status=201)["period_id"]
    own("POST", f"/periods/{period}/close")
    city("POST", "/periods", json={"institution_id": "i2", **MONTH}, status=201)
    year = {"institution_id": "i3", "from": "2026-01-01", "to": "2027-01-01"}
    city("POST", "/periods", json=year, status=201)
    items = city("GET", "/periods/completeness", params=MONTH)["items"]
    shown = [
        (one["institution_id"], one["state"], one["records"], one["records_without_annotation"],
         one["never_seen_instruments"], one["effective_s"]) for one in items
    ]  # fmt: skip
    assert shown == [
        ("i1", "closed", 4, 4, 0, 7920),
        ("i2", "open", None, None, 0, 3960),
        ("i3", "none", None, None, 1, 0),
    ]
    figures = city("GET", "/utilization", params={**MONTH, "group_by": "institution"})["groups"]
    assert items[0]["coverage"] == figures[0]["coverage"]
    late = city(
        "GET", "/periods/completeness", params={**MONTH, "state": ["none", "open"], "limit": 1}
    )
    assert [one["institution_id"] for one in late["items"]] == ["i2"]
    rest = {**MONTH, "state": ["none", "open"], "cursor": late["next_cursor"]}
    assert [
        one["institution_id"] for one in city("GET", "/periods/completeness", params=rest)["items"]
    ] == ["i3"]
    assert [
        one["institution_id"] for one in own("GET", "/periods/completeness", params=MONTH)["items"]
    ] == ["i1"]
    city("GET", "/periods/completeness", params={**MONTH, "state": "late"}, status=422)


def test_command_closes_what_a_request_may_not(world: World, askers: Any, figures_url: str) -> None:
    fill(world)
    city = askers()
    made = city("POST", "/periods", json=MONTH, status=201)["period_id"]
    environment = {
        "JISHI_DATABASE_URL": figures_url,
        "JISHI_SIGNING_KEY_FILE": str(signing_key()),
    }
    for number, status, said in (
        (made, 0, "6 records"),
        (made, 1, "was closed at"),
        (9_999_999, 1, "there is no period 9999999"),
    ):
        ended = CliRunner().invoke(app, ["close", str(number)], env=environment)
        assert (ended.exit_code, said in ended.output) == (status, True), ended.output
    assert city("GET", f"/periods/{made}")["closed_by"].startswith("command line")
