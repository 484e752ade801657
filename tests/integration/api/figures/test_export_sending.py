"""How files are sent as they are made: in turn, whole or visibly not."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import httpx
import psycopg
import pytest

from api import exports
from api.app import create_app
from api.settings import Settings
from store.registry.keys import create_key
from store.run import run
from tests.integration.api.figures.world import HOUR, World, at, beat
from tests.integration.api.serving import serving
from tests.live import until

MONTH = {"month": "2026-03"}


@dataclass(frozen=True, kw_only=True)
class Service:
    """A server, and the lock on its segments: whole days are known without them."""

    client: httpx.Client
    lock: psycopg.Connection[Any]
    look: psycopg.Connection[Any]

    def under_way(self) -> float:
        text = self.client.get("/metrics").text
        found = re.search(r'^jishi_api_turns\{questions="export"\} (\S+)$', text, re.M)
        return float(found[1]) if found else 0.0

    def held(self) -> list[int]:
        """Backends that wait for the lock."""
        rows = self.look.execute(
            "SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'segment'::regclass"
        )
        return [pid for (pid,) in rows]


@pytest.fixture
def serve(figures_url: str, world: World) -> Callable[..., Any]:
    world.instrument("m0")
    beats = range(at("2026-02-20"), at("2026-04-02"), HOUR)
    world.feed("m0", [beat(t, "running", hold=2 * HOUR) for t in beats])
    world.roll(date(2026, 2, 20), date(2026, 4, 1))

    @contextmanager
    def of(**settings: Any) -> Iterator[Service]:
        app = create_app(Settings(database_url=figures_url, pool_min_size=1, **settings))
        made = run(world.conn, create_key(name="t", scopes=["read"], actor="test"))
        headers = {"Authorization": f"Bearer {made.key}"}
        with (
            serving(app) as address,
            psycopg.connect(figures_url) as lock,
            httpx.Client(base_url=address, headers=headers, timeout=20) as client,
        ):
            lock.execute("LOCK TABLE segment IN ACCESS EXCLUSIVE MODE")
            service = Service(client=client, lock=lock, look=world.conn)
            try:
                yield service
            finally:
                lock.rollback()
            until(lambda: not service.under_way())

    return of


def test_each_waits_for_its_turn_and_gives_it_back(serve: Callable[..., Any]) -> None:
    with serve(long_wait_s=0.2) as service, ThreadPoolExecutor(1) as pool:
        first = pool.submit(service.client.get, "/v1/export/segments", params=MONTH)
        until(service.held)
        refused = service.client.get("/v1/export/segments", params=MONTH)
        assert refused.status_code == 503
        assert refused.json()["detail"].startswith("1 exports are under way")
        # What is no export goes on.
        assert service.client.get("/v1/institutions").status_code == 200
        service.lock.rollback()
        assert first.result(20).content[-4:] == b"PAR1"
        until(lambda: not service.under_way())
        assert service.client.get("/v1/export/segments", params=MONTH).status_code == 200


def test_what_nobody_waits_for_any_more_is_stopped(serve: Callable[..., Any]) -> None:
    with serve() as service:
        with pytest.raises(httpx.ReadTimeout):
            service.client.get("/v1/export/segments", params=MONTH, timeout=0.5)
        until(lambda: not service.under_way() and not service.held())


def test_what_fails_before_its_first_byte_is_a_problem(serve: Callable[..., Any]) -> None:
    with serve(export_timeout_s=0.5) as service:
        answer = service.client.get("/v1/export/segments", params=MONTH)
        assert (answer.status_code, answer.json()["type"]) == (
            504,
            "urn:jishi:problem:answer-timeout",
        )
        assert "fewer instruments" in answer.json()["detail"]
    with serve(export_timeout_s=0.001) as service:
        answer = service.client.get("/v1/export/segments", params=MONTH)
        assert answer.status_code == 422
        assert answer.json()["type"] == "urn:jishi:problem:too-long"
        assert "fewer instruments" in answer.json()["errors"][0]["rule"]


def test_what_fails_in_its_middle_never_looks_whole(
    serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "PIECE", 4)  # the file's first word goes out at once
    with (
        serve() as service,
        service.client.stream("GET", "/v1/export/segments", params=MONTH) as answer,
    ):
        parts = answer.iter_raw()
        assert answer.status_code == 200
        assert next(parts) == b"PAR1"
        (pid,) = until(service.held)
        service.look.execute("SELECT pg_terminate_backend(%s)", (pid,))
        with pytest.raises(httpx.RemoteProtocolError):
            list(parts)
