"""Requests to addresses that others gave: nowhere inside, not for long, not for much.

Who may name an address may not thereby make us ask what only we can reach. A name is looked up
once, and the connection goes to the address that was looked at.
"""

import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import certifi
import httpcore

from models.public_address import is_public, plain_address

TIMEOUT_S = 30.0
#: What one answer may take in all (seconds, bytes).
LASTS_MOST_S, BYTES_MOST = 120.0, 20 << 20
REDIRECTS_MOST = 3


class OutboundError(Exception):
    """An address could not be asked; the message says why, for people."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an address said."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Guarded(httpcore.SyncBackend):
    """Connects to what is reachable by everyone alone."""

    def __init__(self, allow_private: bool, setting: str) -> None:
        self._allow_private = allow_private
        self._setting = setting

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise OutboundError(f"{host} cannot be looked up: {error.strerror}") from error
        addresses = [str(one[4][0]) for one in found]
        inside = [one for one in addresses if not is_public(plain_address(one))]
        if inside and not self._allow_private:
            raise OutboundError(
                f"{host} is {inside[0]}, an address of a private network; where that is meant,"
                f" an operator sets {self._setting}=true"
            )
        return super().connect_tcp(addresses[0], port, timeout, local_address, socket_options)

    def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
        raise OutboundError("an address is http or https")


def fetch(
    url: str,
    headers: Mapping[str, str],
    *,
    allow_private: bool = False,
    setting: str = "JISHI_FEEDS_ALLOW_PRIVATE",
    redirects: int = REDIRECTS_MOST,
) -> Answer:
    """Asks an address.

    Args:
        url: http or https.
        headers: Sent along, wherever it redirects to.
        allow_private: Whether it may lie in a private network.
        setting: What an operator would have to set for that.
        redirects: How many are followed; with 0 the answer is the redirect.

    Raises:
        OutboundError: It did not answer, not in time, or with too much.
    """
    with httpcore.ConnectionPool(
        ssl_context=_trust(), network_backend=_Guarded(allow_private, setting)
    ) as pool:
        for _ in range(redirects + 1):
            answer = _ask(pool, url, headers)
            if not redirects or answer.status not in (301, 302, 303, 307, 308):
                return answer
            url = answer.headers.get("location", "")
            if not url.startswith(("http://", "https://")):
                raise OutboundError(f"it redirects to {url!r}; a whole address is meant")
    raise OutboundError(f"it redirects more than {redirects} times")


@cache
def _trust() -> ssl.SSLContext:
    """Whom we believe: reading that takes 40 ms, and whoever follows a city asks a lot."""
    return ssl.create_default_context(cafile=certifi.where())


def _ask(pool: httpcore.ConnectionPool, url: str, headers: Mapping[str, str]) -> Answer:
    started = time.monotonic()
    timeouts = dict.fromkeys(("connect", "read", "write", "pool"), TIMEOUT_S)
    try:
        with pool.stream(
            "GET", url, headers=list(headers.items()), extensions={"timeout": timeouts}
        ) as answer:
            body = bytearray()
            for part in answer.iter_stream():
                body += part
                if len(body) > BYTES_MOST:
                    raise OutboundError(f"it answers more than {BYTES_MOST >> 20} MiB")
                if time.monotonic() - started > LASTS_MOST_S:
                    raise OutboundError(f"it answers for more than {LASTS_MOST_S:.0f} s")
            told = {
                name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in answer.headers
            }
            return Answer(answer.status, told, bytes(body))
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
        raise OutboundError(f"it does not answer: {str(error) or type(error).__name__}") from error
    except (httpcore.UnsupportedProtocol, ValueError, UnicodeError) as error:
        raise OutboundError(f"{url!r} is no address: {error}") from error
