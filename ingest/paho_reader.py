"""MQTT through paho-mqtt 2, in one thread that alone touches the client.

Other threads leave acknowledgements and receipts in a queue; the network thread sends them.
So the generation of a token is compared where the connection is made, and nothing can slip
in between. Keeping the connection alive is done here, not by paho: its answer to a ping may lie
behind a backlog that we do not want to read yet, and paho would take us for dead.
"""

import contextlib
import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import structlog
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingest.connection import (
    BACK_OFF_FIRST,
    BACK_OFF_MOST,
    CONNECT_WITHIN,
    DEAD_AFTER,
    DROPPED_TOPIC,
    LARGEST_PACKET,
    PING_AFTER,
    POLL,
    SESSION_EXPIRY,
    SUBSCRIBED_WITHIN,
    check_window,
    parse_address,
    part,
)
from ingest.reader import Delivery, Token

log = structlog.get_logger(__name__)

DISCONNECT = b"\xe0\x00"
READ_BURST = 1000  # packets read before the rest of the loop gets its turn


class PahoReader:
    """A ``Reader`` over one MQTT 5 connection with a persistent session."""

    def __init__(
        self,
        url: str,
        client_id: str,
        filters: Sequence[str],
        *,
        window: int,
        window_bytes: int = 32 * 1024 * 1024,
        keep_alive: float = 20.0,
        ca_file: str | None = None,
    ) -> None:
        """Prepares the client; ``start`` connects.

        Args:
            url: ``mqtt://user:password@host:port`` or ``mqtts://…``.
            client_id: Names the session at the broker; the same over restarts.
            filters: Topic filters to subscribe to at QoS 1.
            window: Most messages in flight (the Receive Maximum), 1 to 65,535.
            window_bytes: Nothing more is read while payloads of this size wait.
            keep_alive: Seconds after which silence means a lost connection, roughly.
            ca_file: Authority that signed the broker's certificate; the system's if absent.

        Raises:
            ValueError: The URL is not one of MQTT, or ``window`` is out of range.
        """
        address = parse_address(url)
        self._host, self._port = address.host, address.port
        self._filters = list(filters)
        self._window = check_window(window)
        self._window_bytes = window_bytes
        self._keep_alive = keep_alive
        self._generation = 0
        self._queue: deque[Delivery] = deque()
        self._filled = threading.Event()
        self._outbox: deque[Token | tuple[str, bytes]] = deque()
        self._wake_r, self._wake_w = socket.socketpair()
        self._wake_r.setblocking(False)
        self._wake_w.setblocking(False)
        self._received = 0  # messages, for the read burst
        # Bytes that came into the queue and went out of it; one thread writes each.
        self._bytes_in = 0
        self._bytes_out = 0
        self._full = False
        self._in_flight = 0
        self._sys_mid: int | None = None
        self._connected = False
        self._intake = True
        self._closing = False
        self._alive_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        #: Acknowledgements dropped because their connection is gone.
        self.stale_acks = 0
        #: What the broker last said that it gave up for full queues; ``None``: it did not.
        self.broker_dropped: int | None = None

        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=mqtt.MQTTv5,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        self._client.max_inflight_messages_set(65_535)
        # Here, for paho lets nobody set it once a connection was there.
        # Here and once: paho refuses it for a client that was connected before.
        self._client.connect_timeout = CONNECT_WITHIN
        if address.username:
            self._client.username_pw_set(address.username, address.password)
        if address.tls:
            context = ssl.create_default_context(cafile=ca_file)
            self._client.tls_set_context(context)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        # Registered so that a queued packet is not written from inside the queuing call:
        # the loop writes them together.
        self._client.on_socket_register_write = lambda *_: None

    # -- what the pipeline's thread calls --------------------------------------------------

    def start(self) -> None:
        """Starts the network thread."""
        self._thread.start()

    def take(self, most: int, wait: float, linger: float, most_bytes: int) -> list[Delivery]:
        """See ``Reader.take``."""
        queue = self._queue
        if not queue:
            self._filled.clear()
            if not queue:
                self._filled.wait(wait)
        if not queue:
            return []
        until = time.monotonic() + linger
        while len(queue) < most and self._waiting_bytes < most_bytes and time.monotonic() < until:
            time.sleep(POLL)
        taken: list[Delivery] = []
        size = 0
        while len(taken) < most and size < most_bytes:
            try:
                delivery = queue.popleft()
            except IndexError:  # taken, or given up by the network thread meanwhile
                break
            taken.append(delivery)
            size += len(delivery.payload)
        self._bytes_out += size
        if self._full:
            self._wake()
        return taken

    def ack(self, tokens: Iterable[Token]) -> None:
        """See ``Reader.ack``."""
        self._outbox.extend(tokens)
        self._wake()

    def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """See ``Reader.publish``."""
        if messages:
            self._outbox.extend(messages)
            self._wake()

    def stop_intake(self) -> None:
        """See ``Reader.stop_intake``: unsubscribing would end the session's queue, so this
        only stops reading; unread messages stay with the broker.
        """
        self._intake = False
        self._wake()

    def close(self, deadline: float) -> None:
        """See ``Reader.close``."""
        self._closing = True
        self._wake()
        self._thread.join(deadline)
        if not self._thread.is_alive():
            self._wake_r.close()
            self._wake_w.close()

    @property
    def connected(self) -> bool:
        """See ``Reader.connected``."""
        return self._connected

    @property
    def alive_at(self) -> float:
        """See ``Reader.alive_at``."""
        return self._alive_at if self._thread.is_alive() else float("-inf")

    @property
    def queued(self) -> int:
        """Deliveries that wait for the pipeline."""
        return len(self._queue)

    @property
    def in_flight(self) -> int:
        """Deliveries of the present connection that are not acknowledged yet."""
        return self._in_flight

    @property
    def _waiting_bytes(self) -> int:
        return self._bytes_in - self._bytes_out

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # a wake-up is pending already, or we are closed
            self._wake_w.send(b"\0")

    # -- the network thread ----------------------------------------------------------------

    def _run(self) -> None:
        pause = BACK_OFF_FIRST
        while not self._closing:
            self._generation += 1
            self._in_flight = 0
            started = time.monotonic()
            try:
                self._connect()
                why = self._serve()
            except (OSError, ValueError) as error:
                why = str(error)
            except Exception as error:
                # A packet that paho cannot read must not end the thread.
                why = f"{type(error).__name__}: {error}"
            self._connected = False
            if not self._closing:
                log.warning("no connection to the broker", action="mqtt_connect", why=why)
            if time.monotonic() - started > BACK_OFF_MOST:
                pause = BACK_OFF_FIRST
            until = time.monotonic() + pause
            while not self._closing and time.monotonic() < until:
                self._alive_at = time.monotonic()
                time.sleep(0.05)
            pause = min(2 * pause, BACK_OFF_MOST)

    def _connect(self) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY
        properties.ReceiveMaximum = self._window
        properties.MaximumPacketSize = LARGEST_PACKET
        self._client.connect(
            self._host,
            self._port,
            keepalive=max(1, round(self._keep_alive)),
            # "First only", paho's default, erases the session at each start of the process.
            clean_start=False,
            properties=properties,
        )

    def _serve(self) -> str:
        """Turns the connection's loop; returns why it ended."""
        client = self._client
        heard = pinged = started = time.monotonic()
        while True:
            now = self._alive_at = time.monotonic()
            sock = client.socket()
            if sock is None:
                return "closed by the broker"
            self._send_outbox()
            if self._closing and not client.want_write():
                # Not paho's own way, which closes at once: see ``part``.
                assert isinstance(sock, socket.socket)  # a WebSocket it is not
                sock.setblocking(True)
                sock.sendall(DISCONNECT)
                part(sock)
                client._sock_close()
                return "we leave"
            self._full = (
                self._waiting_bytes >= self._window_bytes or len(self._queue) >= 2 * self._window
            )
            reading = self._intake and not self._full
            if not reading:
                heard = now
            elif now - heard > DEAD_AFTER * self._keep_alive:
                return f"nothing heard for {now - heard:.0f} s"
            if not self._connected and now - started > SUBSCRIBED_WITHIN:
                return f"not subscribed after {SUBSCRIBED_WITHIN:.0f} s"
            if now - pinged > PING_AFTER * self._keep_alive and client.is_connected():
                pinged = now
                client._send_pingreq()
            pending = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
            readers = [sock, self._wake_r] if reading else [self._wake_r]
            writers = [sock] if client.want_write() else []
            wait = 0.0 if pending and reading else min(0.5, self._keep_alive / 8)
            readable, writable, _ = select.select(readers, writers, [], wait)
            if self._wake_r in readable:
                self._drain_wake()
            if sock in readable or (pending and reading):
                heard = time.monotonic()
                if not self._read_burst():
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

    def _drain_wake(self) -> None:
        try:
            while self._wake_r.recv(4096):
                pass
        except BlockingIOError:
            pass

    def _send_outbox(self) -> None:
        if not self._connected:
            return
        outbox = self._outbox
        while outbox:
            item = outbox.popleft()
            if isinstance(item, Token):
                if item.generation == self._generation:
                    self._client.ack(item.packet_id, 1)
                    self._in_flight -= 1
                else:
                    self.stale_acks += 1
            else:
                self._client.publish(item[0], item[1], qos=1)

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
            log.error("broker refused us", action="mqtt_connect", reason=str(reason))
            return
        log.info("connected", action="mqtt_connect", session_present=flags.session_present)
        if flags.session_present:
            self._give_up_older()
        client.subscribe(
            # Retained leftovers once, with the first subscription only (rule 10 keeps them
            # from making anything look alive).
            [
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
                for name in self._filters
            ]
        )
        # By itself: a broker that does not have it, or refuses it, is none the worse.
        self._sys_mid = client.subscribe(DROPPED_TOPIC, 0)[1]

    def _give_up_older(self) -> None:
        """Drops what older connections brought and nobody took: the broker sends it again.

        Where the session is lost the broker knows nothing of it any more, and it is kept.
        """
        queue = self._queue
        for _ in range(len(queue)):
            try:
                delivery = queue.popleft()
            except IndexError:
                return
            if delivery.token is None or delivery.token.generation == self._generation:
                queue.append(delivery)
            else:
                self._bytes_in -= len(delivery.payload)

    def _on_subscribe(
        self,
        _client: mqtt.Client,
        _userdata: Any,
        mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        if mid == self._sys_mid:
            return
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            log.error("subscription refused", action="mqtt_subscribe", reasons=refused)
        else:
            self._connected = True

    def _on_message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        self._received += 1
        try:
            topic = message.topic
        except UnicodeDecodeError:
            # No gateway of ours can be named so; nothing to attribute it to, nothing to store.
            log.warning("topic is not UTF-8", action="mqtt_message")
            topic = ""
        payload = bytes(message.payload)
        if topic == DROPPED_TOPIC:
            self._note_dropped(payload)
            return
        token = None
        if message.qos:
            token = Token(self._generation, message.mid)
            self._in_flight += 1
        self._bytes_in += len(payload)
        self._queue.append(Delivery(topic, payload, bool(message.retain), time.monotonic(), token))
        if not self._filled.is_set():
            self._filled.set()

    def _note_dropped(self, payload: bytes) -> None:
        if not payload.isdigit():
            return
        dropped = int(payload)
        # The count begins anew with each start of the broker.
        more = dropped - (self.broker_dropped or 0)
        if self.broker_dropped is not None and more > 0:
            log.error("the broker drops messages", action="broker_dropped", dropped=more)
        self.broker_dropped = dropped
