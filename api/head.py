"""``HEAD`` on every address that answers ``GET``: the same answer's head, without its body.

The outermost of all, so that everything within sees a ``GET``, and no route has to say it twice.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class _Told(Exception):  # noqa: N818 - no error
    """The head is out; what the body would be is nobody's concern."""


class HeadMiddleware:
    """Asks as ``GET``, and stops with the first part of the body: a stream has no end."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.body":
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                raise _Told
            await send(message)

        try:
            await self.app({**scope, "method": "GET"}, receive, send_head)
        except* _Told:
            pass
