"""Faults with rates and seeds: what befalls heartbeats between a device and the service.

``FaultRates`` says how often, ``GatewayFaults`` is one gateway's bad luck. Everything that
changes bytes depends on the seed and the simulated time alone, so that a seed repeats itself;
what happens to connections depends on the seed and the wall clock. Each spoilt heartbeat goes
into the ledger as it was published, so that ``verify.py`` needs no knowledge of faults: it
judges what was sent. Spoilt JSON is in ``bad_messages.py``.
"""

import heapq
import time
from dataclasses import dataclass, fields, replace
from math import exp
from typing import Protocol

from models.segment import State
from simulators.check.ledger import Ledger
from simulators.city.city import City, Gateway
from simulators.city.randomness import Rng
from simulators.fleet.bad_messages import (
    bad_element,
    forged_message,
    odd_element,
    spoilt_message,
)
from simulators.fleet.link import Link
from simulators.fleet.schedule import Schedule
from simulators.fleet.stats import Stats
from simulators.heartbeat import Heartbeat, Outgoing

_MINUTE_US = 60_000_000
_HOUR_US = 3_600_000_000
_SLOT_S = 5.0  # the wall clock's grain for connection faults
_MILLI_US = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRates:
    """How often each fault strikes; 0 is never."""

    #: Chance of a heartbeat to be lost before it is published.
    dropped: float = 0.0
    #: Chance of a heartbeat to be published twice, in one message or in two.
    duplicated: float = 0.0
    #: Chance of a heartbeat to have a twin of the same time and another state.
    conflicting: float = 0.0
    #: Chance of a round to be shuffled, its last message held until the next round.
    reordered: float = 0.0
    #: Chance of a heartbeat to come late: log-normal, half above 30 s, at most 10 min.
    late: float = 0.0
    #: Chance a minute of a gateway to lose its network for 5 to 25 s; it replays.
    outage: float = 0.0
    #: Chance of a heartbeat to begin a row of stale repeats: new time, same sequence number.
    restamped: float = 0.0
    #: Share of gateways whose clock is wrong by up to two minutes.
    skew: float = 0.0
    #: Chance a minute of a gateway's clock to jump for a few rounds: hours or days.
    clock_jump: float = 0.0
    #: Chance of a heartbeat to find its device's meters at 0.
    counter_reset: float = 0.0
    #: Chance a minute of a gateway to restart, being off for a few rounds.
    reboot: float = 0.0
    #: Chance of a heartbeat to be no heartbeat any more.
    malformed: float = 0.0
    #: Chance of a heartbeat to be written oddly and yet correctly.
    odd: float = 0.0
    #: Chance a minute of a gateway to publish something hostile.
    hostile: float = 0.0
    #: Chance a minute of half the fleet to lose its connections at once.
    disconnect_storm: float = 0.0
    #: Chance of a message to be published retained.
    retained: float = 0.0

    @property
    def any(self) -> bool:
        """Whether anything ever goes wrong."""
        return any(getattr(self, item.name) for item in fields(self))

    @classmethod
    def parse(cls, text: str) -> "FaultRates":
        """Read ``none``, ``all`` or ``NAME=RATE,…``; a name alone has the rate of ``all``.

        Raises:
            ValueError: no such fault, or a rate outside 0 to 1.
        """
        text = text.strip()
        if text in ("", "none"):
            return cls()
        known = {item.name for item in fields(cls)}
        rates: dict[str, float] = {}
        for part in text.split(","):
            name, _, value = part.strip().partition("=")
            name = name.replace("-", "_")
            if name == "all":
                try:
                    scale = float(value) if value else 1.0
                except ValueError as error:
                    raise ValueError(f"rate of all is {value!r}; it must be a number") from error
                rates |= {n: min(1.0, r * scale) for n, r in _ALL.items()}
                continue
            if name not in known:
                raise ValueError(f"fault is {name!r}; it must be one of {', '.join(sorted(known))}")
            try:
                rate = float(value) if value else _ALL[name]
            except ValueError as error:
                raise ValueError(f"rate of {name} is {value!r}; it must be a number") from error
            if not 0.0 <= rate <= 1.0:
                raise ValueError(f"rate of {name} is {rate}; it must lie in 0 to 1")
            rates[name] = rate
        return cls(**rates)


#: ``--faults all``: each strikes within minutes, none hides the others.
_ALL = {
    "dropped": 0.005,
    "duplicated": 0.01,
    "conflicting": 0.002,
    "reordered": 0.05,
    "late": 0.005,
    "outage": 0.04,
    "restamped": 0.001,
    "skew": 0.1,
    "clock_jump": 0.02,
    "counter_reset": 0.0005,
    "reboot": 0.02,
    "malformed": 0.003,
    "odd": 0.02,
    "hostile": 0.05,
    "disconnect_storm": 0.1,
    "retained": 0.002,
}

#: Faults of single heartbeats: at most one strikes each.
_BEAT_FAULTS = (
    "dropped",
    "duplicated",
    "conflicting",
    "late",
    "restamped",
    "counter_reset",
    "malformed",
    "odd",
)


def _now_us() -> int:
    return time.time_ns() // 1_000


class Afflicted(Protocol):
    """What bad luck may do to a gateway (``gateway.py``)."""

    @property
    def link(self) -> Link:
        """Its connection."""

    def boot(self) -> None:
        """Start again, as after a loss of power."""

    def next_number(self) -> int:
        """The number of its next message."""


class GatewayFaults:
    """One gateway's bad luck."""

    def __init__(
        self,
        rates: FaultRates,
        *,
        city: City,
        gateway: Gateway,
        schedule: Schedule,
        seed: int,
        ledger: Ledger,
        stats: Stats,
    ) -> None:
        self._rates = rates
        self._city = city
        self._gateway = gateway
        self._schedule = schedule
        self._seed = seed
        self._ledger = ledger
        self._stats = stats
        self._dice = Rng(seed, gateway.index, 41)
        self._chances = [(name, getattr(rates, name)) for name in _BEAT_FAULTS]
        self._any_beat = sum(chance for _, chance in self._chances)
        # Chances a minute become chances a round, whatever the interval.
        self._minutes = min(1.0, schedule.interval_us / _MINUTE_US)
        self._skew_us = 0
        if self._dice.chance(rates.skew):
            self._skew_us = int(self._dice.between(-120, 120) * 1_000) * _MILLI_US
            self._strike("skew", schedule.start_us, f"{self._skew_us / 1e6:+.3f} s")
        self._jump_us = 0
        self._jump_rounds = 0
        self._off_rounds = 0
        self._stuck: dict[int, tuple[Heartbeat, int]] = {}
        self._later: list[tuple[int, int, Heartbeat]] = []
        self._later_count = 0
        self._held: list[Outgoing] = []
        self._extra: list[Outgoing] = []
        self._spoilt_count = 0
        #: Instruments whose meters start again at 0 with the next round.
        self.to_reset: list[int] = []
        self._slot = -1
        self._slots_from = 0.0

    @property
    def skew_us(self) -> int:
        """What the gateway's clock shows beyond the true time, now."""
        return self._skew_us + self._jump_us

    def _strike(self, fault: str, at_us: int, detail: str = "") -> None:
        self._stats.faults[fault] = self._stats.faults.get(fault, 0) + 1
        if detail:
            self._ledger.event(self._gateway.index, at_us, fault, detail)

    def _count(self, fault: str) -> None:
        self._stats.faults[fault] = self._stats.faults.get(fault, 0) + 1

    # rounds: clocks, reboots, single heartbeats

    def begin_round(self, runner: Afflicted, at_us: int) -> bool:
        """What happens before the devices are polled.

        Returns:
            Whether they are: a gateway that is off polls nobody.
        """
        rng = self._dice
        rates = self._rates
        if self._off_rounds:
            self._off_rounds -= 1
            if self._off_rounds == 0:
                runner.boot()
            return False
        if rng.chance(rates.reboot * self._minutes):
            self._off_rounds = 1 + rng.below(4)
            self._stuck.clear()
            self._strike("reboot", at_us, f"off for {self._off_rounds} rounds")
            return False
        if self._jump_rounds:
            self._jump_rounds -= 1
            if self._jump_rounds == 0:
                self._jump_us = 0
        elif rng.chance(rates.clock_jump * self._minutes):
            self._jump_rounds = 1 + rng.below(3)
            # Far enough from the border (300 s ahead) that no delay moves it across.
            ahead = rng.chance(0.5)
            span_s = rng.between(3_600, 172_800) if ahead else -rng.between(600, 7_200)
            self._jump_us = int(span_s * 1_000) * _MILLI_US
            if self._schedule.historical and ahead:
                self._jump_us = -self._jump_us // 100 * 100  # history has no future to jump into
            self._strike("clock_jump", at_us, f"{self._jump_us / 1e6:+.3f} s")
        return True

    def spoil(self, beats: list[Heartbeat], at_us: int) -> list[Heartbeat]:
        """What becomes of a round's heartbeats, and of earlier ones that come late."""
        rng = self._dice
        kept: list[Heartbeat] = []
        while self._later and self._later[0][0] <= at_us:
            kept.append(heapq.heappop(self._later)[2])
        any_beat = self._any_beat
        for beat in beats:
            if self._stuck and beat.instrument in self._stuck:
                kept.append(self._repeat(beat))
                continue
            roll = rng.unit()
            if roll >= any_beat:
                kept.append(beat)
                continue
            self._spoil_one(beat, roll, at_us, kept)
        if rng.chance(self._rates.hostile * self._minutes):
            self._attack(kept, at_us)
        if rng.chance(self._rates.reordered):
            rng.shuffle(kept)
            self._count("reordered")
        return kept

    def _repeat(self, beat: Heartbeat) -> Heartbeat:
        template, left = self._stuck[beat.instrument]
        if left <= 1:
            del self._stuck[beat.instrument]
        else:
            self._stuck[beat.instrument] = (template, left - 1)
        self._count("restamped")
        return replace(template, ts_us=beat.ts_us, fault="restamped")

    def _spoil_one(self, beat: Heartbeat, roll: float, at_us: int, kept: list[Heartbeat]) -> None:
        rng = self._dice
        fault = _BEAT_FAULTS[-1]
        for fault, chance in self._chances:  # noqa: B007 - the last one looked at is meant
            roll -= chance
            if roll < 0:
                break
        self._count(fault)
        if fault == "dropped":
            return
        if fault == "duplicated":
            kept.append(beat)
            again = replace(beat, fault=fault)
            if rng.chance(0.5):
                kept.append(again)
            else:
                self._delay(again, at_us, rng.between(5, 60))
        elif fault == "conflicting":
            others = [state for state in State if state is not beat.state]
            twin = replace(beat, state=rng.choice(others), fault=fault)
            pair = [beat, twin]
            rng.shuffle(pair)
            kept.append(pair[0])
            if rng.chance(0.5):
                kept.append(pair[1])
            else:
                self._delay(pair[1], at_us, rng.between(5, 60))
        elif fault == "late":
            beat.fault = fault
            self._delay(beat, at_us, min(600.0, 30.0 * exp(1.1 * rng.gauss())))
        elif fault == "restamped":
            kept.append(beat)
            self._stuck[beat.instrument] = (beat, 2 + rng.below(5))
        elif fault == "counter_reset":
            beat.fault = fault
            kept.append(beat)
            beat.runtime_s = 0
            beat.energy_wh = 0.0
            self.to_reset.append(beat.instrument)
        elif fault == "malformed":
            kept.append(bad_element(beat, rng, self._token()))
        else:
            kept.append(odd_element(beat, rng))

    def _delay(self, beat: Heartbeat, at_us: int, seconds: float) -> None:
        self._later_count += 1
        heapq.heappush(self._later, (at_us + int(seconds * 1e6), self._later_count, beat))

    def _token(self) -> str:
        """Makes each spoilt message a dead letter of its own."""
        self._spoilt_count += 1
        return f"{self._schedule.run}-{self._gateway.index}-{self._spoilt_count}"

    def _attack(self, kept: list[Heartbeat], at_us: int) -> None:
        """Something hostile among the heartbeats, or a message of its own."""
        rng = self._dice
        kind = rng.below(8)
        instruments = self._city.instruments
        model = kept[-1] if kept and kept[-1].raw is None else None
        if model is None:
            return
        self._count("hostile")
        if kind == 0:
            ghost = f"ghost-{self._token()}"
            kept.append(replace(model, instrument=-1, instrument_id=ghost, fault="unknown"))
        elif kind == 1 and len(self._city.gateways) > 1:
            other = instruments[rng.below(len(instruments))]
            if other.gateway != self._gateway.index:
                kept.append(
                    replace(
                        model,
                        instrument=other.index,
                        instrument_id=other.instrument_id,
                        fault="foreign",
                    )
                )
        elif kind == 2:
            # Years 2100 to 9999: no chunk may come of it.
            far_us = int(rng.between(4_102_444_800, 253_402_300_000)) * 1_000_000
            kept.append(replace(model, ts_us=far_us, fault="far_future"))
        elif kind == 3:
            old_us = int(rng.between(-62_135_596_000, 1_000_000_000)) * 1_000_000
            kept.append(replace(model, ts_us=old_us, text_ts=True, fault="far_past"))
        elif kind == 4:
            self._extra.append(forged_message(self._gateway, model, self._token()))
        else:
            self._extra.append(spoilt_message(self._gateway, rng, self._token()))

    def release_all(self) -> list[Heartbeat]:
        """The late ones that are still held when the run ends."""
        rest = [beat for _, _, beat in sorted(self._later, key=lambda entry: entry[:2])]
        self._later.clear()
        return rest

    # messages

    def arrange(self, messages: list[Outgoing], runner: Afflicted) -> list[Outgoing]:
        """Hold messages back, mark them retained, put hostile ones among them."""
        rng = self._dice
        messages = messages + self._held
        self._held = []
        if len(messages) > 1 and rng.chance(self._rates.reordered):
            self._held.append(messages.pop())
        for message in messages:
            if message.beats and not message.retain and rng.chance(self._rates.retained):
                message.retain = True
                self._count("retained")
        return messages + self._numbered(runner)

    def _numbered(self, runner: Afflicted) -> list[Outgoing]:
        extra, self._extra = self._extra, []
        for message in extra:
            message.number = runner.next_number()
        return extra

    def release_messages(self, runner: Afflicted) -> list[Outgoing]:
        """What is still held when the run ends."""
        held, self._held = self._held, []
        return held + self._numbered(runner)

    # connections

    def govern_link(self, runner: Afflicted, now: float) -> None:
        """Break the connection where it is time; called a few times a second.

        Args:
            runner: The gateway.
            now: The wall's monotonic clock.
        """
        if not self._slots_from:
            self._slots_from = now
        slot = int((now - self._slots_from) / _SLOT_S)
        if slot == self._slot or not runner.link.is_up:
            return
        self._slot = slot
        share = _SLOT_S / 60.0
        if Rng(self._seed, 42, slot).chance(self._rates.disconnect_storm * share) and Rng(
            self._seed, 43, slot, self._gateway.index
        ).chance(0.5):
            self._strike("disconnect_storm", _now_us(), "with half the fleet")
            runner.link.drop()
            return
        own = Rng(self._seed, 44, slot, self._gateway.index)
        if own.chance(self._rates.outage * share):
            seconds = own.between(5, 25)
            self._strike("outage", _now_us(), f"{seconds:.1f} s")
            runner.link.drop(stay_away_s=seconds)
