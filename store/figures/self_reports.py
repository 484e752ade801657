"""Hours that institutions report themselves, written and held against what was measured.

What a report is by that, is ``models/self_report.py``'s.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.self_report import Claim, Stated, claim, counted_once
from models.usage import Usage, Window
from store.figures.costs import one_by_one_s
from store.figures.figures import usages
from store.figures.subject import Subject, load_subjects
from store.figures.surroundings import Moment
from store.instant import from_us
from store.present.filters import Filters
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("self_reports")
#: Instruments whose reports are held at once.
_AT_ONCE = 500


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

    @property
    def place(self) -> tuple[int, int, int]:
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
    limit: int | None,
    *,
    after: int | None = None,
    keys: Sequence[int] | None = None,
) -> Steps[list[SelfReport]]:
    """Reports whose windows lie within one, in the order in which they came first."""
    rows = yield Query(
        _SQL["list"],
        {
            **filters.params(),
            **_span(window),
            "after": after,
            "keys": None if keys is None else list(keys),
            "limit": limit,
        },
    )
    names = SelfReport.__dataclass_fields__
    return [SelfReport(**dict(zip(names, row, strict=True))) for row in rows]


def load_cost(keys: Sequence[int], window: Window, moment: Moment) -> Steps[float]:
    """What it costs to compare all reports of instruments within a window (s)."""
    rows = yield from Query[tuple[int, int]](_SQL["extent"], {"keys": list(keys), **_span(window)})
    windows, length_us = rows[0]
    return compare_s(windows, length_us, window.start_us, moment)


def compare_s(windows: int, length_us: int, start_us: int, moment: Moment) -> float:
    """What it costs to compare reports (s).

    Args:
        windows: How many windows of instruments they are of.
        length_us: How long these are together.
        start_us: Where one of them may begin.
        moment: Of the answer.
    """
    if not windows:
        return 0.0
    usual = Window(start_us=start_us, end_us=start_us + length_us // windows)
    return one_by_one_s(windows, usual.clip(moment.now_us), (), moment)


def compare(
    reports: Sequence[SelfReport], moment: Moment
) -> Steps[dict[tuple[int, int, int], Compared]]:
    """What was measured in the windows of reports, by their places."""
    of = {one.place: one for one in reports}
    keys = sorted({one.instrument_key for one in reports})
    found: dict[tuple[int, int, int], Compared] = {}
    for start in range(0, len(keys), _AT_ONCE):
        subjects = yield from load_subjects(keys[start : start + _AT_ONCE])
        # Windows of one instrument may overlap, and figures are of disjoint ones: each is asked
        # for apart, of all instruments that it was reported of.
        alike: dict[tuple[int, int], list[Subject]] = defaultdict(list)
        for key, low, high in of:
            if key in subjects:
                alike[low, high].append(subjects[key])
        for (low, high), those in alike.items():
            window = Window(start_us=low, end_us=high).clip(moment.now_us)
            measured = yield from usages(those, {one.key: [window] for one in those}, moment)
            for key, (usage,) in measured.items():
                found[key, low, high] = _compared(of[key, low, high], usage, window)
    return found


def _compared(one: SelfReport, usage: Usage, window: Window) -> Compared:
    return Compared(
        claim=claim(
            one.together_us, one.together, usage.effective_us, usage.unknown_us, window.length_us
        ),
        effective_us=usage.effective_us,
        unknown_us=usage.unknown_us,
    )


def load_claims(
    filters: Filters, window: Window, groups: Mapping[int, str | None], moment: Moment
) -> Steps[dict[str | None, Claims]]:
    """What groups' reports within a window come to.

    Args:
        filters: Which instruments.
        window: Not clipped to now: a period that is not over yet has its reports all the same.
        groups: By instrument's key, its group.
        moment: Of the answer.
    """
    found: dict[str | None, Claims] = defaultdict(Claims)
    keys = sorted(groups)
    for start in range(0, len(keys), _AT_ONCE):
        reports = yield from list_reports(
            filters, window, None, keys=keys[start : start + _AT_ONCE]
        )
        compared = yield from compare(reports, moment)
        _tally(reports, compared, groups, found)
    return dict(found)


def _tally(
    reports: Sequence[SelfReport],
    compared: Mapping[tuple[int, int, int], Compared],
    groups: Mapping[int, str | None],
    into: dict[str | None, Claims],
) -> None:
    """Adds all reports of some instruments to their groups."""
    of: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for one in reports:
        of[one.instrument_key].append((one.start_us, one.end_us, one.hours_us))
        group = into[groups[one.instrument_key]]
        group.reports += 1
        group.claims[compared[one.place].claim] += 1
    for key, told in of.items():
        counted, excess = counted_once(told)
        into[groups[key]].counted_us += counted
        into[groups[key]].excess_us += excess


def _span(window: Window) -> dict[str, Any]:
    return {"start": from_us(window.start_us), "end": from_us(window.end_us)}


def answer_report(key: int, text: str, actor: str, tenant: int | None) -> Steps[bool]:
    """Attaches an institution's answer; whether there is such a report of its own."""
    rows = yield Query(_SQL["answer"], {"key": key, "text": text, "actor": actor, "tenant": tenant})
    return bool(rows)


def load_answer(key: int) -> Steps[Any]:
    """What was answered before."""
    rows = yield Query(_SQL["answered"], {"key": key})
    return rows[0][0] if rows else None
