"""One gateway's MQTT connection over paho, and the loop that drives many in one thread.

paho's own threads would be one per gateway; here one selector drives them all through paho's
documented hooks for outside loops (``loop_read``, ``loop_write``, ``loop_misc``). What is
published and when is ``gateway.py``.
"""

import selectors
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

KEEPALIVE_S = 60
FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 30.0
CONNECT_TIMEOUT_S = 5.0
#: Unacknowledged publishes of one connection; Mosquitto's own default for the other side.
IN_FLIGHT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where the broker is and who we are to it."""

    host: str
    port: int
    username: str
    password: str
    protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5
    #: CA file, or an empty string for the system's; ``None``: no TLS.
    tls_ca: str | None = None


class Reactor:
    """Waits for sockets and tells links; knows nothing of gateways."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._links: dict[socket.socket, Link] = {}
        self._dirty: set[Link] = set()

    def opened(self, link: "Link", sock: socket.socket) -> None:
        """Watch a link's new socket."""
        self._links[sock] = link
        self._selector.register(sock, selectors.EVENT_READ, link)

    def closing(self, sock: socket.socket) -> None:
        """Forget a socket that is about to close."""
        if self._links.pop(sock, None) is not None:
            self._selector.unregister(sock)

    def wants_write(self, link: "Link") -> None:
        """The link has something to send."""
        self._dirty.add(link)

    def flush(self) -> None:
        """Send what links have queued; wait for the socket only where it is full."""
        if not self._dirty:
            return
        dirty, self._dirty = self._dirty, set()
        for link in dirty:
            link.write()

    def watch_write(self, link: "Link", sock: socket.socket, wanted: bool) -> None:
        """Whether to be told when the socket takes more."""
        if sock in self._links:
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if wanted else 0)
            self._selector.modify(sock, events, link)

    def wait(self, timeout_s: float) -> None:
        """Let links read and write what is there, for at most ``timeout_s``."""
        self.flush()
        for key, events in self._selector.select(max(0.0, timeout_s)):
            link: Link = key.data
            if events & selectors.EVENT_WRITE:
                link.write()
            if events & selectors.EVENT_READ:
                link.read()
        self.flush()

    def close(self) -> None:
        """Let go of the selector."""
        self._selector.close()


class Link:
    """A connection that comes back by itself, with growing pauses."""

    def __init__(
        self,
        reactor: Reactor,
        broker: Broker,
        client_id: str,
        *,
        on_up: Callable[[], None],
        on_down: Callable[[], None],
        on_message: Callable[[str, bytes], None],
        on_acked: Callable[[int, bool], None],
    ) -> None:
        self._reactor = reactor
        self._broker = broker
        self._on_up = on_up
        self._on_down = on_down
        self._on_message = on_message
        self._on_acked = on_acked
        self._backoff_s = FIRST_BACKOFF_S
        self._retry_at = 0.0
        self._away_until = 0.0
        self._watching = False
        self._connecting = False
        self.is_up = False
        #: Whether it was ours to break the connection that is there, or was there last.
        self.is_cut = False
        self.refused = ""
        five = broker.protocol == MQTTProtocolVersion.MQTTv5
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=broker.protocol,
            clean_session=None if five else True,
            reconnect_on_failure=False,
        )
        self._five = five
        client = self._client
        client.username_pw_set(broker.username, broker.password)
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(IN_FLIGHT)
        if broker.tls_ca is not None:
            client.tls_set(ca_certs=broker.tls_ca or None, cert_reqs=ssl.CERT_REQUIRED)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_message = self._message
        client.on_publish = self._published
        client.on_socket_open = self._socket_open
        client.on_socket_close = self._socket_close
        client.on_socket_register_write = self._register_write

    def connect(self, will_topic: str, will_payload: bytes) -> bool:
        """Try to connect; the answer comes through ``on_up``.

        Returns:
            False where the broker cannot be reached; ``due`` then says when to try again.
        """
        client = self._client
        client.will_set(will_topic, will_payload, qos=1, retain=True)
        self._connecting = True
        self._retry_at = time.monotonic() + CONNECT_TIMEOUT_S + self._backoff_s
        try:
            if self._five:
                client.connect(self._broker.host, self._broker.port, KEEPALIVE_S, clean_start=True)
            else:
                client.connect(self._broker.host, self._broker.port, KEEPALIVE_S)
        except OSError as error:
            self.refused = str(error)
            self._failed()
            return False
        return True

    def due(self, now: float) -> bool:
        """Whether it is time to connect (again)."""
        return not self.is_up and now >= self._retry_at and now >= self._away_until

    def _failed(self) -> None:
        self._connecting = False
        self._retry_at = time.monotonic() + self._backoff_s
        self._backoff_s = min(LONGEST_BACKOFF_S, self._backoff_s * 2)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Publish with QoS 1.

        Returns:
            The message id that ``on_acked`` will name.
        """
        return self._client.publish(topic, payload, qos=1, retain=retain).mid

    def subscribe(self, topic: str) -> None:
        """Subscribe with QoS 1."""
        self._client.subscribe(topic, qos=1)

    def drop(self, stay_away_s: float = 0.0) -> None:
        """Break the connection as a power cut would: the broker publishes the will.

        Args:
            stay_away_s: Do not connect again before that long.
        """
        self._away_until = time.monotonic() + stay_away_s
        self.is_cut = self.is_up
        sock = self._client.socket()
        if isinstance(sock, socket.socket):
            with suppress(OSError):  # it broke by itself
                sock.shutdown(socket.SHUT_RDWR)

    def disconnect(self) -> None:
        """Say goodbye: no will."""
        self._client.disconnect()
        self.write()

    def read(self) -> None:
        """Take what has arrived."""
        client = self._client
        client.loop_read()
        # What TLS has decrypted already no selector tells of.
        sock = client.socket()
        while isinstance(sock, ssl.SSLSocket) and sock.pending():
            client.loop_read()
            sock = client.socket()

    def write(self) -> None:
        """Send what is queued."""
        client = self._client
        if client.want_write():
            client.loop_write()
        sock = client.socket()
        if not isinstance(sock, socket.socket):
            return
        wanted = client.want_write()
        if wanted is not self._watching:
            self._watching = wanted
            self._reactor.watch_write(self, sock, wanted)

    def misc(self) -> None:
        """Keep-alive."""
        if self._client.socket() is not None:
            self._client.loop_misc()

    def close(self) -> None:
        """Let go of the socket at once."""
        self.drop()
        if self._client.socket() is not None:
            self.read()

    # paho's callbacks; an exception here ends the run, loudly

    def _connected(
        self,
        client: mqtt.Client,
        userdata: Any,
        flags: Any,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        self._connecting = False
        if reason.is_failure:
            self.refused = str(reason)
            self._failed()
            return
        self._backoff_s = FIRST_BACKOFF_S
        self.is_up, self.is_cut = True, False
        self._on_up()

    def _disconnected(
        self,
        client: mqtt.Client,
        userdata: Any,
        flags: Any,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        was_up = self.is_up
        self.is_up = False
        self._failed()
        if was_up:
            self._on_down()

    def _message(self, client: mqtt.Client, userdata: Any, message: mqtt.MQTTMessage) -> None:
        self._on_message(message.topic, bytes(message.payload))

    def _published(
        self,
        client: mqtt.Client,
        userdata: Any,
        mid: int,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        self._on_acked(mid, not reason.is_failure)

    def _socket_open(self, client: mqtt.Client, userdata: Any, sock: Any) -> None:
        self._watching = False
        self._reactor.opened(self, sock)

    def _socket_close(self, client: mqtt.Client, userdata: Any, sock: Any) -> None:
        self._reactor.closing(sock)

    def _register_write(self, client: mqtt.Client, userdata: Any, sock: Any) -> None:
        self._reactor.wants_write(self)
