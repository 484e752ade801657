"""What a Sparkplug host heard becomes samples: by the metrics that instruments name.

The host hands it on below the gateway's ``native/`` (``ingest/mqtt/sparkplug_host.py``), so that
whatever nobody takes is kept and taken again like any device's message (``native.py``).
"""

from dataclasses import dataclass, field

from ingest.write.batch import Inbound
from ingest.write.feeds import Feeds
from models.heartbeat import Reason
from models.mapping_sample import Problem, Sample
from models.sparkplug.samples import MAPPING, BadValueError, sample_of
from models.sparkplug.spoken import NotSpokenError, Spoken, decode_spoken, reading_of

__all__ = ["MAPPING", "Told", "is_from_host", "read"]


@dataclass(slots=True)
class Told:
    """A host's message, read."""

    samples: list[Sample] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    #: Whether it is no wonder that it became no heartbeat.
    known: bool = False
    historical: bool = False


def is_from_host(below: str) -> bool:
    """Whether a topic below ``native/`` is one on which a host hands on what it heard."""
    return below.startswith(f"{MAPPING}/")


def read(inbound: Inbound, feeds: Feeds) -> Told:
    """Reads what a host heard of one device at one instant.

    Args:
        inbound: With its receipt.
        feeds: Of its gateway.
    """
    try:
        spoken = decode_spoken(inbound.payload)
    except NotSpokenError as error:
        return Told(problems=[Problem(reason=Reason.MALFORMED, at="", detail=str(error))])
    if spoken.refused is not None:
        return Told(problems=[Problem(reason=Reason.MALFORMED, at="", detail=spoken.refused)])
    # Of itself a node says much that is no instrument's.
    told = Told(known=spoken.node, historical=spoken.historical)
    if spoken.available is None:
        _read_values(told, spoken, inbound.received_us, feeds)
    else:
        _read_word(told, spoken, inbound.received_us, feeds)
    return told


def _read_word(told: Told, spoken: Spoken, received_us: int, feeds: Feeds) -> None:
    told.known = True  # whoever nobody bound may come and go
    ts_us = None if spoken.ts is None else spoken.ts * 1_000
    if ts_us is not None and spoken.available:
        # A birth bears the time of the values in it, and one heartbeat stands per time (rule 3).
        # Their times are milliseconds: just behind them the word takes the place of none.
        ts_us += 1
    if feeds.by_channel(MAPPING, spoken.device, received_us if ts_us is None else ts_us):
        sample = Sample(device=spoken.device, ts_us=ts_us, available=spoken.available)
        told.samples.append(sample)


def _read_values(told: Told, spoken: Spoken, received_us: int, feeds: Feeds) -> None:
    ts_ms = received_us // 1_000 if spoken.ts is None else spoken.ts
    reading = reading_of(spoken, ts_ms)
    fed = feeds.by_channel(MAPPING, spoken.device, ts_ms * 1_000)
    if not fed and not spoken.node:
        told.samples.append(Sample(device=spoken.device, ts_us=ts_ms * 1_000))  # nobody's
    for feed in fed:
        told.known = True
        if feed.figures is None:
            continue
        try:
            sample = sample_of(feed.figures, reading, feed.channel)
        except BadValueError as error:
            told.problems.append(Problem(reason=error.reason, at="", detail=str(error)))
            continue
        if sample is not None:
            told.samples.append(sample)
