"""Loads a city's history in bulk, past MQTT, into the tables that the real path ends in.

A year of 23,504 instruments is a thousand million heartbeats; what they would leave behind is
eight and a half million daily rollups. They are computed here straight from behaviour, as if
each device had sent a heartbeat at every change of state and every ten minutes in between,
without an hour meter:

- ``rolled_through`` says first of all that these days are done, or the service would compute
  them itself as soon as it sees an instrument that was heard: from segments, of which there are
  none;
- ``rollup_day`` gets a row for each instrument and local day, their running totals are made as
  the roller makes them (``store/figures/totals.py``), and ``instrument_status`` gets the time of
  the first heartbeat, so that groups count it: all in one transaction for each thousand
  instruments, so that a reader finds them either never heard of or with every figure that there is;
- of the first few instruments (``raw``) the very heartbeats of the last days go into
  ``heartbeat`` as well, and the segments of two days before into ``segment``: with nothing older
  a rebuild would take the first of these heartbeats for the first of all. ``jishi rebuild`` makes
  segments of them, the roller computes their days again, and ``check_raw`` says whether any
  figure differs from what was loaded.

There are no segments of the other instruments: windows of whole days are answered, timelines
are not. Meant for calibration and benchmarks on a database of their own.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import psycopg
from numpy.typing import NDArray

from models.segment import State
from simulators.check.expectation import rated_us
from simulators.city.behaviour import Behaviour
from simulators.city.city import OPENING_HOURS, City, FleetOptions, Instrument, build_city
from simulators.city.localtime import DAY_S, ZONE, day_number, day_of, day_start_s
from store.figures import totals
from store.figures.rollup_columns import COLUMNS

SECOND_US = 1_000_000
STEP_S = 600  # between two heartbeats of one state; every hold is longer
SESSION_GAP_S = 300
SESSION_MIN_S = 60

Interval = tuple[int, int]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_COLUMNS = ("instrument_key", "day", *COLUMNS)
_NOT_COMPARED = {"step_us"}  # that of the hour's piece is the service's own affair
_COPY_DAYS = f"COPY rollup_day ({', '.join(_COLUMNS)}) FROM STDIN"
_COPY_RAW = (
    "COPY heartbeat (instrument_key, flags, state, ts, received_at, gateway_key, interval_s)"
    " FROM STDIN"
)
_COPY_SEGMENTS = "COPY segment (instrument_key, state, starts_at, ends_at, step_us) FROM STDIN"
_ROLLUP_ZONE = "SELECT value FROM service_setting WHERE name = 'rollup_zone'"
# Dates as text sort by time.
_ROLLED = """
INSERT INTO service_setting (name, value) VALUES ('rolled_through', %(through)s)
ON CONFLICT (name) DO UPDATE SET value = greatest(service_setting.value, EXCLUDED.value)
"""
# Everybody locks status rows before days: ``rollup_forget`` and the roller as well.
_LOCK = """
SELECT FROM instrument_status WHERE instrument_key = ANY (%(keys)s)
ORDER BY instrument_key FOR NO KEY UPDATE
"""
# A live heartbeat long gone: known, and offline.
_STATUS = """
UPDATE instrument_status
SET first_at = least(first_at, to_timestamp(%(first)s)),
    newest_ts = greatest(newest_ts, to_timestamp(%(last)s)),
    newest_at = greatest(newest_at, to_timestamp(%(last)s)), version = version + 1
WHERE instrument_key = ANY (%(keys)s)
"""


class DayFigures(NamedTuple):
    """One instrument's local day, in seconds but for the rated µs."""

    day: int
    running: int
    idle: int
    off: int
    scheduled: int
    running_scheduled: int
    effective: int
    session_idle: int
    rated_us: int
    step: int


Calendar = dict[date, tuple[str, int | None]]


def opening_on(hours: dict[str, Any], day: int, calendar: Calendar) -> list[Interval]:
    """Opening hours of a local day, in seconds since 1970, with the service's calendar."""
    on = day_of(day)
    weekday = on.weekday()
    special = calendar.get(on)
    if special is not None and hours["holidays"] != "as_weekday":
        kind, as_weekday = special
        if kind == "holiday":
            start = day_start_s(day)
            return [(start, start + DAY_S)] if hours["holidays"] == "open" else []
        weekday = (as_weekday or 1) - 1
    name = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[weekday]
    midnight = day_start_s(day)
    return [(midnight + _clock_s(a), midnight + _clock_s(b)) for a, b in hours.get(name, [])]


def _clock_s(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 3_600 + int(minute) * 60


def segments(behaviour: Behaviour, first: int, after: int) -> list[tuple[int, int, State]]:
    """Maximal stretches of one state over local days ``[first, after)``, seconds."""
    low, high = day_start_s(first), day_start_s(after)
    changes = [change for day in range(first - 1, after) for change in behaviour.changes(day)]
    found: list[tuple[int, int, State]] = []
    for n, (at, state) in enumerate(changes):
        end = changes[n + 1][0] if n + 1 < len(changes) else high
        start, end = max(at, low), min(end, high)
        if start >= end:
            continue
        if found and found[-1][2] is state:
            found[-1] = (found[-1][0], end, state)
        else:
            found.append((start, end, state))
    return found


def sessions(stretches: Sequence[tuple[int, int, State]]) -> list[tuple[int, int, int]]:
    """Sessions (rule 11) as start, end, running seconds; nothing is unknown here."""
    found: list[tuple[int, int, int]] = []
    start = end = running = 0
    for begin, until, state in stretches:
        if state is State.OFF or (state is State.IDLE and until - begin > SESSION_GAP_S):
            if running and end - start >= SESSION_MIN_S:
                found.append((start, end, running))
            running = 0
        elif state is State.RUNNING:
            if not running:
                start = begin
            end = until
            running += until - begin
    if running and end - start >= SESSION_MIN_S:
        found.append((start, end, running))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Openings:
    """Opening hours of local days ``[first, after)``; one for many instruments."""

    first: int
    after: int
    #: Of each range: its day, from 0, and its ends in seconds since 1970.
    of_day: Ints
    starts: Ints
    ends: Ints

    @classmethod
    def of(cls, hours: dict[str, Any], first: int, after: int, calendar: Calendar) -> "Openings":
        """Those that ``hours`` mean."""
        found = [
            (day - first, start, end)
            for day in range(first, after)
            for start, end in opening_on(hours, day, calendar)
        ]
        of_day, starts, ends = np.array(found, np.int64).reshape(-1, 3).T
        return cls(first=first, after=after, of_day=of_day, starts=starts, ends=ends)

    def by_day(self, seconds: Ints) -> Ints:
        """Sums of something that is told for each range."""
        found = np.zeros(self.after - self.first, np.int64)
        np.add.at(found, self.of_day, seconds)
        return found


def days(instrument: Instrument, openings: Openings) -> list[DayFigures]:
    """An instrument's daily figures over the days of its opening hours."""
    first, after = openings.first, openings.after
    stretches = segments(Behaviour(instrument.habit), first, after)
    starts, ends, states = (np.array(part, np.int64) for part in zip(*stretches, strict=True))
    lengths = ends - starts
    midnights = day_start_s(first) + DAY_S * np.arange(after - first + 1, dtype=np.int64)

    def before(times: Ints, chosen: Flags) -> Ints:
        """How much of the chosen stretches lies before each time."""
        counted = np.where(chosen, lengths, 0)
        place = np.searchsorted(starts, times, "right") - 1
        found: Ints = (np.cumsum(counted) - counted)[place]
        return found + np.where(chosen[place], times - starts[place], 0)

    running = states == State.RUNNING
    # Sessions begin and end where stretches do.
    spans = np.array(sessions(stretches), np.int64).reshape(-1, 3)
    in_session = np.searchsorted(spans[:, 0], starts, "right") > np.searchsorted(
        spans[:, 1], starts, "right"
    )
    steps = np.minimum(lengths, STEP_S).tolist()
    touched = zip(
        np.searchsorted(ends, midnights[:-1], "right").tolist(),
        np.searchsorted(starts, midnights[1:]).tolist(),
        strict=True,
    )
    columns = (
        *(
            np.diff(before(midnights, chosen))
            for chosen in (running, states == State.IDLE, states == State.OFF)
        ),
        openings.by_day(openings.ends - openings.starts),
        openings.by_day(before(openings.ends, running) - before(openings.starts, running)),
        np.diff(before(midnights, running & in_session)),
        np.diff(before(midnights, ~running & in_session)),
    )
    return list(
        map(
            DayFigures,
            range(first, after),
            *(column.tolist() for column in columns),
            _rated(instrument.rated_hours, first, after),
            (max(steps[a:b]) for a, b in touched),
        )
    )


@lru_cache(maxsize=16)
def _rated(hours: int, first: int, after: int) -> list[int]:
    """Rated µs of each day."""
    marks = [rated_us(hours, day_start_s(day) * SECOND_US) for day in range(first, after + 1)]
    return [b - a for a, b in pairwise(marks)]


def _row(key: int, one: DayFigures) -> tuple[object, ...]:
    s = SECOND_US
    return (
        key,
        day_of(one.day),
        one.running * s,
        one.idle * s,
        one.off * s,
        0,
        0,
        0,
        0,
        one.scheduled * s,
        one.running_scheduled * s,
        one.effective * s,
        one.session_idle * s,
        one.rated_us,
        0,
        0,
        0,
        0,
        one.step * s,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What to load where."""

    fleet: FleetOptions
    database_url: str
    first: date
    after: date
    #: Instruments whose heartbeats are loaded too, and of how many last days.
    raw: int = 0
    raw_days: int = 7


class _Member(NamedTuple):
    """An instrument of the city and its keys."""

    #: Its place among the city's instruments.
    place: int
    key: int
    gateway_key: int


def _load_chunk(load: Load, calendar: Calendar, task: tuple[int, list[_Member]]) -> int:
    """Loads instruments that share rows of the totals; in a process of its own, if there are."""
    chunk, members = task
    city = _cities.get(load.fleet) or _cities.setdefault(load.fleet, build_city(load.fleet))
    first, after = day_number(load.first), day_number(load.after)
    openings = _openings(first, after, calendar)
    keys = [member.key for member in members]
    # Computed beforehand: it takes longer than all the rest, and that holds locks.
    texts = []
    for member in members:
        instrument = city.instruments[member.place]
        found = days(instrument, openings[_hours_of(city, instrument)])
        texts.append(_lines(_row(member.key, one) for one in found))
    with psycopg.connect(load.database_url) as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute(_LOCK, {"keys": keys})
        # What has no totals needs no marks.
        totals.forget(connection, chunk)
        with connection.cursor().copy(_COPY_DAYS) as copy:
            for text in texts:
                copy.write(text)
        sample = [member for member in members if member.place < load.raw]
        raw_from = _raw_from(load)
        with connection.cursor().copy(_COPY_RAW) as copy:
            for member in sample:
                behaviour = Behaviour(city.instruments[member.place].habit)
                for at, state in beats(behaviour, raw_from, after):
                    moment = _text(at)
                    copy.write_row(
                        (member.key, 4, int(state), moment, moment, member.gateway_key, STEP_S)
                    )
        with connection.cursor().copy(_COPY_SEGMENTS) as copy:
            for member in sample:
                behaviour = Behaviour(city.instruments[member.place].habit)
                for start, end, state in segments(behaviour, max(first, raw_from - 2), raw_from):
                    step_us = min(end - start, STEP_S) * SECOND_US
                    for a, b in _hours(start, end):
                        copy.write_row((member.key, int(state), _text(a), _text(b), step_us))
        connection.execute(
            _STATUS, {"keys": keys, "first": day_start_s(first), "last": day_start_s(after) - 1}
        )
        totals.make(connection, chunk, load.after)
    return len(members) * (after - first)


def _openings(first: int, after: int, calendar: Calendar) -> dict[str, Openings]:
    return {
        name: Openings.of(hours, first, after, calendar) for name, hours in OPENING_HOURS.items()
    }


def _hours_of(city: City, instrument: Instrument) -> str:
    return instrument.hours or city.institutions[instrument.institution].hours


def _lines(rows: Iterable[tuple[object, ...]]) -> str:
    """As COPY reads them; nothing in them wants escaping."""
    return "".join("\t".join(map(str, row)) + "\n" for row in rows)


_cities: dict[FleetOptions, City] = {}


def _keys(
    connection: psycopg.Connection[Any], instruments: Sequence[Instrument]
) -> dict[str, tuple[int, int]]:
    """Database keys of instruments and their gateways."""
    rows = connection.execute(
        "SELECT i.instrument_id, i.instrument_key, v.gateway_key FROM instrument i"
        " JOIN instrument_version v USING (instrument_key)"
        " WHERE v.force_to = 'infinity' AND i.instrument_id = ANY (%s)",
        ([i.instrument_id for i in instruments],),
    ).fetchall()
    return {name: (key, gateway) for name, key, gateway in rows}


def beats(behaviour: Behaviour, first: int, after: int) -> Iterator[tuple[int, State]]:
    """Heartbeats of a device that speaks at every change and every ten minutes, seconds."""
    for start, end, state in segments(behaviour, first, after):
        for at in range(start, end, STEP_S):
            yield at, state


def _hours(start: int, end: int) -> Iterator[Interval]:
    """A stretch cut at every full hour, as segments are."""
    while start < end:
        cut = min(start - start % 3_600 + 3_600, end)
        yield start, cut
        start = cut


def _raw_from(load: Load) -> int:
    """The first day of heartbeats."""
    return max(day_number(load.first), day_number(load.after) - load.raw_days)


def _text(at: int) -> str:
    """Seconds since 1970 as PostgreSQL reads them."""
    return f"{day_of(at // DAY_S)} {at % DAY_S // 3600:02}:{at % 3600 // 60:02}:{at % 60:02}Z"


def load_history(
    load: Load, *, processes: int = 1, progress: Callable[[int, int], None] | None = None
) -> int:
    """Load a registered city's history.

    Args:
        load: What to load where; the city must be registered.
        processes: How many compute and copy at once.
        progress: Called with instruments done and in all.

    Returns:
        Daily rows loaded.

    Raises:
        KeyError: an instrument is not registered.
        ValueError: the service's days are those of another zone.
    """
    with psycopg.connect(load.database_url, autocommit=True) as connection:
        zone = connection.execute(_ROLLUP_ZONE).fetchone()
        if zone is not None and zone[0] != ZONE:
            raise ValueError(f"the service's days are those of {zone[0]}; the city's are {ZONE}'s")
        calendar = _calendar(connection)
        city = build_city(load.fleet)
        keys = _keys(connection, city.instruments)
        connection.execute(
            _ROLLED, {"through": date.fromordinal(load.after.toordinal() - 1).isoformat()}
        )
    by_chunk: dict[int, list[_Member]] = defaultdict(list)
    for place, instrument in enumerate(city.instruments):
        key, gateway_key = keys[instrument.instrument_id]
        by_chunk[key // totals.CHUNK].append(_Member(place, key, gateway_key))
    chunks = sorted(by_chunk.items())
    rows = done = 0
    pool = ProcessPoolExecutor(processes) if processes > 1 else nullcontext()
    with pool as workers:
        found = (workers.map if workers else map)(partial(_load_chunk, load, calendar), chunks)
        for count, (_, members) in zip(found, chunks, strict=True):
            rows += count
            done += len(members)
            if progress:
                progress(done, len(city.instruments))
    with psycopg.connect(load.database_url, autocommit=True) as connection:
        connection.execute(
            "VACUUM ANALYZE rollup_day, instrument_status, rollup_total, rollup_total_step,"
            " rollup_total_reach"
        )
    return rows


def _calendar(connection: psycopg.Connection[Any]) -> Calendar:
    """The service's holidays and make-up workdays."""
    return {
        day: (kind, as_weekday)
        for day, kind, as_weekday in connection.execute(
            "SELECT day, kind, as_weekday FROM calendar_day WHERE calendar = 'CN'"
        )
    }


def check_raw(load: Load) -> list[str]:
    """Compare loaded days of the raw sample with what the service has computed since.

    Call it when ``jishi rebuild`` has been over the sample's days and the roller is done.

    Returns:
        What differs.
    """
    city = build_city(load.fleet)
    after = day_number(load.after)
    # Whose sessions reach into the heartbeats' days is computed again as well.
    first = max(day_number(load.first), _raw_from(load) - 1)
    names = [c for c in _COLUMNS if c not in _NOT_COMPARED]
    differences = []
    with psycopg.connect(load.database_url) as connection:
        calendar = _calendar(connection)
        ours = city.instruments[: load.raw]
        keys = _keys(connection, ours)
        # Of the whole timeline: a session may have begun long before.
        openings = _openings(day_number(load.first), after, calendar)
        for instrument in ours:
            key = keys[instrument.instrument_id][0]
            found = {
                row[1]: row
                for row in connection.execute(
                    f"SELECT {', '.join(names)} FROM rollup_day"  # noqa: S608 - our own names
                    " WHERE instrument_key = %s AND day >= %s",
                    (key, day_of(first)),
                )
            }
            for one in days(instrument, openings[_hours_of(city, instrument)]):
                if one.day < first:
                    continue
                expected = _row(key, one)[: len(names)]
                if found.get(day_of(one.day)) != expected:
                    differences.append(
                        f"{instrument.instrument_id} {day_of(one.day)}: loaded {expected}, "
                        f"the service computed {found.get(day_of(one.day))}"
                    )
    return differences


__all__ = ["Load", "check_raw", "load_history"]
