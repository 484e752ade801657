"""JSON answers: exact decimals, and a weak ETag over all but ``as_of``.

msgspec writes `Decimal` as a JSON number with every digit, which the standard library and
pydantic do not.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from hashlib import blake2b
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api import pages, tables

MEDIA_TYPE = "application/json"

_encoder = msgspec.json.Encoder(decimal_format="number")

# Inside a JSON string every quote carries a backslash, so this finds keys and nothing else.
_AS_OF = re.compile(rb'"as_of":(?:"[^"]*"|null)')
_TAG = re.compile(r'(?:W/)?"([^"]*)"')


def encode(payload: Any) -> bytes:
    """``payload`` as JSON; `Decimal` as a number, an aware datetime as RFC 3339."""
    return _encoder.encode(payload)


def json_response(
    payload: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer that carries ``payload`` as JSON."""
    return Response(encode(payload), status, headers, MEDIA_TYPE)


def weak_etag(body: bytes) -> str:
    """The weak entity tag of an encoded answer; ``as_of`` does not count, wherever it stands."""
    if said := _AS_OF.search(body):
        # One moment mostly, a thousand times: plain text is found in half the time.
        body = body.replace(said[0], b"")
        if b'"as_of":' in body:
            body = _AS_OF.sub(b"", body)
    return f'W/"{blake2b(body, digest_size=16).hexdigest()}"'


def record_etag(body: bytes, revision: int) -> str:
    """The tag of a record that is written by it: `If-Match` looks at the revision alone.

    What is live in the answer changes the rest, and keeps nobody from writing.
    """
    return f'W/"{revision}.{weak_etag(body)[3:]}'


def revisions_in(if_match: str) -> frozenset[int]:
    """The revisions that an ``If-Match`` names, by tags of records; others name none."""
    found = (tag.partition(".")[0] for tag in _TAG.findall(if_match))
    return frozenset(int(one) for one in found if one.isdecimal() and len(one) < 19)


def etag_response(
    request: Request,
    payload: Any,
    headers: Mapping[str, str] | None = None,
    *,
    revision: int | None = None,
) -> Response:
    """``payload`` as JSON, or CSV, with its ETag; or 304 where the client has it already.

    With a ``revision`` the tag is a record's, which `If-Match` takes.
    """
    body = encode(payload)
    tag = weak_etag(body) if revision is None else record_etag(body, revision)
    table = tables.table_of(request) if tables.wants_csv(request) else None
    if table is not None:
        tag = f'{tag[:-1]}-csv"'
    headers = {
        **(headers or {}),
        "ETag": tag,
        "Cache-Control": "private, no-cache",
        "Vary": "Accept",
    }
    if matches(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    if table is not None:
        headers |= tables.headers(request, payload)
        if tables.is_whole(request) and payload.get("next_cursor"):
            del headers["ETag"]  # it is the first page's
        lines = _lines(request, table, payload)
        return StreamingResponse(lines, 200, headers, tables.MEDIA_TYPE)
    return Response(body, 200, headers, MEDIA_TYPE)


async def _lines(
    request: Request, table: tables.Table, payload: Mapping[str, Any]
) -> AsyncIterator[str]:
    """An answer's table, and unless a page was asked for all that follows it."""
    first = True
    for part in tables.parts(table, payload):
        # Half a thousand rows take a while to write: the event loop is everyone's.
        yield await asyncio.to_thread(_written, table, part, header=first)
        first = False
    if tables.is_whole(request):
        async for page in pages.following(request, payload.get("next_cursor")):
            yield await asyncio.to_thread(tables.written, table, page, header=False)


def _written(table: tables.Table, part: Mapping[str, Any], *, header: bool) -> str:
    return tables.written(table, encode(part), header=header)


def matches(if_none_match: str | None, tag: str) -> bool:
    """Whether a request's ``If-None-Match`` names ``tag``, by weak comparison."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    return tag.removeprefix("W/").strip('"') in _TAG.findall(if_none_match)
