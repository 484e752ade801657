"""Who is registered at the end of a window: read once a revision of the registry, kept as arrays.

Joining a city's versions with five tables takes longer than adding a month of it up, and
changes only with the registry. ``groups.sql: members`` says the same, afresh, for few.
"""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from models.fold import hold_us
from models.group_arrays import Flags, Ints
from models.timestamp import MAX_US, MIN_US
from models.usage import Window
from store.instant import from_us
from store.present.filters import Filters
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("groups")
#: Rosters kept: a city's is a few megabytes, and most questions end at the same registry.
_KEPT = 8


@dataclass(frozen=True, slots=True)
class Labels:
    """One attribute of all instruments."""

    #: Each value once.
    values: Sequence[Any]
    #: By instrument, the place of its value.
    codes: Ints

    @classmethod
    def of(cls, values: Sequence[Any]) -> "Labels":
        """Gathers equal values."""
        places: dict[Any, int] = {}
        codes = [places.setdefault(value, len(places)) for value in values]
        return cls(list(places), np.array(codes, np.int64))

    def where(self, wanted: Callable[[Any], bool]) -> Flags:
        """The instruments whose value is wanted."""
        flags = np.array([wanted(value) for value in self.values], np.bool_)
        found: Flags = flags[self.codes] if len(flags) else np.zeros(0, np.bool_)
        return found


class Settings(NamedTuple):
    """What figures depend on and many instruments share."""

    #: Opening hours as the registry stores them: the instrument's, else its institution's.
    hours: str | None
    zone: str
    kind: str
    rated_hours_per_year: float | None


@dataclass(frozen=True, slots=True)
class Roster:
    """Instruments by one state of the registry, in order of their keys."""

    keys: Ints
    #: By word of `store.present.instruments.GROUPINGS`, and by every filter's name.
    labels: dict[str, Labels]
    always_on: Flags
    #: Days of service as times; beyond all time where they have no end.
    acquired_us: Ints
    retired_us: Ints
    #: How long figures settle by the registry alone.
    settle_us: Ints
    #: What they cost, in hundredths of a yuan; 0 where it is not known.
    value_fen: Ints
    gateway_keys: Ints
    session_gap_us: Ints
    session_min_us: Ints
    #: Of `Settings`.
    settings: Labels
    #: From when on all this is in force, the institution's opening hours included.
    since_us: Ints
    #: Whether no later version is registered: session lengths are the newest one's (rule 11).
    newest: Flags

    def members(self, filters: Filters, window: Window) -> Ints:
        """Rows of the instruments that are meant and in service at some time of the window."""
        rows = np.flatnonzero(self._meant(filters))
        return rows[self.serving(rows, window)]

    def serving(self, rows: Ints, window: Window) -> Flags:
        """Which of the rows' instruments are in service at some time of the window."""
        found: Flags = self.acquired_us[rows] < window.end_us
        return found & (self.retired_us[rows] > window.start_us)

    def in_service(self, filters: Filters, now_us: int) -> Ints:
        """Rows of the instruments that are meant and not retired."""
        return np.flatnonzero(self._meant(filters) & (self.retired_us > now_us))

    def _meant(self, filters: Filters) -> Flags:
        chosen = np.ones(len(self.keys), np.bool_)
        for check in filters.checks():
            chosen &= self.labels[check.name].where(check.fits)
        return chosen


@dataclass(slots=True)
class Rosters:
    """Rosters of one database, the ones asked for last; one an application."""

    _revision: int = -1
    _changes: list[int] = field(default_factory=list)
    _kept: OrderedDict[int, Roster] = field(default_factory=OrderedDict)

    def load(self, end_us: int) -> Steps[Roster]:
        """The roster in force at the end of a window.

        The transaction must see one state of the database throughout (REPEATABLE READ).
        """
        rows = yield Query(_SQL["revision"], binary=True)
        revision = rows[0][0]
        if revision == self._revision:
            changes, kept = self._changes, self._kept
        else:
            changes = [at for (at,) in (yield Query(_SQL["force_changes"], binary=True))]
            kept = OrderedDict()
            if revision > self._revision:
                self._revision, self._changes, self._kept = revision, changes, kept
        era = bisect_left(changes, end_us)
        roster = kept.get(era)
        if roster is None:
            rows = yield Query(_SQL["roster"], {"end": from_us(end_us)}, binary=True, heavy=True)
            roster = kept[era] = _roster(rows)
        # Threads of other requests may be at it as well.
        with suppress(KeyError):
            kept.move_to_end(era)
            if len(kept) > _KEPT:
                kept.popitem(last=False)
        return roster


def _roster(rows: Sequence[Sequence[Any]]) -> Roster:
    columns = list(zip(*rows, strict=True)) or [()] * 23
    (keys, instruments, institutions, districts, classes, gateways, kinds, homes, always_on,
     acquired, retired, holds, intervals, sessions, values, gateway_keys, gaps, leasts, hours,
     zones, rated, since, newest) = columns  # fmt: skip
    labels = {
        "institution": Labels.of(institutions),
        "district": Labels.of(districts),
        "class": Labels.of(classes),
        "class_major": Labels.of([None if c is None else c[:2] + "0000" for c in classes]),
        "gateway": Labels.of(gateways),
        "kind": Labels.of(kinds),
        "instrument": Labels.of(instruments),
        "tenant": Labels.of(homes),
        "always_on": Labels.of(always_on),
    }
    settle = [
        max(hold_us(own_us=own, reported_interval_us=None, interval_us=every), session)
        for own, every, session in zip(holds, intervals, sessions, strict=True)
    ]
    return Roster(
        keys=np.array(keys, np.int64),
        labels=labels,
        always_on=np.array(always_on, np.bool_),
        acquired_us=np.array([MIN_US if at is None else at for at in acquired], np.int64),
        retired_us=np.array([MAX_US if at is None else at for at in retired], np.int64),
        settle_us=np.array(settle, np.int64),
        value_fen=np.array([value or 0 for value in values], np.int64),
        gateway_keys=np.array(gateway_keys, np.int64),
        session_gap_us=np.array(gaps, np.int64),
        session_min_us=np.array(leasts, np.int64),
        settings=Labels.of(list(map(Settings, hours, zones, kinds, rated))),
        since_us=np.array([MIN_US if at is None else at for at in since], np.int64),
        newest=np.array(newest, np.bool_),
    )
