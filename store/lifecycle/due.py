"""What maintenance is due: measured running since it was done, and when that was used up.

Whole days come from rollups, what is left of them from segments, as everywhere in figures. Plans
that have used up their running time are looked for by day first, and then in that day's segments.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from models.interval import Interval, clip
from models.maintenance_plan import Counted, Due, judge, reached
from models.segment import Piece, State
from models.usage import Usage, Window
from models.zone import local_day, start_of_day
from store.figures.costs import one_by_one_s
from store.figures.figures import usages
from store.figures.pieces import measure_windows
from store.figures.subject import Subject, load_subjects, zone_of
from store.figures.surroundings import Moment, load_surroundings
from store.lifecycle.maintenance_plans import MaintenancePlan
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("maintenance_plans")
_DAY_US = 86_400_000_000
#: What is read at once of one instrument, where no day is known.
_SLICE_US = 31 * _DAY_US
#: Instruments whose settings are in memory at once.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class DuePlan:
    """A plan, and when its maintenance is due."""

    plan: MaintenancePlan
    due: Due


def due_s(plans: Sequence[MaintenancePlan], moment: Moment) -> float:
    """What `load_due` costs (s)."""
    if not plans:
        return 0.0
    start_us = min(min(plan.base_us for plan in plans), moment.now_us)
    window = Window(start_us=start_us, end_us=moment.now_us)
    return one_by_one_s(len(plans), window, (), moment)


def load_due(plans: Sequence[MaintenancePlan], moment: Moment) -> Steps[list[DuePlan]]:
    """When plans' maintenance is due, in their order."""
    found: dict[int, Due] = {}
    for layer in _layers(plans):
        for at in range(0, len(layer), _AT_ONCE):
            found.update((yield from _of_layer(layer[at : at + _AT_ONCE], moment)))
    return [DuePlan(plan, found[plan.plan_id]) for plan in plans]


def _layers(plans: Iterable[MaintenancePlan]) -> list[list[MaintenancePlan]]:
    """Plans parted into lists in which each instrument is once."""
    depths: dict[int, int] = defaultdict(int)
    layers: list[list[MaintenancePlan]] = []
    for plan in plans:
        depth = depths[plan.instrument_key]
        depths[plan.instrument_key] += 1
        if depth == len(layers):
            layers.append([])
        layers[depth].append(plan)
    return layers


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """Since a plan's base: what is left of its local day, and whole days from there on."""

    plan: MaintenancePlan
    subject: Subject
    first_day: date
    edge: Window
    rest: Window


def _parts(plan: MaintenancePlan, subject: Subject, moment: Moment) -> _Parts:
    zone = zone_of(moment.rollup_zone)
    base_us = min(plan.base_us, moment.now_us)
    first_day = local_day(base_us, zone) + timedelta(days=1)
    midnight_us = min(start_of_day(first_day, zone), moment.now_us)
    return _Parts(
        plan=plan,
        subject=subject,
        first_day=first_day,
        edge=Window(start_us=base_us, end_us=midnight_us),
        rest=Window(start_us=midnight_us, end_us=moment.now_us),
    )


def _of_layer(plans: Sequence[MaintenancePlan], moment: Moment) -> Steps[dict[int, Due]]:
    subjects = yield from load_subjects([plan.instrument_key for plan in plans])
    parts = [_parts(plan, subjects[plan.instrument_key], moment) for plan in plans]
    edges = yield from measure_windows(
        [(one.subject, [one.edge]) for one in parts], moment, grid_us=_DAY_US
    )
    # Plans that began on the same day are asked for the same window, and so together.
    rests = yield from usages(
        list(subjects.values()), {one.subject.key: [one.rest] for one in parts}, moment
    )
    edge_of = {key: usage for key, ((_, usage),) in edges.items()}
    totals = {key: edge_of[key] + rest for key, (rest,) in rests.items()}
    reached_us = yield from _reached(
        [
            one
            for one in parts
            if one.plan.every_running_us is not None
            and totals[one.subject.key].running_us >= one.plan.every_running_us
        ],
        edge_of,
        moment,
    )
    return {
        one.plan.plan_id: judge(
            Counted(
                base_us=one.plan.base_us,
                now_us=moment.now_us,
                running_us=totals[one.subject.key].running_us,
                unknown_us=totals[one.subject.key].unknown_us,
                reached_us=reached_us.get(one.subject.key),
            ),
            every_running_us=one.plan.every_running_us,
            every_days=one.plan.every_days,
            zone=one.subject.version_at(one.plan.base_us).zone,
        )
        for one in parts
    }


def _reached(
    parts: Sequence[_Parts], edge_of: dict[int, Usage], moment: Moment
) -> Steps[dict[int, int]]:
    """When running time was used up, by instrument, of plans of which it is."""
    found: dict[int, int] = {}
    #: Windows in which it was, each with what is left to run in it by instrument.
    within: dict[Window, dict[int, int]] = defaultdict(dict)
    left: dict[int, int] = {}
    for one in parts:
        key, wanted = one.subject.key, one.plan.every_running_us
        assert wanted is not None, "only plans that allow so much running time use it up"
        before = edge_of[key].running_us
        if before >= wanted:
            within[one.edge][key] = wanted
        else:
            left[key] = wanted - before
    of = {one.subject.key: one for one in parts}
    zone = zone_of(moment.rollup_zone)
    days = yield from Query[tuple[int, date, int]](
        _SQL["reached_days"],
        {
            "keys": list(left),
            "firsts": [of[key].first_day for key in left],
            "wanted": list(left.values()),
        },
        binary=True,
    )
    for key, day, before in days:
        end_us = start_of_day(day + timedelta(days=1), zone)
        within[Window(start_us=start_of_day(day, zone), end_us=end_us)][key] = (
            left.pop(key) - before
        )
    for window, wanted_of in within.items():
        around = yield from load_surroundings(
            [of[key].subject for key in wanted_of], window.clip(moment.now_us), moment
        )
        for key, wanted in wanted_of.items():
            at = reached(_runs(around.pieces[key], window), wanted)
            assert at is not None, "what was summed up is in the segments"
            found[key] = at
    for key, wanted in left.items():
        found[key] = yield from _reached_in(of[key].subject, of[key].rest, wanted, moment)
    return found


def _reached_in(subject: Subject, window: Window, wanted_us: int, moment: Moment) -> Steps[int]:
    """The same of one instrument, month by month."""
    for start in range(window.start_us, window.end_us, _SLICE_US):
        part = Window(start_us=start, end_us=min(start + _SLICE_US, window.end_us))
        around = yield from load_surroundings([subject], part, moment)
        runs = _runs(around.pieces[subject.key], part)
        at = reached(runs, wanted_us)
        if at is not None:
            return at
        wanted_us -= sum(end - since for since, end in runs)
    raise AssertionError("what was summed up is in the segments")


def _runs(pieces: Sequence[Piece], window: Window) -> list[Interval]:
    runs = [(one.start_us, one.end_us) for one in pieces if one.state is State.RUNNING]
    return clip(runs, window.start_us, window.end_us)
