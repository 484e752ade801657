"""Who is registered at the end of a window: read once a revision of the registry, kept as arrays.

Joining a city's versions with five tables takes longer than adding a month of it up, and
changes only with the registry. ``groups.sql: members`` says the same, afresh, for few.
"""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from psycopg.rows import args_row

from models.fold import hold_us
from models.group_arrays import Flags, Ints
from models.timestamp import MAX_US, MIN_US
from models.usage import Window
from store.instant import from_us
from store.present.filters import Filters
from store.present.labels import Labels, cells_of, labels_of, meant
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("groups")
#: Rosters kept: a city's is a few megabytes, and most questions end at the same registry.
_KEPT = 8


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
    #: By id, of the instruments' institutions, as `store.present.instruments.names_of` has them.
    institution_names: dict[str, str | None]
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
        rows = np.flatnonzero(meant(self.labels, filters))
        return rows[self.serving(rows, window)]

    def serving(self, rows: Ints, window: Window) -> Flags:
        """Which of the rows' instruments are in service at some time of the window."""
        found: Flags = self.acquired_us[rows] < window.end_us
        return found & (self.retired_us[rows] > window.start_us)

    def in_service(self, filters: Filters, now_us: int) -> Ints:
        """Rows of the instruments that are meant and not retired."""
        return np.flatnonzero(meant(self.labels, filters) & (self.retired_us > now_us))


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
        ((revision,),) = yield from Query[tuple[int]](_SQL["revision"], binary=True)
        if revision == self._revision:
            changes, kept = self._changes, self._kept
        else:
            found = yield from Query[tuple[int]](_SQL["force_changes"], binary=True)
            changes = [at for (at,) in found]
            kept = OrderedDict()
            if revision > self._revision:
                self._revision, self._changes, self._kept = revision, changes, kept
        era = bisect_left(changes, end_us)
        roster = kept.get(era)
        if roster is None:
            rows = yield from Query(
                _SQL["roster"],
                {"end": from_us(end_us)},
                rows=args_row(_Registered),
                binary=True,
                heavy=True,
            )
            roster = kept[era] = _roster(rows)
        # Threads of other requests may be at it as well.
        with suppress(KeyError):
            kept.move_to_end(era)
            if len(kept) > _KEPT:
                kept.popitem(last=False)
        return roster


class _Registered(NamedTuple):
    """A row of ``groups.sql: roster``."""

    key: int
    instrument_id: str
    institution_id: str
    district_code: str | None
    class_code: str | None
    gateway_id: str
    kind: str
    institution_key: int
    always_on: bool
    acquired_us: int | None
    retired_us: int | None
    hold_us: int | None
    interval_us: int | None
    session_us: int
    value_fen: int | None
    gateway_key: int
    session_gap_us: int
    session_min_us: int
    hours: str | None
    zone: str
    rated_hours_per_year: float | None
    since_us: int | None
    newest: bool
    institution_name: str | None

    @property
    def settle_us(self) -> int:
        hold = hold_us(own_us=self.hold_us, reported_interval_us=None, interval_us=self.interval_us)
        return max(hold, self.session_us)

    @property
    def settings(self) -> Settings:
        return Settings(self.hours, self.zone, self.kind, self.rated_hours_per_year)


def _roster(rows: Sequence[_Registered]) -> Roster:
    def ints(values: Iterable[int | None], unknown: int) -> Ints:
        return np.array([unknown if value is None else value for value in values], np.int64)

    return Roster(
        keys=ints((row.key for row in rows), 0),
        labels={
            **labels_of(rows),
            "cell": cells_of(rows),
            "instrument": Labels.of([row.instrument_id for row in rows]),
        },
        institution_names={row.institution_id: row.institution_name for row in rows},
        always_on=np.array([row.always_on for row in rows], np.bool_),
        acquired_us=ints((row.acquired_us for row in rows), MIN_US),
        retired_us=ints((row.retired_us for row in rows), MAX_US),
        settle_us=ints((row.settle_us for row in rows), 0),
        value_fen=ints((row.value_fen for row in rows), 0),
        gateway_keys=ints((row.gateway_key for row in rows), 0),
        session_gap_us=ints((row.session_gap_us for row in rows), 0),
        session_min_us=ints((row.session_min_us for row in rows), 0),
        settings=Labels.of([row.settings for row in rows]),
        since_us=ints((row.since_us for row in rows), MIN_US),
        newest=np.array([row.newest for row in rows], np.bool_),
    )
