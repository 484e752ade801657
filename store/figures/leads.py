"""The time before instruments were first heard: no rollup tells of it, and no piece lies in it.

A service that is younger than the window has such time of all its instruments. It takes no
measuring: it is unknown from the window's begin, or that of an instrument's service, up to the day
of its first heartbeat, which has a rollup again. Only rated and scheduled time go on within it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from models.group_arrays import NAMES, Figures, Flags, Ints
from models.interval import Interval
from models.rated import accrued
from models.timestamp import MIN_US
from models.usage import Window
from models.zone import local_day, start_of_day
from store.arrays import int_array
from store.figures.subject import rated_of, zone_of
from store.figures.surroundings import Moment, load_calendar, opened_by
from store.instant import from_us
from store.present.roster import Roster, Settings
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("figures")
_BEFORE = NAMES.index("unknown_before_first_us")
_SCHEDULED = NAMES.index("scheduled_us")
_RATED = NAMES.index("rated_us")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leads:
    """When some members of a roster were first heard, and what the time before comes to."""

    #: Times of the first heartbeats; before all time of those that have no such time here.
    first_us: Ints
    #: Begin of that day in the rollups' zone, and the day as an ordinal.
    day_us: Ints
    day: Ints
    #: From when on they are in service.
    since_us: Ints
    #: Whose time before the first day is by one version of the settings, and not maintained.
    right: Flags
    _codes: Ints
    _opened: Sequence[Sequence[Interval] | None]
    _settings: Sequence[Settings]

    @classmethod
    def load(
        cls, roster: Roster, rows: Ints, first_us: Ints, window: Window, moment: Moment
    ) -> Steps["Leads"]:
        """What the time before first heartbeats in a window takes to be told.

        Args:
            roster: Of the window's end.
            rows: Which of its instruments; ascending.
            first_us: Theirs, before the window's end; before all time of those that are not meant.
            window: Clipped to now.
            moment: Of the answer.
        """
        meant = first_us > window.start_us
        day_us, day = _days(first_us, meant, moment)
        since_us = np.maximum(roster.acquired_us[rows], window.start_us)
        codes = roster.settings.codes[rows]
        settings: list[Settings] = list(roster.settings.values)
        calendar = yield from load_calendar(window, moment.calendar)
        opened = opened_by(settings, window, calendar)
        # Else what lies between its day and its service is in the rollup of that day.
        right = meant & (since_us <= np.maximum(day_us, window.start_us))
        right &= roster.since_us[rows] <= since_us
        # Maintenance bears on opening hours alone.
        with_hours = right & np.array([one is not None for one in opened], np.bool_)[codes]
        keys = roster.keys[rows]
        repaired = yield from Query[tuple[int, int, int]](
            _SQL["maintenance"],
            {
                "keys": int_array(keys[with_hours].tolist()),
                "start": from_us(window.start_us),
                "end": from_us(window.end_us),
            },
            binary=True,
        )
        for key, start_us, _ in repaired:
            place = np.searchsorted(keys, key)
            right[place] &= start_us >= first_us[place]
        return cls(
            first_us=np.where(meant, first_us, MIN_US),
            day_us=day_us,
            day=day,
            since_us=since_us,
            right=right,
            _codes=codes,
            _opened=opened,
            _settings=settings,
        )

    def unheard(self, end_us: int) -> Flags:
        """Who was not heard yet at a time."""
        found: Flags = self.first_us >= end_us
        return found

    def before(self, day: date) -> Flags:
        """Who was first heard on a later day."""
        found: Flags = self.day > day.toordinal()
        return found

    def add_days(self, figures: Figures, part: Window) -> None:
        """Adds what of whole days or hours of them lies before the days of first heartbeats."""
        self._add(figures, part.start_us, np.minimum(self.day_us, part.end_us))

    def with_piece(self, measured: Figures, right: Flags, piece: Window) -> tuple[Figures, Flags]:
        """A measured part of a day, of those as well who were not heard before its end."""
        unheard = self.unheard(piece.end_us)
        figures = Figures(np.where(unheard, 0, measured.columns.T).T, measured.scheduled & ~unheard)
        self._add(figures, piece.start_us, np.where(unheard, piece.end_us, MIN_US))
        return figures, right | unheard

    def _add(self, figures: Figures, start_us: int, until_us: Ints) -> None:
        start = np.maximum(self.since_us, start_us)
        rows = np.flatnonzero(until_us > start)
        if not len(rows):
            return
        low, high, codes = start[rows], until_us[rows], self._codes[rows]
        ends, places = np.unique(np.concatenate([low, high]), return_inverse=True)
        begin, finish = places[: len(rows)], places[len(rows) :]
        rated = np.zeros((len(self._settings), len(ends)), np.int64)
        opened = np.zeros_like(rated)
        with_hours = np.zeros(len(self._settings), np.bool_)
        for code in np.unique(codes).tolist():
            rated[code] = _accrued(self._settings[code], ends)
            intervals = self._opened[code]
            if intervals is not None:
                with_hours[code] = True
                opened[code] = _opened_before(intervals, ends)
        columns = figures.columns
        columns[rows, _BEFORE] += high - low
        columns[rows, _RATED] += rated[codes, finish] - rated[codes, begin]
        columns[rows, _SCHEDULED] += opened[codes, finish] - opened[codes, begin]
        figures.scheduled[rows] |= with_hours[codes]


def _days(first_us: Ints, meant: Flags, moment: Moment) -> tuple[Ints, Ints]:
    """The days of the rollups' zone that times lie in: begins, and ordinals."""
    begins, days = np.full(len(first_us), MIN_US, np.int64), np.zeros(len(first_us), np.int64)
    if meant.any():
        zone = zone_of(moment.rollup_zone)
        times = first_us[meant]
        earliest = local_day(int(times.min()), zone)
        count = (local_day(int(times.max()), zone) - earliest).days + 1
        nights = np.array(
            [start_of_day(earliest + timedelta(days=n), zone) for n in range(count)], np.int64
        )
        # Of a day that the zone skipped the begin is the next one's.
        places = np.searchsorted(nights, times, side="right") - 1
        begins[meant], days[meant] = nights[places], places + earliest.toordinal()
    return begins, days


def _accrued(settings: Settings, ends: Ints) -> list[int]:
    per_year_us = rated_of(settings.rated_hours_per_year, settings.kind)
    zone = zone_of(settings.zone)
    return [accrued(at, per_year_us, zone) for at in ends.tolist()]


def _opened_before(intervals: Sequence[Interval], ends: Ints) -> Ints:
    """How much of sorted, disjoint intervals lies before each of some times."""
    if not intervals:
        return np.zeros(len(ends), np.int64)
    starts, stops = np.array(intervals, np.int64).T
    whole = np.r_[0, np.cumsum(stops - starts)]
    over = np.searchsorted(stops, ends, side="right")
    # The one that is still open at the time.
    at = np.minimum(over, len(starts) - 1)
    begun = np.where(over < len(starts), np.maximum(ends - starts[at], 0), 0)
    found: Ints = whole[over] + begun
    return found
