"""Pages of other origins: none by default, those that a setting names, and never with cookies."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from api.app import create_app
from api.settings import Settings
from tests.integration.api.serving import serving

PORTAL = "https://portal.example.org"
OTHER = "https://elsewhere.example.org"
PREFLIGHT = {
    "Access-Control-Request-Method": "PUT",
    "Access-Control-Request-Headers": "authorization,content-type",
}


Service = Callable[[str], httpx.Client]


@pytest.fixture
def service(api_database: str, keys: dict[str, str]) -> Iterator[Service]:
    closing: list[Any] = []

    def make(origins: str) -> httpx.Client:
        settings = Settings(
            database_url=api_database, pool_min_size=1, pool_max_size=2, cors_origins=origins
        )
        running = serving(create_app(settings))
        closing.append(running)
        headers = {"Authorization": f"Bearer {keys['read']}"}
        client = httpx.Client(base_url=running.__enter__(), headers=headers, timeout=60)
        closing.append(client)
        return client

    yield make
    for one in reversed(closing):
        one.__exit__(None, None, None)


def named(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if "access-control" in name}


def test_off_by_default(service: Service) -> None:
    client = service("")
    answer = client.get("/v1/districts", headers={"Origin": PORTAL})
    assert (answer.status_code, named(answer)) == (200, {})
    asked = httpx.options(f"{client.base_url}/v1/districts", headers={"Origin": PORTAL} | PREFLIGHT)
    assert named(asked) == {}
    assert asked.status_code in (401, 405)


def test_origins_that_are_named(service: Service) -> None:
    client = service(f"{PORTAL}, http://localhost:3000")
    for origin in (PORTAL, "http://localhost:3000"):
        answer = client.get("/v1/districts", headers={"Origin": origin})
        assert answer.headers["access-control-allow-origin"] == origin
        assert "Origin" in answer.headers["vary"]
        assert "Accept" in answer.headers["vary"]
        assert "ETag" in answer.headers["access-control-expose-headers"]
    # Caches must keep them apart also where nobody is named.
    for origin in (OTHER, "null", f"{PORTAL}:444", PORTAL.upper(), f"{PORTAL}.evil.example"):
        answer = client.get("/v1/districts", headers={"Origin": origin})
        assert named(answer) == {}
        assert "Origin" in answer.headers["vary"]
    assert "Origin" in client.get("/v1/districts").headers["vary"]


def test_what_a_browser_asks_before_wants_no_key(service: Service) -> None:
    address = f"{service(PORTAL).base_url}/v1/instruments/x"
    asked = httpx.options(address, headers={"Origin": PORTAL} | PREFLIGHT)
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == PORTAL
    assert {"PUT", "HEAD", "DELETE"} <= set(
        asked.headers["access-control-allow-methods"].split(", ")
    )
    assert "Authorization" in asked.headers["access-control-allow-headers"]
    assert named(httpx.options(address, headers={"Origin": OTHER} | PREFLIGHT)) == {}


def test_refusals_can_be_read_too(service: Service) -> None:
    client = service(PORTAL)
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        answer = httpx.get(f"{client.base_url}/v1/districts", headers={"Origin": PORTAL, **headers})
        assert answer.status_code == 401
        assert answer.headers["access-control-allow-origin"] == PORTAL


@pytest.mark.parametrize("origins", ["*", PORTAL])
def test_never_with_cookies(service: Service, origins: str) -> None:
    client = service(origins)
    for method in ("GET", "OPTIONS", "HEAD"):
        answer = client.request(method, "/v1/districts", headers={"Origin": PORTAL, **PREFLIGHT})
        assert answer.headers["access-control-allow-origin"] == origins
        assert "access-control-allow-credentials" not in answer.headers


def test_any_origin_is_one_answer_for_all(service: Service) -> None:
    answer = service("*").get("/v1/districts", headers={"Origin": OTHER})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "Origin" not in answer.headers["vary"]


@pytest.mark.parametrize(
    "wrong",
    [
        "portal.example.org",
        f"{PORTAL}/",
        f"{PORTAL}/page",
        "https://*.example.org",
        "HTTPS://portal.example.org",
        "https://a@b.example.org",
        "null",
        f"*,{PORTAL}",
    ],
)
def test_settings_that_are_no_origins(wrong: str) -> None:
    with pytest.raises(ValidationError, match="cors_origins"):
        Settings(cors_origins=wrong)
