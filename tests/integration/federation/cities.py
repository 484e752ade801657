"""Three small seeded cities, a database with an API over it each, and one that follows them."""

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psycopg

from api.app import create_app
from api.settings import Settings
from cli.federation_publish import Publisher
from models.zone import local_day, start_of_day
from reports.signing import new_key, read_signer
from stack import Postgres
from store.registry.keys import create_key
from store.run import run
from tests.faults.proxy import Proxy
from tests.integration.api.figures.world import HOUR, MINUTE, World, every
from tests.integration.api.serving import serving
from tests.migrated import migrated

ZONE = ZoneInfo("Asia/Shanghai")
NAMES = ("anhui", "jiangsu", "shanghai")
DISTRICTS = ("310104", "310112", "320102", None)
CLASSES = ("010101", "010203", "030405", None)
SECOND = 1_000_000


def asked(url: str, key: str) -> httpx.Client:
    return httpx.Client(
        base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60, verify=False
    )


@dataclass(kw_only=True)
class City:
    """A city: its database, its API as others reach it, and who signs for it."""

    name: str
    database: str
    folder: Path
    address: str
    client: httpx.Client
    proxy: Proxy
    follower_key: str

    @property
    def key_file(self) -> Path:
        return self.folder / f"{self.name}.signing"

    def publish(self) -> int:
        publisher = Publisher(
            city=self.name,
            signer=read_signer(self.key_file),
            calendar="CN",
            sufficient_coverage=0.9,
        )
        with psycopg.connect(self.database, autocommit=True) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            return publisher.publish_all(connection)

    @contextmanager
    def world(self) -> Iterator[World]:
        with psycopg.connect(self.database, autocommit=True, options="-c TimeZone=UTC") as conn:
            yield World(conn)

    def get(self, path: str, **params: str) -> Any:
        return got(self.client, path, **params)


def got(client: httpx.Client, path: str, **params: str) -> Any:
    named = {name.rstrip("_"): value for name, value in params.items()}
    answer = client.get(f"/v1/{path}", params=named)
    assert answer.status_code == 200, f"{answer.url}: {answer.text}"
    return json.loads(answer.text, parse_float=Decimal)


@dataclass(kw_only=True)
class Federation:
    """All of them."""

    cities: dict[str, City]
    database: str
    client: httpx.Client
    file: Path
    folder: Path
    #: The first day that anything was heard, of the month before this one.
    first: date
    month: date

    def get(self, path: str, **params: str) -> Any:
        return got(self.client, path, **params)


def fill(world: World, city: str, first: date, month: date) -> None:
    """Instruments of every kind that makes figures of days and months differ."""
    dice = random.Random(city)
    start = start_of_day(first, ZONE)
    end = start_of_day(month, ZONE)
    hours = json.loads('{"mon": [["08:00", "17:30"]], "tue": [["09:00", "12:00"]]}')
    for n in range(9):
        own: dict[str, Any] = {
            "district_code": dice.choice(DISTRICTS),
            "class_code": dice.choice(CLASSES),
            "kind": dice.choice(("general", "special")),
            "always_on": n == 3,
            "value_cny": Decimal(dice.randrange(10_000_00, 900_000_00)) / 100,
        }
        if n == 2:
            own["opening_hours"] = hours
        if n == 4:  # left on the way
            own["retired_on"] = first + timedelta(days=3)
        name = f"{city}-{n}"
        world.instrument(name, **own)
        if n == 5:  # its district changes in the midst of the month
            moved = {**own, "district_code": "310115"}
            world.instrument(name, valid_from=start + 40 * HOUR + 7, **moved)
        if n == 0:  # never heard
            continue
        at = start + dice.randrange(1, 48 * HOUR if n != 1 else HOUR)
        rows = []
        while at < end + 30 * HOUR:
            length = dice.randrange(10 * MINUTE, 9 * HOUR)
            state = dice.choice(("running", "running", "idle", "off"))
            rows += every(
                at, at + length, state, step=20 * MINUTE, hold=HOUR + dice.randrange(SECOND)
            )
            at += length + dice.choice((0, 0, dice.randrange(1, 5 * HOUR)))
        world.feed(name, rows)
    world.roll(first, month + timedelta(days=2))
    world.total(month + timedelta(days=1))


def late(world: World, name: str, start: int, length: int) -> None:
    """What comes late: hours of a closed day that were unknown or not, all running now."""
    key = world._key("instrument", name)
    world.conn.execute(
        "DELETE FROM segment WHERE instrument_key = %s AND starts_at < to_timestamp(%s)"
        " AND ends_at > to_timestamp(%s)",
        (key, (start + length) / 1e6, start / 1e6),
    )
    for at in range(start, start + length, HOUR):
        world.conn.execute(
            "INSERT INTO segment (instrument_key, state, starts_at, ends_at, step_us, counter_us,"
            " counter_readings, witness_counter_us, witness_state_us)"
            " VALUES (%s, 2, to_timestamp(%s), to_timestamp(%s), 60000000, 0, 0, 0, 0)",
            (key, at / 1e6, (at + HOUR) / 1e6),
        )
    world.conn.execute(
        "SELECT rollup_forget(ARRAY[%s]::int[], ARRAY[to_timestamp(%s)], ARRAY[to_timestamp(%s)])",
        (key, start / 1e6, (start + length) / 1e6),
    )


@contextmanager
def federation(
    server: Postgres, folder: Path, names: Sequence[str] = NAMES
) -> Iterator[Federation]:
    """Cities that have been filled and have published nothing yet."""
    with ExitStack() as stack:
        cities = {}
        lines = ["[regions]", 'delta = "长三角"', 'inland = "内陆"']
        for name in names:
            cities[name] = city = _city(stack, server, folder, name)
            lines += [
                f"[cities.{name}]",
                f'name = "{name.title()}"',
                f'url = "http://127.0.0.1:{city.proxy.port}"',
                f'region = "{"inland" if name == "anhui" else "delta"}"',
                f'public_key_file = "{name}.pem"',
                f'key_file = "{name}.key"',
            ]
        file = folder / "federation.toml"
        file.write_text("\n".join(lines), "utf-8")
        with cities[names[0]].world() as world:
            # Not a month that began just now: the last day before it is not told yet.
            this = local_day(world.now_us() - 2 * HOUR, ZONE).replace(day=1)
        month = (this - timedelta(days=1)).replace(day=1)
        first = this - timedelta(days=6)
        for city in cities.values():
            with city.world() as world:
                fill(world, city.name, first, this)
        database = migrated(server)
        with psycopg.connect(database) as conn:
            key = run(conn, create_key(scopes=["admin"], name="t")).key
        address = stack.enter_context(
            serving(create_app(Settings(database_url=database, pool_min_size=1, follower=True)))
        )
        yield Federation(
            cities=cities,
            database=database,
            client=stack.enter_context(asked(address, key)),
            file=file,
            folder=folder,
            first=first,
            month=month,
        )


def _city(stack: ExitStack, server: Postgres, folder: Path, name: str) -> City:
    database = migrated(server)
    (folder / f"{name}.signing").write_text(new_key(), "ascii")
    signer = read_signer(folder / f"{name}.signing")
    (folder / f"{name}.pem").write_text(signer.public.pem, "ascii")
    with psycopg.connect(database) as conn:
        reading = run(conn, create_key(scopes=["read"], name="t")).key
        following = run(conn, create_key(scopes=["federation"], name="follower")).key
    (folder / f"{name}.key").write_text(following, "ascii")
    app = create_app(Settings(database_url=database, pool_min_size=1, pool_max_size=3))
    address = stack.enter_context(serving(app))
    proxy = Proxy("127.0.0.1", httpx.URL(address).port or 0)
    stack.callback(proxy.close)
    return City(
        name=name,
        database=database,
        folder=folder,
        address=address,
        client=stack.enter_context(asked(address, reading)),
        proxy=proxy,
        follower_key=following,
    )
