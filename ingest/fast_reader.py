"""MQTT 5 over a socket of our own, for speed: whole batches in, acknowledgements in one write.

One thread owns the socket and all state of the connection. Other threads leave
acknowledgements and receipts in a queue; the generation of a token is compared where they are
sent, so nothing can slip in between. Bytes become packets in ``packets.py``; the same contract
through paho is in ``paho_reader.py``.
"""

import contextlib
import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence

import mqtt5
import structlog

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
from ingest.packets import BrokenStreamError, Inflow, pubacks, publish
from ingest.reader import Delivery, Token

log = structlog.get_logger(__name__)

#: Messages a second that only a backlog brings, and how many times longer it may fill a batch.
POURS, LINGER_MORE = 10_000, 10
READ_SIZE = 1 << 18  # bytes a read
#: Packet ids of our two SUBSCRIBEs; receipts use the others.
SUBSCRIBE_ID, SUBSCRIBE_SYS_ID, FIRST_FREE_ID = 1, 2, 3


class FastReader:
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
        """Prepares; ``start`` connects.

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
        self._tls = ssl.create_default_context(cafile=ca_file) if address.tls else None
        self._filters = list(filters)
        self._window = check_window(window)
        self._window_bytes = window_bytes
        self._keep_alive = keep_alive
        self._connect_packet = mqtt5.ConnectPacket(
            client_id,
            username=address.username,
            password=address.password.encode() if address.username else None,
            clean_start=False,
            keep_alive=max(1, round(keep_alive)),
            session_expiry_interval=SESSION_EXPIRY,
            receive_max=window,
            max_packet_size=LARGEST_PACKET,
        ).write()

        self._queue: deque[Delivery] = deque()
        self._filled = threading.Event()
        self._acks: deque[list[Token]] = deque()
        self._receipts: deque[tuple[str, bytes]] = deque()
        self._wake_r, self._wake_w = socket.socketpair()
        self._wake_r.setblocking(False)
        self._wake_w.setblocking(False)
        # Bytes that came into the queue and went out of it; one thread writes each.
        self._bytes_in = 0
        self._bytes_out = 0
        self._full = False
        self._intake = True
        self._closing = False

        # Of the present connection; the network thread's own.
        self._generation = 0
        self._inflow = Inflow(0)
        self._out = bytearray()
        self._in_flight = 0
        self._connected = False
        self._answered = False
        self._unacked = 0
        self._broker_window = 65_535
        self._next_id = FIRST_FREE_ID

        self._alive_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        #: Acknowledgements dropped because their connection is gone.
        self.stale_acks = 0
        #: What the broker last said that it gave up for full queues; ``None``: it did not.
        self.broker_dropped: int | None = None

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
        began = now = time.monotonic()
        before = 0
        while len(queue) < most and self._waiting_bytes < most_bytes:
            # A backlog pours in: what waited for minutes can wait for a full batch, which
            # costs less a heartbeat.
            pouring = len(queue) - before > POURS * (time.monotonic() - now)
            now = time.monotonic()
            if now - began > (LINGER_MORE * linger if pouring else linger):
                break
            before = len(queue)
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
        self._acks.append(list(tokens))
        self._wake()

    def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """See ``Reader.publish``."""
        if messages:
            self._receipts.extend(messages)
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
        """See ``Reader.queued``."""
        return len(self._queue)

    @property
    def in_flight(self) -> int:
        """See ``Reader.in_flight``."""
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
            started = time.monotonic()
            try:
                with self._connect() as sock:
                    why = self._serve(sock)
            except (OSError, BrokenStreamError) as error:
                why = str(error)
            except BaseException as error:
                # Also what the codec panics with, which is no Exception: the thread must live.
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

    def _connect(self) -> socket.socket:
        self._generation += 1
        self._inflow = Inflow(self._generation)
        self._in_flight = 0
        self._answered = False
        self._unacked = 0
        self._out = bytearray(self._connect_packet)
        sock = socket.create_connection((self._host, self._port), CONNECT_WITHIN)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_hostname=self._host)
            sock.setblocking(False)
        except BaseException:
            sock.close()
            raise
        return sock

    def _serve(self, sock: socket.socket) -> str:
        """Turns the connection's loop; returns why it ended."""
        heard = pinged = started = time.monotonic()
        leaving = False
        while True:
            now = self._alive_at = time.monotonic()
            self._fill_out()
            if self._closing and not leaving and (not self._out or not self._answered):
                leaving = True
                self._out += mqtt5.DisconnectPacket().write()
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
            if self._answered and now - pinged > PING_AFTER * self._keep_alive:
                pinged = now
                self._out += mqtt5.PingReqPacket().write()
            if self._out and not self._write(sock):
                return "closed by the broker"
            if leaving and not self._out:
                part(sock)
                return "we leave"
            pending = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
            readers = [sock, self._wake_r] if reading else [self._wake_r]
            writers = [sock] if self._out else []
            wait = 0.0 if pending and reading else min(0.5, self._keep_alive / 8)
            readable, _, _ = select.select(readers, writers, [], wait)
            if self._wake_r in readable:
                self._drain_wake()
            if sock in readable or (pending and reading):
                heard = time.monotonic()
                if not self._read(sock, heard):
                    return "closed by the broker"

    def _read(self, sock: socket.socket, now: float) -> bool:
        """Reads once and hands over what is whole; False when the connection is gone."""
        try:
            data = sock.recv(READ_SIZE)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return True
        if not data:
            return False
        inflow = self._inflow
        deliveries = inflow.feed(data, now)
        if inflow.acked:
            self._unacked = max(0, self._unacked - inflow.acked)
            inflow.acked = 0
        if inflow.others:
            for packet in inflow.others:
                self._hear(packet)
            inflow.others.clear()
        if deliveries:
            self._hand_over(deliveries)
        return True

    def _hand_over(self, deliveries: list[Delivery]) -> None:
        counted = 0
        size = 0
        for delivery in deliveries:
            size += len(delivery.payload)
            if delivery.token is not None:
                counted += 1
        if counted < len(deliveries):
            for delivery in deliveries:
                if delivery.topic == DROPPED_TOPIC:
                    size -= len(delivery.payload)
                    self._note_dropped(delivery.payload)
            deliveries = [d for d in deliveries if d.topic != DROPPED_TOPIC]
        self._in_flight += counted
        self._bytes_in += size
        self._queue.extend(deliveries)
        if deliveries and not self._filled.is_set():
            self._filled.set()

    def _hear(self, packet: mqtt5.Packet) -> None:
        if isinstance(packet, mqtt5.ConnAckPacket):
            if packet.reason_code != mqtt5.ConnAckReasonCode.SUCCESS:
                raise BrokenStreamError(f"broker refused us: {packet.reason_code.name}")
            log.info("connected", action="mqtt_connect", session_present=packet.session_present)
            self._answered = True
            self._broker_window = packet.receive_max
            if packet.session_present:
                self._give_up_older()
            self._out += self._subscriptions()
        elif isinstance(packet, mqtt5.SubAckPacket):
            if packet.packet_id != SUBSCRIBE_ID:
                return
            # Reason codes are enumerations of the codec's own, whatever its stubs say.
            refused = [code.name for code in packet.reason_codes if int(code) >= 0x80]
            if refused:
                log.error("subscription refused", action="mqtt_subscribe", reasons=refused)
            else:
                self._connected = True
        elif isinstance(packet, mqtt5.DisconnectPacket):
            raise BrokenStreamError(f"broker disconnects us: {packet.reason_code.name}")

    def _subscriptions(self) -> bytes:
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
            for name in self._filters
        ]
        dropped = mqtt5.TopicFilter(DROPPED_TOPIC, max_qos=mqtt5.QoS.AT_MOST_ONCE)
        # By itself: a broker that does not have it, or refuses it, is none the worse.
        return (
            mqtt5.SubscribePacket(SUBSCRIBE_ID, wanted).write()
            + mqtt5.SubscribePacket(SUBSCRIBE_SYS_ID, [dropped]).write()
        )

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

    def _fill_out(self) -> None:
        """Turns acknowledgements and receipts into bytes, as far as they can be sent."""
        if not self._connected:
            return
        generation = self._generation
        while self._acks:
            tokens = self._acks.popleft()
            ids = [token.packet_id for token in tokens if token.generation == generation]
            self.stale_acks += len(tokens) - len(ids)
            self._in_flight -= len(ids)
            self._out += pubacks(ids)
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

    def _drain_wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._wake_r.recv(4096):
                pass

    def _note_dropped(self, payload: bytes) -> None:
        if not payload.isdigit():
            return
        dropped = int(payload)
        # The count begins anew with each start of the broker.
        more = dropped - (self.broker_dropped or 0)
        if self.broker_dropped is not None and more > 0:
            log.error("the broker drops messages", action="broker_dropped", dropped=more)
        self.broker_dropped = dropped
