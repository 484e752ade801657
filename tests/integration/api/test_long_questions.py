"""Long questions wait their turn: short ones, and others' long ones, go on beside them.

A long question is as long as a test wants it: it reads a table that the test has locked. With
``long_from_s=0`` each that is planned at all counts as long.
"""

import re
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from api.app import create_app
from api.settings import Settings
from store.registry.keys import create_key
from store.run import run
from tests.integration.api.serving import serving
from tests.patience import PATIENCE

#: A busy machine's dozen wait for longer than a user would, for their connection and their turn.
PATIENT = {"pool_timeout_s": PATIENCE, "long_wait_s": PATIENCE}
WINDOW = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}


def until(question: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not question():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@dataclass(frozen=True, kw_only=True)
class Service:
    """A server, the lock on its long questions, and who asks them."""

    address: str
    url: str
    lock: psycopg.Connection[Any]
    instruments: dict[str, str]

    @contextmanager
    def client(self, institution: str | None = None) -> Iterator[httpx.Client]:
        with psycopg.connect(self.url) as conn:
            made = run(conn, create_key(scopes=["read"], institution_id=institution))
        headers = {"Authorization": f"Bearer {made.key}"}
        with httpx.Client(base_url=self.address, headers=headers, timeout=PATIENCE) as client:
            yield client

    def ask(self, client: httpx.Client, institution: str) -> httpx.Response:
        instrument = self.instruments[institution]
        return client.get(f"/v1/instruments/{instrument}/timeline", params=WINDOW)

    def knock(self, client: httpx.Client, institution: str) -> socket.socket:
        """The same question over a connection that the test closes when it likes."""
        at = urlsplit(self.address)
        instrument = self.instruments[institution]
        path = httpx.URL(f"/v1/instruments/{instrument}/timeline", params=WINDOW)
        opened = socket.create_connection((at.hostname, at.port))
        key = client.headers["authorization"]
        opened.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\n\r\n".encode())
        return opened

    def metric(self, line: str) -> float:
        text = httpx.get(f"{self.address}/metrics").text
        return next((float(v) for k, _, v in map(_parted, text.splitlines()) if k == line), 0.0)

    def having(self) -> float:
        return self.metric('jishi_api_turns{questions="long"}')

    def waiting(self) -> float:
        return self.metric('jishi_api_turns_waiting{questions="long"}')

    def held(self) -> int:
        """Statements that wait for the lock."""
        row = self.lock.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted"
            " AND relation = 'gateway_offline'::regclass"
        ).fetchone()
        assert row is not None
        return int(row[0])


def _parted(line: str) -> tuple[str, str, str]:
    return line.rpartition(" ")


@pytest.fixture
def instruments(admin: httpx.Client, fresh: str) -> dict[str, str]:
    """An instrument of each of two institutions."""
    found = {}
    for name in (f"{fresh}-a", f"{fresh}-b"):
        gateway = {"institution_id": name}
        instrument = {"name": "SEM", "institution_id": name, "gateway_id": f"{name}-gw"}
        for path, body in (
            (f"/v1/institutions/{name}", {"name": "研究所"}),
            (f"/v1/gateways/{name}-gw", gateway),
            (f"/v1/instruments/{name}-sem", instrument),
        ):
            assert admin.put(path, json=body).status_code == 201
        found[name] = f"{name}-sem"
    return found


Serve = Callable[..., Any]


@pytest.fixture
def serve(api_database: str, instruments: dict[str, str]) -> Serve:
    @contextmanager
    def of(**settings: Any) -> Iterator[Service]:
        app = create_app(
            Settings(
                database_url=api_database,
                **{"long_from_s": 0.0, "pool_min_size": 1, **PATIENT, **settings},
            )
        )
        with (
            serving(app) as address,
            psycopg.connect(api_database) as lock,
            psycopg.connect(api_database, autocommit=True) as look,
        ):
            lock.execute("LOCK TABLE gateway_offline IN ACCESS EXCLUSIVE MODE")
            service = Service(address=address, url=api_database, lock=lock, instruments=instruments)
            try:
                yield service
            finally:
                lock.rollback()
            until(lambda: (service.having(), service.waiting()) == (0, 0))
            row = look.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE query ILIKE '%gateway_offline%'"
                " AND state <> 'idle' AND pid <> pg_backend_pid()"
            ).fetchone()
            assert row == (0,)

    return of


def test_short_questions_and_other_institutions_go_on(serve: Serve) -> None:
    with serve(long_parallel=2, long_per_asker=1) as service, ThreadPoolExecutor(4) as pool:
        one, other = service.instruments
        with (
            service.client(one) as first,
            service.client(one) as second,
            service.client(other) as third,
        ):
            under_way = pool.submit(service.ask, first, one)
            until(lambda: service.held() == 1)
            # Another key of the same institution: its turn is the institution's.
            waits = pool.submit(service.ask, second, one)
            until(lambda: service.waiting() == 1)
            goes = pool.submit(service.ask, third, other)
            until(lambda: service.held() == 2)
            assert service.waiting() == 1
            for client in (first, third):
                assert client.get("/v1/status/summary").status_code == 200
            service.lock.rollback()
            for asked in (under_way, waits, goes):
                assert asked.result().status_code == 200


def test_all_places_taken_by_long_questions_leave_short_ones_theirs(serve: Serve) -> None:
    """However many long ones come, and however few connections there are."""
    with (
        serve(long_parallel=2, long_per_asker=2, pool_max_size=1) as service,
        ThreadPoolExecutor(12) as pool,
        service.client() as client,
    ):
        name = next(iter(service.instruments))
        asked = [pool.submit(service.ask, client, name) for _ in range(12)]
        until(lambda: (service.held(), service.waiting()) == (2, 10))
        assert client.get("/v1/status/summary").status_code == 200
        service.lock.rollback()
        assert {one.result().status_code for one in asked} == {200}


def test_whose_turn_does_not_come_is_told_so(serve: Serve) -> None:
    with (
        serve(long_parallel=1, long_wait_s=1.0) as service,
        ThreadPoolExecutor(1) as pool,
        service.client() as client,
    ):
        one, other = service.instruments
        under_way = pool.submit(service.ask, client, one)
        until(lambda: service.held() == 1 or under_way.done())
        assert not under_way.done(), under_way.result().text
        refused = service.ask(client, other)
        assert refused.status_code == 503
        assert refused.headers["content-type"] == "application/problem+json"
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["type"] == "urn:jishi:problem:busy"
        assert "shorter window" in refused.json()["detail"]
        assert service.metric('jishi_api_refusals_total{kind="busy"}') == 1
        service.lock.rollback()
        assert under_way.result().status_code == 200


def test_who_leaves_gives_the_place_back(serve: Serve) -> None:
    """The one whose statement is under way, and the one that waits."""
    with serve(long_parallel=1) as service, service.client() as client:
        one, other = service.instruments
        asked = [service.knock(client, name) for name in (one, other)]
        until(lambda: (service.held(), service.waiting()) == (1, 1))
        for left in asked:
            left.close()
        until(lambda: (service.held(), service.having(), service.waiting()) == (0, 0, 0))
        service.lock.rollback()
        assert service.ask(client, one).status_code == 200


def test_an_answer_that_takes_too_long_gives_the_place_back(serve: Serve) -> None:
    with serve(long_parallel=1, answer_timeout_s=3) as service, service.client() as client:
        name = next(iter(service.instruments))
        answer = service.ask(client, name)
        assert answer.status_code == 504
        assert answer.json()["type"] == "urn:jishi:problem:answer-timeout"
        until(lambda: (service.held(), service.having()) == (0, 0))
        service.lock.rollback()
        assert service.ask(client, name).status_code == 200


def test_what_nobody_would_wait_for_is_refused_at_once(serve: Serve) -> None:
    """The table is locked: what is asked for in spite of it does not come back."""
    with serve(long_most_s=0.05) as service, service.client() as client:
        instrument = next(iter(service.instruments.values()))

        def ask(end: str) -> httpx.Response:
            window = {"from": "2016-01-01T00:00:00Z", "to": end, "limit": 1}
            return client.get(f"/v1/instruments/{instrument}/timeline", params=window)

        refused = ask("2025-12-01T00:00:00Z")
        assert refused.status_code == 422
        assert refused.json()["type"] == "urn:jishi:problem:too-long"
        found = re.search(r"at most (\d+) days", refused.json()["detail"])
        assert found is not None
        service.lock.rollback()
        end = date(2016, 1, 1) + timedelta(days=int(found[1]))
        assert ask(f"{end}T00:00:00Z").status_code == 200


def test_one_institution_does_not_take_all_connections(serve: Serve) -> None:
    """Short questions have their turns, too: whoever asks many waits for its own."""
    with serve(pool_max_size=5) as service, ThreadPoolExecutor(12) as pool:
        one, other = service.instruments
        with service.client(one) as many, service.client(other) as few:
            service.lock.execute("LOCK TABLE district IN ACCESS EXCLUSIVE MODE")
            asked = [pool.submit(many.get, "/v1/districts") for _ in range(12)]
            until(lambda: service.metric('jishi_api_turns_waiting{questions="short"}') >= 8)
            assert few.get("/v1/classes").status_code == 200
            service.lock.rollback()
            assert {answer.result().status_code for answer in asked} == {200}
