"""What a mapping makes of a device's message, as values: samples, and what could not be read.

``mapping.py`` makes them; ingest turns a sample into the heartbeat of the instrument that its
device and channel feed.
"""

from dataclasses import dataclass

import msgspec

from models.heartbeat import Reason
from models.segment import State


# A Struct, as Heartbeat is and for the same reason: one is made for nearly every message.
class Sample(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a device says of one of its channels at one instant; at least one thing is said.

    Numbers are finite, within the ranges of a heartbeat's fields, and in its units.
    """

    #: What the device is called in its own words; 1 to 128 characters, none of them control.
    device: str
    #: Which of its outlets, phases or parts; ``None``: the device as a whole. As long at most.
    channel: str | None = None
    #: The device's time, microseconds since 1970 UTC; ``None``: it said none that names one
    #: instant, so the receipt time is to be taken, with the flag ``receipt_time``.
    ts_us: int | None = None
    #: Where ``ts_us`` is ``None``: how long before the receipt it was, microseconds, 0 or more.
    age_us: int = 0
    #: Watts. ``None`` is not 0.
    power_w: float | None = None
    #: Cumulative watt-hours.
    energy_wh: float | None = None
    #: Cumulative running seconds: an hour meter, never a device's uptime.
    runtime_s: float | None = None
    #: What the device itself calls what it does.
    state: State | None = None
    #: Its own word on whether it is there: ``False`` from its offline word on.
    available: bool | None = None
    #: It says itself that it does not know: from here on nothing is known, which is not off.
    unknown: bool = False
    #: Grows within one boot, one number a reading; only where the family has such a number.
    seq: int | None = None
    boot_id: str | None = None
    #: The device whose loss is the loss of this one too, where the message says which.
    root: str | None = None
    #: The broker had kept the message: never live. Without a time of its own a retained message
    #: says when nothing; such a sample carries ``available``, ``unknown`` and ``root`` alone.
    retained: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something of a message that could not be taken; the rest of it stands."""

    reason: Reason
    #: Where in the payload, as mappings spell places; ``""`` is all of it.
    at: str
    #: For people: the value and the rule that it breaks.
    detail: str


@dataclass(frozen=True, slots=True)
class Reading:
    """All that a message says; both empty where it says nothing that is asked for."""

    samples: tuple[Sample, ...] = ()
    problems: tuple[Problem, ...] = ()
