"""What happened to instruments in a range of time, as far as it bears on their figures.

Pieces of segments (the open one included), gaps of the collectors, offline times of the
gateways, maintenance, the calendar. The instruments' own settings are in ``subject.py``.
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TypeAlias

from models.fold import open_pieces
from models.interval import Interval, clip, merge, subtract
from models.schedule import CalendarDay, DayKind, HoursInForce, open_intervals
from models.segment import Piece, State
from models.timestamp import MAX_US, MIN_US
from models.usage import Window
from models.zone import DEFAULT_ZONE
from store.arrays import int_array
from store.figures.subject import Subject, parse_hours, zone_of
from store.instant import from_us
from store.present.roster import Settings
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("figures")
_STATES = tuple(State)
#: Key, start, end, state, step, counter and its readings, what the witness and the states counted.
#: A plain tuple: there may be a hundred thousand.
_Piece: TypeAlias = tuple[int, int, int, int, int, int, int, int, int]
#: More instruments than this are measured in a thread, so that others get their answers.
MANY = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When an answer is given, and what holds for all of it."""

    #: The database's now.
    now_us: int
    #: Name of the zone whose days the rollups are of.
    rollup_zone: str
    #: Name of the calendar that opening hours refer to.
    calendar: str = "CN"
    #: The first day whose hours may be rolled up: older days were, before there were hours.
    hours_from: date = date.min
    #: Days of the calendar as they are supposed to be, whatever is stored; None: what its weekday
    #: says. Figures of the time that they reach are measured (``supposed.py``).
    supposed: Mapping[date, CalendarDay | None] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a range of time held for some instruments."""

    window: Window
    now_us: int
    calendar: Mapping[date, CalendarDay]
    #: By instrument: sorted, disjoint, nothing after now; they reach beyond the window by what
    #: its sessions need.
    pieces: Mapping[int, Sequence[Piece]]
    maintenance: Mapping[int, Sequence[Interval]]
    #: By gateway: when it was off.
    offline: Mapping[int, Sequence[Interval]]
    #: By gateway: when no collector listened to it.
    unheard: Mapping[int, Sequence[Interval]]
    _schedules: dict[Hashable, list[Interval] | None] = field(default_factory=dict)

    def gateway_gaps(self, subject: Subject) -> list[Interval]:
        """When the gateway was off that the instrument was behind at the time (rule 14)."""
        return _by_version(subject, self.offline)

    def collector_gaps(self, subject: Subject) -> list[Interval]:
        """When nobody listened to the gateway that the instrument was behind at the time."""
        return _by_version(subject, self.unheard)

    def schedule(self, subject: Subject, window: Window) -> list[Interval] | None:
        """Opening hours less maintenance; None where there are no hours in force."""
        if not subject.hours:
            return None
        maintenance = self.maintenance.get(subject.key, ())
        # A city's instruments share few opening hours, and parsing shares their objects.
        alike = (window, *((h.from_us, h.to_us, id(h.hours), h.zone) for h in subject.hours))
        if not maintenance and alike in self._schedules:
            return self._schedules[alike]
        schedule = open_intervals(
            subject.hours,
            window.start_us,
            window.end_us,
            calendar=self.calendar,
            maintenance=maintenance,
        )
        if not maintenance:
            self._schedules[alike] = schedule
        return schedule


def _by_version(subject: Subject, gaps: Mapping[int, Sequence[Interval]]) -> list[Interval]:
    found: list[Interval] = []
    for version in subject.versions:
        of_gateway = gaps.get(version.gateway_key)
        if of_gateway:
            found += clip(of_gateway, version.from_us, version.to_us)
    return merge(found) if len(found) > 1 else found


def load_moment(calendar: str = "CN") -> Steps[Moment]:
    """The database's now; the same for all of a transaction."""
    ((now_us, zone, hours_from),) = yield from Query[tuple[int, str | None, date | None]](
        _SQL["moment"], binary=True
    )
    return Moment(
        now_us=now_us,
        rollup_zone=zone or DEFAULT_ZONE,
        calendar=calendar,
        hours_from=hours_from or date.min,
    )


def load_surroundings(
    subjects: Sequence[Subject], window: Window, moment: Moment
) -> Steps[Surroundings]:
    """What ``window`` held for ``subjects``.

    Args:
        subjects: The caller bounds how many, so that pieces fit into memory.
        window: Clipped to now.
        moment: Of the answer.
    """
    keys = [subject.key for subject in subjects]
    gateways = sorted({v.gateway_key for s in subjects for v in s.versions})
    span = {"start": from_us(window.start_us), "end": from_us(window.end_us)}
    pieces = yield from _load_pieces(subjects, window, moment.now_us)
    calendar: Mapping[date, CalendarDay] = {}
    maintenance: dict[int, list[Interval]] = defaultdict(list)
    if any(subject.hours for subject in subjects):
        stored = yield from load_calendar(window, moment.calendar)
        calendar = {
            day: what for day, what in (stored | dict(moment.supposed)).items() if what is not None
        }
        rows = yield from Query[tuple[int, int, int]](
            _SQL["maintenance"], {"keys": int_array(keys), **span}, binary=True
        )
        for key, start, end in rows:
            maintenance[key].append((start, end))
    offline = yield from load_offline(gateways, window)
    unheard = yield from load_unheard(gateways, window, moment.now_us, heavy=len(subjects) > MANY)
    return Surroundings(
        window=window,
        now_us=moment.now_us,
        calendar=calendar,
        pieces=pieces,
        maintenance=maintenance,
        offline=offline,
        unheard=unheard,
    )


def load_offline(gateways: Sequence[int], window: Window) -> Steps[dict[int, list[Interval]]]:
    """When each gateway was off, of those that were at some time of a window."""
    rows = yield from Query[tuple[int, int, int | None]](
        _SQL["gateway_offline"],
        {
            "keys": list(gateways),
            "start": from_us(window.start_us),
            "end": from_us(window.end_us),
        },
        binary=True,
    )
    found: dict[int, list[Interval]] = defaultdict(list)
    for key, start, end in rows:
        found[key].append((start, MAX_US if end is None else end))
    return {key: merge(stretches) for key, stretches in found.items()}


def load_calendar(window: Window, name: str) -> Steps[dict[date, CalendarDay]]:
    """Holidays and make-up workdays that bear on a window."""
    # Local days reach a day further than UTC's, and a range may come in from the day before.
    first = from_us(window.start_us).date() - timedelta(days=2)
    last = from_us(window.end_us).date() + timedelta(days=2)
    rows = yield from Query[tuple[date, str, int | None]](
        _SQL["calendar_days"], {"calendar": name, "first": first, "last": last}, binary=True
    )
    return {day: CalendarDay(kind=DayKind(kind), as_weekday=weekday) for day, kind, weekday in rows}


def opened_by(
    settings: Sequence[Settings], window: Window, calendar: Mapping[date, CalendarDay]
) -> list[list[Interval] | None]:
    """When instruments of each of some settings are open; None where they have no hours."""
    return [
        None
        if (hours := parse_hours(one.hours)) is None
        else open_intervals(
            [HoursInForce(from_us=MIN_US, to_us=MAX_US, hours=hours, zone=zone_of(one.zone))],
            window.start_us,
            window.end_us,
            calendar=calendar,
        )
        for one in settings
    ]


def _load_pieces(
    subjects: Sequence[Subject], window: Window, now_us: int
) -> Steps[dict[int, list[Piece]]]:
    reach = window.around(max((s.margin_us for s in subjects), default=0))
    found: dict[int, list[Piece]] = {subject.key: [] for subject in subjects}
    seen = [
        subject.key
        for subject in subjects
        if subject.track.first_at_us is not None and subject.track.first_at_us < reach.end_us
    ]
    if seen and window.length_us:
        rows = yield from Query[_Piece](
            _SQL["pieces"],
            {
                "keys": int_array(seen),
                "start": from_us(reach.start_us),
                "end": from_us(reach.end_us),
            },
            binary=True,
            heavy=len(seen) > MANY,
        )
        for key, start, end, state, step, counter, readings, witness, witness_state in rows:
            if start < now_us:
                found[key].append(
                    Piece(
                        start_us=start,
                        # A heartbeat that lies ahead of now closes a piece there.
                        end_us=end if end < now_us else now_us,
                        state=_STATES[state],
                        step_us=step,
                        counter_us=counter,
                        counter_readings=readings,
                        witness_counter_us=witness,
                        witness_state_us=witness_state,
                    )
                )
    for subject in subjects:
        track = subject.track
        if track.piece_from_us is not None and track.piece_from_us < reach.end_us:
            found[subject.key] += (
                piece
                for piece in open_pieces(track, now_us)
                if piece.end_us > reach.start_us and piece.start_us < reach.end_us
            )
    return found


def load_unheard(
    gateways: Sequence[int], window: Window, now_us: int, *, heavy: bool
) -> Steps[dict[int, list[Interval]]]:
    """Gaps between the records of listening, from the first record ever on."""
    start, end = window.start_us, window.end_us
    rows = yield from Query[tuple[int, int, list[str] | None, bool]](
        _SQL["listening"], {"start": from_us(start), "end": from_us(end)}, binary=True
    )
    firsts = yield from Query[tuple[int | None, str | None]](
        _SQL["first_listening"], binary=True, heavy=heavy
    )
    first_for = {name: first for first, name in firsts if first is not None}
    if not first_for:
        return {}
    to_all: list[Interval] = []
    to_some: dict[str, list[Interval]] = defaultdict(list)
    for since, until, named, listens in rows:
        heard = (since, max(now_us, until) if listens else until)
        if named is None:
            to_all.append(heard)
        for name in named or ():
            to_some[name].append(heard)
    if set(first_for) == {None}:
        common = _gaps(to_all, first_for[None], window)
        return dict.fromkeys(gateways, common) if common else {}
    names = yield from Query[tuple[int, str]](
        _SQL["gateway_ids"], {"keys": list(gateways)}, binary=True, heavy=heavy
    )
    found: dict[int, list[Interval]] = {}
    for key, name in names:
        first = min(first_for.get(None, MAX_US), first_for.get(name, MAX_US))
        gaps = _gaps(to_all + to_some.get(name, []), first, window)
        if gaps:
            found[key] = gaps
    return found


def _gaps(heard: Sequence[Interval], first_us: int, window: Window) -> list[Interval]:
    start = max(first_us, window.start_us, MIN_US)
    if start >= window.end_us:
        return []
    return subtract([(start, window.end_us)], merge(heard))
