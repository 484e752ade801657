"""Gateways that publish, keep batches until receipts come, and write down what they did.

It shares no code with the service or its simulator: what it attempts is plain tuples, encoded
by ``json``. The gateway's side of the protocol is the one of ``docs/gateways.md``, with shorter
times: a batch without a receipt is sent again after ``retry_s``, then twice that, four times, at
most six times as long.
"""

import json
import random
import threading
import time
from collections import OrderedDict, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

STATES = ("off", "idle", "running")
#: The longest pause before a batch is sent again, in first pauses: a device's 10 and 60 s.
LONGEST_RETRY = 6.0


class Beat(NamedTuple):
    """One heartbeat as it was attempted."""

    ts_us: int
    state: str
    seq: int
    boot_id: str


@dataclass(slots=True)
class Waiting:
    """A batch without receipt."""

    topic: str
    payload: bytes
    #: When it is sent again, and how long after that once more.
    again_at: float
    pause_s: float


@dataclass(slots=True)
class Log:
    """What a set of gateways attempted, and what it was told."""

    #: By instrument; each attempted heartbeat once, however often it was sent.
    attempted: dict[str, list[Beat]] = field(default_factory=lambda: defaultdict(list))
    #: (instrument, ts) of each batch that asks for a receipt.
    batches: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    receipts: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: Messages without receipts that the broker acknowledged.
    acknowledged: int = 0
    published: int = 0
    heartbeats: int = 0
    resent: int = 0

    @property
    def receipted(self) -> list[tuple[str, int]]:
        return [key for batch_id in self.receipts for key in self.batches.get(batch_id, ())]


class Gateways(threading.Thread):
    """Some gateways with their instruments, over one connection.

    Every round each gateway sends one heartbeat of each of its instruments, in one message (a
    batch, or an array) or in one message each. Now and then an instrument falls silent for a
    while, a message is held back to be sent late, and one is sent twice.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        username: str,
        password: str,
        fleet: dict[str, Sequence[str]],
        seed: int,
        receipts: bool,
        single: bool = False,
        rounds_per_s: float = 10.0,
        step_s: float = 60.0,
        start_us: int,
        window: int = 50,
        retry_s: float = 2.0,
        spoil: bool = True,
        rounds: int | None = None,
    ) -> None:
        """Prepares; ``start`` publishes until ``finish``.

        Args:
            fleet: Gateways and their instruments.
            seed: Of states, silences and disorder.
            receipts: Whether batches are kept until their receipt.
            single: Without receipts: one message a heartbeat.
            rounds_per_s: Rounds a second of real time.
            step_s: Device's time between two rounds.
            start_us: Device's time of the first round.
            window: Most batches without receipt.
            retry_s: When a batch is sent again for the first time.
            spoil: Whether to be late, silent and repetitive at times.
            rounds: How many; ``None``: until ``finish``.
        """
        super().__init__(name=f"gateways {seed}", daemon=True)
        self.log = Log()
        self._address = (host, port)
        self._fleet = fleet
        self._dice = random.Random(seed)
        self._receipts = receipts
        self._single = single
        self._pause = 1.0 / rounds_per_s
        self._step_us = int(step_s * 1_000_000)
        self._start_us = start_us
        self._window = window
        self._retry = retry_s
        self._spoil = spoil
        self._rounds = rounds
        self._boot = f"boot-{seed}"
        self._state = {iid: "idle" for ids in fleet.values() for iid in ids}
        self._silent: dict[str, int] = {}
        self._held: list[tuple[int, str, str | None, bytes]] = []
        self._round = 0
        self._number = 0
        self._ended = threading.Event()
        self._abandoned = False
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, Waiting] = OrderedDict()
        self._unacked: set[int] = set()
        #: Packet ids as the broker acknowledges them; paho's thread only appends.
        self._puback: deque[int] = deque()
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=f"gateways-{seed}", protocol=mqtt.MQTTv5
        )
        self.client.username_pw_set(username, password)
        self.client.max_inflight_messages_set(1_000)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = self._on_connect
        self.client.on_message = self._on_message
        self.client.on_publish = lambda _c, _u, mid, *_: self._puback.append(mid)

    # -- what the test calls -----------------------------------------------------------------

    def finish(self, within: float = 120.0) -> Log:
        """Waits until all is receipted, or acknowledged by the broker.

        Sends no more rounds, unless their number was given.
        """
        if self._rounds is None:
            self._ended.set()
        self.join(within)
        assert not self.is_alive(), (
            f"{len(self._waiting)} batches without receipt, {len(self._unacked)} messages not"
            f" acknowledged after {within:g} s; oldest: {next(iter(self._waiting), None)}"
        )
        return self.log

    def abandon(self) -> None:
        """Ends whatever is still to be done."""
        self._abandoned = True
        self._ended.set()
        if self.is_alive():
            self.join(5)

    @property
    def unreceipted(self) -> int:
        return len(self._waiting)

    @property
    def done(self) -> bool:
        return not self._waiting and not self._unacked and not self._held

    # -- the thread ---------------------------------------------------------------------------

    def run(self) -> None:
        self.client.connect_async(*self._address, keepalive=10)
        self.client.loop_start()
        next_round = time.monotonic()
        while not (self._abandoned or (self._ended.is_set() and self.done)):
            now = time.monotonic()
            if self._receipts:
                self._resend(now)
            else:
                self._count_acknowledged()
            if self._ended.is_set():
                self._release(everything=True)
                time.sleep(0.02)
                continue
            if now < next_round:
                time.sleep(min(0.02, next_round - now))
                continue
            next_round = max(next_round + self._pause, now - 5 * self._pause)
            # Too much without an answer: stop sending, the gateway's own disk must hold it.
            if len(self._waiting) >= self._window or len(self._unacked) >= 5_000:
                continue
            self._send_round()
        self.client.disconnect()
        self.client.loop_stop()

    def _send_round(self) -> None:
        ts_us = self._start_us + self._round * self._step_us
        for gateway, instruments in self._fleet.items():
            beats = [
                (iid, self._next(iid, ts_us)) for iid in instruments if not self._is_silent(iid)
            ]
            if not beats:
                continue
            for iid, beat in beats:
                self.log.attempted[iid].append(beat)
            self.log.heartbeats += len(beats)
            topic = f"instruments/v1/{gateway}/heartbeat"
            if self._receipts:
                batch_id = f"{self._boot}-{self._number}"
                self._number += 1
                self.log.batches[batch_id] = [(iid, beat.ts_us) for iid, beat in beats]
                payload = {"batch_id": batch_id, "heartbeats": [_plain(i, b) for i, b in beats]}
                self._hand(topic, batch_id, json.dumps(payload).encode())
            elif self._single:
                for iid, beat in beats:
                    self._hand(topic, None, json.dumps(_plain(iid, beat)).encode())
            else:
                self._hand(topic, None, json.dumps([_plain(i, b) for i, b in beats]).encode())
        self._release()
        self._round += 1
        if self._round == self._rounds:
            self._ended.set()

    def _next(self, iid: str, ts_us: int) -> Beat:
        if self._dice.random() < 0.1:
            self._state[iid] = self._dice.choice(STATES)
        return Beat(ts_us, self._state[iid], self._round, self._boot)

    def _is_silent(self, iid: str) -> bool:
        until = self._silent.get(iid, -1)
        if self._round < until:
            return True
        if self._spoil and self._dice.random() < 0.005:
            self._silent[iid] = self._round + self._dice.randrange(1, 9)
        return False

    def _hand(self, topic: str, batch_id: str | None, payload: bytes) -> None:
        if self._spoil:
            luck = self._dice.random()
            if luck < 0.05:
                self._held.append(
                    (self._round + self._dice.randrange(1, 20), topic, batch_id, payload)
                )
                return
            if luck < 0.10:
                self._publish(topic, batch_id, payload)
        self._publish(topic, batch_id, payload)

    def _release(self, *, everything: bool = False) -> None:
        due = [h for h in self._held if everything or h[0] <= self._round]
        if due:
            self._held = [h for h in self._held if h not in due]
            for _, topic, batch_id, payload in due:
                self._publish(topic, batch_id, payload)

    def _publish(self, topic: str, batch_id: str | None, payload: bytes) -> None:
        self.log.published += 1
        if batch_id is not None:
            with self._lock:
                again_at = time.monotonic() + self._retry
                self._waiting[batch_id] = Waiting(topic, payload, again_at, self._retry)
            if self.client.is_connected():
                self.client.publish(topic, payload, qos=1)
        else:
            self._unacked.add(self.client.publish(topic, payload, qos=1).mid)

    def _resend(self, now: float) -> None:
        if not self.client.is_connected():
            return
        with self._lock:
            due = [batch for batch in self._waiting.values() if batch.again_at <= now]
            for batch in due:
                batch.pause_s = min(2 * batch.pause_s, LONGEST_RETRY * self._retry)
                batch.again_at = now + batch.pause_s
        for batch in due:
            self.log.resent += 1
            self.client.publish(batch.topic, batch.payload, qos=1)

    def _count_acknowledged(self) -> None:
        while self._puback:
            mid = self._puback.popleft()
            if mid in self._unacked:
                self._unacked.discard(mid)
                self.log.acknowledged += 1

    # -- callbacks -----------------------------------------------------------------------------

    def _on_connect(self, client: mqtt.Client, *_: Any) -> None:
        if self._receipts:
            client.subscribe([(f"instruments/v1/{g}/receipt", 1) for g in self._fleet])
        with self._lock:
            soon = time.monotonic() + 0.5
            for batch in self._waiting.values():
                batch.again_at = min(batch.again_at, soon)
                batch.pause_s = self._retry

    def _on_message(self, _client: mqtt.Client, _: Any, message: mqtt.MQTTMessage) -> None:
        receipt = json.loads(message.payload)
        with self._lock:
            self.log.receipts.setdefault(receipt["batch_id"], receipt)
            self._waiting.pop(receipt["batch_id"], None)


def _plain(iid: str, beat: Beat) -> dict[str, Any]:
    return {
        "instrument_id": iid,
        "ts": beat.ts_us // 1_000,
        "state": beat.state,
        "seq": beat.seq,
        "boot_id": beat.boot_id,
    }
