"""What maintenance is due: measured running since it was done, and when that was used up.

Whole days come from rollups, what is left of them from segments, as everywhere in figures; but no
more of either is read than how much ran and how much is known, for all plans together. Plans that
have used up their running time are looked for by day first, and then in that day's segments.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import NamedTuple

from models.fold import Track, open_pieces
from models.interval import Interval, clip, length_us
from models.maintenance_plan import Counted, Due, judge, reached
from models.segment import State
from models.usage import Window
from models.zone import local_day, start_of_day
from store.arrays import int_array
from store.figures.costs import counted_s
from store.figures.layout import days_window
from store.figures.subject import load_tracks, zone_of
from store.figures.surroundings import MANY, Moment
from store.instant import from_us
from store.lifecycle.maintenance_plans import MaintenancePlan
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("maintenance_plans")
_DAY = timedelta(days=1)
#: What a plan costs of which nothing is counted (s), measured.
_PLAN_S = 40e-6


@dataclass(frozen=True, slots=True)
class DuePlan:
    """A plan, and when its maintenance is due."""

    plan: MaintenancePlan
    due: Due


def due_s(plans: Sequence[MaintenancePlan], shown: int, moment: Moment) -> float:
    """What `load_due` costs, and `load_counted` of as many as are shown (s)."""
    by_running = [plan for plan in plans if plan.every_running_us is not None]
    by_date = [plan for plan in plans if plan.every_running_us is None]
    counted = by_running + by_date[:shown]
    lengths = (max(0, moment.now_us - plan.base_us) for plan in counted)
    return len(plans) * _PLAN_S + counted_s(len(counted), sum(lengths))


def load_due(plans: Sequence[MaintenancePlan], moment: Moment) -> Steps[list[DuePlan]]:
    """When plans' maintenance is due, in their order.

    What ran is counted where it makes something due: which plans come first is known without it
    for the others.
    """
    if not plans:
        return []
    zones = yield from _load_zones(plans)
    by_running = [plan for plan in plans if plan.every_running_us is not None]
    totals = yield from _load_totals(by_running, moment)
    return [
        DuePlan(
            plan,
            judge(
                totals.get(plan.plan_id, Counted(base_us=plan.base_us, now_us=moment.now_us)),
                every_running_us=plan.every_running_us,
                every_days=plan.every_days,
                zone=zone_of(zone),
            ),
        )
        for plan, zone in zip(plans, zones, strict=True)
    ]


def load_counted(found: Sequence[DuePlan], moment: Moment) -> Steps[list[DuePlan]]:
    """The same, with what ran of all of them."""
    totals = yield from _load_totals(
        [one.plan for one in found if one.due.counted.running_us is None], moment
    )
    return [
        DuePlan(
            one.plan,
            replace(one.due, counted=totals.get(one.plan.plan_id, one.due.counted)),
        )
        for one in found
    ]


def _load_totals(plans: Sequence[MaintenancePlan], moment: Moment) -> Steps[dict[int, Counted]]:
    """What has run since plans' bases, by plan id."""
    if not plans:
        return {}
    heavy = len(plans) > MANY
    rows = yield from load_tracks(sorted({plan.instrument_key for plan in plans}), heavy=heavy)
    heard = {row.key: _heard(row.track(), moment.now_us) for row in rows}
    parts = yield from _load_parts(plans, heard, moment)
    reached_us = yield from _load_reached(parts, heard, moment)
    return {
        one.plan.plan_id: Counted(
            base_us=one.plan.base_us,
            now_us=moment.now_us,
            running_us=one.running_us,
            unknown_us=one.unknown_us,
            reached_us=at_us,
        )
        for one, at_us in zip(parts, reached_us, strict=True)
    }


class _Heard(NamedTuple):
    """What an instrument's fold says beside closed segments."""

    first_us: int | None
    #: What of the segment that is open yet has been, and whether that is a running one.
    opened: list[Interval]
    runs: bool


#: Of an instrument that was never heard.
_SILENT = _Heard(None, [], False)


def _heard(track: Track, now_us: int) -> _Heard:
    pieces = open_pieces(track, now_us)
    runs = bool(pieces) and pieces[0].state is State.RUNNING
    return _Heard(track.first_at_us, [(one.start_us, one.end_us) for one in pieces], runs)


class _Stretch(NamedTuple):
    """Time of an instrument that segments tell of."""

    window: Window
    running_us: int
    known_us: int


class _Parts(NamedTuple):
    """Since a plan's base: what is left of its local day, days that are rolled up, and the rest."""

    plan: MaintenancePlan
    #: From the first heartbeat's day on: before it is none.
    first: date
    end: date
    running_of_days_us: int
    known_of_days_us: int
    edge: _Stretch
    rest: _Stretch

    @property
    def running_us(self) -> int:
        return self.edge.running_us + self.running_of_days_us + self.rest.running_us

    @property
    def unknown_us(self) -> int:
        known_us = self.edge.known_us + self.known_of_days_us + self.rest.known_us
        return self.rest.window.end_us - self.edge.window.start_us - known_us


def _load_parts(
    plans: Sequence[MaintenancePlan], heard: Mapping[int, _Heard], moment: Moment
) -> Steps[list[_Parts]]:
    zone, now_us = zone_of(moment.rollup_zone), moment.now_us
    today = local_day(now_us, zone)
    firsts: list[date] = []
    edges: list[tuple[int, Window]] = []
    for plan in plans:
        base_us = min(plan.base_us, now_us)
        first = local_day(base_us, zone) + _DAY
        midnight_us = min(start_of_day(first, zone), now_us)
        edges.append((plan.instrument_key, Window(start_us=base_us, end_us=midnight_us)))
        first_us = heard.get(plan.instrument_key, _SILENT).first_us
        since = today if first_us is None else local_day(first_us, zone)
        firsts.append(max(first, min(since, today)))
    rows = yield from Query[tuple[int, int, date, int, int]](
        _SQL["counted_days"],
        {
            "keys": int_array(plan.instrument_key for plan in plans),
            "firsts": firsts,
            "end": today,
        },
        binary=True,
        heavy=len(plans) > MANY,
    )
    days: dict[int, tuple[date, int, int]] = {
        place: (last + _DAY, running_us, known_us)
        for place, count, last, running_us, known_us in rows
        # Of days with gaps between them segments tell.
        if count == (last - firsts[place]).days + 1
    }
    rests = [
        (
            key,
            Window(
                start_us=edge.end_us if place not in days else start_of_day(days[place][0], zone),
                end_us=now_us,
            ),
        )
        for place, (key, edge) in enumerate(edges)
    ]
    # Apart: most of the rests are today, and chunks before it need no look.
    of_edges = yield from _load_stretches(edges, heard)
    of_rests = yield from _load_stretches(rests, heard)
    nothing = [(first, 0, 0) for first in firsts]
    return [
        _Parts(plan, first, *days.get(place, nothing[place]), edge, rest)
        for place, (plan, first, edge, rest) in enumerate(
            zip(plans, firsts, of_edges, of_rests, strict=True)
        )
    ]


def _load_stretches(
    asked: Sequence[tuple[int, Window]], heard: Mapping[int, _Heard]
) -> Steps[list[_Stretch]]:
    """How much of windows ran and is known, by instrument key."""
    rows = yield from Query[tuple[int, int, int]](
        _SQL["counted_within"],
        _spans(asked),
        binary=True,
        heavy=len(asked) > MANY,
    )
    closed = {place: (running_us, known_us) for place, running_us, known_us in rows}
    found: list[_Stretch] = []
    for place, (key, window) in enumerate(asked):
        running_us, known_us = closed.get(place, (0, 0))
        told = heard.get(key, _SILENT)
        opened_us = length_us(clip(told.opened, window.start_us, window.end_us))
        if told.runs:
            running_us += opened_us
        found.append(_Stretch(window, running_us, known_us + opened_us))
    return found


def _spans(asked: Sequence[tuple[int, Window]]) -> dict[str, object]:
    """Windows as statements name them."""
    return {
        "keys": int_array(key for key, _ in asked),
        "starts": int_array(window.start_us for _, window in asked),
        "ends": int_array(window.end_us for _, window in asked),
        "start": from_us(min(window.start_us for _, window in asked)),
        "end": from_us(max(window.end_us for _, window in asked)),
        "running": int(State.RUNNING),
    }


def _load_reached(
    parts: Sequence[_Parts], heard: Mapping[int, _Heard], moment: Moment
) -> Steps[list[int | None]]:
    """When running time was used up; None of plans of which it is not, or that allow none."""
    #: By place: the window in which it was, and how much had to run of it.
    within: dict[int, tuple[Window, int]] = {}
    in_days: dict[int, int] = {}
    for place, one in enumerate(parts):
        wanted_us = one.plan.every_running_us
        if wanted_us is None or one.running_us < wanted_us:
            continue
        left_us = wanted_us - one.edge.running_us
        if left_us <= 0:
            within[place] = one.edge.window, wanted_us
        elif left_us <= one.running_of_days_us:
            in_days[place] = left_us
        else:
            within[place] = one.rest.window, left_us - one.running_of_days_us
    within |= yield from _find_days(parts, in_days, moment)
    found: list[int | None] = [None] * len(parts)
    if not within:
        return found
    asked = [(parts[place].plan.instrument_key, window) for place, (window, _) in within.items()]
    wanted = [wanted_us for _, wanted_us in within.values()]
    rows = yield from Query[tuple[int, int | None, int]](
        _SQL["reached_within"],
        {**_spans(asked), "wanted": int_array(wanted)},
        binary=True,
        heavy=len(asked) > MANY,
    )
    closed = {number: (at_us, running_us) for number, at_us, running_us in rows}
    for number, place in enumerate(within):
        key, window = asked[number]
        at_us, running_us = closed.get(number, (None, 0))
        if at_us is None:
            # All that is closed ran before what is open.
            runs = clip(heard.get(key, _SILENT).opened, window.start_us, window.end_us)
            at_us = reached(runs, wanted[number] - running_us)
            assert at_us is not None, "what was summed up is in the segments"
        found[place] = at_us
    return found


def _find_days(
    parts: Sequence[_Parts], wanted: Mapping[int, int], moment: Moment
) -> Steps[dict[int, tuple[Window, int]]]:
    """The rolled-up days on which running time was used up, and how much had to run of each."""
    if not wanted:
        return {}
    places = list(wanted)
    rows = yield from Query[tuple[int, date, int]](
        _SQL["reached_days"],
        {
            "keys": int_array(parts[place].plan.instrument_key for place in places),
            "firsts": [parts[place].first for place in places],
            "ends": [parts[place].end for place in places],
            "wanted": int_array(wanted.values()),
        },
        binary=True,
        heavy=len(places) > MANY,
    )
    return {
        places[number]: (
            days_window(day, day + _DAY, moment),
            wanted[places[number]] - before_us,
        )
        for number, day, before_us in rows
    }


def _load_zones(plans: Sequence[MaintenancePlan]) -> Steps[list[str]]:
    """Each one's instrument's, in force when counting began."""
    rows = yield from Query[tuple[str]](
        _SQL["zones"],
        {
            "keys": int_array(plan.instrument_key for plan in plans),
            "bases": int_array(plan.base_us for plan in plans),
        },
        binary=True,
        heavy=len(plans) > MANY,
    )
    return [zone for (zone,) in rows]
