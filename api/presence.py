"""Work that ends when its client leaves: nobody pays for answers that nobody reads."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from starlette.requests import Request

from api.errors import Problem

T = TypeVar("T")


async def while_present(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What ``work`` returns, as long as the client waits for it.

    Raises:
        Problem: 499, which nobody hears: the client left, and the work was cancelled.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait([task, gone], return_when=asyncio.FIRST_COMPLETED)
    finally:
        left = not task.done()
        task.cancel()
        gone.cancel()
        await asyncio.wait([task, gone])
    if left:
        if not task.cancelled():
            task.exception()  # heard, or asyncio complains of it
        raise Problem(499, "client-left", "the client left", title="Client closed request")
    return task.result()


async def _gone(request: Request) -> None:
    # What breaks on the way in is as good as gone.
    with suppress(Exception):
        while (await request.receive())["type"] != "http.disconnect":
            pass
