"""Which instrument a device behind a gateway feeds, at a time (rule 15).

Kept beside the registry's cache, from the `source` of each version of its instruments.
"""

from bisect import insort
from typing import NamedTuple

from models.sparkplug.samples import Figures


class Source(NamedTuple):
    """What an instrument's heartbeats are made of."""

    mapping: str
    device: str
    #: ``None``: the device as a whole.
    channel: str | None


class Feed(NamedTuple):
    """A time in which a device's channel feeds an instrument, ``[from_us, to_us)``."""

    #: When it was said to begin. It also holds before, where it is its instrument's first version
    #: and no other instrument's feed holds then.
    from_us: int
    to_us: int
    is_first: bool
    channel: str | None
    instrument_id: str
    #: Of a Sparkplug device: how each field is read.
    figures: Figures | None = None


class Feeds:
    """What the devices behind one gateway feed."""

    def __init__(self) -> None:
        #: By mapping and device, oldest first.
        self._by_mapping: dict[str, dict[str, list[Feed]]] = {}

    @property
    def mappings(self) -> list[str]:
        """The mappings by which its devices are read, at any time."""
        return list(self._by_mapping)

    def add(self, source: Source, feed: Feed) -> None:
        """A version of an instrument names a device."""
        feeds = self._by_mapping.setdefault(source.mapping, {}).setdefault(source.device, [])
        insort(feeds, feed, key=lambda one: one.from_us)

    def remove(self, source: Source, instrument_id: str) -> None:
        """Forgets that a device feeds an instrument, at all times."""
        devices = self._by_mapping.get(source.mapping, {})
        kept = [f for f in devices.get(source.device, ()) if f.instrument_id != instrument_id]
        if kept:
            devices[source.device] = kept
        else:
            devices.pop(source.device, None)
            if not devices:
                self._by_mapping.pop(source.mapping, None)

    def of(self, source: Source, at_us: int) -> str | None:
        """The instrument that a device's channel feeds at a time."""
        feeds = self._by_mapping.get(source.mapping, {}).get(source.device, ())
        fed = _at([feed for feed in feeds if feed.channel == source.channel], at_us)
        return None if fed is None else fed.instrument_id

    def of_device(self, mapping: str, device: str, at_us: int) -> list[str]:
        """All instruments that any channel of a device feeds at a time."""
        return [feed.instrument_id for feed in self.by_channel(mapping, device, at_us)]

    def of_mapping(self, mapping: str, at_us: int) -> list[str]:
        """All instruments that any device that a mapping reads feeds at a time."""
        devices = self._by_mapping.get(mapping, {})
        return [name for device in devices for name in self.of_device(mapping, device, at_us)]

    def by_channel(self, mapping: str, device: str, at_us: int) -> list[Feed]:
        """What each channel of a device feeds at a time."""
        feeds = self._by_mapping.get(mapping, {}).get(device, ())
        channels = dict.fromkeys(feed.channel for feed in feeds)
        found = (_at([f for f in feeds if f.channel == channel], at_us) for channel in channels)
        return [feed for feed in found if feed is not None]


def _at(feeds: list[Feed], at_us: int) -> Feed | None:
    for feed in reversed(feeds):
        if feed.from_us <= at_us < feed.to_us:
            return feed
    for feed in feeds:
        if feed.is_first and at_us < feed.from_us:
            return feed
    return None
