"""Figures of whole days, one row an instrument and day: read, found missing, and made.

A rollup is what `measure_windows` found for its day, and a day without one is measured
(``pieces.py``).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from operator import le
from typing import NamedTuple

from models.usage import Usage, Window, add_up
from models.zone import local_day, start_of_day
from store.arrays import int_array
from store.figures.layout import Plan, day_hours, days_window, missing_windows
from store.figures.packed_hours import pack_day
from store.figures.pieces import measure_windows
from store.figures.rollup_columns import COLUMNS
from store.figures.subject import Subject, zone_of
from store.figures.surroundings import MANY, Moment
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("figures")
_DAY = timedelta(days=1)
NONE: tuple[int, Usage | None] = (0, None)


def load_rollups(
    keys: Sequence[int], plans: Sequence[Plan]
) -> Steps[dict[tuple[int, int], tuple[int, Usage]]]:
    """Sums of the daily rollups of planned windows, by instrument and index of the window.

    Returns:
        How many days of the window have a row, and their sum; none where that is 0.
    """
    first = min((plan.first for plan in plans if plan.first < plan.end), default=None)
    if first is None:
        return {}
    end = max(plan.end for plan in plans if plan.first < plan.end)
    # One entry a day: which window it belongs to, 0 where to none.
    index_of = [0] * (end - first).days
    for index, plan in enumerate(plans, 1):
        for day in range((plan.first - first).days, (plan.end - first).days):
            index_of[day] = index
    rows = yield from Query[tuple[int, ...]](
        _SQL["rollup_sums"],
        {
            "keys": int_array(keys),
            "first": first,
            "end": end,
            "index_of": int_array(index_of),
        },
        binary=True,
        heavy=len(keys) > MANY,
    )
    return {
        (key, index - 1): (days, Usage(**dict(zip(COLUMNS, figures, strict=True))))
        for key, index, days, *figures in rows
    }


def load_missing(
    subjects: Sequence[Subject],
    plans: Sequence[Plan],
    rollups: Mapping[tuple[int, int], tuple[int, Usage]],
    moment: Moment,
) -> Steps[list[tuple[Subject, list[Window]]]]:
    """What of the planned windows is to be measured, by instrument; in order."""
    zone = zone_of(moment.rollup_zone)
    # Windows of those that have all rows, from the day of the first heartbeat on: most of all.
    whole: dict[date, list[Window]] = {}
    found: list[tuple[Subject, list[Window]]] = []
    short: list[Subject] = []
    for subject in subjects:
        first_us = subject.track.first_at_us
        first_day = date.max if first_us is None else local_day(first_us, zone)
        for index, plan in enumerate(plans):
            due = (plan.end - max(plan.first, min(first_day, plan.end))).days
            if rollups.get((subject.key, index), NONE)[0] != due:
                short.append(subject)
                break
        else:
            begin = max(first_day, plans[0].first) if plans else first_day
            if begin not in whole:
                whole[begin] = missing_windows(plans, partial(le, begin), moment)
            found.append((subject, whole[begin]))
    if short:
        first = min(plan.first for plan in plans if plan.first < plan.end)
        end = max(plan.end for plan in plans if plan.first < plan.end)
        rows = yield from Query[tuple[int, date]](
            _SQL["rollup_days_present"],
            {"keys": [subject.key for subject in short], "first": first, "end": end},
            binary=True,
        )
        present: dict[int, set[date]] = defaultdict(set)
        for key, day in rows:
            present[key].add(day)
        found += (
            (subject, missing_windows(plans, present[subject.key].__contains__, moment))
            for subject in short
        )
    return found


class DayRow(NamedTuple):
    """What is stored of an instrument's day."""

    usage: Usage
    #: As ``packed_hours.py: pack_day`` packs them; None where opening hours are in force in some of
    #: them only, of which a packed one says nothing.
    hours: bytes | None


def compute_days(
    subjects: Sequence[Subject], days: Mapping[int, Sequence[date]], moment: Moment
) -> Steps[dict[tuple[int, date], DayRow]]:
    """Rollup rows: what days of the rollup zone were made of, hour by hour.

    Whoever stores them holds the locks of the instruments' status rows while this reads, so
    that no row computed from an older state lands afterwards (``rollup_forget``).

    Args:
        subjects: The instruments.
        days: By instrument key: days in order. Those not over, and those before the
            instrument's first heartbeat's day, get no row and are left out.
        moment: Now and the rollup zone.

    Returns:
        By instrument key and day.
    """
    zone = zone_of(moment.rollup_zone)
    wanted: dict[int, tuple[date, ...]] = {}
    # Most have the same days to be rolled up: one list of hours for them all.
    parts: dict[tuple[date, ...], list[Window]] = {}
    hours: dict[date, list[Window]] = {}
    for subject in subjects:
        first_us = subject.track.first_at_us
        if first_us is None:
            continue
        ours = tuple(
            day
            for day in days.get(subject.key, ())
            if first_us < start_of_day(day + _DAY, zone) <= moment.now_us
        )
        if not ours:
            continue
        wanted[subject.key] = ours
        for day in ours:
            if day not in hours:
                # A day that the zone skipped has none; its row is that of no time at all.
                hours[day] = day_hours(day, moment) or [days_window(day, day + _DAY, moment)]
        if ours not in parts:
            parts[ours] = [hour for day in ours for hour in hours[day]]
    measured = yield from measure_windows(
        ((subject, parts[wanted[subject.key]]) for subject in subjects if subject.key in wanted),
        moment,
    )
    found: dict[tuple[int, date], DayRow] = {}
    for key, figures in measured.items():
        at = 0
        for day in wanted[key]:
            usages = [usage for _, usage in figures[at : at + len(hours[day])]]
            at += len(usages)
            # Figures add up over any split (rule 4): a day is the sum of its hours.
            alike = len({usage.scheduled_us is None for usage in usages}) == 1
            found[key, day] = DayRow(add_up(usages), pack_day(usages) if alike else None)
    return found
