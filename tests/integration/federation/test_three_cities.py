"""Three cities and a follower: its sums are theirs, whatever breaks off on the way."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from prometheus_client import CollectorRegistry

from cli.federation import _read
from cli.federation_follow import Follower, Metrics
from models.zone import start_of_day
from stack import Postgres
from stack import Settings as StackSettings
from stack.fetch import find_postgres
from store.federation.taken import name_cities
from store.run import run
from tests.faults.proxy import Mode
from tests.integration.api.figures.world import HOUR
from tests.integration.federation.cities import ZONE, Federation, federation, late

#: What adds up; all else of a group is a ratio of these, or told of instruments one by one.
SUMS = (
    "instruments", "sufficient_instruments", "never_seen_instruments", "averaged_instruments",
    "banded_instruments", "window_s", "running_s", "idle_s", "off_s", "unknown_s",
    "effective_s", "session_idle_s", "rated_s",
)  # fmt: skip
NULLABLE = ("scheduled_s", "running_scheduled_s")
CAUSES = ("before_first", "collector", "gateway", "device")
BASES = ("rated", "calendar", "scheduled", "powered", "known")


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    programs = find_postgres(StackSettings.from_environ(os.environ))
    folder = tmp_path_factory.mktemp("federation")
    with (
        Postgres(programs, tmp_path_factory.mktemp("server"), durable=False) as server,
        federation(server, folder) as made,
    ):
        yield made


def following(three: Federation, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "cli", "federation", "follow", "--file", str(three.file),
        "--allow-private", *more,
    ]  # fmt: skip


def follow(three: Federation) -> list[str]:
    """One round; which cities did not give everything."""
    metrics = Metrics(CollectorRegistry())
    entries = _read(three.file)
    with psycopg.connect(three.database, autocommit=True) as connection:
        run(connection, name_cities([entry for entry, _, _ in entries]))
        return [
            entry.city
            for entry, public_key, key in entries
            if not Follower(
                entry=entry,
                public_key=public_key,
                key=key,
                sufficient_coverage=0.9,
                allow_private=True,
                metrics=metrics,
            ).pull(connection)
        ]


def windows(three: Federation) -> list[dict[str, str]]:
    """A closed day, and the month with its days."""
    day = three.first + timedelta(days=2)
    month = {"from": str(three.month), "to": str(three.first + timedelta(days=6))}
    return [
        {"from": str(day), "to": str(day + timedelta(days=1))},
        month,
        month | {"bucket": "day"},
        month | {"bucket": "month"},
    ]


def summed(figures: list[Mapping[str, Any]]) -> dict[str, Any]:
    """The sum of groups, by what their answers say."""
    found: dict[str, Any] = {name: sum(one[name] for one in figures) for name in SUMS}
    for name in NULLABLE:
        known = [one[name] for one in figures if one[name] is not None]
        found[name] = sum(known) if known else None
    for cause in CAUSES:
        found[cause] = sum(one["unknown_by_cause"][cause] for one in figures)
    found["resolution_s"] = max((one["resolution_s"] or 0 for one in figures), default=0) or None
    for index in range(2):
        found[f"band {index}"] = sum(one["bands"][index]["instruments"] for one in figures)
    known_s = found["window_s"] - found["unknown_s"]
    found["utilization"] = float(found["running_s"] / Decimal(known_s)) if known_s else None
    return found


def told(group: Mapping[str, Any]) -> dict[str, Any]:
    """The same of one group."""
    utilization = group["utilization"]
    return summed([group]) | {"utilization": None if utilization is None else float(utilization)}


def same(three: Federation) -> None:
    """Holds everything that the follower answers to what the cities say themselves."""
    for window in windows(three):
        for basis in BASES if "bucket" not in window else BASES[:1]:
            asked = window | {"basis": basis}
            own = {name: city.get("utilization", **asked) for name, city in three.cities.items()}
            answer = three.get("utilization", **asked, group_by="city")
            assert answer["missing_cities"] == []
            # A city's group is its own answer, word for word.
            for group in answer["groups"]:
                assert lasting(group) == lasting(own[group["key"]]["overall"])
            check(answer["overall"], [one["overall"] for one in own.values()])
            regions = three.get("utilization", **asked, group_by="region")["groups"]
            assert [one["key"] for one in regions] == ["delta", "inland"]
            check(regions[0], [own[name]["overall"] for name in ("jiangsu", "shanghai")])
        for group_by in ("district", "class", "class_major", "kind"):
            asked = window | {"group_by": group_by}
            by_key: dict[str | None, list[Any]] = defaultdict(list)
            for city in three.cities.values():
                for group in city.get("utilization", **asked)["groups"]:
                    by_key[group["key"]].append(group)
            groups = three.get("utilization", **asked)["groups"]
            assert {group["key"] for group in groups} == set(by_key)
            for group in groups:
                check(group, by_key[group["key"]])
    chosen = windows(three)[1] | {"class": "010000", "kind": "general"}
    check(
        three.get("utilization", **chosen, region="delta")["overall"],
        [three.cities[n].get("utilization", **chosen)["overall"] for n in ("jiangsu", "shanghai")],
    )


def lasting(group: Mapping[str, Any]) -> dict[str, Any]:
    """A group without what the follower adds, and without the moments."""
    ours = ("key", "name", "cities", "as_of", "revision", "buckets")
    found = {name: value for name, value in group.items() if name not in ours}
    found["buckets"] = [
        {n: v for n, v in one.items() if n not in ("as_of", "provisional")}
        for one in group["buckets"]
    ]
    if not group["buckets"]:  # of buckets the city tells no digest of every instrument
        found["revision"] = group["revision"]
    return found


def check(group: Mapping[str, Any], of: list[Mapping[str, Any]]) -> None:
    assert told(group) == summed(of)
    for place, bucket in enumerate(group["buckets"]):
        assert told(bucket) == summed([one["buckets"][place] for one in of])
    assert all(len(one["buckets"]) == len(group["buckets"]) for one in of)


def same_counts(three: Federation) -> None:
    for group_by in ("district", "class", "kind"):
        wanted: dict[str | None, list[Any]] = defaultdict(list)
        for city in three.cities.values():
            sensors = {
                group["key"]: group
                for group in city.get("coverage/sensors", group_by=group_by)["groups"]
            }
            for group in city.get("status/summary", group_by=group_by)["groups"]:
                wanted[group["key"]].append(group | {"sensors": sensors[group["key"]]})
        answer = three.get("status/summary", group_by=group_by)
        assert {one["key"] for one in answer["groups"]} == set(wanted)
        for group in answer["groups"]:
            assert counts([group]) == counts(wanted[group["key"]])
    by_city = three.get("status/summary", group_by="city")
    for group in by_city["groups"]:
        city = three.cities[group["key"]]
        own = city.get("status/summary")["overall"]
        own["sensors"] = city.get("coverage/sensors")["overall"]
        assert counts([group]) == counts([own])
        assert group["sensors"] == own["sensors"]
    assert counts([by_city["overall"]]) == counts(by_city["groups"])


def counts(groups: list[Mapping[str, Any]]) -> dict[str, Any]:
    found = {n: sum(g[n] for g in groups) for n in ("instruments", "value_cny", "value_seen_cny")}
    for part in ("connectivity", "activity"):
        for name in groups[0][part]:
            found[name] = sum(group[part][name] for group in groups)
    for name in ("listed", "fitted", "speaking"):
        found[name] = sum(group["sensors"][name] for group in groups)
    return found


def test_a_broken_link_and_a_killed_follower_change_nothing(three: Federation) -> None:
    for city in three.cities.values():
        assert city.publish() > 5
    dice = random.Random(5)
    done = threading.Event()

    def cut() -> None:
        while not done.wait(dice.uniform(0.005, 0.06)):
            proxy = dice.choice(list(three.cities.values())).proxy
            proxy.mode = dice.choice((Mode.PASS, Mode.PASS, Mode.PASS, Mode.REFUSE))
            proxy.cut()

    cutting = threading.Thread(target=cut)
    cutting.start()
    try:
        for _ in range(2):
            running = subprocess.Popen(
                following(three, "--every", "1s"),
                env=os.environ | {"JISHI_DATABASE_URL": three.database},
                stderr=subprocess.DEVNULL,
            )
            before, deadline = held(three), time.monotonic() + 8
            while held(three) < before + 5 and time.monotonic() < deadline:
                time.sleep(dice.uniform(0.01, 0.1))
            running.send_signal(signal.SIGKILL)
            running.wait()
    finally:
        done.set()
        cutting.join()
        for city in three.cities.values():
            city.proxy.mode = Mode.PASS
    assert follow(three) == []
    same(three)
    same_counts(three)


def held(three: Federation) -> int:
    with psycopg.connect(three.database) as conn:
        row = conn.execute("SELECT count(*) FROM federated_rollup").fetchone()
    assert row is not None
    return int(row[0])


def test_late_data_of_one_city_travels(three: Federation) -> None:
    shanghai = three.cities["shanghai"]
    day = three.first + timedelta(days=2)
    asked = {"from": str(day), "to": str(day + timedelta(days=1)), "group_by": "city"}
    before = three.get("utilization", **asked)
    with shanghai.world() as world:
        late(world, "shanghai-1", start_of_day(day, ZONE) + 3 * HOUR, 4 * HOUR)
    around = ["day", "month", *(["year"] if three.month.month == 12 else [])]  # what is over
    assert shanghai.publish() == len(around)
    assert follow(three) == []
    after = three.get("utilization", **asked)
    groups = {one["key"]: one for one in after["groups"]}
    changed = [
        one["key"] for one in before["groups"] if one["revision"] != groups[one["key"]]["revision"]
    ]
    assert changed == ["shanghai"]
    assert [one["city"] for one in after["cities"] if one["amended"]] == ["shanghai"]
    same(three)
    items = three.get("federation/amendments", city="shanghai")["items"]
    assert [one["span"] for one in items] == around
    was, became = items[0]["was"], items[0]["became"]
    assert became["running_s"] == groups["shanghai"]["running_s"] > was["running_s"]
    # Nothing else is published, nor taken, where nothing changed.
    assert shanghai.publish() == 0
    assert follow(three) == []
    assert three.get("federation/amendments")["items"] == items


def test_a_city_that_is_away_is_told_as_of_when(three: Federation) -> None:
    anhui = three.cities["anhui"]
    was = three.get("status/summary", group_by="city")
    anhui.proxy.mode = Mode.REFUSE
    anhui.proxy.cut()
    try:
        for name in ("jiangsu", "shanghai"):
            three.cities[name].publish()
        assert follow(three) == ["anhui"]
        now = three.get("status/summary", group_by="city")
        moments = {one["key"]: one["as_of"] for one in was["groups"]}
        groups = {one["key"]: one for one in now["groups"]}
        assert groups["anhui"]["as_of"] == moments["anhui"] == now["as_of"]
        assert groups["anhui"]["instruments"] == 8  # one of nine is retired
        assert groups["shanghai"]["as_of"] > moments["shanghai"]
        (told,) = (one for one in now["cities"] if one["city"] == "anhui")
        assert "does not answer" in told["failure"]
        same(three)
    finally:
        anhui.proxy.mode = Mode.PASS
    assert follow(three) == []
    assert all(one["failure"] is None for one in three.get("federation/cities")["items"])


def test_a_city_without_the_window_is_missing_and_not_zero(three: Federation) -> None:
    with psycopg.connect(three.database, autocommit=True) as conn:
        day = three.first + timedelta(days=1)
        gone = conn.execute(
            "DELETE FROM federated_rollup r USING federated_city c WHERE c.city_key = r.city_key"
            " AND c.city = 'jiangsu' AND span = 'day' AND starts_at = to_timestamp(%s)",
            (start_of_day(day, ZONE) / 1e6,),
        ).rowcount
    assert gone == 1
    answer = three.get(
        "utilization", from_=str(day), to=str(day + timedelta(days=1)), group_by="city"
    )
    assert answer["missing_cities"] == ["jiangsu"]
    assert [one["key"] for one in answer["groups"]] == ["anhui", "shanghai"]
    assert answer["overall"]["cities"] == 2
    assert {one["city"]: one["published"] for one in answer["cities"]} == {
        "anhui": True, "jiangsu": False, "shanghai": True,
    }  # fmt: skip
