"""Publishes a backlog at QoS 1 as fast as the broker takes it: MQTT 5 by hand, one socket.

A client library's cost per message would be measured along with the service where both share
the machine; and a backlog of 200,000 is there in a second this way.
"""

import socket
import time
from collections.abc import Iterable

CONNACK_LENGTH_AT = 1
_WINDOW = 20_000  # publishes not acknowledged yet


def varint(number: int) -> bytes:
    """MQTT's variable byte integer."""
    out = bytearray()
    while True:
        number, low = divmod(number, 128)
        out.append(low | 0x80 if number else low)
        if not number:
            return bytes(out)


def _text(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(2, "big") + raw


def connect_packet(
    client_id: str, username: str, password: str, *, session_expiry: int | None = None
) -> bytes:
    """CONNECT with user name and password; ``clean_start`` where no session is wanted."""
    properties = b"" if session_expiry is None else b"\x11" + session_expiry.to_bytes(4, "big")
    flags = 0xC0 | (0x02 if session_expiry is None else 0)
    body = (
        b"\x00\x04MQTT\x05"
        + bytes([flags])
        + (600).to_bytes(2, "big")
        + varint(len(properties))
        + properties
        + _text(client_id)
        + _text(username)
        + _text(password)
    )
    return b"\x10" + varint(len(body)) + body


def publish_packet(topic: bytes, payload: bytes, packet_id: int) -> bytes:
    """PUBLISH at QoS 1 without properties."""
    length = len(topic) + len(payload) + 5
    return b"".join(
        (
            b"\x32",
            varint(length),
            len(topic).to_bytes(2, "big"),
            topic,
            packet_id.to_bytes(2, "big"),
            b"\0",
            payload,
        )
    )


class Publisher:
    """One connection that publishes; use as a context."""

    def __init__(self, host: str, port: int, client_id: str, username: str, password: str) -> None:
        self._socket = socket.create_connection((host, port), 10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(connect_packet(client_id, username, password))
        answer = self._socket.recv(4096)
        if answer[:1] != b"\x20" or answer[3] != 0:
            raise ConnectionError(f"broker refused the benchmark's publisher: {answer[:8].hex()}")
        self._sent = 0
        self._acked = 0
        self._rest = b""

    def __enter__(self) -> "Publisher":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def publish(self, messages: Iterable[tuple[str, bytes]]) -> int:
        """Publishes all and waits for every acknowledgement; how many."""
        before = self._sent
        chunk: list[bytes] = []
        topics: dict[str, bytes] = {}
        for topic, payload in messages:
            raw = topics.get(topic) or topics.setdefault(topic, topic.encode())
            chunk.append(publish_packet(raw, payload, self._sent % 65_535 + 1))
            self._sent += 1
            if len(chunk) == 500:
                self._socket.sendall(b"".join(chunk))
                chunk.clear()
                while self._sent - self._acked > _WINDOW:
                    self._read_acks()
        self._socket.sendall(b"".join(chunk))
        until = time.monotonic() + 60
        while self._acked < self._sent and time.monotonic() < until:
            self._read_acks()
        if self._acked < self._sent:
            raise TimeoutError(f"{self._sent - self._acked} messages were never acknowledged")
        return self._sent - before

    def _read_acks(self) -> None:
        got = self._socket.recv(1 << 16)
        if not got:
            raise ConnectionError("the broker closed the benchmark's connection")
        data = self._rest + got
        at = 0
        while at + 2 <= len(data) and at + 2 + data[at + 1] <= len(data):
            length = data[at + 1]
            if data[at] == 0x40:
                if length > 2 and data[at + 4] >= 0x80:
                    raise ConnectionError(f"publish refused with reason {data[at + 4]:#x}")
                self._acked += 1
            at += 2 + length
        self._rest = data[at:]


def make_session(
    host: str, port: int, client_id: str, username: str, password: str, filters: Iterable[str]
) -> None:
    """Makes a persistent session with subscriptions at QoS 1, and leaves."""
    with socket.create_connection((host, port), 10) as sock:
        sock.sendall(connect_packet(client_id, username, password, session_expiry=0xFFFFFFFF))
        answer = sock.recv(4096)
        if answer[:1] != b"\x20" or answer[3] != 0:
            raise ConnectionError(f"broker refused {client_id}: {answer[:8].hex()}")
        body = b"\0\1\0" + b"".join(_text(name) + b"\x01" for name in filters)
        sock.sendall(b"\x82" + varint(len(body)) + body)
        # What the session holds already may come before the SUBACK.
        data = answer[2 + answer[1] :]
        while True:
            while frame := _frame(data):
                if data[0] == 0x90:
                    sock.sendall(b"\xe0\x00")
                    return
                data = data[frame:]
            got = sock.recv(1 << 16)
            if not got:
                raise ConnectionError("subscription not acknowledged")
            data += got


def _frame(data: bytes) -> int:
    """The length of the first packet; 0 while it is not whole."""
    length = shift = 0
    for at, byte in enumerate(data[1:5], 1):
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return at + 1 + length if len(data) > at + length else 0
    return 0
