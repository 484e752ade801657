"""Whether a decoded heartbeat is taken: registry and clock rules, in the contract's order.

What needs the database's rows to decide (``too_old`` that is stored already, ``conflict``)
is left to ``late.py``: see ``Verdict.doubtful``.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from ingest.write.batch import Arrival, Inbound, Outcome
from ingest.write.dead_letter import DeadLetter
from ingest.write.registry_cache import Gateway, Registry
from models.heartbeat import (
    HISTORICAL,
    OFFLINE_WORD,
    ONLINE_WORD,
    RECEIPT_TIME,
    RETAINED,
    SAMPLE,
    Heartbeat,
    Reason,
)
from models.message import Message
from models.timestamp import format_ts, mistaken_unit

#: Rule 7: how far ahead of receipt a device's time may lie.
CLOCK_AHEAD_US = 300_000_000


@dataclass(slots=True)
class Verdict:
    """What the judge made of a batch."""

    accepted: list[Arrival] = field(default_factory=list)
    #: Too old, unless stored or recorded already: then they are duplicates (rule 3).
    doubtful: list[Arrival] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    #: Keys of instruments with heartbeats that state no state.
    stateless: set[int] = field(default_factory=set)
    #: Keys of instruments whose clock ran ahead, with the receipt (µs).
    clock_future: dict[int, int] = field(default_factory=dict)


def judge(
    verdict: Verdict,
    messages: Iterable[tuple[Inbound, Outcome]],
    registry: Registry,
    *,
    accept_past_us: int,
    oldest_us: int,
) -> Verdict:
    """Sorts a batch's heartbeats into accepted, doubtful and refused.

    Args:
        verdict: Gets what is found.
        messages: Decoded, with their receipt times; each with its outcome, where refusals are
            noted.
        registry: At the revision of the transaction.
        accept_past_us: How old a heartbeat may be at its receipt (rule 6).
        oldest_us: Nothing older than this is taken whatever its receipt: raw rows from before
            are gone, and what they gave is final.

    Returns:
        The verdict.
    """
    for inbound, outcome in messages:
        message = inbound.message
        if message is None:
            continue
        if message.rejects:
            _note_rejects(verdict, inbound, outcome, message)
        gateway = registry.gateways.get(inbound.gateway_id)
        if gateway is None:
            detail = f"gateway {inbound.gateway_id!r} is not registered"
            for index, heartbeat in message.heartbeats:
                _refuse(verdict, inbound, outcome, index, heartbeat, Reason.UNKNOWN_GATEWAY, detail)
            continue
        oldest = max(inbound.received_us - accept_past_us, oldest_us)
        _judge_heartbeats(verdict, inbound, outcome, message, registry, gateway, oldest)
    return verdict


def _judge_heartbeats(
    verdict: Verdict,
    inbound: Inbound,
    outcome: Outcome,
    message: Message,
    registry: Registry,
    gateway: Gateway,
    oldest: int,
) -> None:
    keys, instruments = registry.keys, registry.instruments_by_key
    live = inbound.live
    newest = inbound.received_us + CLOCK_AHEAD_US
    gateway_key = gateway.key
    only_correction = gateway.only_correction_us
    origin = (HISTORICAL if message.historical else 0) | (RETAINED if inbound.retained else 0)
    # The loop that every heartbeat passes: what is usual comes first and calls little.
    for index, heartbeat in message.heartbeats:
        state = heartbeat.state
        bits = origin
        if state is None or heartbeat.receipt_time:
            bits |= _unusual(heartbeat)
            if heartbeat.receipt_time:
                # Not to be compared: with a time of its own it would be the same.
                heartbeat = msgspec.structs.replace(heartbeat, receipt_time=False)
        instrument = instruments.get(keys.get(heartbeat.instrument_id, 0))
        if instrument is None:
            detail = f"instrument {heartbeat.instrument_id!r} is not registered"
            _refuse(verdict, inbound, outcome, index, heartbeat, Reason.UNKNOWN_INSTRUMENT, detail)
            continue
        ts = heartbeat.ts_us
        setting = instrument.newest
        if ts < setting.from_us:
            setting = instrument.at(ts)
        if setting.gateway_key != gateway_key:
            bound = registry.gateways_by_key[setting.gateway_key].gateway_id
            detail = (
                f"instrument {heartbeat.instrument_id!r} speaks through gateway {bound!r} at"
                f" {format_ts(ts)}, not through {inbound.gateway_id!r}"
            )
            _refuse(verdict, inbound, outcome, index, heartbeat, Reason.WRONG_GATEWAY, detail)
            continue
        if ts > newest:
            received = inbound.received_us
            if live:
                verdict.clock_future[instrument.key] = received
            detail = (
                f"ts {format_ts(ts)} is more than 300 s ahead of its receipt at"
                f" {format_ts(received)}"
            )
            _refuse(verdict, inbound, outcome, index, heartbeat, Reason.CLOCK_FUTURE, detail)
            continue
        interval = heartbeat.interval_s
        runtime = heartbeat.runtime_s
        correction = gateway.correction_us(ts) if only_correction is None else only_correction
        arrival = Arrival(
            at_us=ts + correction if correction else ts,  # one number for both, mostly
            ts_us=ts,
            state=state,
            hold_us=setting.quiet_hold_us if interval is None else setting.hold_us(interval),
            seq=heartbeat.seq,
            boot_id=heartbeat.boot_id,
            runtime_us=None if runtime is None else round(runtime * 1_000_000),
            power_w=heartbeat.power_w,
            live=live,
            inbound=inbound,
            outcome=outcome,
            index=index,
            heartbeat=heartbeat,
            instrument_key=instrument.key,
            gateway_key=gateway_key,
            origin=bits,
        )
        if state is None:
            arrival.sample = heartbeat.available is None
            arrival.available = heartbeat.available
            if arrival.sample:
                arrival.rule = setting.rule
            verdict.stateless.add(instrument.key)
        if ts >= oldest:
            verdict.accepted.append(arrival)
        else:
            verdict.doubtful.append(arrival)


def _unusual(heartbeat: Heartbeat) -> int:
    """What is unusual about a heartbeat, as its row's bits: no time named, or no state stated."""
    bits = RECEIPT_TIME if heartbeat.receipt_time else 0
    if heartbeat.available is not None:
        bits |= ONLINE_WORD if heartbeat.available else OFFLINE_WORD
    elif heartbeat.state is None:
        bits |= SAMPLE
    return bits


def _note_rejects(verdict: Verdict, inbound: Inbound, outcome: Outcome, message: Message) -> None:
    """Takes over what could not even be read."""
    for reject in message.rejects:
        outcome.errors.append((reject.index, reject.reason))
        outcome.rejected += reject.heartbeats
        verdict.letters.append(
            DeadLetter(
                reason=reject.reason,
                detail=reject.detail,
                gateway_id=inbound.gateway_id,
                topic=inbound.topic,
                payload=reject.payload,
                received_us=inbound.received_us,
                live=inbound.live,
                historical=message.historical,
                instrument_id=reject.instrument_id,
                ts_us=reject.ts_us,
                heartbeats=reject.heartbeats,
            )
        )


def refuse_too_old(verdict: Verdict, arrival: Arrival, oldest_us: int) -> None:
    """Refuses a doubtful arrival that turned out to be new."""
    _refuse(
        verdict,
        arrival.inbound,
        arrival.outcome,
        arrival.index,
        arrival.heartbeat,
        Reason.TOO_OLD,
        f"ts {format_ts(arrival.ts_us)} is older than {format_ts(oldest_us)}, the oldest that was"
        f" taken at its receipt{mistaken_unit(arrival.ts_us // 1_000)}",
    )


def _refuse(
    verdict: Verdict,
    inbound: Inbound,
    outcome: Outcome,
    index: int,
    heartbeat: Heartbeat,
    reason: Reason,
    detail: str,
) -> None:
    assert inbound.message is not None
    outcome.errors.append((index, reason))
    outcome.rejected += 1
    verdict.letters.append(
        DeadLetter(
            reason=reason,
            detail=detail,
            gateway_id=inbound.gateway_id,
            topic=inbound.topic,
            payload=inbound.raw(index),
            received_us=inbound.received_us,
            live=inbound.live,
            historical=inbound.message.historical,
            instrument_id=heartbeat.instrument_id,
            ts_us=heartbeat.ts_us,
        )
    )
