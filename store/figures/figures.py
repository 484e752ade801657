"""Figures of instruments over any windows: from daily rollups where they stand, else measured.

Both ways give the same figure, to the microsecond: a rollup is what `measure_windows` found
for its day (`compute_days`), and figures add up over any split (rule 4). Sums over whole
groups of instruments are in ``groups.py``.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from operator import attrgetter, le
from typing import NamedTuple, TypeAlias

from models.rated import rated
from models.segment import Segment
from models.usage import Usage, Window, measure
from models.zone import local_day, start_of_day
from store.figures.readings import Cut, part_pieces
from store.figures.rollup_columns import COLUMNS as COLUMNS
from store.figures.subject import Subject, zone_of
from store.figures.surroundings import MANY, Moment, Surroundings, load_surroundings
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("figures")

_DAY = timedelta(days=1)
_START = attrgetter("start_us")
_DAY_US = 86_400_000_000
# Windows further apart than this are read apart: a month's edge and today, say.
_APART_US = 3 * _DAY_US
# What one reading of pieces holds in memory: at 60 pieces a day about 100,000.
_STRETCH_US = 62 * _DAY_US
_INSTRUMENT_DAYS = 1_500
# Instruments times windows that are summed up at once.
_FIGURES = 10_000
_NONE: tuple[int, Usage | None] = (0, None)


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
    for batch, asked in _batches(subjects, windows):
        plans = [plan_window(window, moment) for window in asked]
        rollups = yield from load_rollups([s.key for s in batch], plans)
        missing = yield from _load_missing(batch, plans, rollups, moment)
        measured = yield from measure_windows(missing, moment)
        for subject in batch:
            totals: list[Usage | None] = [
                rollups.get((subject.key, i), _NONE)[1] for i in range(len(asked))
            ]
            at = 0
            for window, usage in measured[subject.key]:
                while window.start_us >= asked[at].end_us:
                    at += 1
                before = totals[at]
                # None + x is x, but no figure at all is not a figure of 0.
                totals[at] = usage if before is None else before + usage
            found[subject.key] = [total or Usage() for total in totals]
    return found


def _batches(
    subjects: Sequence[Subject], windows: Mapping[int, Sequence[Window]]
) -> Iterable[tuple[list[Subject], tuple[Window, ...]]]:
    """Instruments that are asked for the same windows, in bounded numbers."""
    alike: dict[tuple[Window, ...], list[Subject]] = defaultdict(list)
    for subject in subjects:
        alike[tuple(windows[subject.key])].append(subject)
    for asked, batch in alike.items():
        size = max(1, _FIGURES // max(len(asked), 1))
        for at in range(0, len(batch), size):
            yield batch[at : at + size], asked


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
    rows = yield Query(
        _SQL["rollup_sums"],
        {"keys": list(keys), "first": first, "end": end, "index_of": index_of},
        binary=True,
        heavy=len(keys) > MANY,
    )
    return {
        (key, index - 1): (days, Usage(**dict(zip(COLUMNS, figures, strict=True))))
        for key, index, days, *figures in rows
    }


def _load_missing(
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
            if rollups.get((subject.key, index), _NONE)[0] != due:
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
        rows = yield Query(
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


def missing_windows(
    plans: Sequence[Plan], has_row: Callable[[date], bool], moment: Moment
) -> list[Window]:
    """What of the planned windows has no rollup, in order; runs of days as one window each."""
    zone = zone_of(moment.rollup_zone)
    found: list[Window] = []
    for plan in plans:
        runs: list[Window] = []
        day = plan.first
        while day < plan.end:
            since = day
            while day < plan.end and not has_row(day):
                day += _DAY
            if since < day:
                runs.append(
                    Window(start_us=start_of_day(since, zone), end_us=start_of_day(day, zone))
                )
            day += _DAY
        found += sorted((*plan.edges, *runs), key=lambda window: window.start_us)
    return found


_Stretches: TypeAlias = list[tuple[Window, tuple[tuple[int, Window], ...]]]


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
    # Most are asked for the very same windows.
    stretches: dict[int, tuple[Sequence[Window], _Stretches]] = {}
    for subject, windows in requests:
        found[subject.key] = [(window, Usage()) for window in windows]
        if id(windows) not in stretches:
            # Kept beside, or its identity would pass on to another one.
            stretches[id(windows)] = (windows, _stretches(windows))
        for hull, parts in stretches[id(windows)][1]:
            alike[hull].append(_Part(subject, parts))
    seen: set[tuple[int, int]] = set()
    for hull, jobs in alike.items():
        size = max(1, _INSTRUMENT_DAYS * _DAY_US // max(hull.length_us, _DAY_US))
        for at in range(0, len(jobs), size):
            batch = jobs[at : at + size]
            around = yield from load_surroundings([job.subject for job in batch], hull, moment)
            parted = yield from _part_cut_pieces(batch, around)
            for job in batch:
                key = job.subject.key
                usages = _measure(job, around, parted.get(key, around.pieces[key]))
                for (index, _), usage in zip(job.parts, usages, strict=True):
                    window, total = found[key][index]
                    # The first part stands for itself: None + x is x, but 0 + None is not None.
                    whole = total + usage if (key, index) in seen else usage
                    seen.add((key, index))
                    found[key][index] = (window, whole)
    return found


def _stretches(windows: Sequence[Window]) -> _Stretches:
    """Windows gathered into stretches that are read at once; longer ones are cut."""
    found: _Stretches = []
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


def _part_cut_pieces(
    batch: Sequence[_Part], around: Surroundings
) -> Steps[dict[int, list[Segment]]]:
    """Parts counted pieces that windows cut: mostly none, since windows end on full hours.

    Returns:
        All pieces of the instruments of which any is cut, by instrument key.
    """
    cuts: list[Cut] = []
    for job in batch:
        key = job.subject.key
        pieces = around.pieces[key]
        edges: dict[int, list[int]] = {}
        for at in sorted({at for _, one in job.parts for at in (one.start_us, one.end_us)}):
            index = bisect_right(pieces, at, key=_START) - 1
            if index >= 0:
                piece = pieces[index]
                if piece.counter_readings and piece.start_us < at < piece.end_us:
                    edges.setdefault(index, []).append(at)
        cuts += (Cut(key, pieces[index], ends) for index, ends in edges.items())
    parts = yield from part_pieces(cuts)
    by_start: dict[int, dict[int, list[Segment]]] = defaultdict(dict)
    for cut, found in zip(cuts, parts, strict=True):
        by_start[cut.key][cut.piece.start_us] = found
    return {
        key: [part for piece in around.pieces[key] for part in cut.get(piece.start_us, (piece,))]
        for key, cut in by_start.items()
    }


def _measure(job: _Part, around: Surroundings, pieces: Sequence[Segment]) -> list[Usage]:
    subject = job.subject
    collector_gaps = around.collector_gaps(subject)
    gateway_gaps = around.gateway_gaps(subject)
    return [
        measure(
            pieces,
            window,
            first_us=subject.track.first_at_us,
            collector_gaps=collector_gaps,
            gateway_gaps=gateway_gaps,
            schedule=around.schedule(subject, window),
            session_gap_us=subject.session_gap_us,
            session_min_us=subject.session_min_us,
            rated_us=rated(subject.ratings, window),
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
