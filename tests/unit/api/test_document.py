"""The API's own description: made once, and nobody else waits for it."""

import asyncio
import threading
from typing import Any

import httpx
import pytest

from api import document
from api.app import create_app
from api.settings import Settings
from tests.patience import PATIENCE


def test_others_are_answered_while_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    make, begun, go_on, made = document.get_openapi, threading.Event(), threading.Event(), []

    def slowly(**asked: Any) -> dict[str, Any]:
        begun.set()
        assert go_on.wait(PATIENCE), "nobody was answered meanwhile"
        made.append(make(**asked))
        return made[-1]

    monkeypatch.setattr(document, "get_openapi", slowly)
    transport = httpx.ASGITransport(app=create_app(Settings(database_url="")))

    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            paths = ("/v1/openapi.json", "/v1", "/v1/openapi.json")
            waiting = [asyncio.create_task(client.get(path)) for path in paths]
            await asyncio.to_thread(begun.wait, PATIENCE)
            alive = await client.get("/healthz")
            assert not any(task.done() for task in waiting)
            go_on.set()
            return [alive, *(await asyncio.gather(*waiting)), await client.get("/v1")]

    alive, first, index, again, later = asyncio.run(ask())
    assert [one.status_code for one in (alive, first, index, again, later)] == [200] * 5
    assert len(made) == 1
    assert first.content == again.content
    assert {item["href"] for item in index.json()["items"]} == first.json()["paths"].keys()
    assert later.json() == index.json()
