"""What is open to anyone, from the side of who wants to know of one instrument."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from api.app import create_app
from api.settings import Settings
from tests.integration.api.conforming import DOCUMENT, conforms
from tests.integration.api.figures.world import HOUR, World, at, every
from tests.integration.api.serving import serving

MONTH = {"from": "2026-09-01T00:00:00+08:00", "to": "2026-10-01T00:00:00+08:00"}
OPEN = {"/v1/status/summary": {}, "/v1/utilization": MONTH}
#: Instruments by district; of those in the last one, two are not heard before October.
DISTRICTS = {"310101": 7, "310104": 6, "310105": 4, "310106": 6}

Public = Callable[..., httpx.Client]


@pytest.fixture
def public(figures_url: str) -> Iterator[Public]:
    """A client without a key, of a service with these settings."""
    closing: list[Any] = []

    def make(**settings: Any) -> httpx.Client:
        settings = {"public_aggregates": True, "pool_min_size": 1, "pool_max_size": 2, **settings}
        service = serving(create_app(Settings(database_url=figures_url, **settings)))
        closing.append(service)
        client = httpx.Client(
            base_url=service.__enter__(), event_hooks={"response": [conforms]}, timeout=60
        )
        closing.append(client)
        return client

    yield make
    for one in reversed(closing):
        one.__exit__(None, None, None)


@pytest.fixture
def city(world: World) -> World:
    start = at("2026-09-10T00:00:00")
    for district, count in DISTRICTS.items():
        for number in range(count):
            name = f"{district}-{number}"
            world.instrument(name, district_code=district, value_cny=1_000_000 + number)
            late = district == "310106" and number < 2
            begin = at("2026-10-02T00:00:00") if late else start
            # Each runs for as long as no other, so that sums tell who is in them.
            world.feed(name, every(begin, begin + HOUR * (1 + number), "running"))
    return world


def test_small_groups_are_one(public: Public, city: World) -> None:
    body = public().get("/v1/utilization", params={**MONTH, "group_by": "district"}).json()
    groups = {one["key"]: one for one in body["groups"]}
    # 4 alone are too few, and so are the 4 of 6 that were heard in that month: together, 8.
    assert groups.keys() == {"310101", "310104", None}
    assert groups[None]["name"] == "other"
    assert groups[None]["instruments"] - groups[None]["never_seen_instruments"] == 8
    assert sum(one["running_s"] for one in groups.values()) == body["overall"]["running_s"]
    for one in (*groups.values(), body["overall"]):
        # What may rest on one of them.
        assert one["mean_utilization"] is one["scheduled_s"] is one["counter_running_s"] is None
        assert one["bands"] == [] == one["buckets"]


def test_the_next_smallest_joins_one_that_would_stand_alone(public: Public, city: World) -> None:
    body = public().get("/v1/status/summary", params={"group_by": "district"}).json()
    groups = {one["key"]: one["instruments"] for one in body["groups"]}
    # Only 310105 is small here; by subtraction its 4 were known if nobody joined them.
    assert groups == {"310101": 7, "310106": 6, None: 10}
    assert body["overall"]["instruments"] == 23
    assert all(one["value_cny"] is None for one in (*body["groups"], body["overall"]))


def test_too_few_in_all_are_nobodys_to_see(public: Public, world: World) -> None:
    for number in range(4):
        world.instrument(f"x{number}", district_code="310101")
    client = public()
    for path, params in OPEN.items():
        for more in ({}, {"group_by": "district"}):
            assert client.get(path, params={**params, **more}).status_code == 401


def test_a_key_sees_all_as_before(public: Public, city: World, client: httpx.Client) -> None:
    headers = {"Authorization": client.headers["Authorization"]}
    asked = {**MONTH, "group_by": "instrument", "institution": "i1"}
    body = public().get("/v1/utilization", params=asked, headers=headers).json()
    assert len(body["groups"]) == 23
    assert body["overall"]["mean_utilization"] is not None or body["overall"]["bands"]


def questions() -> Iterator[tuple[str, dict[str, str]]]:
    """What would single somebody out, or let sums that overlap be subtracted."""
    for path, params in OPEN.items():
        grouped = {**params, "group_by": "district"}
        for name in (
            "institution", "district", "class", "gateway", "kind", "always_on",
        ):  # fmt: skip
            yield path, {**grouped, name: "general" if name == "kind" else "1"}
        for other in ("instrument", "institution", "gateway", "class", "class_major", "kind"):
            yield path, {**params, "group_by": other}
        yield path, {**params, "group_by": ""}
        yield path, {**params, "anything": "else"}
    path = "/v1/utilization"
    for name, value in (
        ("bucket", "day"),
        ("tz", "UTC"),
        ("sort", "running_s"),
        ("basis", "known"),
    ):
        yield path, {**MONTH, name: value}
    for start, end in (
        ("2026-09-01T00:00:00+08:00", "2026-09-30T00:00:00+08:00"),
        ("2026-09-01T00:00:00+08:00", "2026-11-01T00:00:00+08:00"),
        ("2026-09-02T00:00:00+08:00", "2026-10-01T00:00:00+08:00"),
        ("2026-09-01T00:00:00Z", "2026-10-01T00:00:00Z"),
        ("2026-09-01T00:00:00.000001+08:00", "2026-10-01T00:00:00+08:00"),
        ("2199-11-01T00:00:00+08:00", "2199-12-01T00:00:00+08:00"),
        ("2025-12-01T00:00:00+08:00", "2027-01-01T00:00:00+08:00"),
        ("9999-12-01T00:00:00+08:00", "10000-01-01T00:00:00+08:00"),
        ("never", "ever"),
        ("2026-09-01", "2026-09-30"),
        ("2026-09-02", "2026-10-01"),
        ("2199-11-01", "2199-12-01"),
    ):
        yield path, {"from": start, "to": end}
    for name in ("today", "yesterday", "this-month", "last-quarter", "last-year", "ever"):
        yield path, {"window": name}
    yield path, {}


def test_months_may_be_said_by_dates_and_by_name(public: Public, city: World) -> None:
    client = public()
    path = "/v1/utilization"
    by_dates = client.get(path, params={"from": "2026-09-01", "to": "2026-10-01"}).json()
    by_instants = client.get(path, params=MONTH).json()
    assert by_dates["from"] == "2026-08-31T16:00:00Z"
    assert by_dates["overall"]["running_s"] == by_instants["overall"]["running_s"] > 0
    # Whether there is enough of last month depends on today; that it is asked for does not.
    answer = client.get(path, params={"window": "last-month"})
    assert answer.status_code == 200 or "fewer than 5" in answer.json()["detail"]


def test_no_other_question_is_answered(public: Public, city: World) -> None:
    client = public(public_burst=1_000)
    for path, params in questions():
        answer = client.get(path, params=params)
        assert answer.status_code == 401, (path, params, answer.text)
        assert answer.headers["www-authenticate"].startswith("Bearer")
    # One that was checked and another that is answered.
    twice = "group_by=district&group_by=instrument"
    assert client.get(f"/v1/status/summary?{twice}").status_code == 401
    assert (
        client.get("/v1/status/summary?group_by=district&group%5Fby=instrument").status_code == 401
    )


def test_no_other_address_is_open(public: Public, city: World) -> None:
    client = public(public_burst=1_000)
    for path, item in DOCUMENT["paths"].items():
        for method in item:
            if path in OPEN or not path.startswith("/v1/"):
                continue
            address = path.replace("{instrument_id}", "310101-0").replace("{day}", "2026-10-01")
            answer = client.request(method, address, params=MONTH)
            assert answer.status_code == 401, (method, path)
    for path in OPEN:
        assert client.post(path).status_code == 401
        assert client.get(path + "/").status_code == 401
        wrong = {"Authorization": "Bearer jishi_000000000000_" + "A" * 43}
        assert client.get(path, params=OPEN[path], headers=wrong).status_code == 401


def test_one_grouping_is_chosen_and_no_other(public: Public, city: World) -> None:
    client = public(public_group_by="institution")
    answer = client.get("/v1/status/summary", params={"group_by": "institution"})
    assert [one["key"] for one in answer.json()["groups"]] == ["i1"]
    asked = {"group_by": "district"}
    assert client.get("/v1/status/summary", params=asked).status_code == 401


def test_strangers_ask_so_often_and_no_more(public: Public, city: World) -> None:
    client = public(public_burst=3, public_per_s=0.01)
    answers = [client.get("/v1/status/summary") for _ in range(5)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429, 429]
    assert answers[-1].headers["retry-after"]


def test_nothing_is_open_unless_it_is_said(public: Public, city: World) -> None:
    client = public(public_aggregates=False)
    for path, params in OPEN.items():
        assert client.get(path, params=params).status_code == 401
