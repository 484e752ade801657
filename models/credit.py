"""What each heartbeat credits, and why: a figure's evidence (rules 1, 5, 9).

``fold.py`` computes the same without telling; here one answer shows it heartbeat by heartbeat.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from models.fold import PowerRule, hold_us
from models.segment import State


class HoldSource(StrEnum):
    """Where a heartbeat's hold comes from, the first that there is."""

    INSTRUMENT_HOLD = "instrument.hold_s"
    HEARTBEAT_INTERVAL = "heartbeat.interval_s"
    INSTRUMENT_INTERVAL = "instrument.interval_s"
    DEFAULT = "default"
    SILENCE = "power_rule.silence_s"


class Ended(StrEnum):
    """Why a heartbeat's credit ends where it does, or why there is none."""

    NEXT_HEARTBEAT = "next_heartbeat"
    HOLD = "hold"
    SILENCE = "silence"
    NOW = "now"
    STALE_REPEAT = "stale_repeat"
    #: It credits nothing: a word on availability, or a sample that no rule gives a state.
    STATELESS = "stateless"
    AHEAD_OF_NOW = "ahead_of_now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A stored heartbeat with the settings in force at its time."""

    ts_us: int
    #: Corrected time (rule 8); what figures use.
    at_us: int
    received_us: int
    #: What it states or, of a sample, counts as; None: it credits nothing.
    state: State | None
    #: Whether it stated none, but power.
    sample: bool = False
    #: The device's own word, where it is one.
    available: bool | None = None
    #: The device named no time.
    receipt_time: bool = False
    live: bool
    stale: bool
    historical: bool
    retained: bool
    gateway_id: str | None
    seq: int | None
    boot_id: str | None
    power_w: float | None
    runtime_s: float | None
    energy_wh: float | None
    interval_s: float | None
    own_hold_us: int | None
    own_interval_us: int | None
    #: Of a sample: its level by power alone, the rule in force, and since when that holds; whether
    #: the device's word in force said that it is online.
    level: State | None = None
    rule: PowerRule | None = None
    rule_from_us: int | None = None
    online: bool = False

    @property
    def passed_over(self) -> bool:
        """Whether the credit of the one before goes on in spite of it."""
        return self.stale or self.available is True

    @property
    def silence_us(self) -> int:
        """How long its state lasts at the most while the device says that it is online."""
        return 0 if self.rule is None else self.rule.silence_us or 0

    @property
    def hold_us(self) -> int:
        """How long its state lasts (rule 1), by what the device had said by then."""
        return max(self._ordinary_hold_us, self.silence_us if self.online else 0)

    @property
    def longest_us(self) -> int:
        """How long its state lasts at the most, whatever the device says afterwards."""
        return max(self.hold_us, self.silence_us)

    @property
    def _ordinary_hold_us(self) -> int:
        return hold_us(
            own_us=self.own_hold_us,
            reported_interval_us=(
                None if self.interval_s is None else round(self.interval_s * 1_000_000)
            ),
            interval_us=self.own_interval_us,
        )

    @property
    def hold_source(self) -> HoldSource:
        """Where that comes from."""
        if self.hold_us > self._ordinary_hold_us:
            return HoldSource.SILENCE
        if self.own_hold_us is not None:
            return HoldSource.INSTRUMENT_HOLD
        if self.interval_s is not None:
            return HoldSource.HEARTBEAT_INTERVAL
        if self.own_interval_us is not None:
            return HoldSource.INSTRUMENT_INTERVAL
        return HoldSource.DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """What one heartbeat credits: ``[start_us, end_us)``, empty where nothing."""

    heartbeat: Accepted
    start_us: int
    end_us: int
    ended: Ended


def credits_of(
    heartbeats: Sequence[Accepted],
    next_us: int | None,
    now_us: int,
    online_words: Sequence[int] = (),
) -> list[Credit]:
    """What each heartbeat credits.

    Args:
        heartbeats: Sorted by corrected time, then by the device's.
        next_us: Corrected time of the next heartbeat that counts after them; None: there is
            none.
        now_us: Nothing from here on is credited.
        online_words: Corrected times, in order, at which the device said that it is online.
    """
    found: list[Credit] = []
    for one in reversed(heartbeats):
        at_us = one.at_us
        if one.stale:
            credit = Credit(heartbeat=one, start_us=at_us, end_us=at_us, ended=Ended.STALE_REPEAT)
        elif one.state is None:
            credit = Credit(heartbeat=one, start_us=at_us, end_us=at_us, ended=Ended.STATELESS)
        elif at_us >= now_us:
            credit = Credit(heartbeat=one, start_us=at_us, end_us=at_us, ended=Ended.AHEAD_OF_NOW)
        else:
            end, ended = _promised(one, online_words)
            if next_us is not None and next_us <= end:
                end, ended = next_us, Ended.NEXT_HEARTBEAT
            if now_us < end:
                end, ended = now_us, Ended.NOW
            credit = Credit(heartbeat=one, start_us=at_us, end_us=end, ended=ended)
        if not one.passed_over:
            next_us = at_us
        found.append(credit)
    return found[::-1]


def _promised(one: Accepted, online_words: Sequence[int]) -> tuple[int, Ended]:
    """How far a heartbeat credits if nothing follows but words that the device is online."""
    end = one.at_us + one.hold_us
    longest = one.at_us + one.silence_us
    if end < longest and any(one.at_us <= word <= end for word in online_words):
        return longest, Ended.SILENCE
    return end, Ended.HOLD
