"""MQTT 5 over a socket of our own, for speed: whole batches in, acknowledgements in one write.

One thread owns the socket and all state of the connection; what it shares with other threads,
and how long it waits for what, is in ``network_thread.py``. Bytes become packets in
``packets.py``; the same contract through paho is in ``paho_reader.py``.
"""

import socket
import ssl
import time
from operator import attrgetter

import mqtt5
import structlog

from ingest.metrics import BROKER_FIGURES
from ingest.mqtt.connection import (
    CONNECT_WITHIN,
    LARGEST_PACKET,
    SESSION_EXPIRY,
    part,
)
from ingest.mqtt.network_thread import NetworkThread
from ingest.mqtt.packets import (
    BrokenStreamError,
    Inflow,
    OldBrokerError,
    pubacks,
    publish,
    publish_once,
)
from ingest.mqtt.reader import Delivery
from ingest.mqtt.refusal import RefusedError, older, refused

log = structlog.get_logger(__name__)

_TOKEN = attrgetter("token")
READ_SIZE = 1 << 18  # bytes a read
#: Packet ids of our two SUBSCRIBEs; receipts use the others.
SUBSCRIBE_ID, SUBSCRIBE_SYS_ID, FIRST_FREE_ID = 1, 2, 3


class FastReader(NetworkThread):
    """A ``Reader`` over one MQTT 5 connection with a persistent session."""

    # What the codec panics with is no Exception.
    PANICS = BaseException

    def _prepare(self) -> None:
        """See ``NetworkThread._prepare``."""
        address = self._address
        self._connect_packet = mqtt5.ConnectPacket(
            self._client_id,
            username=address.username,
            password=address.password.encode() if address.username else None,
            clean_start=False,
            keep_alive=max(1, round(self._keep_alive)),
            session_expiry_interval=SESSION_EXPIRY,
            receive_max=self._window,
            max_packet_size=LARGEST_PACKET,
        ).write()

        # Of the present connection.
        self._inflow = Inflow(0)
        self._out = bytearray()
        self._answered = False
        self._unacked = 0
        self._broker_window = 65_535
        self._next_id = FIRST_FREE_ID

    # -- the network thread ----------------------------------------------------------------

    def _converse(self) -> str:
        """See ``NetworkThread._converse``."""
        self._inflow = Inflow(self._generation)
        self._answered = False
        self._unacked = 0
        self._out = bytearray(self._connect_packet)
        with self._connect() as sock:
            return self._serve(sock)

    def _connect(self) -> socket.socket:
        sock = socket.create_connection((self._address.host, self._address.port), CONNECT_WITHIN)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_hostname=self._address.host)
            sock.setblocking(False)
        except BaseException:
            sock.close()
            raise
        return sock

    def _serve(self, sock: socket.socket) -> str:
        """Turns the connection's loop; returns why it ended."""
        self._begin_serving()
        leaving = False
        while True:
            self._fill_out()
            if self._closing and not leaving and (not self._out or not self._answered):
                leaving = True
                self._out += mqtt5.DisconnectPacket().write()
            reading, broken = self._turn()
            if broken:
                return broken
            if self._answered and self._ping_is_due():
                self._out += mqtt5.PingReqPacket().write()
            if self._out and not self._write(sock):
                return "closed by the broker"
            if leaving and not self._out:
                part(sock)
                return "we leave"
            readable, _ = self._wait(sock, reading=reading, writing=bool(self._out))
            if readable and not self._read(sock):
                return "closed by the broker"

    def _read(self, sock: socket.socket) -> bool:
        """Reads once and hands over what is whole; False when the connection is gone."""
        try:
            data = sock.recv(READ_SIZE)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return True
        if not data:
            return False
        inflow = self._inflow
        try:
            deliveries = inflow.feed(data, self._heard)
        except OldBrokerError as error:
            raise RefusedError(older(self._address, error.code)) from error
        if inflow.acked:
            self._unacked = max(0, self._unacked - inflow.acked)
            inflow.acked = 0
        if inflow.others:
            for packet in inflow.others:
                self._hear(packet)
            inflow.others.clear()
        if deliveries:
            self._hand_over(self._without_ours(deliveries))
        return True

    def _without_ours(self, deliveries: list[Delivery]) -> list[Delivery]:
        """What the broker says of itself, and probes, end here; they come without a token."""
        if all(map(_TOKEN, deliveries)):
            return deliveries
        return [
            delivery
            for delivery in deliveries
            if delivery.token is not None or not self._is_ours(delivery.topic, delivery.payload)
        ]

    def _hear(self, packet: mqtt5.Packet) -> None:
        if isinstance(packet, mqtt5.ConnAckPacket):
            if packet.reason_code != mqtt5.ConnAckReasonCode.SUCCESS:
                code = packet.reason_code
                raise RefusedError(refused(self._address, self._client_id, int(code), code.name))
            log.info("connected", action="mqtt_connect", session_present=packet.session_present)
            self._answered = True
            self._broker_window = packet.receive_max
            if packet.session_present:
                self._give_up_older()
            self._subscriptions.begin()
            # By itself: a broker that does not have it, or refuses it, is none the worse.
            ours = [
                mqtt5.TopicFilter(topic, max_qos=mqtt5.QoS.AT_MOST_ONCE)
                for topic in (*BROKER_FIGURES, *self._probe.topics)
            ]
            self._out += mqtt5.SubscribePacket(SUBSCRIBE_SYS_ID, ours).write()
            self._connected = self._subscriptions.complete  # where nothing is wanted yet
        elif isinstance(packet, mqtt5.SubAckPacket | mqtt5.UnsubAckPacket):
            if packet.packet_id == SUBSCRIBE_ID:
                # Reason codes are enumerations of the codec's own, whatever its stubs say.
                self._take_answer([int(code) >= 0x80 for code in packet.reason_codes])
        elif isinstance(packet, mqtt5.DisconnectPacket):
            raise BrokenStreamError(f"broker disconnects us: {packet.reason_code.name}")

    def _request(self) -> bytes:
        """The next SUBSCRIBE or UNSUBSCRIBE, if there is one to be sent."""
        request = self._subscriptions.next()
        if request is None:
            return b""
        if not request.subscribe:
            return mqtt5.UnsubscribePacket(SUBSCRIBE_ID, list(request.names)).write()
        # Retained statuses come with each subscription, what is retained else with the first
        # only (rule 10 keeps them from making anything look alive).
        wanted = [
            mqtt5.TopicFilter(
                name,
                max_qos=mqtt5.QoS.AT_LEAST_ONCE,
                retain_as_published=False,
                retain_handling=(
                    mqtt5.RetainHandling.SEND_ALWAYS
                    if name.endswith("/status")
                    else mqtt5.RetainHandling.SEND_IF_SUBSCRIPTION_NOT_EXISTS
                ),
            )
            for name in request.names
        ]
        return mqtt5.SubscribePacket(SUBSCRIBE_ID, wanted).write()

    def _fill_out(self) -> None:
        """Turns acknowledgements and receipts into bytes, as far as they can be sent.

        Not only once the subscription is answered: that may lie behind all that the session
        has queued, which would then wait for its acknowledgements.
        """
        if not self._answered:
            return
        self._out += self._request()
        for topic, payload in self._probe.due(time.monotonic()):
            self._out += publish_once(topic, payload)
        self._out += pubacks(*self._due_acks())
        receipts = self._receipts
        while receipts and self._unacked < self._broker_window:
            topic, payload = receipts.popleft()
            self._out += publish(topic, payload, self._next_id)
            self._unacked += 1
            # In order and one for one: an id comes round again long after its PUBACK.
            self._next_id = self._next_id + 1 if self._next_id < 65_535 else FIRST_FREE_ID

    def _write(self, sock: socket.socket) -> bool:
        try:
            sent = sock.send(self._out)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False
        del self._out[:sent]
        return True
