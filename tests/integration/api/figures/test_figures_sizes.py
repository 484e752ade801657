"""What is too large is refused before anything is worked out, and what would do is named."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import uvicorn

from api.app import create_app
from api.settings import Settings
from store.registry.keys import create_key
from store.run import run
from tests.integration.api.conforming import conforms
from tests.integration.api.figures.world import HOUR, World, at, iso

BEGIN = at("2026-03-01T16:00")  # a Shanghai midnight
DAY = 24 * HOUR
MOST = 100
GROUPS, ONE = "/v1/utilization", "/v1/instruments/a/utilization"
#: Whatever works figures out: a refusal calls none of them.
WORK = (
    "api.group_question.tally_groups",
    "api.routes.figures.usages",
)


@pytest.fixture(scope="module")
def small(figures_url: str) -> Iterator[str]:
    """A server of few buckets."""
    settings = Settings(
        database_url=figures_url, pool_min_size=1, pool_max_size=2, buckets_max=MOST
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(create_app(settings), log_config=None, ws="none"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def client(small: str, world: World) -> Iterator[httpx.Client]:
    made = run(world.conn, create_key(name="t", scopes=["read"], actor="test"))
    with httpx.Client(
        base_url=small,
        headers={"Authorization": f"Bearer {made.key}"},
        timeout=60,
        event_hooks={"response": [conforms]},
    ) as client:
        yield client


def asked(client: httpx.Client, path: str, start: int, end: int, **more: str) -> httpx.Response:
    window = {"from": iso(start), "to": iso(end), "tz": "Asia/Shanghai"}
    return client.get(path, params={**window, **more})


def works_nothing(patch: pytest.MonkeyPatch) -> None:
    def work(*_: Any, **__: Any) -> Any:
        raise AssertionError("figures were asked for")

    for name in WORK:
        patch.setattr(name, work)


def refused(answer: httpx.Response) -> str:
    assert answer.status_code == 422, answer.text
    body = answer.json()
    assert body["type"] == "urn:jishi:problem:too-many-buckets"
    assert body["errors"][0]["field"] == "query.bucket"
    detail: str = body["detail"]
    return detail


LENGTHS = {"day": DAY, "hour": HOUR}


@pytest.mark.parametrize(
    ("path", "instruments", "more", "start", "length", "says"),
    [
        pytest.param(
            ONE, 1, {"bucket": "hour"}, BEGIN, 90 * DAY,
            "the window would be 2,160 buckets; at most 100: ask bucket=day or at most 4 days",
            id="one instrument",
        ),
        pytest.param(
            ONE, 1, {"bucket": "hour"}, BEGIN - 100 * DAY, 300 * DAY,
            "the window would be 7,200 buckets; at most 100: ask bucket=week or at most 4 days",
            id="a bucket that would not do is passed over",
        ),
        pytest.param(
            ONE, 1, {"bucket": "day"}, BEGIN + HOUR, 120 * DAY,
            "the window would be 121 buckets; at most 100: ask bucket=week or at most 99 days",
            id="a window that cuts its days",
        ),
        pytest.param(
            GROUPS, 7, {"bucket": "hour", "group_by": "instrument"}, BEGIN, 10 * DAY,
            "7 groups of 240 buckets would be 1,680 buckets; at most 100: "
            "ask bucket=day or at most 14 hours",
            id="groups",
        ),
        pytest.param(
            GROUPS, 2, {"bucket": "hour", "group_by": "instrument"}, BEGIN, 10 * DAY,
            "2 groups of 240 buckets would be 480 buckets; at most 100: "
            "ask bucket=day or at most 50 hours",
            id="not much more than two days",
        ),
        pytest.param(
            GROUPS, 7, {"bucket": "hour"}, BEGIN, 10 * DAY,
            "the window would be 240 buckets; at most 100: ask bucket=day or at most 4 days",
            id="all in one group",
        ),
        pytest.param(
            GROUPS, 60, {"bucket": "month", "group_by": "instrument"}, BEGIN, 90 * DAY,
            "60 groups of 3 buckets would be 180 buckets; at most 100: ask at most 30 days",
            id="no larger bucket",
        ),
        pytest.param(
            GROUPS, 101, {"bucket": "day", "group_by": "instrument"}, BEGIN, 2 * DAY,
            "101 groups of 2 buckets would be 202 buckets; at most 100: ask no bucket",
            id="too many groups for any bucket",
        ),
    ],
)  # fmt: skip
def test_refused_before_any_work_and_what_is_named_would_do(
    world: World,
    client: httpx.Client,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    instruments: int,
    more: dict[str, str],
    start: int,
    length: int,
    says: str,
) -> None:
    for n in range(instruments):
        world.instrument("a" if n == 0 else f"a{n:03}")
    with monkeypatch.context() as patch:
        works_nothing(patch)
        detail = refused(asked(client, path, start, start + length, **more))
    assert detail == says
    for bucket in re.findall(r"bucket=(\w+)", detail):
        answer = asked(client, path, start, start + length, **{**more, "bucket": bucket})
        assert answer.status_code == 200, answer.text
    for number, unit in re.findall(r"at most (\d+) (day|hour)", detail):
        shorter = int(number) * LENGTHS[unit]
        # It would do at either end; and no longer one would.
        assert asked(client, path, start, start + shorter, **more).status_code == 200
        end = start + length
        assert asked(client, path, end - shorter, end, **more).status_code == 200
        longer = shorter + LENGTHS[unit]
        both = (start, start + longer), (end - longer, end)
        assert 422 in [asked(client, path, *window, **more).status_code for window in both]
    if "no bucket" in detail:
        without = {name: value for name, value in more.items() if name != "bucket"}
        assert asked(client, path, start, start + length, **without).status_code == 200


def test_a_shorter_window_has_the_groups_of_its_own_end(
    world: World, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten institutions became one on the eighth day."""
    joined = BEGIN + 8 * DAY
    for n in range(10):
        world.instrument(f"a{n}", institution=f"i{n}")
        world.instrument(f"a{n}", institution="i0", valid_from=joined)
    more = {"bucket": "hour", "group_by": "institution"}
    with monkeypatch.context() as patch:
        works_nothing(patch)
        detail = refused(asked(client, GROUPS, BEGIN, BEGIN + 20 * DAY, **more))
    assert detail.startswith("the window would be 480 buckets")
    assert detail.endswith("ask bucket=day or at most 10 hours")
    assert asked(client, GROUPS, BEGIN, BEGIN + 10 * HOUR, **more).status_code == 200
    assert asked(client, GROUPS, BEGIN, BEGIN + 11 * HOUR, **more).status_code == 422
