"""What both readers share: the queues between the threads, and the life of a connection.

Whoever speaks MQTT (``fast_reader.py``, ``paho_reader.py``) runs here as one network thread,
which alone touches the connection. Other threads leave acknowledgements and receipts in a queue
and wake it; the generation of a token is compared where it is sent, so nothing can slip in
between. How long silence is borne, and when nothing more is read, is decided here for both.
"""

import contextlib
import select
import socket
import ssl
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from operator import attrgetter

import structlog

from ingest.metrics import BROKER_FIGURES
from ingest.mqtt.connection import (
    BACK_OFF_FIRST,
    BACK_OFF_MOST,
    DEAD_AFTER,
    PING_AFTER,
    POLL,
    SUBSCRIBED_WITHIN,
    SYS_PREFIX,
    check_window,
    parse_address,
)
from ingest.mqtt.probe import Probe, is_probe
from ingest.mqtt.reader import Delivery, Token
from ingest.mqtt.refusal import RefusedError, failed, shown
from ingest.mqtt.subscriptions import Subscriptions

log = structlog.get_logger(__name__)

_TOKEN, _PAYLOAD = attrgetter("token"), attrgetter("payload")

#: Messages a second that only a backlog brings, and how many times longer it may fill a batch.
POURS, LINGER_MORE = 10_000, 24
#: The broker's count of messages that it gave up because a queue was full.
DROPPED = "$SYS/broker/publish/messages/dropped"
#: Bytes that wait while nobody waits for more: then the loop rests (s), and what comes in the
#: meantime is read and cut in one turn. A turn costs as much as some twenty messages.
PLENTY, REST = 512 * 1024, 0.002
#: A turn of the loop that took so long (s) says that we stood still, not the broker.
FROZEN = 2.0


class NetworkThread(ABC):
    """A ``Reader`` but for the protocol; a subclass says how a connection is made and served."""

    #: What ends a connection beside exceptions, and must not end the thread.
    PANICS: type[BaseException] = Exception

    def __init__(
        self,
        url: str,
        client_id: str,
        filters: Iterable[str],
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
            filters: Topic filters to subscribe to at QoS 1, until ``subscribe`` says otherwise.
            window: Most messages in flight (the Receive Maximum), 1 to 65,535.
            window_bytes: Nothing more is read while payloads of this size wait.
            keep_alive: Seconds after which silence means a lost connection, roughly.
            ca_file: Authority that signed the broker's certificate; the system's if absent.

        Raises:
            ValueError: The URL is not one of MQTT, or ``window`` is out of range.
        """
        self._address = parse_address(url)
        self._client_id = client_id
        self._tls = ssl.create_default_context(cafile=ca_file) if self._address.tls else None
        self._subscriptions = Subscriptions(filters)
        self._window = check_window(window)
        self._window_bytes = window_bytes
        self._keep_alive = keep_alive
        self._queue: deque[Delivery] = deque()
        self._filled = threading.Event()
        self._acks: deque[tuple[list[Token], frozenset[Token]]] = deque()
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
        self._in_flight = 0
        self._connected = False
        self._heard = self._pinged = self._moved = self._turned = time.monotonic()
        self._probe = Probe(self._address.username or client_id)
        self._away = "no connection was tried yet"

        self._alive_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        #: Acknowledgements dropped because their connection is gone.
        self.stale_acks = 0
        #: What the broker last said of itself, by topic (``BROKER_FIGURES``).
        self.broker_figures: dict[str, int] = {}

        self._prepare()

    @abstractmethod
    def _prepare(self) -> None:
        """Makes ready what only the subclass needs; address, window and all else is set."""

    @abstractmethod
    def _converse(self) -> str:
        """Connects, serves the connection until it ends, and returns why it did.

        Raises:
            Exception: That is why.
        """

    # -- what other threads call -----------------------------------------------------------

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
        # A batch fills from its first message on, not from when somebody asks for it.
        came = self.oldest or now
        before = 0
        while len(queue) < most and self._waiting_bytes < most_bytes:
            # A backlog pours in: what waited for minutes can wait for a full batch, which
            # costs less a heartbeat.
            pouring = len(queue) - before > POURS * (time.monotonic() - now)
            now = time.monotonic()
            if now - began > LINGER_MORE * linger or (not pouring and now - came > linger):
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

    def ack(self, tokens: Iterable[Token], invalid: Collection[Token] = ()) -> None:
        """See ``Reader.ack``."""
        self._acks.append((list(tokens), frozenset(invalid)))
        self._wake()

    def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """See ``Reader.publish``."""
        if messages:
            self._receipts.extend(messages)
            self._wake()

    def subscribe(self, wanted: Sequence[str], given_up: Sequence[str] = ()) -> None:
        """See ``Reader.subscribe``."""
        self._subscriptions.want(wanted, given_up)
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
    def delivering(self) -> bool:
        """See ``Reader.delivering``."""
        return self._connected and self._probe.proven

    @property
    def lacking(self) -> str:
        """See ``Reader.lacking``."""
        return self._probe.lacking if self._connected else ""

    @property
    def away(self) -> str:
        """See ``Reader.away``."""
        return "" if self._connected else self._away

    @property
    def granted(self) -> frozenset[str]:
        """See ``Reader.granted``."""
        return self._subscriptions.granted if self._connected else frozenset()

    @property
    def alive_at(self) -> float:
        """See ``Reader.alive_at``."""
        return self._alive_at if self._thread.is_alive() else float("-inf")

    @property
    def queued(self) -> int:
        """See ``Reader.queued``."""
        return len(self._queue)

    @property
    def oldest(self) -> float | None:
        """See ``Reader.oldest``."""
        try:
            return self._queue[0].arrived
        except IndexError:
            return None

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

    # -- the network thread: one connection after the other ---------------------------------

    def _run(self) -> None:
        pause = BACK_OFF_FIRST
        while not self._closing:
            started = time.monotonic()
            self._generation += 1
            self._in_flight = 0
            try:
                why = self._converse()
            except OSError as error:
                why = failed(self._address, error)
            except RefusedError as error:
                why = str(error)
            except (Exception, self.PANICS) as error:
                why = f"{type(error).__name__}: {error}"
            self._connected = False
            self._probe.begin(time.monotonic())
            if not self._closing and why != self._away:
                # Once for each reason: how long it lasts is told by ``troubles.py``.
                log.warning("no connection to the broker", action="mqtt_connect", why=why)
            self._away = why
            if time.monotonic() - started > BACK_OFF_MOST:
                pause = BACK_OFF_FIRST
            until = time.monotonic() + pause
            while not self._closing and time.monotonic() < until:
                self._alive_at = time.monotonic()
                time.sleep(0.05)
            pause = min(2 * pause, BACK_OFF_MOST)

    # -- for the subclass's loop -----------------------------------------------------------

    def _begin_serving(self) -> None:
        self._heard = self._pinged = self._moved = self._turned = time.monotonic()
        self._probe.begin(self._heard)

    def _turn(self) -> tuple[bool, str]:
        """Once a turn of the loop: whether to read now, and why to give up, if at all.

        The answer to a subscription, or to a ping, may lie behind a backlog of tens of
        thousands of messages, and these behind what we do not want to read yet. So neither is
        missed while messages come in, or while we are the ones who do not read.
        """
        now = self._alive_at = time.monotonic()
        turned, self._turned = self._turned, now
        self._full = (
            self._waiting_bytes >= self._window_bytes or len(self._queue) >= 2 * self._window
        )
        reading = self._intake and not self._full
        if not reading or now - turned > FROZEN:
            self._probe.excuse(now - turned)
        self._probe.judge(now)
        if not reading:
            self._heard = self._moved = now
        elif now - self._heard > DEAD_AFTER * self._keep_alive:
            return reading, f"nothing heard for {now - self._heard:.0f} s"
        if not self._connected and now - self._moved > SUBSCRIBED_WITHIN:
            return reading, f"not subscribed after {SUBSCRIBED_WITHIN:.0f} s"
        return reading, ""

    def _ping_is_due(self) -> bool:
        """Whether it is time for a ping; says so once."""
        now = time.monotonic()
        if now - self._pinged <= PING_AFTER * self._keep_alive:
            return False
        self._pinged = now
        return True

    def _wait(self, sock: socket.socket, *, reading: bool, writing: bool) -> tuple[bool, bool]:
        """Waits for the socket or a wake-up; whether it can be read, and written."""
        if self._waiting_bytes > PLENTY:
            time.sleep(REST)
        pending = reading and isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        readers = [sock, self._wake_r] if reading else [self._wake_r]
        wait = 0.0 if pending else min(0.5, self._keep_alive / 8)
        readable, writable, _ = select.select(readers, [sock] if writing else [], [], wait)
        if self._wake_r in readable:
            with contextlib.suppress(BlockingIOError):
                while self._wake_r.recv(4096):
                    pass
        if pending or sock in readable:
            self._heard = time.monotonic()
            return True, bool(writable)
        return False, bool(writable)

    def _take_answer(self, refused: Sequence[bool]) -> None:
        """Takes the broker's answer to what ``Subscriptions.next`` asked for."""
        bad = self._subscriptions.answered(refused)
        if bad:
            self._away = (
                f"the broker refuses to the account {shown(self._probe.account)!r} the"
                f" subscription of {', '.join(bad[:10])}: its access list has to allow that"
            )
            log.error("subscription refused", action="mqtt_subscribe", filters=bad[:10])
        elif self._subscriptions.complete:
            self._connected = True

    def _hand_over(self, deliveries: Sequence[Delivery]) -> None:
        """Queues what arrived."""
        self._in_flight += len(list(filter(None, map(_TOKEN, deliveries))))
        self._bytes_in += sum(map(len, map(_PAYLOAD, deliveries)))
        self._moved = self._heard
        self._queue.extend(deliveries)
        if deliveries and not self._filled.is_set():
            self._filled.set()

    def _due_acks(self) -> tuple[list[int], set[int]]:
        """Packet ids to be acknowledged on the present connection, in order.

        Returns:
            All of them, and which of them brought a payload that could not be read.
        """
        ids: list[int] = []
        bad: set[int] = set()
        generation = self._generation
        while self._acks:
            tokens, invalid = self._acks.popleft()
            valid = [token.packet_id for token in tokens if token.generation == generation]
            self.stale_acks += len(tokens) - len(valid)
            ids += valid
            bad |= {token.packet_id for token in invalid if token.generation == generation}
        self._in_flight -= len(ids)
        return ids, bad

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

    def _is_ours(self, topic: str, payload: bytes) -> bool:
        """Takes what is about the connection itself and no gateway's; whether it was that."""
        if topic.startswith(SYS_PREFIX):
            self._note_figure(topic, payload)
            return True
        if is_probe(topic, payload):
            self._probe.heard(topic, time.monotonic())
            return True
        return False

    def _note_figure(self, topic: str, payload: bytes) -> None:
        """Takes what the broker says of itself; above all what it gave up for full queues."""
        if topic not in BROKER_FIGURES or not payload.isdigit():
            return
        before, now = self.broker_figures.get(topic), int(payload)
        self.broker_figures[topic] = now
        # The count begins anew with each start of the broker.
        if topic == DROPPED and before is not None and now > before:
            log.error("the broker drops messages", action="broker_dropped", dropped=now - before)
