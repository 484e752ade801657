"""Row 25: a flood of requests, huge ranges, slow clients: 413, 422 or 429, and memory bounded."""

import os
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
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
from tests.live import Live, until

MEMORY = 80 << 20  # bytes that the flood may leave behind, this test's own clients included


@dataclass(frozen=True, kw_only=True)
class Small:
    """A server with small limits, and keys for it."""

    address: str
    url: str

    def client(self, **options: Any) -> httpx.Client:
        with psycopg.connect(self.url) as conn:
            key = run(conn, create_key(scopes=["admin"], name="flood")).key
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.Client(base_url=self.address, headers=headers, timeout=60, **options)


@pytest.fixture(scope="module")
def small(live: Live) -> Iterator[Small]:
    url = live.service.database_url
    settings = Settings(
        database_url=url,
        pool_min_size=1,
        pool_max_size=4,
        body_max_bytes=10_000,
        body_timeout_s=0.5,
        requests_per_s=20,
        requests_burst=40,
        requests_parallel=2,
        streams_per_key=2,
        strangers_per_s=0.5,
        strangers_burst=50,
        buckets_max=1_000,
        range_max_days=400,
        raw_range_max_days=31,
    )
    with serving(create_app(settings)) as address:
        yield Small(address=address, url=url)


def refused(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert (int(answer.headers.get("retry-after", "0")) >= 1) is (status == 429)


def rss() -> int:
    status = Path(f"/proc/{os.getpid()}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    assert found is not None
    return int(found[1]) * 1024


def test_a_flood_of_one_key_leaves_others_alone(small: Small) -> None:
    before = rss()
    with small.client() as flood, small.client() as other:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: flood.get("/v1/institutions?limit=1"), range(400)))
        counted = {s: [a.status_code for a in answers].count(s) for s in (200, 429)}
        assert sum(counted.values()) == 400
        assert counted[200] >= 10
        assert counted[429] >= 200
        for answer in answers:
            if answer.status_code == 429:
                refused(answer, 429)
        assert other.get("/v1/institutions").status_code == 200
        # It may go on once it has waited as it was told.
        time.sleep(int(answers[-1].headers.get("retry-after", "0")) + 0.1)
        assert flood.get("/v1/institutions").status_code == 200
    assert rss() - before < MEMORY


def waiting_for(conn: psycopg.Connection[Any], table: str) -> int:
    row = conn.execute(
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass", [table]
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_no_more_under_way_than_agreed(small: Small) -> None:
    with psycopg.connect(small.url) as conn, small.client() as client:
        conn.execute("LOCK TABLE district IN ACCESS EXCLUSIVE MODE")
        with ThreadPoolExecutor(2) as pool:
            waiting = [pool.submit(client.get, "/v1/districts") for _ in range(2)]
            # Asking the API itself would take what the two are to have.
            until(lambda: waiting_for(conn, "district") == 2)
            refused(client.get("/v1/classes?limit=1"), 429)
            conn.rollback()
            assert [one.result().status_code for one in waiting] == [200, 200]
        assert client.get("/v1/classes?limit=1").status_code == 200


def test_no_more_streams_than_agreed(small: Small) -> None:
    with small.client() as client, ExitStack() as open_:
        for _ in range(2):
            stream = open_.enter_context(client.stream("GET", "/v1/stream"))
            assert stream.status_code == 200
        refused(client.get("/v1/stream"), 429)
        open_.close()
        deadline = time.monotonic() + 20
        while True:
            with client.stream("GET", "/v1/stream") as stream:
                if stream.status_code == 200:
                    break
            assert time.monotonic() < deadline
            time.sleep(0.5)


def test_a_stream_ends_with_its_key(small: Small) -> None:
    with small.client() as client, small.client() as admin:
        key_id = client.headers["Authorization"].split("_")[1]
        with client.stream("GET", "/v1/stream") as stream:
            lines = stream.iter_lines()
            assert next(lines).startswith("retry:")
            assert admin.delete(f"/v1/keys/{key_id}").status_code == 204
            began = time.monotonic()
            assert list(lines) is not None  # in order, and soon
        assert time.monotonic() - began < 5
        assert client.get("/v1/stream").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        pytest.param(
            "GET",
            "/v1/utilization?from=1971-01-01T00:00:00Z&to=2026-01-01T00:00:00Z",
            None,
            422,
            id="range",
        ),
        pytest.param(
            "GET",
            "/v1/utilization?from=2025-01-01T00:00:00Z&to=2026-01-01T00:00:00Z&bucket=hour",
            None,
            422,
            id="buckets",
        ),
        pytest.param("GET", "/v1/instruments?limit=1000000", None, 422, id="page"),
        pytest.param("GET", "/v1/instruments?q=" + "x" * 5_000, None, 422, id="search"),
        pytest.param("PUT", "/v1/institutions/x", b"[" * 10_001, 413, id="body"),
        pytest.param("PUT", "/v1/institutions/x", b"[" * 9_999, 422, id="nesting"),
        pytest.param(
            "PUT", "/v1/institutions/x", b'{"lon":' + b"9" * 9_000 + b"}", 422, id="number"
        ),
    ],
)
def test_huge_questions(
    small: Small, method: str, path: str, body: bytes | None, status: int
) -> None:
    with small.client() as client:
        headers = {"Content-Type": "application/json"} if body else {}
        refused(client.request(method, path, content=body, headers=headers), status)


def test_a_range_of_raw_rows(small: Small, live: Live) -> None:
    instrument = live.instrument()
    window = "from=2026-01-01T00:00:00Z&to=2026-03-01T00:00:00Z"
    with small.client() as client:
        for kind in ("heartbeats", "explain"):
            refused(client.get(f"/v1/instruments/{instrument}/{kind}?{window}"), 422)


def test_slow_clients_hold_nothing(small: Small) -> None:
    """A hundred who send a byte and no more: others are served, and the hundred are let go."""
    before = rss()
    place = urlsplit(small.address)
    key = ""
    with small.client() as client:
        key = client.headers["Authorization"]
        head = (
            f"PUT /v1/institutions/slow HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\n"
            "Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n{"
        ).encode()
        half = b"GET /v1/institutions HTTP/1.1\r\nHost: x\r\nX-Slow: "
        with ExitStack() as sockets:
            slow = []
            for number in range(100):
                # Also bound by what one key may have under way: the rest is refused at once.
                one = socket.create_connection((str(place.hostname), int(place.port or 0)))
                sockets.enter_context(one)
                one.sendall(head if number % 2 else half)
                slow.append(one)
            with small.client() as other:
                assert other.get("/v1/institutions").status_code == 200
            for one in slow[1::2]:
                one.settimeout(10)
                assert re.match(rb"HTTP/1.1 (408|429) ", one.recv(1_000))
        assert client.get("/v1/institutions").status_code == 200
    assert rss() - before < MEMORY


def test_a_statement_ends_in_time(live: Live) -> None:
    settings = Settings(
        database_url=live.service.database_url, pool_max_size=2, statement_timeout_s=0.3
    )
    with serving(create_app(settings)) as address:
        small = Small(address=address, url=live.service.database_url)
        with psycopg.connect(small.url) as conn, small.client() as client:
            conn.execute("LOCK TABLE district IN ACCESS EXCLUSIVE MODE")
            answer = client.get("/v1/districts")
            assert answer.status_code == 504, answer.text
            assert "shorter window" in answer.json()["detail"]


def test_headers_of_every_answer(small: Small) -> None:
    with small.client() as client:
        for path in ("/v1/institutions", "/v1/nowhere", "/healthz"):
            headers = client.get(path, headers={"Origin": "https://evil.example"}).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
            assert "default-src 'none'" in headers["content-security-policy"]
            # Pages of others read nothing.
            assert not any(name.startswith("access-control-") for name in headers)
        refused_ = client.options("/v1/institutions", headers={"Origin": "https://evil.example"})
        assert not any(name.startswith("access-control-") for name in refused_.headers)


# Last: afterwards, keys that were not seen yet count among the strangers for a while.
def test_guessing_keys_is_slowed_down(small: Small) -> None:
    with small.client() as known, httpx.Client(base_url=small.address, timeout=60) as stranger:
        assert known.get("/v1/institutions").status_code == 200
        wrong = {"Authorization": "Bearer jishi_0123456789ab_" + "z" * 43}
        answer = stranger.get("/v1/institutions", headers=wrong)
        assert answer.status_code == 401
        # As many as are let in, and those that a slow machine's minutes let in anew.
        for _ in range(600):
            answer = stranger.get("/v1/institutions", headers=wrong)
            if answer.status_code != 401:
                break
        refused(answer, 429)
        # Whoever was right before, from the same address, is no stranger.
        assert known.get("/v1/institutions").status_code == 200
        # And the page's files and the probes are nobody's affair.
        assert stranger.get("/healthz").status_code == 200
