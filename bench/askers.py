"""Those who ask long questions beside the one who is measured: a process of their own.

In the measuring process they would take its time, and nobody could tell whose it was.
"""

import asyncio
import itertools
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import httpx

from bench import history
from bench.reads import midnight
from bench.rig import metric

#: How many ask at a time: those of the key's bar, and a crowd.
ASKERS, CROWD = 12, 100
UNDER_WAY = 'jishi_api_turns{questions="long"}'
SETTLE_S = 3.0
#: Too busy, or too slow for this machine: they come back.
TOLD_TO_WAIT = (429, 503, 504)


def questions(first: date, end: date) -> list[tuple[str, dict[str, Any]]]:
    """What a day's long questions are: each keeps a core for seconds."""
    year = {"from": midnight(max(first, end - timedelta(days=365))), "to": midnight(end)}
    month = {"from": midnight(end - timedelta(days=30)), "to": midnight(end)}
    two_days = {"from": midnight(end - timedelta(days=2)), "to": midnight(end)}
    whole = "/v1/utilization"
    return [
        (whole, {**year, "group_by": "instrument", "sort": "-utilization", "limit": 1000}),
        (whole, {**year, "group_by": "district", "bucket": "day"}),
        (whole, {**two_days, "group_by": "instrument", "bucket": "hour", "class": history.CLASS}),
        ("/v1/profile", month),
        (whole, {**two_days, "group_by": "district", "bucket": "hour"}),
    ]


@contextmanager
def beside(client: httpx.Client, askers: int, first: date, end: date) -> Iterator[None]:
    """So many who ask long questions all the while, with the same key, from its start on.

    Raises:
        RuntimeError: They gave up.
    """
    context = multiprocessing.get_context("spawn")
    headers = {"Authorization": client.headers["Authorization"]}
    address = str(client.base_url).rstrip("/")
    terms = (address, headers, askers, questions(first, end))
    process = context.Process(target=_ask, args=terms, daemon=True)
    process.start()
    try:
        while not metric(f"{address}/metrics", UNDER_WAY):
            time.sleep(0.1)
        time.sleep(SETTLE_S)
        yield
        if not process.is_alive():
            raise RuntimeError("those who ask long questions gave up before the end")
    finally:
        process.terminate()
        process.join(10)


def _ask(
    address: str, headers: dict[str, str], askers: int, asked: list[tuple[str, dict[str, Any]]]
) -> None:
    asyncio.run(_ask_all(address, headers, askers, asked))


async def _ask_all(
    address: str, headers: dict[str, str], askers: int, asked: list[tuple[str, dict[str, Any]]]
) -> None:
    async def ask_on(client: httpx.AsyncClient, number: int) -> None:
        for path, params in itertools.islice(itertools.cycle(asked), number, None):
            answer = await client.get(path, params=params)
            if answer.status_code in TOLD_TO_WAIT:
                await asyncio.sleep(int(answer.headers.get("retry-after", "1")))
            else:
                answer.raise_for_status()

    async with httpx.AsyncClient(
        base_url=address,
        headers=headers,
        timeout=600,
        limits=httpx.Limits(max_connections=askers),
    ) as client:
        await asyncio.gather(*(ask_on(client, number) for number in range(askers)))
