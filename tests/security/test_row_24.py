"""Row 24: one pooled connection, tenants in turns, cancelled requests in between.

Every route by itself is in `tests/integration/api/test_access.py`. Here two institutions share
the one connection of a pool while statements are cancelled and backends ended under it: never
a row of the other.
"""

import asyncio
import itertools
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import psycopg
import pytest

from api.app import create_app
from api.settings import Settings
from migrations.runner import migrate
from store.registry.keys import create_key
from store.run import run
from tests.integration.api.serving import serving
from tests.live import Live

NAMES = ("north", "south")
ROUNDS = 300
WINDOW = "from=2026-11-01T00:00:00Z&to=2026-11-02T00:00:00Z"
PATHS = (
    "/v1/instruments",
    "/v1/institutions",
    "/v1/gateways",
    "/v1/maintenance",
    "/v1/alerts",
    "/v1/audit",
    "/v1/keys",
    "/v1/status/summary?group_by=institution",
    f"/v1/utilization?group_by=instrument&{WINDOW}",
    f"/v1/utilization?group_by=institution&{WINDOW}",
    "/v1/instruments/{other}-sem",
    "/v1/instruments/{other}-sem/versions",
    "/v1/gateways/{other}-gw",
)


@dataclass(frozen=True, kw_only=True)
class Shared:
    address: str
    url: str
    keys: dict[str, str]


@pytest.fixture
def shared(live: Live) -> Iterator[Shared]:
    postgres = live.service.stack.postgres
    assert postgres is not None
    url = postgres.create_database()
    migrate(url)
    with psycopg.connect(url) as conn:
        city = run(conn, create_key(scopes=["admin"])).key
    settings = Settings(
        database_url=url, pool_min_size=1, pool_max_size=1, requests_per_s=1e6, pool_timeout_s=20
    )
    keys: dict[str, str] = {}
    with serving(create_app(settings)) as address:
        headers = {"Authorization": f"Bearer {city}"}
        with httpx.Client(base_url=address, headers=headers, timeout=60) as admin:
            for name in NAMES:
                ids = {"institution_id": f"{name}-inst", "gateway_id": f"{name}-gw"}
                admin.put(f"/v1/institutions/{name}-inst", json={"name": name})
                admin.put(f"/v1/gateways/{name}-gw", json={"institution_id": f"{name}-inst"})
                admin.put(f"/v1/instruments/{name}-sem", json={"name": name, **ids})
                body = {"scopes": ["admin"], "institution_id": f"{name}-inst"}
                keys[name] = admin.post("/v1/keys", json=body).json()["key"]
        yield Shared(address=address, url=url, keys=keys)


def disturb(url: str, stop: threading.Event) -> None:
    """Cancels what runs and ends who serves, again and again."""
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(url, autocommit=True) as conn:
        for turn in itertools.count():
            if stop.wait(0.005):
                return
            act = "pg_terminate_backend" if turn % 40 == 39 else "pg_cancel_backend"
            conn.execute(f"SELECT {act}(pid) {others} AND state <> 'idle'")


def test_never_a_foreign_row(shared: Shared) -> None:
    seen: dict[int, int] = {}
    own = dict.fromkeys(NAMES, 0)

    async def ask(client: httpx.AsyncClient, number: int, chance: random.Random) -> None:
        name = NAMES[number % 2]
        other = NAMES[(number + 1) % 2]
        path = PATHS[number // 2 % len(PATHS)].format(other=other)
        headers = {"Authorization": f"Bearer {shared.keys[name]}"}
        asked = client.get(path, headers=headers)
        try:
            # Some give up half-way, wherever that is.
            patience = chance.uniform(0.001, 0.02) if chance.random() < 0.3 else 30
            answer = await asyncio.wait_for(asked, patience)
        except TimeoutError:
            seen[0] = seen.get(0, 0) + 1
            return
        seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
        if answer.status_code == 200:
            assert f"{other}-" not in answer.text, (path, answer.text)
            own[name] += f"{name}-" in answer.text
        else:
            assert answer.status_code in (404, 503, 504), answer.text

    async def main() -> None:
        chance = random.Random(24)
        async with httpx.AsyncClient(base_url=shared.address, timeout=60) as client:
            for start in range(0, ROUNDS, 6):
                await asyncio.gather(*(ask(client, start + n, chance) for n in range(6)))

    stop = threading.Event()
    thread = threading.Thread(target=disturb, args=[shared.url, stop])
    thread.start()
    try:
        # In a thread of its own: a browser's driver may have a loop running in this one.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(lambda: asyncio.run(main())).result()
    finally:
        stop.set()
        thread.join()
    # All of it happened: answers, cancelled ones, refused ones.
    assert min(own.values()) > 10, own
    assert seen[0] > 10, seen
    assert seen[404] > 10, seen
    assert seen.get(503, 0) + seen.get(504, 0) > 0, seen
