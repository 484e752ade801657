"""What both readers agree on about a connection: where it goes, its times, how it ends.

The readers are ``fast_reader.py`` and ``paho_reader.py``.
"""

import contextlib
import socket
import time
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

#: The session outlives any absence of ours.
SESSION_EXPIRY = 0xFFFFFFFF  # seconds; this value means never
#: Shares of the keep-alive: how often to ping, and how long silence is borne.
PING_AFTER, DEAD_AFTER = 0.5, 1.5
CONNECT_WITHIN = 5.0  # seconds for TCP and TLS
SUBSCRIBED_WITHIN = 15.0  # seconds from the start of a connection
PART_WITHIN = 1.0  # seconds that the broker has to close after our DISCONNECT
BACK_OFF_FIRST, BACK_OFF_MOST = 0.2, 5.0  # seconds
POLL = 0.01  # seconds between looks at the queue while a batch fills
#: Beyond the contract's 1 MiB, so that a larger message arrives and is recorded as such.
LARGEST_PACKET = 16 * 1024 * 1024  # bytes
LARGEST_WINDOW = 65_535
#: Mosquitto's words on itself begin so.
SYS_PREFIX = "$SYS/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A broker, and who we are to it."""

    host: str
    port: int
    tls: bool
    username: str | None
    password: str


def parse_address(url: str) -> Address:
    """Reads ``mqtt://user:password@host:port`` or ``mqtts://…``.

    Raises:
        ValueError: It is neither.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise ValueError(
            f"MQTT url has scheme {parts.scheme!r} and host {parts.hostname!r};"
            " expected mqtt://user:password@host:port or mqtts://…"
        )
    tls = parts.scheme == "mqtts"
    return Address(
        host=parts.hostname,
        port=parts.port or (8883 if tls else 1883),
        tls=tls,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password or ""),
    )


def check_window(window: int) -> int:
    """The window, if MQTT knows such.

    Raises:
        ValueError: It is not from 1 to 65,535.
    """
    if not 1 <= window <= LARGEST_WINDOW:
        raise ValueError(f"window {window} is outside 1 to 65,535, MQTT's Receive Maximum")
    return window


def part(sock: socket.socket) -> None:
    """Lets the broker close first, after our DISCONNECT.

    Closing over bytes that nobody read resets the connection, and acknowledgements that are
    still on their way may be lost with it.
    """
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
        sock.settimeout(PART_WITHIN)
        until = time.monotonic() + PART_WITHIN
        while sock.recv(1 << 16) and time.monotonic() < until:
            pass
