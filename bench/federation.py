"""``python -m bench.federation``: a follower of ten cities with 1,000,000 instruments in all.

Rollups are generated, signed and taken as they would be from the cities; only the link is left out.
Then a follower's API is asked for months of the nation, over HTTP, one question after the other.
"""

import argparse
import gzip
import os
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.results import machine, percentile
from bench.rig import ROOT
from cli.children import Child
from cli.connection import child_environment
from migrations import runner
from models.bucket import Bucket, buckets
from models.federation_file import CityEntry
from models.rollup import COUNTS, FIGURES, Cell, Rollup, Row, Span, decode
from models.usage import Window
from models.zone import start_of_day
from reports.signing import Signer
from stack import Postgres
from stack import Settings as StackSettings
from stack.fetch import find_postgres
from store.federation.taken import Arrived, load_place, name_cities, take
from store.registry.keys import create_key
from store.run import run

ZONE = ZoneInfo("Asia/Shanghai")
DAY_US = 86_400_000_000
BAR_MS = 100.0
MONTHS = (date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1))
#: Of a city: its districts, and the classes that its instruments are of.
DISTRICTS, CLASSES = 16, 60
QUESTIONS = (
    ("month by city", {"group_by": "city"}),
    ("month by region", {"group_by": "region"}),
    ("month by district", {"group_by": "district", "limit": "1000"}),
    ("month by class", {"group_by": "class", "limit": "1000"}),
    ("month by city and day", {"group_by": "city", "bucket": "day"}),
)


@dataclass(frozen=True, slots=True)
class Made:
    """A city that publishes made-up figures."""

    number: int
    instruments: int
    signer: Signer

    @property
    def name(self) -> str:
        """As a follower's file has it."""
        return f"city-{self.number}"

    @property
    def cells(self) -> list[Cell]:
        """Every class is in every district; which kind an instrument is of follows from it."""
        return [
            Cell(
                f"{self.number:02}{district:04}",
                f"{1 + of_class // 6:02}{of_class % 6 + 1:02}00",
                "special" if of_class % 7 == 0 else "general",
            )
            for district in range(DISTRICTS)
            for of_class in range(CLASSES)
        ]

    def rollup(self, span: Span, window: Window, revision: int) -> Rollup:
        """Figures of a window; sums are those of so many instruments, not those of any world."""
        dice = random.Random(f"{self.number} {span} {window.start_us}")
        parts = buckets(window, span.bucket, ZONE, limit=400) if span.bucket else []
        each = self.instruments // (DISTRICTS * CLASSES)
        row = _counts if span is Span.NOW else _figures
        return Rollup(
            city=self.name,
            span=span,
            start_us=window.start_us,
            end_us=window.end_us,
            tz=ZONE.key,
            revision=revision,
            as_of_us=window.end_us + DAY_US if window.length_us else window.end_us,
            complete_us=window.end_us if span is Span.NOW else None,
            sufficient_coverage="0.9",
            key_id=self.signer.public.key_id,
            parts=tuple(part.end_us for part in parts),
            cells={cell: [row(each, one, dice) for one in (window, *parts)] for cell in self.cells},
        )

    def arrived(self, rollup: Rollup) -> Arrived:
        """As it comes over the link."""
        data = rollup.encode()
        decode(data)
        return Arrived(
            rollup=rollup,
            sha256=sha256(data).digest(),
            signature=self.signer.sign(data),
            document=gzip.compress(data, mtime=0),
        )


def _figures(instruments: int, window: Window, dice: random.Random) -> Row:
    known = {
        name: dice.randrange(instruments * window.length_us)
        for name in FIGURES
        if name.endswith("_us")
    }
    known |= {"ratio_sum": dice.randrange(instruments << 80), "digest": dice.randrange(1 << 62)}
    known["step_us"] = dice.randrange(DAY_US)
    return tuple(known.get(name, dice.randrange(instruments)) for name in FIGURES)


def _counts(instruments: int, _: Window, dice: random.Random) -> Row:
    return tuple(dice.randrange(instruments) for _ in COUNTS)


def load(url: str, cities: Sequence[Made], days: int) -> tuple[float, float, float]:
    """Bytes that a city's day and month take, and seconds that taking a month takes."""
    sizes = []
    seconds: list[float] = []
    with psycopg.connect(url, autocommit=True) as connection:
        entries = [
            CityEntry(
                city=one.name,
                name=one.name,
                url=f"https://{one.name}.example",
                region=f"r{one.number % 3}",
                region_name=f"Region {one.number % 3}",
                public_key_file="",
                key_file="",
            )
            for one in cities
        ]
        run(connection, name_cities(entries))
        first = start_of_day(MONTHS[0], ZONE)
        spans = (
            (Span.NOW, [Window(start_us=first, end_us=first)]),
            (Span.DAY, [_window(MONTHS[0] + timedelta(days=n), 1) for n in range(days)]),
            (Span.MONTH, [_window(month, 31) for month in MONTHS]),
        )
        revision = 0
        for span, windows in spans:
            before = _size(connection)
            for city in cities:
                place = run(connection, load_place(city.name))
                for window in windows:
                    revision += 1
                    rollup = city.rollup(span, window, revision)
                    began = time.perf_counter()
                    arrived = city.arrived(rollup)
                    with connection.transaction():
                        run(connection, take(place.city_key, arrived))
                    if span is Span.MONTH:
                        seconds.append(time.perf_counter() - began)
            sizes.append((_size(connection) - before) / (len(cities) * len(windows)))
        connection.execute("ANALYZE")
    return sizes[1], sizes[2], statistics.median(seconds)


def _window(first: date, most: int) -> Window:
    start = start_of_day(first, ZONE)
    if most == 1:
        return Window(start_us=start, end_us=start_of_day(first + timedelta(days=1), ZONE))
    month = buckets(
        Window(start_us=start, end_us=start + most * DAY_US), Bucket.MONTH, ZONE, limit=2
    )
    return month[0]


def _size(connection: psycopg.Connection[tuple[object, ...]]) -> int:
    connection.execute("CHECKPOINT")
    row = connection.execute(
        "SELECT sum(pg_total_relation_size(name::regclass))::bigint"
        " FROM unnest(ARRAY['federated_rollup', 'federated_part']) AS t (name)"
    ).fetchone()
    assert row is not None
    return int(str(row[0]))


def ask(client: httpx.Client, path: str, times: int, **params: str) -> list[float]:
    """Milliseconds of each question; the first ones warm up."""
    dice = random.Random(1)
    found = []
    for number in range(times + 3):
        month = dice.choice(MONTHS)
        window = {
            "from": str(month),
            "to": str((month + timedelta(days=31)).replace(day=1)),
        }
        began = time.perf_counter()
        answer = client.get(path, params=params | (window if "utilization" in path else {}))
        answer.raise_for_status()
        if number >= 3:
            found.append((time.perf_counter() - began) * 1000)
    return found


def main() -> int:
    """Loads, asks and prints; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.federation")
    parser.add_argument("--cities", type=int, default=10)
    parser.add_argument("--instruments", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=10, help="day rollups of each city")
    parser.add_argument("--asks", type=int, default=100)
    asked = parser.parse_args()
    cities = [
        Made(n, asked.instruments // asked.cities, Signer(Ed25519PrivateKey.generate()))
        for n in range(asked.cities)
    ]
    folder = os.environ.get("JISHI_BENCH_DIR")
    with tempfile.TemporaryDirectory(prefix="jishi-bench-", dir=folder) as name:
        os.chmod(name, 0o755)  # noqa: S103 - the database runs as another user under root
        programs = find_postgres(StackSettings.from_environ(os.environ))
        with Postgres(programs, Path(name) / "server") as server:
            return _measure(server, Path(name), cities, asked.days, asked.asks)


def _measure(server: Postgres, folder: Path, cities: Sequence[Made], days: int, asks: int) -> int:
    url = server.create_database()
    runner.migrate(url)
    day, month, seconds = load(url, cities, days)
    cells = len(cities[0].cells)
    print(f"{machine()}")
    print(f"{len(cities)} cities, {sum(one.instruments for one in cities):,} instruments")
    print(f"a city's day of {cells} cells: {day / 1e6:.2f} MB; its month: {month / 1e6:.1f} MB")
    print(f"a city's month read and taken: {seconds:.1f} s")
    with psycopg.connect(url) as connection:
        key = run(connection, create_key(scopes=["read"], name="bench")).key
    child = Child(
        "api",
        child_environment(database_url=url, api_port=0, follower="true"),
        ROOT,
        folder / "api.log",
    )
    child.start()
    try:
        address = child.wait_ready(60)["api_url"]
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=address, headers=headers, timeout=300) as client:
            figures = {
                told: ask(client, "/v1/utilization", asks, **params) for told, params in QUESTIONS
            }
            figures["counts by city"] = ask(client, "/v1/status/summary", asks, group_by="city")
    finally:
        child.stop(20)
    for told, times in figures.items():
        middle, most = statistics.median(times), percentile(times, 0.95)
        print(f"{told}: median {middle:.1f} ms, p95 {most:.1f} ms")
    return int(percentile(figures[QUESTIONS[0][0]], 0.95) > BAR_MS)


if __name__ == "__main__":
    raise SystemExit(main())
