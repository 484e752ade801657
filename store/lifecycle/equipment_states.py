"""SEMI E10's six states of instruments: entered stretches, and figures of what lies between these.

What a state is, is ``models/equipment_state.py``'s. What is measured comes from the same figures as
utilization: rollups where whole days stand, segments elsewhere. Of groups, instruments that nothing
stopped and whose opening hours stayed what they were are summed up all at once; the others' windows
are parted one by one.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.equipment_state import Parted, StateTimes, Stops, part
from models.group import in_service
from models.group_arrays import Flags, Ints
from models.interval import Interval
from models.usage import Usage, Window, add_up
from store.arrays import int_array
from store.figures.costs import one_by_one_s
from store.figures.figures import usages
from store.figures.groups import Extent, cost_s, tally_groups
from store.figures.members import CHUNK, Member, load_members
from store.figures.question import Question
from store.figures.subject import Subject, load_subjects, parse_hours, zone_of
from store.figures.surroundings import MANY, Moment
from store.instant import from_us
from store.run import Query, Steps
from store.statements import statements

_PLANS = statements("plans")


def load_states(
    windows: Mapping[int, Window], subjects: Mapping[int, Subject], moment: Moment
) -> Steps[dict[int, StateTimes]]:
    """The six states of instruments.

    Args:
        windows: By instrument key, each clipped to now.
        subjects: The same instruments.
        moment: Of the answer.
    """
    stops = yield from _load_stops(windows)
    parted = {key: part(window, stops[key], subjects[key].hours) for key, window in windows.items()}
    asked = {
        key: [
            Window(start_us=start, end_us=end)
            for start, end in sorted([*one.with_hours, *one.without_hours])
        ]
        for key, one in parted.items()
    }
    measured = yield from usages(list(subjects.values()), asked, moment)
    return {key: _whole(one, measured[key]) for key, one in parted.items()}


def _whole(one: Parted, measured: Sequence[Usage]) -> StateTimes:
    without = set(one.without_hours)
    with_hours: list[Usage] = []
    without_hours: list[Usage] = []
    spans = sorted([*one.with_hours, *one.without_hours])
    for span, usage in zip(spans, measured, strict=True):
        (without_hours if span in without else with_hours).append(usage)
    return one.whole(add_up(with_hours), add_up(without_hours))


def _load_stops(windows: Mapping[int, Window]) -> Steps[dict[int, Stops]]:
    if not windows:
        return {}
    start_us = min(one.start_us for one in windows.values())
    end_us = max(one.end_us for one in windows.values())
    rows = yield from Query[tuple[int, str, int, int]](
        _PLANS["stretches"],
        {"keys": int_array(windows), "start": from_us(start_us), "end": from_us(end_us)},
        binary=True,
        heavy=len(windows) > MANY,
    )
    found: dict[int, dict[str, list[Interval]]] = defaultdict(lambda: defaultdict(list))
    for key, kind, start, end in rows:
        found[key][kind].append((start, end))
    return {key: Stops(**found[key]) if key in found else Stops() for key in windows}


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """Instruments of a question by how their states are found; keys, ascending."""

    extent: Extent
    #: Stopped at some time of the window, or of other settings at its start than at its end.
    careful: Ints
    #: All others, of whom none was stopped: opening hours are in force throughout the window, or
    #: never.
    with_hours: Ints
    without_hours: Ints

    def cost_s(self, question: Question, moment: Moment) -> float:
        """What `load_group_states` costs (s)."""
        return cost_s(question, self.extent, moment) + one_by_one_s(
            len(self.careful), question.window, (), moment
        )


def divide_members(question: Question, extent: Extent) -> Steps[Division]:
    """Which of a question's instruments want which care; asks for no figure."""
    window, roster, rows = question.window, extent.roster, extent.rows
    keys = roster.keys[rows]
    stopped = yield from Query[tuple[int, int, int]](
        _PLANS["stopped"],
        {
            "keys": int_array(keys.tolist()),
            "start": from_us(window.start_us),
            "end": from_us(window.end_us),
        },
        binary=True,
        heavy=len(keys) > MANY,
    )
    careful: Flags = np.isin(keys, [key for key, _, _ in stopped])
    careful |= roster.since_us[rows] > window.start_us
    with_hours = roster.settings.where(lambda one: parse_hours(one.hours) is not None)[rows]
    return Division(
        extent=extent,
        careful=keys[careful],
        with_hours=keys[~careful & with_hours],
        without_hours=keys[~careful & ~with_hours],
    )


def load_group_states(
    question: Question, moment: Moment, division: Division
) -> Steps[dict[str | None, tuple[StateTimes, int, int]]]:
    """The six states by group: sums, instruments in service, and how many were never heard.

    Args:
        question: Window, filters and grouping; who is in service for a part counts for that.
        moment: Of the answer.
        division: The question's, found in the same transaction.
    """
    found: dict[str | None, tuple[StateTimes, int, int]] = {}

    def add(group: str | None, times: StateTimes, instruments: int, never: int) -> None:
        before = found.get(group, (StateTimes(), 0, 0))
        found[group] = (before[0] + times, before[1] + instruments, before[2] + never)

    members = yield from load_members(question, division.careful.tolist())
    for at in range(0, len(members), CHUNK):
        chunk = members[at : at + CHUNK]
        seen = {one.key: _served(one, question.window) for one in chunk if one.seen}
        subjects = yield from load_subjects(list(seen))
        times = yield from load_states(seen, subjects, moment)
        for one in chunk:
            add(one.group, times.get(one.key, StateTimes()), 1, not one.seen)
    nothing_fixed = Parted(fixed=StateTimes(), with_hours=(), without_hours=())
    all_keys = division.extent.roster.keys[division.extent.rows]
    for keys, has_hours in ((division.with_hours, True), (division.without_hours, False)):
        if not len(keys):
            continue
        others = np.setdiff1d(all_keys, keys, assume_unique=True)
        groups = yield from tally_groups(question, moment, without=others, extent=division.extent)
        for name, group in groups.items():
            sums = (group.total.usage, Usage()) if has_hours else (Usage(), group.total.usage)
            whole = nothing_fixed.whole(*sums)
            add(name, whole, group.total.instruments, group.total.never_seen)
    return found


def _served(one: Member, window: Window) -> Window:
    return in_service(window, one.acquired_on, one.retired_on, zone_of(one.timezone))
