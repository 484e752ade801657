"""Hours that institutions report themselves, written and held against what was measured.

What a report is by that, is ``models/self_report.py``'s. What was measured in windows that are over
is kept (``reported_windows.py``); in others it is measured here.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from models.claim_arrays import claims, counted_once
from models.group_arrays import Ints
from models.self_report import Claim, Stated, claim
from models.usage import Window
from store.figures.costs import pieces_s
from store.figures.effective import effective_s, load_effective
from store.figures.grouped import Groups
from store.figures.judged import span
from store.figures.reported_windows import SHORT_US, measure_short
from store.figures.surroundings import Moment
from store.instant import from_us
from store.present.filters import Filters
from store.present.roster import Roster
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("self_reports")
#: Numbers of a row of `Extent.told`.
_TOLD = 7
#: An instrument's key, and start and end of a window.
Place: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfReport:
    """One report as it is kept."""

    key: int
    instrument_id: str
    institution_id: str
    start_us: int
    end_us: int
    user_type: str
    hours_us: int
    actor: str
    reported_us: int
    answer: str | None
    answered_by: str | None
    answered_us: int | None
    instrument_key: int
    #: Of all reports of its window together: hours, and how many they are.
    together_us: int
    together: int
    #: What was measured in its window; None: that is yet to be found.
    effective_us: int | None
    unknown_us: int | None
    #: Whether a closed period holds its window: answers are added from then on.
    is_closed: bool

    @property
    def apart_us(self) -> int:
        """How far it is from what was measured, all reports of its window together; else -1."""
        return -1 if self.effective_us is None else abs(self.together_us - self.effective_us)

    @property
    def place(self) -> Place:
        """Whose, and which window: its instrument's key, start and end."""
        return self.instrument_key, self.start_us, self.end_us


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What was measured in the window of a report, and what that makes of it."""

    claim: Claim
    effective_us: int
    unknown_us: int


@dataclass(slots=True)
class Claims:
    """What a group's reports come to."""

    reports: int = 0
    counted_us: int = 0
    excess_us: int = 0
    claims: dict[Claim, int] = field(default_factory=lambda: dict.fromkeys(Claim, 0))


def write_reports(reports: Sequence[tuple[int, Stated]], actor: str) -> Steps[tuple[int, int, int]]:
    """Writes reports, each with its instrument's key.

    Returns:
        How many were created, updated and left as they were.
    """
    last = {(key, one.start_us, one.end_us, one.user_type): one.hours_us for key, one in reports}
    rows = yield from Query[tuple[bool]](
        _SQL["write"],
        {
            "instruments": [key for key, *_ in last],
            "starts": [from_us(start) for _, start, _, _ in last],
            "ends": [from_us(end) for _, _, end, _ in last],
            "types": [user_type for *_, user_type in last],
            "hours": list(last.values()),
            "actor": actor,
        },
    )
    created = sum(is_new for (is_new,) in rows)
    return created, len(rows) - created, len(reports) - len(rows)


def list_reports(
    filters: Filters,
    window: Window,
    limit: int,
    *,
    worst_first: bool = False,
    after: tuple[int, int] | None = None,
) -> Steps[list[SelfReport]]:
    """Reports whose windows lie within one.

    Args:
        filters: Of which instruments.
        window: Not clipped to now.
        limit: How many at most.
        worst_first: What is furthest from what was measured first, what was not measured last;
            else in the order in which they came first.
        after: `SelfReport.apart_us` (0 unless the worst come first) and key of the last one before.
    """
    rows = yield Query(
        _SQL["list"],
        {
            **filters.params(),
            **span(window),
            "worst": worst_first,
            "after_us": after and after[0],
            "after": after and after[1],
            "limit": limit,
        },
        fresh=True,
    )
    names = SelfReport.__dataclass_fields__
    return [SelfReport(**dict(zip(names, row, strict=True))) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """What was told within a window, and what it costs to hold it against measured use."""

    #: A row an instrument and window: key, start, end, how many reports, their hours, and what was
    #: measured in it: effective and unknown (µs), each -1 where that is yet to be found.
    told: Ints
    cost_s: float


def load_told(roster: Roster, rows: Ints, window: Window, moment: Moment) -> Steps[Extent]:
    """What was told of instruments within a window.

    Args:
        roster: Of the window's end.
        rows: Which of its instruments; ascending.
        window: Not clipped to now: a period that is not over yet has its reports all the same.
        moment: Of the answer.
    """
    found = yield from Query[tuple[bytes | None]](_SQL["told"], span(window), binary=True)
    told = np.frombuffer(found[0][0] or b"", ">i8").astype(np.int64).reshape(-1, _TOLD)
    told = told[np.isin(told[:, 0], roster.keys[rows])]
    return Extent(told=told, cost_s=_compare_s(told[told[:, -1] < 0, :3], moment))


def compare_s(reports: Sequence[SelfReport], moment: Moment) -> float:
    """What `compare` costs (s)."""
    return _compare_s(_places([one for one in reports if one.unknown_us is None]), moment)


def _places(reports: Sequence[SelfReport]) -> Ints:
    return np.array([one.place for one in reports], np.int64).reshape(-1, 3)


def _compare_s(places: Ints, moment: Moment) -> float:
    cost, short, short_us = 0.0, 0, 0
    for window, those in _windows(places, moment):
        if window.length_us > SHORT_US:
            cost += effective_s(len(those), window, moment)
        else:
            short += len(those)
            short_us += len(those) * window.length_us
    if short:
        cost += pieces_s(short, Window(start_us=0, end_us=short_us // short))
    return cost


def _windows(places: Ints, moment: Moment) -> Iterator[tuple[Window, Ints]]:
    """Each window up to now, and where its places are, by instrument's key.

    Args:
        places: A row a place: key, start and end; in any order.
        moment: Of the answer.
    """
    if not len(places):
        return
    order = np.lexsort((places[:, 0], places[:, 2], places[:, 1]))
    spans = places[order, 1:]
    cuts = np.flatnonzero((spans[1:] != spans[:-1]).any(axis=1)) + 1
    for those in np.split(order, cuts):
        _, start, end = places[those[0]].tolist()
        yield Window(start_us=start, end_us=end).clip(moment.now_us), those


@dataclass(frozen=True, slots=True)
class _Measured:
    """Of each place: its window's length up to now, and what of that was used and is unknown."""

    length_us: Ints
    effective_us: Ints
    unknown_us: Ints


def compare(
    reports: Sequence[SelfReport], roster: Roster, moment: Moment
) -> Steps[dict[Place, Compared]]:
    """What was measured in the windows of reports, by their places.

    Args:
        reports: Of registered instruments.
        roster: Of now.
        moment: Of the answer.
    """
    left = [one for one in reports if one.unknown_us is None]
    measured = yield from _measure(_places(left), roster, moment)
    columns = (measured.effective_us, measured.unknown_us, measured.length_us)
    rows = np.column_stack(columns).tolist()
    fresh = {one.place: row for one, row in zip(left, rows, strict=True)}
    found: dict[Place, Compared] = {}
    for one in reports:
        if one.effective_us is None or one.unknown_us is None:
            effective, unknown, length = fresh[one.place]
        else:
            effective, unknown = one.effective_us, one.unknown_us
            length = one.end_us - one.start_us
        found[one.place] = Compared(
            claim=claim(one.together_us, one.together, effective, unknown, length),
            effective_us=effective,
            unknown_us=unknown,
        )
    return found


def _measure(places: Ints, roster: Roster, moment: Moment) -> Steps[_Measured]:
    found = _Measured(*(np.zeros(len(places), np.int64) for _ in range(3)))
    short: dict[int, list[tuple[Window, int]]] = defaultdict(list)
    for window, those in _windows(places, moment):
        found.length_us[those] = window.length_us
        if window.length_us > SHORT_US:
            # Several reports of a window are one place.
            keys, back = np.unique(places[those, 0], return_inverse=True)
            rows = np.searchsorted(roster.keys, keys)
            effective, unknown = yield from load_effective(roster, rows, window, moment)
            found.effective_us[those] = effective[back]
            found.unknown_us[those] = unknown[back]
        else:
            for key, at in zip(places[those, 0].tolist(), those.tolist(), strict=True):
                short[key].append((window, at))
    usages = yield from measure_short(
        {key: [window for window, _ in asked] for key, asked in short.items()}, moment
    )
    for key, asked in short.items():
        for window, at in asked:
            usage = usages[key, window]
            found.effective_us[at], found.unknown_us[at] = usage.effective_us, usage.unknown_us
    return found


def load_claims(
    told: Ints, roster: Roster, groups: Groups, moment: Moment
) -> Steps[dict[str | None, Claims]]:
    """What groups' reports come to.

    Args:
        told: All of some instruments.
        roster: That they were found in.
        groups: Which instruments are of which.
        moment: Of the answer.
    """
    if not len(told):
        return {}
    reports, hours = told[:, 3], told[:, 4]
    left = told[:, -1] < 0
    lengths, effective, unknown = told[:, 2] - told[:, 1], told[:, 5], told[:, 6]
    if left.any():
        measured = yield from _measure(told[left, :3], roster, moment)
        lengths[left] = measured.length_us
        effective[left], unknown[left] = measured.effective_us, measured.unknown_us
    which = claims(hours, reports, effective, unknown, lengths)
    counted = counted_once(told[:, 0], told[:, 1], told[:, 2], hours)
    columns = [reports, counted, hours - counted]
    columns += [np.where(which == place, reports, 0) for place in range(len(Claim))]
    return {
        group: Claims(
            reports=sums[0],
            counted_us=sums[1],
            excess_us=sums[2],
            claims=dict(zip(Claim, sums[3:], strict=True)),
        )
        for group, sums in groups.sums(told[:, 0], np.column_stack(columns))
    }


def load_report_amendments(keys: Sequence[int]) -> Steps[dict[int, list[tuple[str, str, int]]]]:
    """Answers since the closing of a period, in order: text, who, when; by report."""
    rows = yield from Query[tuple[int, str, str, int]](
        _SQL["amendments"], {"keys": list(keys)}, binary=True
    )
    found: dict[int, list[tuple[str, str, int]]] = defaultdict(list)
    for key, text, actor, at in rows:
        found[key].append((text, actor, at))
    return found


def answer_report(key: int, text: str, actor: str, tenant: int | None) -> Steps[bool]:
    """Attaches an institution's answer; whether there is such a report of its own."""
    rows = yield Query(_SQL["answer"], {"key": key, "text": text, "actor": actor, "tenant": tenant})
    return bool(rows)


def load_answer(key: int) -> Steps[Any]:
    """What was answered before."""
    rows = yield Query(_SQL["answered"], {"key": key})
    return rows[0][0] if rows else None
