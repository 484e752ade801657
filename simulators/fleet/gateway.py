"""A simulated gateway: polls its devices, keeps an outbox, publishes, waits for receipts.

Rounds that are due are sampled only when the outbox has room: a device is a function of time,
so a gateway that was cut off for an hour replays the very heartbeats it would have stored, and
no outage of the service can fill the simulator's memory. ``reference_gateway.py`` shows the
same protocol as a device maker would write it; ``link.py`` is the connection, ``faults.py``
spoils what is sent, ``run.py`` drives all gateways.
"""

import time
from collections.abc import Callable
from hashlib import blake2b

import msgspec

from simulators.check.ledger import Ledger
from simulators.city.city import Gateway
from simulators.city.randomness import mix, unit
from simulators.fleet.device import Device
from simulators.fleet.faults import GatewayFaults
from simulators.fleet.link import Broker, Link, Reactor
from simulators.fleet.schedule import Profile, Schedule
from simulators.fleet.stats import Stats
from simulators.fleet.visible import VisibleProbe
from simulators.heartbeat import (
    Heartbeat,
    Outgoing,
    encode_array,
    encode_beat,
    encode_envelope,
    heartbeat_topic,
    receipt_topic,
    status_payload,
    status_topic,
)
from simulators.native import family_of

FIRST_RETRY_S = 10.0
LONGEST_RETRY_S = 60.0
_POLL_STEP_US = 2_000  # between two devices of one round
_MILLI_US = 1_000


class _Waiting:
    """A message without its receipt, or without the broker's acknowledgement."""

    __slots__ = ("first_at", "message", "retry_at", "tries")

    def __init__(self, message: Outgoing, now: float, patience_s: float) -> None:
        self.message = message
        self.first_at = now
        self.retry_at = now + patience_s
        self.tries = 1


class GatewayRunner:
    """One gateway's life."""

    def __init__(
        self,
        gateway: Gateway,
        devices: list[Device],
        schedule: Schedule,
        *,
        seed: int,
        reactor: Reactor,
        broker: Broker,
        ledger: Ledger,
        stats: Stats,
        faults: GatewayFaults | None = None,
        on_room: Callable[["GatewayRunner"], None] | None = None,
        probe: VisibleProbe | None = None,
    ) -> None:
        self.gateway = gateway
        self._devices = devices
        self._schedule = schedule
        self._seed = seed
        self._ledger = ledger
        self._stats = stats
        self.faults = faults
        self._on_room = on_room
        self._probe = probe
        gateway_id = gateway.gateway_id
        self._topic = heartbeat_topic(gateway_id)
        self._status_topic = status_topic(gateway_id)
        self._receipt_topic = receipt_topic(gateway_id)
        phase = int(schedule.interval_us * unit(seed, gateway.index, 31)) // _MILLI_US * _MILLI_US
        #: When the next round is due, simulated µs; past the end: no more.
        self.due_us = schedule.start_us + phase
        # Polled one after the other; many devices on a short interval are polled faster.
        fitting = schedule.interval_us // 2 // max(1, len(devices)) // _MILLI_US * _MILLI_US
        self._poll_step_us = min(_POLL_STEP_US, fitting)
        self._collected: list[Heartbeat] = []
        self._sending: list[Outgoing] = []
        self._number = 0
        self._waiting: dict[str, _Waiting] = {}
        self._unacked: dict[int, tuple[int, float]] = {}
        self._flushed = False
        self._boots = 0
        self._trip_s = 0.0  # smoothed as TCP does
        self._connections = 0
        self.mqtt_session = ""
        self.digest = 0
        self.link = Link(
            reactor,
            broker,
            gateway_id,
            on_up=self._up,
            on_down=self._down,
            on_message=self._heard,
            on_acked=self._acked,
        )
        self.boot()

    def boot(self) -> None:
        """The gateway starts: a new boot id for all behind it."""
        self._boots += 1
        number = mix(self._seed, self.gateway.index, self._boots, self._schedule.start_us)
        boot_id = f"{number & 0xFFFFFFFF:08x}"
        for device in self._devices:
            device.boot(boot_id)

    # connection

    def connect(self) -> None:
        """Connect, with a will of this connection's MQTT session."""
        self._connections += 1
        self.mqtt_session = f"{self._schedule.run}-{self._connections}"
        will = status_payload(online=False, mqtt_session=self.mqtt_session, ts_us=None, will=True)
        self.link.connect(self._status_topic, will)

    def _up(self) -> None:
        now_us = time.time_ns() // 1_000
        self._stats.connects += 1
        if self._schedule.profile is Profile.ENVELOPE:
            self.link.subscribe(self._receipt_topic)
        self._say(True, now_us)
        self._ledger.event(self.gateway.index, now_us, "up", self.mqtt_session)
        # Receipts that came meanwhile are lost, and so may batches be: ask again soon.
        soon = time.monotonic() + 2.0
        for waiting in self._waiting.values():
            waiting.retry_at = min(waiting.retry_at, soon)
        if self._on_room:
            self._on_room(self)

    def _down(self) -> None:
        self._stats.disconnects += 1
        # Of what ended at the other side nobody here knows whether it leaves a will behind.
        event = "down" if self.link.is_cut else "lost"
        self._ledger.event(self.gateway.index, time.time_ns() // 1_000, event, self.mqtt_session)

    def _say(self, online: bool, now_us: int) -> None:
        payload = status_payload(
            online=online, mqtt_session=self.mqtt_session, ts_us=now_us, will=False
        )
        self.link.publish(self._status_topic, payload, retain=True)

    def leave(self) -> None:
        """Say that we go, and go."""
        if self.link.is_up:
            now_us = time.time_ns() // 1_000
            self._ledger.event(self.gateway.index, now_us, "left", self.mqtt_session)
            self._say(False, now_us)
            self.link.disconnect()

    # sending

    @property
    def _patience_s(self) -> float:
        """How long to wait for a receipt: a busy service gets no busier by being asked twice."""
        return min(LONGEST_RETRY_S, max(FIRST_RETRY_S, 4.0 * self._trip_s))

    @property
    def unreceipted(self) -> int:
        """Messages that wait for a receipt, or for the broker's acknowledgement."""
        return len(self._waiting) + len(self._unacked)

    @property
    def has_room(self) -> bool:
        """Whether another message may be sent."""
        return self.link.is_up and self.unreceipted < self._schedule.window

    def pump(self, now_us: int, most_rounds: int) -> bool:
        """Send what is due, as far as there is room.

        Args:
            now_us: The simulation's time.
            most_rounds: Rounds to sample at most, so that gateways take turns.

        Returns:
            Whether there is more that could be sent at once.
        """
        rounds = 0
        schedule = self._schedule
        while self.has_room:
            if self._sending:
                self._publish(self._sending.pop(0), now_us)
                continue
            if self.due_us > now_us or self.due_us >= schedule.end_us:
                break
            if rounds >= most_rounds:
                return True
            self._round(self.due_us)
            self.due_us += schedule.interval_us
            rounds += 1
        return False

    def finish(self) -> None:
        """No more rounds will come: send what faults and batches hold back."""
        if not self._flushed:
            self._flushed = True
            if self.faults:
                self._collected += self.faults.release_all()
            self._pack(self.due_us, whole=True)
            if self.faults:
                self._sending += self.faults.release_messages(self)

    @property
    def has_sent_all(self) -> bool:
        """Whether nothing is left to be sent for the first time."""
        return self._flushed and not self._sending

    @property
    def is_done(self) -> bool:
        """Whether all is sent and receipted."""
        return self.has_sent_all and not self.unreceipted

    def _round(self, at_us: int) -> None:
        faults = self.faults
        if faults and not faults.begin_round(self, at_us):
            return
        skew_us = faults.skew_us if faults else 0
        beats = []
        for place, device in enumerate(self._devices):
            polled_us = at_us - place * self._poll_step_us
            if polled_us < self._schedule.start_us:
                continue
            beat = device.beat(polled_us, polled_us + skew_us)
            family = family_of(self._schedule.families, device.instrument.index)
            beats.append(beat if family is None else family.heard(beat))
        if faults:
            beats = faults.spoil(beats, at_us)
            for instrument in faults.to_reset:
                self._devices[instrument - self.gateway.first].reset_counters()
            faults.to_reset.clear()
        self._collected += beats
        # History fills its batches; live heartbeats do not wait for the next round.
        self._pack(at_us, whole=not self._schedule.historical)
        if faults:
            self._sending = faults.arrange(self._sending, self)

    def _pack(self, at_us: int, *, whole: bool) -> None:
        schedule = self._schedule
        most = 1 if schedule.profile is Profile.SINGLE else schedule.batch
        collected = self._collected
        while len(collected) >= most or (whole and collected):
            beats, collected = collected[:most], collected[most:]
            self._sending.append(self._message(beats, at_us))
        self._collected = collected

    def next_number(self) -> int:
        """The next message's number."""
        self._number += 1
        return self._number

    def batch_id(self, number: int) -> str:
        """The id of the gateway's batch of that number."""
        return f"{self._schedule.run}-{self.gateway.index}-{number}"

    def _message(self, beats: list[Heartbeat], at_us: int) -> Outgoing:
        schedule = self._schedule
        number = self.next_number()
        batch_id = None
        if schedule.profile is Profile.ENVELOPE:
            batch_id = self.batch_id(number)
            payload = encode_envelope(
                beats, batch_id=batch_id, sent_at_us=at_us, historical=schedule.historical
            )
        elif schedule.profile is Profile.ARRAY:
            payload = encode_array(beats)
        else:
            payload = encode_beat(beats[0])
        topic = self._topic
        family = family_of(schedule.families, beats[0].instrument)
        if family is not None:
            topic, payload = family.message(self.gateway.gateway_id, beats[0])
        return Outgoing(
            gateway=self.gateway.index,
            number=number,
            topic=topic,
            payload=payload,
            beats=beats,
            batch_id=batch_id,
            historical=batch_id is not None and schedule.historical,
        )

    def _publish(self, message: Outgoing, now_us: int) -> None:
        stats = self._stats
        count = len(message.beats) or message.counts
        self._ledger.attempt(message, time.time_ns() // 1_000)
        self.digest = mix(self.digest, hash_bytes(message.topic.encode() + message.payload))
        stats.published += count
        stats.messages += 1
        stats.bytes_published += len(message.payload)
        now = time.monotonic()
        probe = self._probe
        if probe is not None and probe.is_free:
            self._offer(probe, message)
        mid = self.link.publish(message.topic, message.payload, retain=message.retain)
        if message.batch_id is not None:
            self._waiting[message.batch_id] = _Waiting(message, now, self._patience_s)
        else:
            self._unacked[mid] = (count, now)

    def _offer(self, probe: VisibleProbe, message: Outgoing) -> None:
        """Have a heartbeat watched for that nothing is wrong with."""
        if message.beats and not (self.faults and self.faults.skew_us):
            beat = message.beats[-1]
            if not beat.fault and beat.raw is None:
                probe.offer(beat.instrument_id, beat.ts_us)

    def resend(self, now: float) -> None:
        """Publish again what has waited too long for its receipt."""
        if not self.link.is_up:
            return
        for waiting in self._waiting.values():
            if now >= waiting.retry_at:
                message = waiting.message
                waiting.tries += 1
                pause = min(LONGEST_RETRY_S, self._patience_s * 2 ** (waiting.tries - 1))
                waiting.retry_at = now + pause
                self._stats.resent_messages += 1
                self.link.publish(message.topic, message.payload, retain=message.retain)

    def _acked(self, mid: int, taken: bool) -> None:
        if not taken:
            self._stats.refused_publishes += 1
        unacked = self._unacked.pop(mid, None)
        if unacked is not None:
            count, at = unacked
            self._stats.acknowledged += count
            self._stats.round_trips.add(int((time.monotonic() - at) * 1e6))
            if self._on_room:
                self._on_room(self)

    def _heard(self, topic: str, payload: bytes) -> None:
        answer = msgspec.json.decode(payload)
        waiting = self._waiting.pop(answer.get("batch_id") or "", None)
        if waiting is None:
            return  # of a batch that was receipted before it was sent again
        message = waiting.message
        stats = self._stats
        trip_us = int((time.monotonic() - waiting.first_at) * 1e6)
        stats.round_trips.add(trip_us)
        self._trip_s += 0.125 * (trip_us / 1e6 - self._trip_s)
        stats.receipted += len(message.beats) or message.counts
        stats.stored += answer.get("stored", 0)
        stats.duplicates += answer.get("duplicates", 0)
        stats.rejected += answer.get("rejected", 0)
        self._ledger.receipt(
            message.gateway,
            message.number,
            time.time_ns() // 1_000,
            trip_us,
            waiting.tries,
            answer,
        )
        if self._on_room:
            self._on_room(self)


def hash_bytes(data: bytes) -> int:
    """64 bits of a digest."""
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big")
