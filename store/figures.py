"""Figures of instruments over any windows: from daily rollups where they stand, else measured.

Both ways give the same figure, to the microsecond: a rollup is what `measure_windows` found
for its day (`compute_days`), and figures add up over any split (rule 4). Sums over whole
groups of instruments are in ``groups.py``.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from models.rated import rated
from models.usage import Reading, Usage, Window, cut_by, measure
from models.zone import local_day, start_of_day
from store.readings import load_readings
from store.run import Query, Steps
from store.statements import statements
from store.subject import Subject, zone_of
from store.surroundings import Moment, Surroundings, load_surroundings

_SQL = statements("figures")

#: Columns of the rollups, in the order of `rollup_days`.
COLUMNS = (
    "running_us",
    "idle_us",
    "off_us",
    "unknown_before_first_us",
    "unknown_collector_us",
    "unknown_gateway_us",
    "unknown_device_us",
    "scheduled_us",
    "running_scheduled_us",
    "effective_us",
    "session_idle_us",
    "rated_us",
    "counter_us",
    "counter_readings",
    "witness_counter_us",
    "witness_state_us",
    "step_us",
)
_DAY = timedelta(days=1)
_DAY_US = 86_400_000_000
# Windows further apart than this are read apart: a month's edge and today, say.
_APART_US = 3 * _DAY_US
# What one reading of pieces holds in memory: at 60 pieces a day about 100,000.
_STRETCH_US = 62 * _DAY_US
_INSTRUMENT_DAYS = 1_500
_ROLLUP_ROWS = 50_000


class Plan(NamedTuple):
    """A window, divided into whole local days of the rollups and what is left of it."""

    #: Days ``[first, end)``; empty where the window holds no whole day.
    first: date
    end: date
    edges: tuple[Window, ...]


def plan_window(window: Window, moment: Moment) -> Plan:
    """Divides a window, already clipped to now, at the first and last whole day within."""
    zone = zone_of(moment.rollup_zone)
    first = local_day(window.start_us, zone)
    if start_of_day(first, zone) < window.start_us:
        first += _DAY
    end = local_day(window.end_us, zone)
    if first >= end or not window.length_us:
        return Plan(first, first, (window,) if window.length_us else ())
    edges = (
        Window(start_us=window.start_us, end_us=start_of_day(first, zone)),
        Window(start_us=start_of_day(end, zone), end_us=window.end_us),
    )
    return Plan(first, end, tuple(edge for edge in edges if edge.length_us))


def days_window(first: date, end: date, moment: Moment) -> Window:
    """The time of the rollup zone's days ``[first, end)``."""
    zone = zone_of(moment.rollup_zone)
    return Window(start_us=start_of_day(first, zone), end_us=start_of_day(end, zone))


def usages(
    subjects: Sequence[Subject], windows: Mapping[int, Sequence[Window]], moment: Moment
) -> Steps[dict[int, list[Usage]]]:
    """What windows of instruments are made of.

    Args:
        subjects: The instruments.
        windows: By instrument key: disjoint windows in order, each clipped to now.
        moment: Of the answer.

    Returns:
        By instrument key: one `Usage` a window.
    """
    found: dict[int, list[Usage]] = {}
    plans: dict[tuple[Window, ...], list[Plan]] = {}
    for subject in subjects:
        asked = tuple(windows[subject.key])
        if asked not in plans:
            plans[asked] = [plan_window(window, moment) for window in asked]
    for batch in _batches(subjects, windows):
        asked = tuple(windows[batch[0].key])
        rollups = yield from load_rollups([s.key for s in batch], plans[asked])
        measured = yield from measure_windows(
            [(s, missing_windows(plans[asked], rollups.get(s.key, {}), moment)) for s in batch],
            moment,
        )
        for subject in batch:
            found[subject.key] = _put_together(
                asked, plans[asked], rollups.get(subject.key, {}), measured[subject.key]
            )
    return found


def _batches(
    subjects: Sequence[Subject], windows: Mapping[int, Sequence[Window]]
) -> Iterable[list[Subject]]:
    """Instruments that are asked for the same windows, in bounded numbers."""
    alike: dict[tuple[Window, ...], list[Subject]] = defaultdict(list)
    for subject in subjects:
        alike[tuple(windows[subject.key])].append(subject)
    for asked, batch in alike.items():
        days = sum(window.length_us for window in asked) // _DAY_US + 1
        size = max(1, _ROLLUP_ROWS // days)
        for at in range(0, len(batch), size):
            yield batch[at : at + size]


def _put_together(
    windows: Sequence[Window],
    plans: Sequence[Plan],
    rollups: Mapping[date, Usage],
    measured: Sequence[tuple[Window, Usage]],
) -> list[Usage]:
    """The figure of each window: its days' rollups and what was measured within it."""
    found: list[Usage] = []
    at = 0
    for window, plan in zip(windows, plans, strict=True):
        total: Usage | None = None
        while at < len(measured) and measured[at][0].start_us < window.end_us:
            usage = measured[at][1]
            total = usage if total is None else total + usage
            at += 1
        day = plan.first
        while day < plan.end:
            rollup = rollups.get(day)
            if rollup is not None:
                total = rollup if total is None else total + rollup
            day += _DAY
        found.append(total or Usage())
    return found


def load_rollups(keys: Sequence[int], plans: Sequence[Plan]) -> Steps[dict[int, dict[date, Usage]]]:
    """Daily rollups of the planned days, by instrument and day; missing ones are left out."""
    first = min((plan.first for plan in plans if plan.first < plan.end), default=None)
    found: dict[int, dict[date, Usage]] = defaultdict(dict)
    if first is None:
        return found
    end = max(plan.end for plan in plans if plan.first < plan.end)
    rows = yield Query(
        _SQL["rollup_days"], {"keys": list(keys), "first": first, "end": end}, binary=True
    )
    for key, day, *figures in rows:
        found[key][day] = _usage(figures)
    return found


def _usage(figures: Sequence[Any]) -> Usage:
    return Usage(**dict(zip(COLUMNS, figures, strict=True)))


def missing_windows(
    plans: Sequence[Plan], days: Mapping[date, object], moment: Moment
) -> list[Window]:
    """What of the planned windows has no rollup, in order; runs of days as one window each."""
    zone = zone_of(moment.rollup_zone)
    found: list[Window] = []
    for plan in plans:
        runs: list[Window] = []
        day = plan.first
        while day < plan.end:
            since = day
            while day < plan.end and day not in days:
                day += _DAY
            if since < day:
                runs.append(
                    Window(start_us=start_of_day(since, zone), end_us=start_of_day(day, zone))
                )
            day += _DAY
        found += sorted((*plan.edges, *runs), key=lambda window: window.start_us)
    return found


class _Part(NamedTuple):
    subject: Subject
    #: Index of the window asked for, and the part of it.
    parts: tuple[tuple[int, Window], ...]


def measure_windows(
    requests: Iterable[tuple[Subject, Sequence[Window]]], moment: Moment
) -> Steps[dict[int, list[tuple[Window, Usage]]]]:
    """Measures windows from segments, whatever the rollups say.

    Args:
        requests: Instruments, each once, with disjoint windows in order, clipped to now.
        moment: Of the answer.

    Returns:
        By instrument key: the windows asked for, each with its figures.
    """
    found: dict[int, list[tuple[Window, Usage]]] = {}
    alike: dict[Window, list[_Part]] = defaultdict(list)
    for subject, windows in requests:
        found[subject.key] = [(window, Usage()) for window in windows]
        for hull, parts in _stretches(windows):
            alike[hull].append(_Part(subject, parts))
    seen: set[tuple[int, int]] = set()
    for hull, jobs in alike.items():
        size = max(1, _INSTRUMENT_DAYS * _DAY_US // max(hull.length_us, _DAY_US))
        for at in range(0, len(jobs), size):
            batch = jobs[at : at + size]
            around = yield from load_surroundings([job.subject for job in batch], hull, moment)
            readings = yield from load_readings(_wanted_readings(batch, around))
            for job in batch:
                key = job.subject.key
                usages = _measure(job, around, readings.get(key))
                for (index, _), usage in zip(job.parts, usages, strict=True):
                    window, total = found[key][index]
                    # The first part stands for itself: None + x is x, but 0 + None is not None.
                    whole = total + usage if (key, index) in seen else usage
                    seen.add((key, index))
                    found[key][index] = (window, whole)
    return found


def _stretches(
    windows: Sequence[Window],
) -> list[tuple[Window, tuple[tuple[int, Window], ...]]]:
    """Windows gathered into stretches that are read at once; longer ones are cut."""
    found: list[tuple[Window, tuple[tuple[int, Window], ...]]] = []
    parts: list[tuple[int, Window]] = []

    def close() -> None:
        if parts:
            hull = Window(start_us=parts[0][1].start_us, end_us=parts[-1][1].end_us)
            found.append((hull, tuple(parts)))
            parts.clear()

    for index, window in enumerate(windows):
        start = window.start_us
        while start < window.end_us:
            if parts and (
                start - parts[-1][1].end_us > _APART_US
                or start - parts[0][1].start_us >= _STRETCH_US
            ):
                close()
            limit = (parts[0][1].start_us if parts else start) + _STRETCH_US
            part = Window(start_us=start, end_us=min(window.end_us, limit))
            parts.append((index, part))
            start = part.end_us
    close()
    return found


def _wanted_readings(
    batch: Sequence[_Part], around: Surroundings
) -> list[tuple[Subject, list[tuple[int, int]]]]:
    """Where windows cut counted pieces: mostly nowhere, since windows end on full hours."""
    wanted: list[tuple[Subject, list[tuple[int, int]]]] = []
    for job in batch:
        pieces = around.pieces[job.subject.key]
        cuts = [cut for _, window in job.parts for cut in cut_by(pieces, window)]
        if cuts:
            wanted.append((job.subject, cuts))
    return wanted


def _measure(job: _Part, around: Surroundings, readings: Sequence[Reading] | None) -> list[Usage]:
    subject = job.subject
    collector_gaps = around.collector_gaps(subject)
    gateway_gaps = around.gateway_gaps(subject)
    return [
        measure(
            around.pieces[subject.key],
            window,
            first_us=subject.track.first_at_us,
            collector_gaps=collector_gaps,
            gateway_gaps=gateway_gaps,
            schedule=around.schedule(subject, window),
            session_gap_us=subject.session_gap_us,
            session_min_us=subject.session_min_us,
            rated_us=rated(subject.ratings, window),
            readings=readings,
        )
        for _, window in job.parts
    ]


def compute_days(
    subjects: Sequence[Subject], days: Mapping[int, Sequence[date]], moment: Moment
) -> Steps[dict[tuple[int, date], Usage]]:
    """Rollup rows: what days of the rollup zone were made of.

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
    wanted: dict[int, list[date]] = {}
    for subject in subjects:
        first_us = subject.track.first_at_us
        if first_us is None:
            continue
        wanted[subject.key] = [
            day
            for day in days.get(subject.key, ())
            if first_us < start_of_day(day + _DAY, zone) <= moment.now_us
        ]
    measured = yield from measure_windows(
        (
            (subject, [days_window(day, day + _DAY, moment) for day in wanted[subject.key]])
            for subject in subjects
            if wanted.get(subject.key)
        ),
        moment,
    )
    return {
        (key, day): usage
        for key, found in measured.items()
        for day, (_, usage) in zip(wanted[key], found, strict=True)
    }
