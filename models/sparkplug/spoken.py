"""What a node says, with names in place of aliases: what a host hands on.

Births are not needed any more to read it, so it can be kept, and read again when the cause for
which it was refused is mended. ``samples.py`` makes an instrument's samples of it.
"""

from typing import Final

import msgspec

from models.sparkplug.events import DeviceBorn, DeviceDied, Reading
from models.sparkplug.payload import Value

_RAW_KEPT: Final = 4 * 1024  # bytes


class Spoken(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One instant of one device, or its coming or going."""

    #: The node's own id where it speaks of itself.
    device: str
    #: Whether it is the node itself.
    node: bool = False
    #: Milliseconds since 1970 UTC; ``None``: when it came.
    ts: int | None = None
    historical: bool = False
    #: Whether the node reaches the device from now on.
    available: bool | None = None
    #: Of this instant.
    said: dict[str, Value | None] = {}
    #: What was said before and still holds.
    holds: dict[str, Value | None] = {}
    #: Why nothing could be read, and what it was.
    refused: str | None = None
    raw: bytes = b""


class NotSpokenError(ValueError):
    """Not written by ``encode_spoken``."""


def spoken_of(event: Reading | DeviceBorn | DeviceDied, node: str) -> Spoken:
    """What an event says.

    Args:
        event: Of the node or a device.
        node: The node's id.
    """
    if isinstance(event, Reading):
        return Spoken(
            device=node if event.device is None else event.device,
            node=event.device is None,
            ts=event.ts_ms,
            historical=event.historical,
            said=dict(event.said),
            holds={name: v for name, v in event.known.items() if name not in event.said},
        )
    return Spoken(device=event.device, ts=event.ts_ms, available=isinstance(event, DeviceBorn))


def refused(device: str, detail: str, raw: bytes = b"") -> Spoken:
    """What could not be read."""
    return Spoken(device=device, refused=detail, raw=raw[:_RAW_KEPT])


def encode_spoken(spoken: Spoken) -> bytes:
    """As JSON; a number that is none becomes null."""
    return msgspec.json.encode(spoken)


def decode_spoken(raw: bytes) -> Spoken:
    """Reads what ``encode_spoken`` wrote.

    Raises:
        NotSpokenError: Something else wrote it.
    """
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotSpokenError(f"is no reading of a Sparkplug host: {error}") from error


_decode = msgspec.json.Decoder(Spoken).decode


def reading_of(spoken: Spoken, ts_ms: int) -> Reading:
    """The reading that was spoken of.

    Args:
        spoken: No word on coming or going.
        ts_ms: Its time.
    """
    return Reading(
        device=spoken.device,
        ts_ms=ts_ms,
        historical=spoken.historical,
        said=spoken.said,
        known={**spoken.holds, **spoken.said},
    )
