"""The gate before ``/v1``: who asks, and how much at once, before anything of a body is read.

So a stranger learns nothing from how a request is judged, and no key holds the service for
itself. What a key may do is each route's to say (`auth.py`); sizes are in `limits.py`.
"""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Collection, Hashable

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api import public
from api.auth import PRINCIPAL, Principal, principal_of
from api.buckets import Buckets, retry_after
from api.context import ASKER, Context
from api.errors import Problem, answer_of, problem_response
from api.session import token_of
from api.settings import OIDC_CALLBACK
from store.registry.keys import digest, usable_keys
from store.registry.sign_ins import standing_sign_ins
from store.run import Steps

log = structlog.get_logger(__name__)

PREFIX = "/v1/"
#: Below it and open to everyone: the description, and where the page signs in.
SESSION = "/v1/session"
#: There a browser is sent to the identity provider, and comes back.
OIDC = f"{SESSION}/oidc"
SIGNS_IN = frozenset({SESSION, OIDC, OIDC_CALLBACK})
OPEN = frozenset({"/v1/openapi.json", SESSION})
#: What the route there leaves in a request's state: whoever asked had no right key.
STRANGER = "stranger"
STREAM = "/v1/stream"
TOO_MANY_WRONG = "this address tried too many wrong keys"
#: Keys of open streams are looked at so often (s): one question for all of them.
LOOK_EVERY = 1.0
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
        self.anonymous = Buckets(settings.public_per_s, settings.public_burst)
        self.running: Counter[str] = Counter()
        self.streams: Counter[str] = Counter()
        #: Open streams by their key's id and, of a browser's, its sign-in's.
        self.listening: dict[tuple[str, str | None], set[asyncio.Future[None]]] = {}
        self.watch: asyncio.Task[None] | None = None
        self.known: OrderedDict[bytes, None] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Judge the head; pass on."""
        if scope["type"] == "http" and scope["path"] in SIGNS_IN:
            await self._sign_in(scope, receive, send)
            return
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
        state = scope.setdefault("state", {})
        state[PRINCIPAL], state[ASKER] = principal, asker_of(principal)
        try:
            if held is self.streams:
                await self._stream(principal, scope, receive, send)
            else:
                await self.app(scope, receive, send)
        finally:
            held[principal.key_id] -= 1
            if held[principal.key_id] <= 0:
                del held[principal.key_id]

    async def _sign_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what signs in or out; wrong keys count here as everywhere."""
        address = scope["client"][0] if scope.get("client") else ""
        try:
            refuse(self.strangers.wait(address), TOO_MANY_WRONG)
        except Problem as problem:
            await problem_response(Request(scope), problem)(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        await self.app(scope, receive, send)
        if state.get(STRANGER):
            self.strangers.take(address)

    async def _stream(
        self, principal: Principal, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Pass an event stream on, and end it with its key or token."""
        task = asyncio.ensure_future(self.app(scope, receive, send))
        opener, remaining = (principal.key_id, principal.sign_in_id), None
        if principal.expires_at is not None:
            remaining = max(0.0, principal.expires_at - time.time())
        else:
            self.listening.setdefault(opener, set()).add(task)
            if self.watch is None or self.watch.done():
                self.watch = asyncio.create_task(self._end_with_keys(), name="keys of streams")
        try:
            await asyncio.wait([task], timeout=remaining)
            if not task.done():
                task.cancel()
                await asyncio.wait([task])
        finally:
            listening = self.listening.get(opener, set())
            listening.discard(task)
            if not listening:
                self.listening.pop(opener, None)
            if not task.done():
                task.cancel()
        if task.cancelled():
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            task.result()

    async def _end_with_keys(self) -> None:
        """While there are streams, end those whose key or sign-in is no more."""
        while self.listening:
            await asyncio.sleep(LOOK_EVERY)
            asked = list(self.listening)
            try:
                usable = await self.context.database.read(_still_in(asked))
            except Exception as error:
                # The database is away: streams say so themselves, and go on.
                log.warning("keys not looked at", action="stream_keys", error=str(error).strip())
                continue
            for opener in asked:
                if opener not in usable:
                    for task in self.listening.get(opener, ()):
                        task.cancel()

    async def _principal(self, connection: Request) -> Principal:
        """Who asks.

        Raises:
            Problem: 401; or 429 for an address that was wrong too often.
        """
        header, token = connection.headers.get("authorization"), token_of(connection)
        address = connection.client.host if connection.client else ""
        if (
            header is None
            and token is None
            and (anonymous := public.reader(connection, self.context.settings))
        ):
            return anonymous
        mark = digest(f"cookie {token}" if token else header or "")
        if mark not in self.known:
            refuse(self.strangers.wait(address), TOO_MANY_WRONG)
        try:
            principal = await principal_of(self.context, connection)
        except Problem as problem:
            self.known.pop(mark, None)
            if problem.status != 503:
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
        if principal.anonymous:
            refuse(
                self.anonymous.take(principal.key_id),
                f"without a key an address asks no more than {settings.public_per_s:g} times "
                "a second",
            )
        else:
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


def _still_in(
    openers: Collection[tuple[str, str | None]],
) -> Steps[set[tuple[str, str | None]]]:
    """Of those who opened streams, the ones whose key, or sign-in, still stands."""
    keys = yield from usable_keys([key_id for key_id, sign_in_id in openers if not sign_in_id])
    standing = yield from standing_sign_ins([sign_in_id for _, sign_in_id in openers if sign_in_id])
    return {one for one in openers if (one[1] in standing if one[1] else one[0] in keys)}


def asker_of(principal: Principal) -> Hashable:
    """Whose turn a question takes: all keys of an institution share theirs."""
    if principal.institution_key is not None:
        return principal.institution_key
    return principal.key_id


def refuse(seconds: float, detail: str) -> None:
    """429, where there is anything to wait for.

    Raises:
        Problem: There is.
    """
    if seconds:
        headers = {"Retry-After": retry_after(seconds)}
        raise Problem(429, "too-many-requests", f"{detail}: try again later", headers=headers)
