"""The gate before ``/v1``: who asks, and how much at once, before anything of a body is read.

So a stranger learns nothing from how a request is judged, and no key holds the service for
itself. What a key may do is each route's to say (`auth.py`); sizes are in `limits.py`.
"""

from collections import Counter, OrderedDict

from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.auth import PRINCIPAL, Principal, authenticate
from api.buckets import Buckets, retry_after
from api.context import Context
from api.errors import Problem, answer_of, problem_response
from api.session import authorization_of
from store.keys import digest

PREFIX = "/v1/"
#: Below it and open to everyone: the description, and where the page signs in.
OPEN = frozenset({"/v1/openapi.json", "/v1/session"})
STREAM = "/v1/stream"
#: Keys that were right lately: whoever has one is no stranger, whatever its address did.
KNOWN_MAX = 10_000


class GateMiddleware:
    """Lets requests with a key in, so many of each key, and turns strangers away."""

    def __init__(self, app: ASGIApp, context: Context) -> None:
        settings = context.settings
        self.app = app
        self.context = context
        self.keys = Buckets(settings.requests_per_s, settings.requests_burst)
        self.strangers = Buckets(settings.strangers_per_s, settings.strangers_burst)
        self.running: Counter[str] = Counter()
        self.streams: Counter[str] = Counter()
        self.known: OrderedDict[bytes, None] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Judge the head; pass on."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX) or scope["path"] in OPEN:
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        try:
            principal = await self._principal(request)
            held = self._hold(principal, scope["path"])
        except Problem as problem:
            await problem_response(request, problem)(scope, receive, send)
            return
        except Exception as error:
            await (await answer_of(request, error))(scope, receive, send)
            return
        scope.setdefault("state", {})[PRINCIPAL] = principal
        try:
            await self.app(scope, receive, send)
        finally:
            held[principal.key_id] -= 1
            if held[principal.key_id] <= 0:
                del held[principal.key_id]

    async def _principal(self, connection: HTTPConnection) -> Principal:
        """Who asks.

        Raises:
            Problem: 401; or 429 for an address that was wrong too often.
        """
        header = authorization_of(connection)
        address = connection.client.host if connection.client else ""
        mark = digest(header or "")
        if mark not in self.known:
            refuse(self.strangers.wait(address), "this address tried too many wrong keys")
        try:
            principal = await authenticate(self.context, header)
        except Problem:
            self.known.pop(mark, None)
            self.strangers.take(address)
            raise
        self.known[mark] = None
        self.known.move_to_end(mark)
        if len(self.known) > KNOWN_MAX:
            self.known.popitem(last=False)
        return principal

    def _hold(self, principal: Principal, path: str) -> Counter[str]:
        """Count the request among its key's; the counter to give it back to.

        Raises:
            Problem: 429; the key has too many.
        """
        settings = self.context.settings
        refuse(
            self.keys.take(principal.key_id),
            f"the key asked more than {settings.requests_per_s:g} times a second",
        )
        held, limit, what = (
            (self.streams, settings.streams_per_key, "event streams")
            if path == STREAM
            else (self.running, settings.requests_parallel, "requests under way")
        )
        if held[principal.key_id] >= limit:
            refuse(1, f"the key has {limit} {what}, which is the most")
        held[principal.key_id] += 1
        return held


def refuse(seconds: float, detail: str) -> None:
    """429, where there is anything to wait for.

    Raises:
        Problem: There is.
    """
    if seconds:
        headers = {"Retry-After": retry_after(seconds)}
        raise Problem(429, "too-many-requests", f"{detail}: try again later", headers=headers)
