"""Bookings of groups held against measured use: what they came to, all together.

Whole days are rows (``booking_days.py``); what is left, a window's edges and days whose rows are
not there, is judged one by one (``judged.py``). Both give the same: parts of time add up over any
split, and a booking is told where it begins. All that instruments were used, booked or not, is
their *effective* time (``effective.py``). As in every sum of a group, an instrument counts for the
days on which it served; one that did not serve throughout is judged one by one as well.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np

from models.group_arrays import Ints
from models.reconciliation import Partition, Verdict
from models.usage import Window
from models.zone import local_day
from store.figures.booking_days import SUMS, counted
from store.figures.costs import booking_days_s, judged_bookings_s
from store.figures.effective import effective_s, load_effective
from store.figures.grouped import Groups
from store.figures.judged import AT_ONCE, judge, load_tolerances
from store.figures.layout import days_window, plan_window
from store.figures.subject import zone_of
from store.figures.surroundings import Moment
from store.present.filters import Filters
from store.present.roster import Roster, Rosters
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("reconciled")
_DAY = timedelta(days=1)
#: Fewer instruments than this are asked for by their keys: the rows of others are left alone.
_NAMED = 2_000


@dataclass(slots=True)
class Held:
    """What a group's bookings came to."""

    instruments: int = 0
    bookings: int = 0
    time: Partition = field(default_factory=Partition)
    verdicts: dict[Verdict, int] = field(default_factory=lambda: dict.fromkeys(Verdict, 0))

    def add(self, other: "Held") -> None:
        """Adds a group of other instruments."""
        self.instruments += other.instruments
        self.bookings += other.bookings
        self.time += other.time
        for verdict, count in other.verdicts.items():
            self.verdicts[verdict] += count


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """Which instruments are held against their bookings, and what of the window is no row."""

    roster: Roster
    #: Ascending.
    rows: Ints
    groups: Groups
    #: Clipped to now.
    window: Window
    #: The whole days within it.
    first: date
    end: date
    #: By window, instruments that are judged in it.
    careful: dict[Window, list[int]]
    #: Places among `rows` by the part of the window in which they served, all of it first.
    served: dict[Window, Ints]
    cost_s: float


def measure_extent(
    filters: Filters, group_by: str | None, window: Window, moment: Moment, rosters: Rosters
) -> Steps[Extent]:
    """What there is to a question, and what it costs; asks for no figure.

    Args:
        filters: Which instruments.
        group_by: A word of `store.present.instruments.GROUPINGS`; None: everything is one group.
        window: Clipped to now.
        moment: Of the answer.
        rosters: The application's.
    """
    roster = yield from rosters.load(window.end_us)
    rows = roster.members(filters, window)
    groups = Groups.of(roster, rows, group_by)
    plan = plan_window(window, moment)
    served = _served(roster, rows, window)
    throughout, *parts = served.items()
    keys = groups.keys[throughout[1]]
    careful = yield from _careful(keys, plan.first, plan.end, plan.edges, moment)
    for part, places in parts:
        careful.setdefault(part, []).extend(groups.keys[places].tolist())
    cost = sum(effective_s(len(places), part, moment) for part, places in served.items())
    cost += booking_days_s(len(rows), (plan.end - plan.first).days)
    cost += sum(judged_bookings_s(len(keys), one) for one, keys in careful.items())
    return Extent(
        roster=roster,
        rows=rows,
        groups=groups,
        window=window,
        first=plan.first,
        end=plan.end,
        careful=careful,
        served=served,
        cost_s=cost,
    )


def _served(roster: Roster, rows: Ints, window: Window) -> dict[Window, Ints]:
    starts = np.maximum(roster.acquired_us[rows], window.start_us)
    ends = np.minimum(roster.retired_us[rows], window.end_us)
    is_part = (starts > window.start_us) | (ends < window.end_us)
    parts: dict[Window, list[int]] = defaultdict(list)
    for place in np.flatnonzero(is_part).tolist():
        parts[Window(start_us=int(starts[place]), end_us=int(ends[place]))].append(place)
    return {
        window: np.flatnonzero(~is_part),
        **{part: np.array(places, np.int64) for part, places in parts.items()},
    }


def _careful(
    keys: Ints, first: date, end: date, edges: Sequence[Window], moment: Moment
) -> Steps[dict[Window, list[int]]]:
    found: dict[Window, list[int]] = {}
    zone = zone_of(moment.rollup_zone)
    for edge in edges:
        days = {
            "first": local_day(edge.start_us, zone),
            "last": local_day(edge.end_us - 1, zone),
        }
        booked = yield from Query[tuple[int]](
            _SQL["booked_instruments"], {"keys": _named(keys), **days}, binary=True
        )
        ours = _ours(keys, [key for (key,) in booked])
        if ours:
            found[edge] = ours
    if first == end:
        return found
    waiting = yield from Query[tuple[int, date]](
        _SQL["waiting"], {"keys": _named(keys), "first": first, "end": end}, binary=True
    )
    known = set(_ours(keys, list({key for key, _ in waiting})))
    runs: dict[tuple[date, date], list[int]] = defaultdict(list)
    open_: tuple[int, date, date] | None = None
    for key, day in waiting:
        if key not in known:
            continue
        if open_ is not None and open_[0] == key and open_[2] == day:
            open_ = (key, open_[1], day + _DAY)
            continue
        if open_ is not None:
            runs[open_[1:]].append(open_[0])
        open_ = (key, day, day + _DAY)
    if open_ is not None:
        runs[open_[1:]].append(open_[0])
    return found | {days_window(*days, moment): those for days, those in runs.items()}


def _named(keys: Ints) -> list[int] | None:
    return keys.tolist() if len(keys) < _NAMED else None


def _ours(keys: Ints, those: Sequence[int]) -> list[int]:
    """Those that are among the keys, ascending."""
    asked = np.array(sorted(those), np.int64)
    return asked[np.isin(asked, keys)].tolist()  # type: ignore[no-any-return]


def hold(extent: Extent, moment: Moment) -> Steps[dict[str | None, Held]]:
    """What bookings of groups came to.

    Args:
        extent: Of the same transaction.
        moment: Of the answer.
    """
    # Effective time, then `SUMS`.
    found = np.zeros((len(extent.rows), 1 + len(SUMS)), np.int64)
    for part, places in extent.served.items():
        rows_of = extent.rows[places]
        found[places, 0], _ = yield from load_effective(extent.roster, rows_of, part, moment)
    keys = extent.groups.keys
    throughout = keys[extent.served[extent.window]]
    if extent.first < extent.end:
        asked: dict[str, Any] = {
            "first": extent.first,
            "end": extent.end,
            "keys": _named(throughout),
        }
        rows = yield from Query[tuple[int, ...]](
            _SQL["booking_days"], asked, binary=True, heavy=True
        )
        sums = np.array(rows, np.int64).reshape(-1, 1 + len(SUMS))
        sums = sums[np.isin(sums[:, 0], throughout)]
        found[np.searchsorted(keys, sums[:, 0]), 1:] = sums[:, 1:]
    yield from _judge_careful(extent, moment, found)
    return _held(extent, found)


def _judge_careful(extent: Extent, moment: Moment, into: Ints) -> Steps[None]:
    if not extent.careful:
        return
    keys = extent.groups.keys
    history = yield from load_tolerances()
    for window, those in extent.careful.items():
        for at in range(0, len(those), AT_ONCE):
            told = yield from judge(those[at : at + AT_ONCE], window, moment, history)
            for key, (time, judged) in told.items():
                parts = (time.booked_us, time.used_booked_us, time.unknown_booked_us)
                row = (*parts, len(judged), *counted(judged))
                into[np.searchsorted(keys, key), 1:] += np.array(row, np.int64)


def _held(extent: Extent, found: Ints) -> dict[str | None, Held]:
    held: dict[str | None, Held] = {}
    counted = np.column_stack([np.ones(len(found), np.int64), found])
    for group, sums in extent.groups.sums(extent.groups.keys, counted):
        instruments, used, booked, used_booked, unknown_booked, bookings, *verdicts = sums
        held[group] = Held(
            instruments=instruments,
            bookings=bookings,
            time=Partition(
                booked_us=booked,
                used_booked_us=used_booked,
                unused_booked_us=booked - used_booked - unknown_booked,
                unknown_booked_us=unknown_booked,
                used_us=used,
                used_unbooked_us=used - used_booked,
            ),
            verdicts=dict(zip(Verdict, verdicts, strict=True)),
        )
    return held


def load_answers(keys: Sequence[int]) -> Steps[dict[int, tuple[str, str, int]]]:
    """What institutions answered, by booking: text, who, when."""
    rows = yield from Query[tuple[int, str, str, int]](
        _SQL["answers"], {"keys": list(keys)}, binary=True
    )
    return {key: (text, actor, at) for key, text, actor, at in rows}


def load_amendments(keys: Sequence[int]) -> Steps[dict[int, list[tuple[str, str, int]]]]:
    """What was answered after a period was closed, by booking, in order: text, who, when."""
    rows = yield from Query[tuple[int, str, str, int]](
        _SQL["amendments"], {"keys": list(keys)}, binary=True
    )
    found: dict[int, list[tuple[str, str, int]]] = defaultdict(list)
    for key, text, actor, at in rows:
        found[key].append((text, actor, at))
    return found


def answer(booking: int, text: str, actor: str, tenant: int | None) -> Steps[bool]:
    """Attaches an institution's answer, or adds it; whether there is such a booking of its own."""
    if not (yield Query(_SQL["owned"], {"key": booking, "tenant": tenant})):
        return False
    yield Query(_SQL["answer"], {"key": booking, "text": text, "actor": actor})
    return True
