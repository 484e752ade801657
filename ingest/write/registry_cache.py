"""The registry as ingest needs it: which instrument speaks through which gateway, and how.

Kept in memory and brought up to date inside each batch's transaction: the registry's revision
is read there, and only what changed since is loaded. So a heartbeat that follows its
instrument's registration is never refused for want of news. Settings are those in force at
the heartbeat's time (rule 15).
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import psycopg

from ingest.db.connection import PAST
from ingest.sql import statements
from ingest.write.feeds import Feed, Feeds, Source
from mappings import shipped
from models.columns import Ints
from models.fold import PowerRule, hold_us
from models.mapping import Mapping, MappingError
from models.power_rule import parse_rule
from models.sparkplug.samples import Figures, figures_of

SQL = statements("registry_cache")


class Setting(NamedTuple):
    """One version of an instrument's settings, in force ``[from_us, to_us)``."""

    from_us: int
    to_us: int
    own_hold_us: int | None
    interval_us: int | None
    gateway_key: int
    #: The hold of a heartbeat that names no interval (rule 1).
    quiet_hold_us: int
    #: The device behind the gateway that speaks for it.
    source: Source | None = None
    #: Where that is a Sparkplug device: how each field is read of its metrics.
    figures: Figures | None = None
    #: What gives samples a state; None: nothing does.
    rule: PowerRule | None = None

    def hold_us(self, interval_s: float | None) -> int:
        """The hold of a heartbeat that names this interval, or none (rule 1)."""
        if interval_s is None:
            return self.quiet_hold_us
        return hold_us(
            own_us=self.own_hold_us,
            reported_interval_us=round(interval_s * 1_000_000),
            interval_us=self.interval_us,
        )


@dataclass(slots=True)
class Instrument:
    """An instrument's key and versions, oldest first; those that many have alike are one object."""

    instrument_id: str
    key: int
    settings: tuple[Setting, ...]
    #: The last of them.
    newest: Setting
    #: Gap + minimum of its sessions: how far a change reaches into neighbouring figures (µs).
    session_reach_us: int

    @property
    def longest_dwell_us(self) -> int:
        """How long a run of samples may have to last before it counts, by any version."""
        rules = [setting.rule for setting in self.settings if setting.rule is not None]
        return max((rule.longest_dwell_us for rule in rules), default=0)

    def at(self, ts_us: int) -> Setting:
        """The version in force at ``ts_us``."""
        if ts_us >= self.newest.from_us:
            return self.newest
        return next(s for s in reversed(self.settings) if ts_us >= s.from_us)


@dataclass(slots=True)
class Gateway:
    """A gateway's key and its clock corrections, oldest first: (from_us, correction_us)."""

    gateway_id: str
    key: int
    corrections: list[tuple[int, int]] = field(default_factory=list)
    #: Which instruments the devices behind it feed.
    feeds: Feeds = field(default_factory=Feeds)

    @property
    def only_correction_us(self) -> int | None:
        """The correction that held at all times; ``None`` where there were several."""
        return self.corrections[0][1] if len(self.corrections) == 1 else None

    def correction_us(self, ts_us: int) -> int:
        """What is added to a device's time ``ts_us`` (rule 8)."""
        for from_us, correction in reversed(self.corrections):
            if ts_us >= from_us:
                return correction
        return 0


class NewestSettings:
    """Of each instrument the settings in force now, by its key: what the plain case looks up."""

    def __init__(self) -> None:
        #: Gateways' keys; 0: no such instrument.
        self.gateway_key: Ints = np.zeros(0, np.int64)
        #: From when they are in force (µs).
        self.from_us: Ints = np.zeros(0, np.int64)
        self.quiet_hold_us: Ints = np.zeros(0, np.int64)
        #: -1: no hold of its own.
        self.own_hold_us: Ints = np.zeros(0, np.int64)
        self.session_reach_us: Ints = np.zeros(0, np.int64)

    def take(self, instruments: Collection[Instrument]) -> None:
        """Takes over what is new or has changed."""
        keys = np.array([one.key for one in instruments], np.int64)
        newest = [one.newest for one in instruments]
        for name, values in (
            ("gateway_key", [setting.gateway_key for setting in newest]),
            ("from_us", [setting.from_us for setting in newest]),
            ("quiet_hold_us", [setting.quiet_hold_us for setting in newest]),
            (
                "own_hold_us",
                [-1 if setting.own_hold_us is None else setting.own_hold_us for setting in newest],
            ),
            ("session_reach_us", [one.session_reach_us for one in instruments]),
        ):
            column = getattr(self, name)
            more = max(int(keys.max(initial=-1)) + 1 - len(column), 0)
            column = np.concatenate([column, np.zeros(more, np.int64)])
            column[keys] = values
            setattr(self, name, column)


def _setting(
    from_us: int,
    to_us: int,
    own_hold_us: int | None,
    interval_us: int | None,
    gateway_key: int,
    rule: Any,
    mapping: str | None,
    device: str,
    channel: str | None,
    metrics: Any,
) -> Setting:
    """A version's settings, of what ``registry_cache.sql`` tells."""
    return Setting(
        from_us,
        to_us,
        own_hold_us,
        interval_us,
        gateway_key,
        hold_us(own_us=own_hold_us, reported_interval_us=None, interval_us=interval_us),
        None if mapping is None else Source(mapping, device, channel),
        None if metrics is None else figures_of(metrics),
        None if rule is None else parse_rule(rule),
    )


@dataclass(frozen=True, slots=True)
class Corrections:
    """How far corrected times lie from the device's over all versions of an instrument (µs)."""

    #: At the least and at the most; 0 is what they were before anything was corrected.
    least: int
    most: int
    #: How far apart corrections lie, and so by how much the two orders may differ.
    spread: int


class Registry:
    """The cache; ``refresh`` keeps it true."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.revision = 0
        #: The service's: of devices' times without an offset, where a mapping names none.
        self.zone = zone
        self.instruments_by_key: dict[int, Instrument] = {}
        #: Their keys by their ids, and their settings in force now.
        self.keys: dict[str, int] = {}
        self.newest = NewestSettings()
        self.gateways: dict[str, Gateway] = {}
        self.gateways_by_key: dict[int, Gateway] = {}
        #: By which devices' messages are read, by name.
        self.mappings: dict[str, Mapping] = dict(shipped())
        #: Versions of those that are not shipped, by name.
        self._own: dict[str, int] = {}

    def corrections(self, instrument: Instrument) -> Corrections:
        """Those of all gateways that an instrument is or was behind."""
        found = [
            correction
            for key in {setting.gateway_key for setting in instrument.settings}
            for _, correction in self.gateways_by_key[key].corrections
        ]
        return Corrections(min(0, *found), max(0, *found), max(found) - min(found))

    def refresh(self, connection: psycopg.Connection, revision: int) -> None:
        """Loads what changed since the last call.

        Args:
            connection: In the transaction that read ``revision``.
            revision: The registry's present revision.
        """
        if revision == self.revision:
            return
        self._read_mappings(connection)
        instruments: dict[int, Instrument] = {}
        with connection.cursor(binary=True) as cursor:
            for *version, reach, keys, ids in cursor.execute(SQL["instruments"], [self.revision]):
                setting = _setting(*version)
                # Before the first version, the first.
                first = (setting._replace(from_us=PAST),)
                for key, instrument_id in zip(keys, ids, strict=True):
                    entry = instruments.get(key)
                    if entry is None:
                        instruments[key] = Instrument(instrument_id, key, first, first[0], reach)
                    else:
                        entry.settings += (setting,)
                        entry.newest, entry.session_reach_us = setting, reach
            gateways: dict[int, Gateway] = {}
            for gid, key, start, _end, correction in cursor.execute(
                SQL["gateways"], [self.revision]
            ):
                entry_g = gateways.setdefault(key, Gateway(gid, key))
                entry_g.corrections.append((start, correction))
        for gateway in gateways.values():
            gateway.corrections[0] = (PAST, gateway.corrections[0][1])
            known = self.gateways_by_key.get(gateway.key)
            if known is not None:
                gateway.feeds = known.feeds
            self.gateways[gateway.gateway_id] = gateway
        self.gateways_by_key.update(gateways)
        for _, entry in sorted(instruments.items()):
            self._feed(entry)
            self.keys[entry.instrument_id] = entry.key
        self.newest.take(instruments.values())
        self.instruments_by_key.update(instruments)
        self.revision = revision

    def _read_mappings(self, connection: psycopg.Connection) -> None:
        """Takes over mappings that are not the shipped ones, each in its newest version."""
        for name, version, document in connection.execute(SQL["mappings"]).fetchall():
            if self._own.get(name) == version:
                continue
            self._own[name] = version
            try:
                self.mappings[name] = Mapping.parse(document)
            except MappingError:
                # Written by a newer release, which has more words than this one: it reads
                # nothing here, and what devices say is kept as unmapped.
                self.mappings.pop(name, None)

    def _feed(self, entry: Instrument) -> None:
        """Has the devices that an instrument names feed it, and those that it named no more."""
        known = self.instruments_by_key.get(entry.key)
        for setting in known.settings if known else ():
            if setting.source is not None:
                self.gateways_by_key[setting.gateway_key].feeds.remove(
                    setting.source, entry.instrument_id
                )
        for number, setting in enumerate(entry.settings):
            if setting.source is not None:
                self.gateways_by_key[setting.gateway_key].feeds.add(
                    setting.source,
                    Feed(
                        setting.from_us,
                        setting.to_us,
                        number == 0,
                        setting.source.channel,
                        entry.instrument_id,
                        setting.figures,
                    ),
                )
