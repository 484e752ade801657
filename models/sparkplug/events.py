"""What a host learns from an edge node's messages, or has to do for their sake.

``node.py`` tells of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from models.sparkplug.payload import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeBorn:
    """The node is there, and said what it has."""

    #: Numbers the node's connections; its death bears the same number.
    bd_seq: int
    #: When it sent its birth; milliseconds since 1970 UTC.
    ts_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDied:
    """The node is gone, and all its devices with it: its own word or its will's."""

    bd_seq: int
    #: Those that were there.
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceBorn:
    """The node reaches a device."""

    device: str
    ts_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceDied:
    """The node lost a device."""

    device: str
    ts_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a node or a device says of one instant."""

    #: ``None``: the node itself.
    device: str | None
    ts_ms: int
    #: The node says: history, no sign of life.
    historical: bool
    #: What is said of this instant, by the metrics' names; ``None`` is null.
    said: Mapping[str, Value | None]
    #: The same, and what was said before and still holds: a node says only what changes. Of
    #: history nothing else is known.
    known: Mapping[str, Value | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRebirth:
    """The node is to be asked to say its births again."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A message that breaks a rule without which it means nothing."""

    detail: str


Event: TypeAlias = NodeBorn | NodeDied | DeviceBorn | DeviceDied | Reading | AskRebirth | Refused
