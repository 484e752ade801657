"""Pages of other origins that may ask, where ``JISHI_CORS_ORIGINS`` names them (Fetch standard).

They come with a key or a token in ``Authorization`` alone: cookies are our own page's, so
``Access-Control-Allow-Credentials`` is never said, whatever the origins are. Who is not named gets
the answers that it got before, without the headers, and its browser keeps them from it.
"""

from collections.abc import Iterable, Iterator

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.settings import Settings

Pairs = Iterator[tuple[bytes, bytes]]

ANY = "*"
METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
ASKED_WITH = b"Authorization, Content-Type, If-Match, If-None-Match, Last-Event-ID"
#: What scripts may read of an answer, beside what any may.
EXPOSED = b"ETag, Link, Location, Retry-After, WWW-Authenticate, Content-Disposition"
#: A browser need not ask again for so long (s); more than two hours none of them keeps.
KEPT_S = 7_200


class CorsMiddleware:
    """Lets browsers hand answers to pages of these origins, and answers what they ask before."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.origins = settings.cors_origin_list

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, unless it only asks whether it may be made."""
        if scope["type"] != "http" or not self.origins:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin", "")
        allowed = origin if ANY not in self.origins else ANY
        named = bool(origin) and (allowed == ANY or origin in self.origins)
        if named and scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            start = {"type": "http.response.start", "status": 204, "headers": [*_before(allowed)]}
            await send(start)
            await send({"type": "http.response.body", "body": b""})
            return

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*_with_vary(message["headers"], allowed)]
                if named:
                    message["headers"] += _beside(allowed)
            await send(message)

        await self.app(scope, receive, send_named)


def _before(allowed: str) -> Pairs:
    yield b"access-control-allow-origin", allowed.encode("latin-1")
    yield b"access-control-allow-methods", METHODS
    yield b"access-control-allow-headers", ASKED_WITH
    yield b"access-control-max-age", b"%d" % KEPT_S
    yield b"vary", b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


def _beside(allowed: str) -> Pairs:
    yield b"access-control-allow-origin", allowed.encode("latin-1")
    yield b"access-control-expose-headers", EXPOSED


def _with_vary(headers: Iterable[tuple[bytes, bytes]], allowed: str) -> Pairs:
    """The headers, with `Origin` among what an answer varies by where it does."""
    varies = [] if allowed == ANY else [b"Origin"]
    for name, value in headers:
        if name.lower() == b"vary":
            varies.insert(0, value)
        else:
            yield name, value
    if varies:
        yield b"vary", b", ".join(varies)
