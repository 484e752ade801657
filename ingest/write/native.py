"""What devices say below their gateway's ``native/`` becomes heartbeats of what they feed.

Each mapping that an instrument of the gateway names reads the message (``models/mapping.py``); a
sample belongs to the instrument that its device and channel feed at its time (``feeds.py``). What
names no time is dated by its receipt (``native_receipts.py``). What nobody takes is folded with
others of its topic (``folded_letters.py``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import psycopg

from ingest.write import native_receipts, sparkplug
from ingest.write.batch import Inbound, Outcome
from ingest.write.feeds import Feeds, Source
from ingest.write.folded_letters import FoldedLetters
from ingest.write.inbounds import Inbounds
from ingest.write.registry_cache import Gateway, Registry
from models.heartbeat import Heartbeat, Reason
from models.mapping import Problem, Sample, matches, read
from models.message import Message


@dataclass(slots=True)
class _Heard:
    """A device's message, read."""

    place: int
    #: Ours: the rest of the transaction sees it in the other's place.
    inbound: Inbound
    gateway: Gateway
    #: Each with the mapping that read it.
    samples: list[tuple[str, Sample]] = field(default_factory=list)
    #: Devices whose loss is that of all others that their mapping reads.
    roots: set[tuple[str, str]] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    #: Whether a mapping knows messages of its topic, those included that say nothing.
    known: bool = False
    historical: bool = False

    @property
    def needs_a_date(self) -> bool:
        """Whether something of it is dated by its receipt."""
        return any(sample.ts_us is None for _, sample in self.samples)


def take(
    cursor: psycopg.Cursor,
    inbounds: Inbounds,
    outcomes: Sequence[Outcome],
    registry: Registry,
    folded: FoldedLetters,
    mqtt_client_id: str,
) -> Inbounds:
    """Reads the devices' messages of a batch.

    The registry may be another one when the batch is written again, so what is read stands in
    copies, and the batch's own messages remain as they came.

    Args:
        cursor: In the transaction.
        inbounds: Decoded messages with their receipt times.
        outcomes: One each; refusals are noted there.
        registry: At the revision of the transaction.
        folded: Takes what nobody takes.
        mqtt_client_id: Names our session with the broker.

    Returns:
        The batch, devices' messages with the heartbeats that they mean.
    """
    heard: list[_Heard] = []
    for place in inbounds.others:
        inbound = inbounds.made[place]
        # Without a payload it only clears what the broker kept.
        if inbound.kind == "native" and inbound.payload:
            reason, detail = _why_not(inbound, registry)
            if reason is not None:
                _refuse(inbound, outcomes[place], folded, reason, detail)
            else:
                gateway = registry.gateways[inbound.gateway_id]
                heard.append(_hear(place, inbound, gateway, registry))
    if not heard:
        return inbounds
    native_receipts.date(cursor, mqtt_client_id, [one.inbound for one in heard if one.needs_a_date])
    for one in heard:
        heartbeats = list(_heartbeats(one))
        one.inbound.message = Message(
            heartbeats=heartbeats,
            rejects=[],
            total=len(heartbeats),
            historical=one.historical,
            payload=one.inbound.payload,
        )
        outcome = outcomes[one.place]
        if one.problems:
            problem = one.problems[0]
            detail = f"{problem.at}: {problem.detail}" if problem.at else problem.detail
            _refuse(one.inbound, outcome, folded, problem.reason, detail)
        elif not heartbeats and _is_nobodys(one):
            _refuse(one.inbound, outcome, folded, Reason.UNMAPPED, _whose(one))
    return inbounds.replaced({one.place: one.inbound for one in heard})


def _why_not(inbound: Inbound, registry: Registry) -> tuple[Reason | None, str]:
    if inbound.refused is not None:
        return inbound.refused.reason, inbound.refused.detail
    if inbound.gateway_id not in registry.gateways:
        return Reason.UNKNOWN_GATEWAY, f"gateway {inbound.gateway_id!r} is not registered"
    return None, ""


def _hear(place: int, inbound: Inbound, gateway: Gateway, registry: Registry) -> _Heard:
    heard = _Heard(place, msgspec.structs.replace(inbound), gateway)
    below = inbound.topic[len("instruments/v1//native/") + len(inbound.gateway_id) :]
    if sparkplug.is_from_host(below):
        told = sparkplug.read(inbound, gateway.feeds)
        heard.samples += [(sparkplug.MAPPING, sample) for sample in told.samples]
        heard.problems += told.problems
        heard.known, heard.historical = told.known, told.historical
        heard.inbound.live = inbound.live and not told.historical
        return heard
    for name in gateway.feeds.mappings:
        mapping = registry.mappings.get(name)
        if mapping is None:
            continue
        reading = read(
            mapping, below, inbound.payload, retained=inbound.retained, zone=registry.zone
        )
        heard.samples += [(name, sample) for sample in reading.samples]
        heard.roots.update((name, root) for root in mapping.roots)
        heard.problems += reading.problems
        heard.known = heard.known or bool(reading.samples) or matches(mapping, below)
    return heard


def _heartbeats(heard: _Heard) -> Iterator[tuple[int, Heartbeat]]:
    """The heartbeats that a message means, each with its sample's place."""
    feeds = heard.gateway.feeds
    for index, (mapping, sample) in enumerate(heard.samples):
        at_us = _at_us(heard, sample)
        said = _said(sample)
        word = _word(sample)
        if said is not None:
            fed = feeds.of(Source(mapping, sample.device, sample.channel), at_us)
            if fed is not None:
                yield index, _heartbeat(fed, at_us, sample, said)
        elif word is not None:
            for fed in _spoken_for(heard, mapping, sample, at_us):
                yield index, _heartbeat(fed, at_us, sample, word)


def _said(sample: Sample) -> dict[str, Any] | None:
    """What a sample says of its channel's state or power; ``None``: neither.

    A counter by itself is no sign of what an instrument does, and would end what the last sample
    credits.
    """
    if sample.state is None and sample.power_w is None:
        return None
    return {
        "state": sample.state,
        "power_w": sample.power_w,
        "energy_wh": sample.energy_wh,
        "runtime_s": sample.runtime_s,
        "seq": sample.seq,
        "boot_id": sample.boot_id,
    }


def _word(sample: Sample) -> dict[str, Any] | None:
    """What a sample says of its device being there; ``None``: nothing.

    Who does not know what its device does is as good as not there.
    """
    available = False if sample.unknown else sample.available
    return None if available is None else {"state": None, "available": available}


def _spoken_for(heard: _Heard, mapping: str, sample: Sample, at_us: int) -> list[str]:
    """Whom a device's word is about.

    Where it names no channel, all that any of them feeds; and a root that is lost takes all that
    its mapping reads with it. That it is back says nothing of them: each has a word of its own.
    """
    feeds = heard.gateway.feeds
    if sample.available is False and (mapping, sample.device) in heard.roots:
        return feeds.of_mapping(mapping, at_us)
    return _bound(feeds, mapping, sample, at_us)


def _bound(feeds: Feeds, mapping: str, sample: Sample, at_us: int) -> list[str]:
    if sample.channel is None:
        return feeds.of_device(mapping, sample.device, at_us)
    fed = feeds.of(Source(mapping, sample.device, sample.channel), at_us)
    return [] if fed is None else [fed]


def _is_nobodys(heard: _Heard) -> bool:
    """Whether nothing of it is of an instrument's device, or of such a device's root."""
    if not heard.samples:
        return not heard.known
    feeds = heard.gateway.feeds
    return not any(
        (mapping, sample.device) in heard.roots
        or _bound(feeds, mapping, sample, _at_us(heard, sample))
        for mapping, sample in heard.samples
    )


def _at_us(heard: _Heard, sample: Sample) -> int:
    return heard.inbound.received_us - sample.age_us if sample.ts_us is None else sample.ts_us


def _heartbeat(instrument_id: str, at_us: int, sample: Sample, said: dict[str, Any]) -> Heartbeat:
    return Heartbeat(
        instrument_id=instrument_id, ts_us=at_us, receipt_time=sample.ts_us is None, **said
    )


def _whose(heard: _Heard) -> str:
    """Why a message that was read became no heartbeat."""
    if not heard.samples:
        return "no mapping that an instrument of this gateway names reads this topic"
    mapping, sample = heard.samples[0]
    channel = "" if sample.channel is None else f", channel {sample.channel!r},"
    return (
        f"device {sample.device!r}{channel} by mapping {mapping!r} feeds no instrument of this"
        " gateway: name it in the instrument's source"
    )


def _refuse(
    inbound: Inbound, outcome: Outcome, folded: FoldedLetters, reason: Reason, detail: str
) -> None:
    outcome.errors.append((None, reason))
    if inbound.arrived is not None:  # what is replayed has its row
        folded.add(inbound, reason, detail)
