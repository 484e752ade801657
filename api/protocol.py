"""HTTP at the socket: how long a request's head may take, how long it may be, and how many
connections an address may have.

What is asked is judged from the head on, in `gate.py` and `limits.py`. Before that nobody knows
who it is, and uvicorn waits for ever: four hundred sockets with half a head each would stay until
the process ends. So a connection without a request under way always has an end in sight: from its
opening, or from the first byte that came since the last answer, a whole head has to come in time.
Bytes in between prolong nothing. Between requests uvicorn's own keep-alive ends it.
"""

import asyncio
from collections import Counter
from functools import partial
from ipaddress import ip_address
from typing import Any, cast

import structlog
import uvicorn
from fastapi import FastAPI
from uvicorn.config import LOGGING_CONFIG
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.settings import Settings

log = structlog.get_logger(__name__)

#: A head may be so long; nothing of ours or of a browser's comes near.
HEAD_MAX = 64 << 10  # bytes
#: How long a connection without a request is kept for the next one.
KEEP_ALIVE = 30  # seconds
LATE = b"408 Request Timeout", b"the request's head did not come in time"
LONG = b"431 Request Header Fields Too Large", b"the request's head is longer than 65536 bytes"
MANY = b"429 Too Many Requests", b"this address has too many connections: close some"


class Door:
    """What all connections of a process share: the limits, and how many there are by address."""

    def __init__(self, settings: Settings) -> None:
        self.head_timeout_s = settings.head_timeout_s
        self._most = settings.connections_per_address
        self._trusted = settings.trusted_networks
        self._open: Counter[str] = Counter()

    def enter(self, address: str) -> bool:
        """Whether one more connection of an address fits; counts it then.

        A proxy speaks for very many, and counts them itself.
        """
        if self.trusts(address):
            return True
        if self._open[address] >= self._most:
            return False
        self._open[address] += 1
        return True

    def leave(self, address: str) -> None:
        """One that was counted is closed."""
        self._open[address] -= 1
        if self._open[address] <= 0:
            del self._open[address]

    def trusts(self, address: str) -> bool:
        """Whether it is a proxy's."""
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._trusted)


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with an end to its patience."""

    def __init__(self, *args: Any, door: Door, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._door = door
        self._counted: str | None = None
        self._due: asyncio.TimerHandle | None = None
        self._in_body = False
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count it, or turn it away."""
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        if self._door.enter(address):
            self._counted = None if self._door.trusts(address) else address
            self._wait_for_head()
        else:
            self._refuse(*MANY)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give its place back."""
        self._head_came()
        if self._counted is not None:
            self._door.leave(self._counted)
            self._counted = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; what is not part of a request under way must become one in time."""
        if self.transport.is_closing():
            return
        answering = self.cycle is not None and not self.cycle.response_complete
        if self._due is None and not answering:
            self._wait_for_head()
        super().data_received(data)
        if self._due is not None and not self._in_body:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_MAX and not self.transport.is_closing():
                self._refuse(*LONG)

    def on_headers_complete(self) -> None:
        """A request is under way."""
        self._head_came()
        self._in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All of it is here."""
        self._in_body = False
        super().on_message_complete()

    def _wait_for_head(self) -> None:
        self._head_bytes = 0
        self._due = self.loop.call_later(self._door.head_timeout_s, self._give_up)

    def _head_came(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _give_up(self) -> None:
        self._due = None
        if self._head_bytes and not self._in_body:
            self._refuse(*LATE)
        else:
            self.transport.close()

    def _refuse(self, status: bytes, detail: bytes) -> None:
        """A short word, then the end."""
        self._head_came()
        log.info("connection refused", action="connection_refused", reason=detail.decode())
        self.transport.write(
            b"HTTP/1.1 %s\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n"
            b"connection: close\r\n\r\n%s" % (status, len(detail), detail)
        )
        self.transport.close()


def server_config(
    app: FastAPI, settings: Settings, *, log_config: dict[str, Any] | None = LOGGING_CONFIG
) -> uvicorn.Config:
    """How uvicorn serves the API.

    Args:
        app: The application.
        settings: Its settings.
        log_config: Of uvicorn's own warnings; `None` leaves logging as it is.
    """
    protocol = partial(PatientProtocol, door=Door(settings))
    return uvicorn.Config(
        app,
        # uvicorn calls it as it calls a class.
        http=cast(type[asyncio.Protocol], protocol),
        ws="none",
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        log_level="warning",
        log_config=log_config,
        timeout_graceful_shutdown=settings.shutdown_s,
        timeout_keep_alive=KEEP_ALIVE,
    )
