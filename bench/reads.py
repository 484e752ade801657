"""How long the questions take, asked over HTTP as a dashboard would, one after the other."""

import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psycopg

from bench import history
from bench.city import instrument_id
from bench.rig import Rig
from store.registry.keys import create_key
from store.run import run

ZONE = ZoneInfo("Asia/Shanghai")
#: No more of a question that takes long once it took so much of the run (s).
ENOUGH_S = 20.0


@contextmanager
def asking(rig: Rig) -> Iterator[httpx.Client]:
    """A client of an API process, with a key."""
    with psycopg.connect(rig.stack.database_url) as connection:
        key = run(connection, create_key(scopes=["admin"], name="bench")).key
    child = rig.api()
    child.start()
    try:
        url = child.wait_ready(60)["api_url"]
        with httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=300
        ) as client:
            yield client
    finally:
        child.stop(20)


def midnight(day: date) -> str:
    """A local midnight as a question names it."""
    return datetime(day.year, day.month, day.day, tzinfo=ZONE).isoformat()


def _ask(client: httpx.Client, path: str, **params: Any) -> tuple[float, bytes]:
    began = time.perf_counter()
    answer = client.get(path, params=params)
    answer.raise_for_status()
    return (time.perf_counter() - began) * 1000, answer.content


def fleet(
    client: httpx.Client, first: date, end: date, days: int, times: int, seed: int
) -> list[float]:
    """Milliseconds for the whole fleet by institution, over any ``days`` days."""
    dice = random.Random(seed)
    latest = (end - first).days - days
    found = []
    for number in range(times + 3):
        start = first + timedelta(days=dice.randint(0, latest))
        ms, _ = _ask(
            client,
            "/v1/utilization",
            **{"from": midnight(start), "to": midnight(start + timedelta(days=days))},
            group_by="institution",
            limit=1000,
        )
        if number >= 3:  # the first ones warm the pool up
            found.append(ms)
    return found


def instrument_year(client: httpx.Client, instruments: int, first: date, times: int) -> list[float]:
    """Milliseconds for one instrument's year by day."""
    dice = random.Random(5)
    found = []
    for number in range(times + 3):
        name = instrument_id(dice.randrange(instruments))
        ms, _ = _ask(
            client,
            f"/v1/instruments/{name}/utilization",
            **{"from": midnight(first), "to": midnight(first + timedelta(days=365))},
            bucket="day",
        )
        if number >= 3:
            found.append(ms)
    return found


def summary(client: httpx.Client, times: int) -> list[float]:
    """Milliseconds for the counts by connectivity and activity of each district."""
    found = [_ask(client, "/v1/status/summary", group_by="district")[0] for _ in range(times + 3)]
    return found[3:]


def reconciliation(client: httpx.Client, end: date, times: int) -> list[float]:
    """Milliseconds for a month of the city's bookings, by institution."""
    window = {"from": midnight(end - timedelta(days=30)), "to": midnight(end)}
    return _some(client, times, "/v1/reconciliation", **window, group_by="institution")


def profile(client: httpx.Client, end: date, times: int) -> list[float]:
    """Milliseconds for the city's month by hour of the week."""
    window = {"from": midnight(end - timedelta(days=30)), "to": midnight(end)}
    return _some(client, times, "/v1/profile", **window)


def hours(client: httpx.Client, end: date, times: int) -> list[float]:
    """Milliseconds for the city's week by the hour and district."""
    window = {"from": midnight(end - timedelta(days=7)), "to": midnight(end)}
    return _some(client, times, "/v1/utilization", **window, bucket="hour", group_by="district")


def _some(client: httpx.Client, times: int, path: str, **params: Any) -> list[float]:
    """One that warms up, then as many as fit into the time for one kind of question."""
    _ask(client, path, **params)
    began = time.monotonic()
    found: list[float] = []
    while len(found) < times and (not found or time.monotonic() - began < ENOUGH_S):
        found.append(_ask(client, path, **params)[0])
    return found


def naive(rig: Rig, client: httpx.Client, end: date, times: int) -> tuple[list[float], float]:
    """Ratios of the naive question's time to ours, and how long the naive one took (ms).

    Raises:
        AssertionError: The two answers differ.
    """
    start = date.fromordinal(end.toordinal() - history.RAW_DAYS)
    ratios: list[float] = []
    slowest = 0.0
    with psycopg.connect(rig.stack.database_url) as connection:
        keys: dict[int, str] = dict(
            connection.execute(
                "SELECT i.instrument_key, i.instrument_id FROM instrument i"
                " JOIN instrument_version v USING (instrument_key) WHERE v.class_code = %s",
                [history.CLASS],
            ).fetchall()
        )
        terms = {"keys": list(keys), "start": midnight(start), "end": midnight(end)}
        for _ in range(times):
            began = time.perf_counter()
            rows = connection.execute(
                history.NAIVE.replace("%(start)s", "%(start)s::timestamptz").replace(
                    "%(end)s", "%(end)s::timestamptz"
                ),
                terms,
            ).fetchall()
            plain_ms = (time.perf_counter() - began) * 1000
            slowest = max(slowest, plain_ms)
            ours = []
            body = b""
            for _ in range(5):
                ms, body = _ask(
                    client,
                    "/v1/utilization",
                    **{"from": terms["start"], "to": terms["end"], "class": history.CLASS},
                    group_by="instrument",
                    limit=1000,
                )
                ours.append(ms)
            said = {g["key"]: g for g in json.loads(body, parse_float=str)["groups"]}
            for key, running, idle, off in rows:
                group = said[keys[key]]
                for name, us in (("running_s", running), ("idle_s", idle), ("off_s", off)):
                    told = round(float(group[name]) * 1e6)
                    assert told == (us or 0), f"{keys[key]} {name}: {told} and {us}"
            ratios.append(plain_ms / sorted(ours)[2])
    return ratios, slowest
