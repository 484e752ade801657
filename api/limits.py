"""What stops a request at the door: bodies too large, characters that nothing can store."""

import asyncio
import time

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import Problem, problem_response
from api.settings import Settings

SLOW = "the request's body came too slowly"
#: What takes whole files.
IMPORT_PATHS = frozenset(
    f"/v1/{what}/import" for what in ("registry", "bookings", "self-reports", "annotations")
)

#: The page's own answers say more themselves (`routes/cockpit.py`).
HEADERS = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
)


class LimitsMiddleware:
    """Refuses what is too large before it is read, and adds the headers that all answers have."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the head, count the body, pass on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message.get("headers", ())}
                message["headers"] = [
                    *message.get("headers", ()),
                    *((name, value) for name, value in HEADERS if name not in present),
                ]
            await send(message)

        request = Request(scope)
        if "\0" in scope["path"] or b"%00" in scope.get("query_string", b""):
            problem = Problem(400, "nul-character", "an address holds no NUL character")
            await problem_response(request, problem)(scope, receive, send_with_headers)
            return
        limit = (
            self.settings.import_max_bytes
            if scope["path"] in IMPORT_PATHS
            else self.settings.body_max_bytes
        )
        detail = f"the request's body is larger than {limit} bytes"
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > limit:
            problem = Problem(413, "too-large", detail, headers={"Connection": "close"})
            await problem_response(request, problem)(scope, receive, send_with_headers)
            return
        taken, more, began = 0, True, time.monotonic()

        async def receive_counted() -> Message:
            nonlocal taken, more
            # After the body this waits for the client's leaving, as long as it takes.
            patience = self._patience(taken, time.monotonic() - began) if more else None
            try:
                message = await asyncio.wait_for(receive(), patience)
            except TimeoutError:
                raise HTTPException(408, SLOW, headers={"Connection": "close"}) from None
            if message["type"] == "http.request":
                taken += len(message.get("body", b""))
                more = message.get("more_body", False)
                if taken > limit:
                    # FastAPI passes its own kind of exception on and makes 400 of others.
                    raise HTTPException(413, detail, headers={"Connection": "close"})
            return message

        await self.app(scope, receive_counted, send_with_headers)

    def _patience(self, taken: int, passed: float) -> float:
        """Seconds that the next part of a body may take.

        One byte now and then would otherwise keep a request for hours: so all of it together has
        to come at the least speed, but for the patience that each part has.
        """
        settings = self.settings
        whole = settings.body_timeout_s + taken / settings.body_bytes_per_s - passed
        return max(0.0, min(settings.body_timeout_s, whole))
