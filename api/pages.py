"""The pages after the first of a list, for answers that hold them all: CSV (`tables.py`).

Each is asked for as any client would, within this process and under the same principal: so
memory holds one page, and each is as it is when it is read. What was answered already cannot be
taken back: a page that fails ends the answer in its middle, which every client notices.
"""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

from annotated_types import Le
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.types import Message, Scope

#: Of the next page's own answer these say nothing: it is JSON, and whole.
_LEFT_OUT = (b"accept", b"if-none-match", b"range")


async def following(request: Request, cursor: str | None) -> AsyncIterator[bytes]:
    """The pages from a cursor on, each as it is encoded.

    Raises:
        RuntimeError: one of them was refused.
    """
    while cursor is not None:
        body = await _page(request, cursor)
        yield body
        cursor = json.loads(body)["next_cursor"]


async def _page(request: Request, cursor: str) -> bytes:
    scope = _scope(request, cursor)
    parts: list[bytes] = []
    status = 0

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)
        parts.append(message.get("body", b""))

    await request.app.router(scope, request.receive, send)
    body = b"".join(parts)
    if status != 200:
        raise RuntimeError(
            f"page of {request.url.path} was answered with {status}: {body[:200].decode()}"
        )
    return body


def _scope(request: Request, cursor: str) -> Scope:
    query = [
        (name, value)
        for name, value in request.query_params.multi_items()
        if name not in ("cursor", "format")
    ]
    query += [("limit", _most(request.scope["route"])), ("cursor", cursor)]
    return {
        **request.scope,
        "method": "GET",
        "query_string": urlencode(query).encode("ascii"),
        "headers": [
            (name, value) for name, value in request.scope["headers"] if name not in _LEFT_OUT
        ],
    }


def _most(route: APIRoute) -> Any:
    """The most items that a route puts on a page."""
    fields = route.dependant.query_params
    limit = next(field.field_info for field in fields if field.name == "limit")
    return next(bound.le for bound in limit.metadata if isinstance(bound, Le))
