"""When in the week many instruments run: from hours that are rolled up, as far as they reach.

``profile.py`` takes the same from segments, and what is left over here goes there: edges, few
instruments, and those whose hours are not there or whose clock strikes between them.
"""

from dataclasses import dataclass

import numpy as np

from models.group_arrays import Flags, Ints
from models.segment import HOUR_US
from models.usage import Window
from models.zone import local_day, offset_us
from store.figures.chunks import Chunks
from store.figures.costs import by_hour_of_week_s
from store.figures.hours import HoursReader
from store.figures.layout import Slots, split_edge
from store.figures.members import load_members
from store.figures.profile import HOURS, NOTHING, Hour, Known, load_profile
from store.figures.question import Question
from store.figures.seen import seen_before
from store.figures.subject import zone_of
from store.figures.surroundings import Moment
from store.figures.totals import CHUNK
from store.present.roster import Roster, Rosters
from store.run import Steps

#: Fewer instruments of a chunk than this are as fast from segments.
FEW = 8
_STATES = ("running_us", "idle_us", "off_us")


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """Known time by hour of the week."""

    #: In service at some time of the window, seen or not.
    instruments: int
    known: dict[Hour, Known]

    def add(self, more: dict[Hour, Known]) -> None:
        """Adds other time, or other instruments'."""
        for at, known in more.items():
            self.known[at] = Known(*map(sum, zip(self.known[at], known, strict=True)))


def week_s(question: Question, moment: Moment, rosters: Rosters) -> Steps[float]:
    """What `load_week` costs (s)."""
    roster = yield from rosters.load(question.window.end_us)
    rows = roster.members(question.filters, question.window)
    slots, rest = _parts(roster.keys[rows], question.window, moment)
    return by_hour_of_week_s(len(rows), sum(one.high - one.low for one in slots), rest)


def load_week(
    question: Question, zone: str | None, moment: Moment, rosters: Rosters
) -> Steps[Week]:
    """Known time of all instruments in service, by hour of the week.

    Args:
        question: Window and filters.
        zone: Whose clock; None: each instrument's own, as it was set at the time.
        moment: Of the answer.
        rosters: The application's.
    """
    window = question.window
    roster = yield from rosters.load(window.end_us)
    rows = roster.members(question.filters, window)
    week = Week(instruments=len(rows), known=dict.fromkeys(HOURS, NOTHING))
    keys = roster.keys[rows]
    slots, rest = _parts(keys, window, moment)
    whole = np.zeros(len(rows), np.bool_)
    if slots:
        chunks = yield from Chunks.load(keys)
        late = [one for one in slots if one.day >= chunks.reach]
        slots = [one for one in slots if one.day < chunks.reach]
        rest = sorted([*rest, *(one.window(moment) for one in late)], key=lambda one: one.start_us)
        reader = HoursReader(chunks)
        whole = yield from reader.complete([one.day for one in slots])
        whole &= roster.acquired_us[rows] <= window.start_us
        whole &= roster.retired_us[rows] >= window.end_us
        clocks = _clocks(roster, rows, zone, window)
        striking: dict[str, list[list[Hour]]] = {}
        for name, ours in clocks.items():
            struck = [_struck(one, name, moment) for one in slots]
            if all(struck):
                striking[name] = struck
            else:
                clocks[name] = np.zeros_like(ours)
        whole &= np.logical_or.reduce([np.zeros(len(rows), np.bool_), *clocks.values()])
        lots = reader.lots([np.flatnonzero(whole & clocks[name]) for name in striking])
        for at, one in enumerate(slots):
            sums = yield from reader.sums(one, lots, _STATES)
            for of_clock, struck in zip(sums, striking.values(), strict=True):
                for hour, known in zip(struck[at], of_clock, strict=True):
                    week.add({hour: Known(*known)})
    seen = yield from seen_before(keys[~whole], window)
    if len(seen):
        careful = yield from load_members(question, seen.tolist())
        week.add((yield from load_profile(careful, window, zone)))
    if whole.any():
        members = [] if not rest else (yield from load_members(question, keys[whole].tolist()))
        for part in rest:
            week.add((yield from load_profile(members, part, zone)))
    return week


def _parts(keys: Ints, window: Window, moment: Moment) -> tuple[list[Slots], list[Window]]:
    """Hours that are rolled up, and what is left of a window."""
    if len(keys) < FEW * len(np.unique(keys // CHUNK)):
        return [], [window]
    return split_edge(window, moment)


def _clocks(roster: Roster, rows: Ints, zone: str | None, window: Window) -> dict[str, Flags]:
    """By zone, who goes by its clock in all of the window."""
    if zone is not None:
        return {zone: np.ones(len(rows), np.bool_)}
    settings = roster.settings
    found: dict[str, Flags] = {}
    unchanged = roster.since_us[rows] <= window.start_us
    codes = settings.codes[rows]
    for name in {one.zone for one in settings.values}:
        of_zone = [code for code, one in enumerate(settings.values) if one.zone == name]
        found[name] = unchanged & np.isin(codes, of_zone)
    return found


def _struck(slots: Slots, name: str, moment: Moment) -> list[Hour]:
    """The hour of the week that each of some hours lies in; none where a clock strikes within."""
    zone = zone_of(name)
    found: list[Hour] = []
    for number in range(slots.low, slots.high):
        part = Slots(slots.day, number, number + 1).window(moment)
        first, last = (at + offset_us(at, zone) for at in (part.start_us, part.end_us - 1))
        if last - first != part.length_us - 1 or first // HOUR_US != last // HOUR_US:
            return []
        weekday = local_day(part.start_us, zone).isoweekday()
        found.append(Hour(weekday, first // HOUR_US % 24))
    return found
