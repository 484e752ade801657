"""Looks up and changes what stands in ``heartbeat``; new rows go in by ``copy_rows.py``.

``standing`` finds the rows at some times; ``StoredRows`` asks for one instrument's by order and
range, as the fold takes them (``refold.py``).
"""

from collections.abc import Sequence
from typing import NamedTuple

import psycopg

from ingest.db.connection import Micros
from ingest.sql import statements
from ingest.write.batch import Arrival, flags_of
from ingest.write.registry_cache import Instrument, Registry
from models.fold import Row
from models.heartbeat import JUDGED, LIVE, ONLINE, ONLINE_WORD, SAMPLE, STATELESS, WORD, Heartbeat
from models.segment import State

SQL = statements("stored_rows")


class Raw(NamedTuple):
    """A stored heartbeat, times in microseconds; fields in ``heartbeat_columns.sql``'s order."""

    ts_us: int
    state: int
    seq: int | None
    boot_id: str | None
    runtime_s: float | None
    interval_s: float | None
    power_w: float | None
    flags: int
    gateway_key: int
    received_us: int
    energy_wh: float | None


#: A row that stands, and what it says.
Stored = tuple[Raw, Heartbeat]


def standing(cursor: psycopg.Cursor, arrivals: Sequence[Arrival]) -> dict[tuple[int, int], Stored]:
    """The rows that stand where the arrivals would, by key and device's time."""
    ids = {a.instrument_key: a.heartbeat.instrument_id for a in arrivals}
    wanted = sorted({(a.instrument_key, a.ts_us) for a in arrivals})
    cursor.execute(
        SQL["standing"],
        [
            [key for key, _ in wanted],
            [Micros(ts) for _, ts in wanted],
            Micros(min(ts for _, ts in wanted)),
            Micros(max(ts for _, ts in wanted)),
        ],
        # A prepared statement gets a plan for arrays of ten: it would look each of thousands
        # of rows up in every chunk of the month.
        prepare=False,
    )
    found = {}
    for key, *rest in cursor:
        raw = Raw(*rest)
        found[key, raw.ts_us] = raw, _heartbeat(ids[key], raw)
    return found


def _heartbeat(instrument_id: str, raw: Raw) -> Heartbeat:
    return Heartbeat(
        instrument_id=instrument_id,
        ts_us=raw.ts_us,
        state=None if raw.flags & (SAMPLE | WORD) else State(raw.state),
        power_w=raw.power_w,
        runtime_s=raw.runtime_s,
        energy_wh=raw.energy_wh,
        seq=raw.seq,
        boot_id=raw.boot_id,
        interval_s=raw.interval_s,
        available=_available(raw),
    )


def _available(raw: Raw) -> bool | None:
    return bool(raw.flags & ONLINE_WORD) if raw.flags & WORD else None


def replace(cursor: psycopg.Cursor, arrival: Arrival) -> None:
    """Puts an arrival in the place of the row of its instrument and time."""
    heartbeat = arrival.heartbeat
    cursor.execute(
        SQL["replace"],
        [
            flags_of(arrival),
            STATELESS if arrival.state is None else int(arrival.state),
            Micros(arrival.inbound.received_us),
            arrival.gateway_key,
            heartbeat.seq,
            heartbeat.power_w,
            heartbeat.runtime_s,
            heartbeat.energy_wh,
            heartbeat.interval_s,
            heartbeat.boot_id,
            arrival.instrument_key,
            Micros(arrival.ts_us),
        ],
    )


def make_live(cursor: psycopg.Cursor, key: int, ts_us: int) -> None:
    """Notes that a row's heartbeat came live after all."""
    cursor.execute(SQL["make_live"], [key, Micros(ts_us)])


def set_judged(cursor: psycopg.Cursor, key: int, judged: Sequence[tuple[int, int, int]]) -> None:
    """Gives an instrument's rows other flags and states: (device's time, flags, state)."""
    if judged:
        times = [ts for ts, _, _ in judged]
        cursor.execute(
            SQL["set_judged"],
            [
                [Micros(ts) for ts in times],
                [flags for _, flags, _ in judged],
                [state for _, _, state in judged],
                key,
                Micros(min(times)),
                Micros(max(times)),
            ],
        )


def set_flags(cursor: psycopg.Cursor, key: int, flags: Sequence[tuple[int, int]]) -> None:
    """Gives an instrument's rows other flags: (device's time, flags)."""
    if flags:
        times = [Micros(ts) for ts, _ in flags]
        least, most = min(ts for ts, _ in flags), max(ts for ts, _ in flags)
        cursor.execute(
            SQL["set_flags"], [times, [f for _, f in flags], key, Micros(least), Micros(most)]
        )


def row_of(raw: Raw, instrument: Instrument, registry: Registry, *, judged: bool = True) -> Row:
    """A stored heartbeat with the settings in force at its time (rules 8, 15).

    Args:
        raw: As it is stored.
        instrument: With its settings.
        registry: For the gateways' corrections.
        judged: Whether a sample's hold is to be as it was judged, and not as the judge takes it.
    """
    gateway = registry.gateways_by_key[raw.gateway_key]
    setting = instrument.at(raw.ts_us)
    sample = bool(raw.flags & SAMPLE)
    hold = setting.hold_us(raw.interval_s)
    if sample and judged and raw.flags & ONLINE and setting.rule is not None:
        hold = max(hold, setting.rule.silence_us or 0)
    return Row(
        at_us=raw.ts_us + gateway.correction_us(raw.ts_us),
        ts_us=raw.ts_us,
        state=None if raw.state == STATELESS else State(raw.state),
        hold_us=hold,
        seq=raw.seq,
        boot_id=raw.boot_id,
        runtime_us=None if raw.runtime_s is None else round(raw.runtime_s * 1_000_000),
        power_w=raw.power_w,
        live=bool(raw.flags & LIVE),
        sample=sample,
        rule=setting.rule if sample else None,
        available=_available(raw),
        mark=raw.flags & JUDGED,
    )


class StoredRows:
    """The rows of one instrument, asked one by one or by range; all times are the device's."""

    def __init__(self, cursor: psycopg.Cursor, instrument: Instrument, registry: Registry) -> None:
        self._cursor = cursor
        self._instrument = instrument
        self._registry = registry
        #: How many were read.
        self.read = 0

    def before(self, ts_us: int) -> Row | None:
        """The newest row that counts before ``ts_us``."""
        return self._one("before", ts_us)

    def reading_before(self, ts_us: int) -> Row | None:
        """The same of those with a counter."""
        return self._one("reading_before", ts_us)

    def live_before(self, ts_us: int) -> Raw | None:
        """The same of those that were live."""
        return self._raw("live_before", ts_us)

    def any_after(self, ts_us: int) -> Row | None:
        """The first row after ``ts_us``, whether it counts or repeats."""
        return self._one("any_after", ts_us)

    def after(self, ts_us: int) -> Row | None:
        """The first row that counts after ``ts_us``."""
        return self._one("after", ts_us)

    def reading_after(self, ts_us: int) -> Row | None:
        """The same of those with a counter."""
        return self._one("reading_after", ts_us)

    def read_counters(self, from_us: int, to_us: int) -> bool:
        """Whether a row with ``from_us <= ts <= to_us`` carries a counter."""
        values = [self._instrument.key, Micros(from_us), Micros(to_us)]
        return self._cursor.execute(SQL["reads"], values).fetchone() is not None

    def between(self, from_us: int, to_us: int, *, judged: bool = True) -> list[tuple[Raw, Row]]:
        """All rows with ``from_us <= ts <= to_us``, in the order of the fold."""
        values = [self._instrument.key, Micros(from_us), Micros(to_us)]
        self._cursor.execute(SQL["between"], values, binary=True)
        return self._pairs(judged)

    def following(self, ts_us: int) -> list[tuple[Raw, Row]]:
        """The next portion of rows after ``ts_us``, as the judge takes them; none at the end."""
        values = [self._instrument.key, Micros(ts_us)]
        self._cursor.execute(SQL["following"], values, binary=True)
        return self._pairs(judged=False)

    def _pairs(self, judged: bool) -> list[tuple[Raw, Row]]:
        found = [
            (raw, row_of(raw, self._instrument, self._registry, judged=judged))
            for raw in map(Raw._make, self._cursor)
        ]
        found.sort(key=lambda pair: (pair[1].at_us, pair[1].ts_us))
        self.read += len(found)
        return found

    def _one(self, name: str, ts_us: int) -> Row | None:
        raw = self._raw(name, ts_us)
        if raw is None:
            return None
        self.read += 1
        return row_of(raw, self._instrument, self._registry)

    def _raw(self, name: str, ts_us: int) -> Raw | None:
        values = [self._instrument.key, Micros(ts_us)]
        found = self._cursor.execute(SQL[name], values, binary=True).fetchone()
        return None if found is None else Raw(*found)
