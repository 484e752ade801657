"""Hours that institutions report themselves, written and held against what was measured.

What a report is by that, is ``models/self_report.py``'s.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.self_report import Claim, Stated, by_window, claim, counted_once
from models.usage import Window
from store.figures.figures import usages
from store.figures.subject import load_subjects
from store.figures.surroundings import Moment
from store.instant import from_us
from store.present.filters import Filters
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("self_reports")
#: Of one question about groups.
REPORTS_MOST = 200_000
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
    after: int | None = None,
    keys: Sequence[int] | None = None,
) -> Steps[list[SelfReport]]:
    """Reports whose windows lie within one, in the order in which they came first."""
    rows = yield Query(
        _SQL["list"],
        {
            **filters.params(),
            "start": from_us(window.start_us),
            "end": from_us(window.end_us),
            "after": after,
            "keys": None if keys is None else list(keys),
            "limit": limit,
        },
    )
    names = SelfReport.__dataclass_fields__
    return [SelfReport(**dict(zip(names, row, strict=True))) for row in rows]


def compare(
    reports: Sequence[SelfReport], moment: Moment
) -> Steps[dict[tuple[int, int, int], Compared]]:
    """What was measured in the windows of reports: by instrument, start and end.

    Args:
        reports: All of a window count together, so the caller gives them all.
        moment: Of the answer.
    """
    of: dict[int, list[SelfReport]] = defaultdict(list)
    for one in reports:
        of[one.instrument_key].append(one)
    found: dict[tuple[int, int, int], Compared] = {}
    keys = sorted(of)
    for start in range(0, len(keys), _AT_ONCE):
        subjects = yield from load_subjects(keys[start : start + _AT_ONCE])
        # Windows that overlap are asked for apart: figures are of disjoint ones.
        for key, subject in subjects.items():
            windows = by_window([(one.start_us, one.end_us, one.hours_us) for one in of[key]])
            for (low, high), (hours, records) in windows.items():
                window = Window(start_us=low, end_us=high).clip(moment.now_us)
                measured = yield from usages([subject], {key: [window]}, moment)
                (usage,) = measured[key]
                found[key, low, high] = Compared(
                    claim=claim(
                        hours, records, usage.effective_us, usage.unknown_us, window.length_us
                    ),
                    effective_us=usage.effective_us,
                    unknown_us=usage.unknown_us,
                )
    return found


def tally(
    reports: Sequence[SelfReport],
    compared: Mapping[tuple[int, int, int], Compared],
    groups: Mapping[int, str | None],
) -> dict[str | None, Claims]:
    """What groups' reports come to.

    Args:
        reports: All of the window.
        compared: Of these.
        groups: By instrument's key, its group.
    """
    found: dict[str | None, Claims] = defaultdict(Claims)
    of: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for one in reports:
        if one.instrument_key not in groups:
            continue
        of[one.instrument_key].append((one.start_us, one.end_us, one.hours_us))
        group = found[groups[one.instrument_key]]
        group.reports += 1
        group.claims[compared[one.instrument_key, one.start_us, one.end_us].claim] += 1
    for key, told in of.items():
        counted, excess = counted_once(told)
        found[groups[key]].counted_us += counted
        found[groups[key]].excess_us += excess
    return dict(found)


def answer_report(key: int, text: str, actor: str, tenant: int | None) -> Steps[bool]:
    """Attaches an institution's answer; whether there is such a report of its own."""
    rows = yield Query(_SQL["answer"], {"key": key, "text": text, "actor": actor, "tenant": tenant})
    return bool(rows)


def load_answer(key: int) -> Steps[Any]:
    """What was answered before."""
    rows = yield Query(_SQL["answered"], {"key": key})
    return rows[0][0] if rows else None
