"""MQTT through paho-mqtt 2, in one thread that alone touches the client.

What it shares with other threads, and how long it waits for what, is in ``network_thread.py``.
Keeping the connection alive is done there, not by paho: its answer to a ping may lie behind
a backlog that we do not want to read yet, and paho would take us for dead.
"""

import socket
import time
from typing import Any

import structlog
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingest.metrics import BROKER_FIGURES
from ingest.mqtt.connection import (
    CONNECT_WITHIN,
    LARGEST_PACKET,
    SESSION_EXPIRY,
    part,
)
from ingest.mqtt.network_thread import NetworkThread
from ingest.mqtt.reader import Delivery, Token
from ingest.mqtt.refusal import RefusedError, refused

log = structlog.get_logger(__name__)

DISCONNECT = b"\xe0\x00"
READ_BURST = 1000  # packets read before the rest of the loop gets its turn


class PahoReader(NetworkThread):
    """A ``Reader`` over one MQTT 5 connection with a persistent session."""

    def _prepare(self) -> None:
        """See ``NetworkThread._prepare``."""
        address = self._address
        self._received = 0  # messages, for the read burst
        self._answered = False
        self._refused = ""
        self._asked_mid: int | None = None

        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=mqtt.MQTTv5,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        self._client.max_inflight_messages_set(65_535)
        # Here and once: paho refuses it for a client that was connected before.
        self._client.connect_timeout = CONNECT_WITHIN
        if address.username:
            self._client.username_pw_set(address.username, address.password)
        if self._tls is not None:
            self._client.tls_set_context(self._tls)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_answer
        self._client.on_unsubscribe = self._on_answer
        self._client.on_message = self._on_message
        # Registered so that a queued packet is not written from inside the queuing call:
        # the loop writes them together.
        self._client.on_socket_register_write = lambda *_: None

    # -- the network thread ----------------------------------------------------------------

    def _converse(self) -> str:
        """See ``NetworkThread._converse``."""
        self._answered = False
        self._refused = ""
        self._connect()
        return self._serve()

    def _connect(self) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY
        properties.ReceiveMaximum = self._window
        properties.MaximumPacketSize = LARGEST_PACKET
        self._client.connect(
            self._address.host,
            self._address.port,
            keepalive=max(1, round(self._keep_alive)),
            # "First only", paho's default, erases the session at each start of the process.
            clean_start=False,
            properties=properties,
        )

    def _serve(self) -> str:
        """Turns the connection's loop; returns why it ended."""
        client = self._client
        self._begin_serving()
        while True:
            sock = client.socket()
            if sock is None:
                return "closed by the broker"
            assert isinstance(sock, socket.socket)  # a WebSocket it is not
            self._send_outbox()
            if self._closing and not client.want_write():
                # Not paho's own way, which closes at once: see ``part``.
                sock.setblocking(True)
                sock.sendall(DISCONNECT)
                part(sock)
                client._sock_close()
                return "we leave"
            reading, broken = self._turn()
            if broken:
                return broken
            if client.is_connected() and self._ping_is_due():
                client._send_pingreq()
            readable, writable = self._wait(sock, reading=reading, writing=client.want_write())
            going = not readable or self._read_burst()
            if self._refused:
                raise RefusedError(self._refused)
            if not going:
                return "closed by the broker"
            if writable and client.loop_write() != mqtt.MQTT_ERR_SUCCESS:
                return "closed by the broker"

    def _read_burst(self) -> bool:
        """Reads until nothing more is there; False when the connection is gone."""
        for _ in range(READ_BURST):
            before = self._received
            if self._client.loop_read() != mqtt.MQTT_ERR_SUCCESS:
                return False
            if self._received == before or self._waiting_bytes >= self._window_bytes:
                return True
        return True

    def _send_outbox(self) -> None:
        if not self._answered:
            return
        self._ask()
        for topic, payload in self._probe.due(time.monotonic()):
            self._client.publish(topic, payload, qos=0)
        # paho acknowledges with success alone: it has no way to name another reason.
        for packet_id in self._due_acks()[0]:
            self._client.ack(packet_id, 1)
        while self._receipts:
            topic, payload = self._receipts.popleft()
            self._client.publish(topic, payload, qos=1)

    # -- callbacks: none may raise, for that would end the thread ---------------------------

    def _on_connect(
        self,
        client: mqtt.Client,
        _userdata: Any,
        flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            # Raised outside of the callback, see ``_serve``.
            self._refused = refused(
                self._address, self._client_id, int(reason.value), reason.getName()
            )
            return
        log.info("connected", action="mqtt_connect", session_present=flags.session_present)
        self._answered = True
        if flags.session_present:
            self._give_up_older()
        self._subscriptions.begin()
        # By itself: a broker that does not have it, or refuses it, is none the worse.
        client.subscribe([(topic, 0) for topic in (*BROKER_FIGURES, *self._probe.topics)])
        self._connected = self._subscriptions.complete  # where nothing is wanted yet

    def _ask(self) -> None:
        """Sends the next SUBSCRIBE or UNSUBSCRIBE, if there is one to be sent."""
        request = self._subscriptions.next()
        if request is None:
            return
        if not request.subscribe:
            self._asked_mid = self._client.unsubscribe(list(request.names))[1]
            return
        # Retained statuses come with each subscription, what is retained else with the first
        # only (rule 10 keeps them from making anything look alive).
        wanted = [
            (
                name,
                SubscribeOptions(
                    qos=1,
                    retainHandling=(
                        SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE
                        if name.endswith("/status")
                        else SubscribeOptions.RETAIN_SEND_IF_NEW_SUB
                    ),
                ),
            )
            for name in request.names
        ]
        self._asked_mid = self._client.subscribe(wanted)[1]

    def _on_answer(
        self,
        _client: mqtt.Client,
        _userdata: Any,
        mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        if mid == self._asked_mid:
            self._take_answer([reason.is_failure for reason in reasons])

    def _on_message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        self._received += 1
        try:
            topic = message.topic
        except UnicodeDecodeError:
            # No gateway of ours can be named so; nothing to attribute it to, nothing to store.
            log.warning("topic is not UTF-8", action="mqtt_message")
            topic = ""
        payload = bytes(message.payload)
        if not message.qos and self._is_ours(topic, payload):
            return
        token = Token(self._generation, message.mid) if message.qos else None
        retained, again = bool(message.retain), bool(message.dup)
        self._hand_over((Delivery(topic, payload, retained, time.monotonic(), token, again),))
