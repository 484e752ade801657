"""SEMI E10's six states of instruments: entered stretches, and figures of what lies between these.

What a state is, is ``models/equipment_state.py``'s. What is measured comes from the same figures as
utilization: rollups where whole days stand, segments elsewhere.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from models.equipment_state import Parted, StateTimes, Stops, part
from models.group import in_service
from models.interval import Interval
from models.usage import Usage, Window, add_up
from store.figures.figures import usages
from store.figures.members import CHUNK, Member, load_members
from store.figures.question import Question
from store.figures.subject import Subject, load_subjects, zone_of
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
        {"keys": list(windows), "start": from_us(start_us), "end": from_us(end_us)},
        binary=True,
        heavy=len(windows) > MANY,
    )
    found: dict[int, dict[str, list[Interval]]] = defaultdict(lambda: defaultdict(list))
    for key, kind, start, end in rows:
        found[key][kind].append((start, end))
    return {key: Stops(**found[key]) if key in found else Stops() for key in windows}


def load_group_states(
    question: Question, moment: Moment
) -> Steps[dict[str | None, tuple[StateTimes, int, int]]]:
    """The six states by group: sums, instruments in service, and how many were never heard.

    Args:
        question: Window, filters and grouping; who is in service for a part counts for that.
        moment: Of the answer.
    """
    members = yield from load_members(question)
    found: dict[str | None, tuple[StateTimes, int, int]] = {}
    for at in range(0, len(members), CHUNK):
        chunk = members[at : at + CHUNK]
        seen = {one.key: _served(one, question.window) for one in chunk if one.seen}
        subjects = yield from load_subjects(list(seen))
        times = yield from load_states(seen, subjects, moment)
        for one in chunk:
            total, instruments, never = found.get(one.group, (StateTimes(), 0, 0))
            total = total + times[one.key] if one.seen else total
            found[one.group] = (total, instruments + 1, never + (not one.seen))
    return found


def _served(one: Member, window: Window) -> Window:
    return in_service(window, one.acquired_on, one.retired_on, zone_of(one.timezone))
