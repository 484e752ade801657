"""A TCP relay on loopback that fails on command; it stands between ingest and its servers.

It knows just enough of PostgreSQL's protocol to see a ``COMMIT`` go by that follows a ``COPY``
of heartbeats (``on_commit``). Everything else about the bytes is none of its business.
"""

import contextlib
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from enum import Enum

CHUNK = 65_536
#: A simple query "COMMIT", as libpq writes it.
COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
STORES = b"COPY heartbeat "
TICK = 0.02  # seconds between looks at the switches


class Mode(Enum):
    """What the relay does with bytes."""

    PASS = "pass"
    #: Reads nothing and forwards nothing, while both connections stay open.
    BLACK_HOLE = "black hole"
    #: New connections are closed at once.
    REFUSE = "refuse"


class Proxy:
    """Relays ``port`` to the target, one thread a connection."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.mode = Mode.PASS
        #: Seconds that every chunk is held back.
        self.delay = 0.0
        #: Called once the answer to a ``COMMIT`` of heartbeats is there but not handed on; the
        #: connection is cut afterwards. Called once only.
        self.on_commit: Callable[[], None] | None = None
        self.commits_swallowed = 0
        self.connections = 0
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._closed = False
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def cut(self) -> None:
        """Resets every connection, both ways."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            for side in pair:
                _reset(side)

    def half_open(self) -> None:
        """The server's side is reset; the client never hears of it, nor anything again."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for _client, server in pairs:
            # The relaying thread sees the server's end and leaves the client alone, since the
            # pair is no longer known.
            _reset(server)

    def close(self) -> None:
        """Ends everything."""
        self._closed = True
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            if self.mode is Mode.REFUSE:
                client.close()
                continue
            threading.Thread(target=self._relay, args=[client], daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        while self.mode is Mode.BLACK_HOLE and not self._closed:
            time.sleep(TICK)
        try:
            server = socket.create_connection(self._target, timeout=5)
        except OSError:
            _reset(client)
            return
        for side in (client, server):
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = (client, server)
        with self._lock:
            self._pairs.add(pair)
        # Reset by the other end, or closed by ``cut``.
        with contextlib.suppress(OSError, ValueError):
            self._pump(client, server)
        with self._lock:
            known = pair in self._pairs
            self._pairs.discard(pair)
        _reset(server)
        if known or self._closed:
            _reset(client)
        else:
            self._leave_half_open(client)

    def _leave_half_open(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            while not self._closed and client.recv(CHUNK):
                pass
        _reset(client)

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        stores = False
        tail = b""
        while True:
            if self.mode is Mode.BLACK_HOLE:
                time.sleep(TICK)
                # A closed socket must be noticed here too.
                if client.fileno() < 0 or server.fileno() < 0:
                    return
                continue
            readable, _, _ = select.select([client, server], [], [], TICK)
            for source in readable:
                if self.mode is Mode.BLACK_HOLE:
                    break
                data = source.recv(CHUNK)
                if not data:
                    return
                if self.delay:
                    time.sleep(self.delay)
                if source is server:
                    client.sendall(data)
                    continue
                seen = tail + data
                tail = seen[-32:]
                stores = stores or STORES in seen
                server.sendall(data)
                if COMMIT in seen:
                    tail = b""
                    if stores and self._swallow(server):
                        return
                    stores = False

    def _swallow(self, server: socket.socket) -> bool:
        with self._lock:
            act, self.on_commit = self.on_commit, None
        if act is None:
            return False
        server.settimeout(10)
        server.recv(CHUNK)  # the answer: the transaction is committed
        self.commits_swallowed += 1
        act()
        return True


def _reset(sock: socket.socket) -> None:
    """Closes with RST: nothing that waits is sent."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with contextlib.suppress(OSError):
        # Wakes a thread that waits on it; plain close would not.
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()
