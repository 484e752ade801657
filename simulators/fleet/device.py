"""One simulated device on an instrument: state, meters and sequence at a moment.

Time is an argument and only grows. What the instrument does is ``behaviour.py``; what becomes
of the heartbeat on its way is ``gateway.py`` and ``faults.py``.
"""

from collections.abc import Callable

from models.segment import State
from simulators.city.behaviour import Behaviour, usage_day
from simulators.city.city import Instrument
from simulators.city.randomness import mix
from simulators.heartbeat import Heartbeat

#: Receives (instrument, µs since 1970 UTC, state from then on).
TruthSink = Callable[[int, int, State], None]

_POWER_SHARE = {State.OFF: 0.0, State.IDLE: 0.18, State.RUNNING: 1.0}


class Device:
    """Walks along the instrument's behaviour and reads its meters."""

    __slots__ = (
        "_behaviour",
        "_changes",
        "_day",
        "_energy_uj",
        "_interval_s",
        "_next_us",
        "_position",
        "_running_us",
        "_since_us",
        "_truth",
        "boot_id",
        "instrument",
        "seq",
        "state",
    )

    def __init__(
        self, instrument: Instrument, start_us: int, interval_s: float, truth: TruthSink
    ) -> None:
        self.instrument = instrument
        self._truth = truth
        self._interval_s = interval_s if instrument.sends_interval else None
        if self._interval_s is not None and self._interval_s == int(self._interval_s):
            self._interval_s = int(self._interval_s)
        self._behaviour = Behaviour(instrument.habit)
        self._day = usage_day(start_us // 1_000_000)
        self._changes = self._behaviour.changes(self._day)
        self._position = 0
        self.state = self._changes[0][1]
        self._since_us = self._changes[0][0] * 1_000_000
        self._next_us = 0
        self._find_next()
        while start_us >= self._next_us:
            self._cross(quiet=True)
        self._since_us = start_us
        base = mix(instrument.habit.seed, instrument.index, 9)
        self._running_us = (base % 40_000_000) * 1_000_000
        self._energy_uj = int(self._running_us * 0.9 * instrument.power_w)
        self.seq = 0
        self.boot_id = ""
        truth(instrument.index, start_us, self.state)

    def _find_next(self) -> None:
        if self._position + 1 < len(self._changes):
            self._next_us = self._changes[self._position + 1][0] * 1_000_000
        else:
            self._day += 1
            following = self._behaviour.changes(self._day)
            self._changes = [(following[0][0], self.state), *following]
            # Two entries at the day's beginning: the state before, and the one from then on.
            self._position = 0
            self._next_us = following[0][0] * 1_000_000

    def _cross(self, quiet: bool = False) -> None:
        at_us = self._next_us
        self._position += 1
        state = self._changes[self._position][1]
        if not quiet:
            self._run_to(at_us)
        if state is not self.state:
            self.state = state
            if not quiet:
                self._truth(self.instrument.index, at_us, state)
        self._find_next()

    def _run_to(self, at_us: int) -> None:
        elapsed = at_us - self._since_us
        self._since_us = at_us
        if self.state is State.RUNNING:
            self._running_us += elapsed
        self._energy_uj += int(elapsed * self.instrument.power_w * _POWER_SHARE[self.state])

    def advance(self, at_us: int) -> None:
        """Move to ``at_us`` (not before the last time) without a heartbeat."""
        while at_us >= self._next_us:
            self._cross()
        self._run_to(at_us)

    def beat(self, at_us: int, ts_us: int) -> Heartbeat:
        """The heartbeat of a moment.

        Args:
            at_us: True time; not before the last one.
            ts_us: What the device's clock says.
        """
        self.advance(at_us)
        self.seq += 1
        instrument = self.instrument
        share = _POWER_SHARE[self.state]
        wobble = 0.95 + ((at_us // 1_000_000 * 2_654_435_761) >> 8 & 127) / 1_270.0
        return Heartbeat(
            instrument=instrument.index,
            instrument_id=instrument.instrument_id,
            ts_us=ts_us,
            state=self.state,
            power_w=round(instrument.power_w * share * wobble, 1) if share else 0,
            runtime_s=self._running_us // 1_000_000,
            energy_wh=round(self._energy_uj / 3.6e9, 1),
            seq=self.seq,
            boot_id=self.boot_id,
            interval_s=self._interval_s,
            text_ts=instrument.sends_text_ts,
        )

    def reset_counters(self) -> None:
        """The meters start again at 0."""
        self._running_us = 0
        self._energy_uj = 0

    def boot(self, boot_id: str) -> None:
        """A new boot: the sequence starts again."""
        self.boot_id = boot_id
        self.seq = 0
