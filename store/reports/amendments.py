"""What a closed period keeps against what it would record today, instrument by instrument.

Nothing is stored: an amendment follows from what is frozen and from today's database, so there is
no moment at which the two fail to make up today's figures. What the differences mean is in
``models/amendment.py``.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from psycopg.rows import args_row

from models.amendment import (
    Change,
    Reason,
    change_of,
    difference,
    figures_reason,
    pair,
    record_reasons,
    settings_reasons,
)
from models.period import Period
from models.record import Use
from models.usage import Usage, Window, add_up
from store.figures.groups import tally_groups
from store.figures.question import Question
from store.figures.surroundings import Moment
from store.instant import from_us
from store.present.filters import Filters
from store.present.roster import Rosters
from store.reports.kept import FrozenSubject, load_subjects_of, load_usage_of, load_uses_of
from store.reports.uses import AT_ONCE, Placed, Used, load_placed, load_used
from store.run import Query, Steps
from store.statements import statements
from store.wanted import wanted

_SQL = statements("periods")
_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US
#: Instruments of a month that are looked at for one page.
_SCANNED = 480
_SCANNED_DAYS = 30
#: Of a short period, so many times more, and as many more at once.
_MOST = 4


def _factor(window: Window) -> int:
    days = max(1, window.length_us // _DAY_US)
    return max(1, min(_MOST, _SCANNED_DAYS // days))


def scanned(window: Window) -> int:
    """Instruments that are looked at for one page, however few of them differ."""
    return _SCANNED * _factor(window)


class Place(NamedTuple):
    """Where an instrument stands in a closed period."""

    key: int
    instrument_id: str
    institution_id: str
    first_n: int
    records: int


class Late(NamedTuple):
    """Heartbeats of the period that came after it was closed; of raw rows that are still there."""

    key: int
    heartbeats: int
    first_us: int
    last_us: int
    first_received_us: int
    last_received_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordChange:
    """A record that is not what it was, or is there on one side alone."""

    change: Change
    #: Of the frozen record.
    number: int | None
    then: Use | None
    now: Use | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """An instrument whose figures or records today are not what was frozen."""

    instrument_id: str
    #: Then and now; None: it was, or is, none of the period's.
    institution_then: str | None
    institution_now: str | None
    change: Change
    reasons: Sequence[Reason]
    late: Late | None
    #: None: no heartbeat before the period's end.
    then: Usage | None
    now: Usage | None
    records: Sequence[RecordChange]

    @property
    def difference(self) -> Usage:
        """What makes the frozen figures today's."""
        return difference(self.then, self.now)


class Sums(NamedTuple):
    """Figures of an institution's instruments, or of all."""

    then: Usage
    now: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Who is part of a period: as it was closed, and today; by instrument id."""

    then: Mapping[str, Place]
    now: Mapping[str, Placed]

    def names(self, after: str | None) -> list[str]:
        """Instruments of either side behind one, in order."""
        both = sorted(self.then.keys() | self.now.keys())
        return [name for name in both if after is None or name > after]


def load_sides(period: Period, moment: Moment) -> Steps[Sides]:
    """Who was and who is part of a closed period."""
    rows = yield from Query(
        _SQL["frozen_places"],
        {"id": period.period_id},
        rows=args_row(Place),
        binary=True,
        heavy=True,
    )
    placed = yield from load_placed(period, moment)
    return Sides(
        then={one.instrument_id: one for one in rows},
        now={one.instrument_id: one for one in placed},
    )


def load_sums(
    period: Period, sides: Sides, moment: Moment, rosters: Rosters
) -> Steps[dict[str, Sums]]:
    """Figures by institution, as frozen and as ``/v1/utilization`` tells them today."""
    kept = yield from load_usage_of(period.period_id)
    then: dict[str, list[Usage]] = defaultdict(list)
    for place in sides.then.values():
        if place.key in kept:
            then[place.institution_id].append(kept[place.key])
    question = Question(
        window=period.window.clip(moment.now_us),
        filters=Filters(
            institution=wanted(() if period.institution_id is None else (period.institution_id,))
        ),
        group_by="institution",
    )
    groups = yield from tally_groups(question, moment, rosters)
    now = {name: group.total.usage for name, group in groups.items() if name is not None}
    return {
        name: Sums(add_up(then.get(name, [])), now.get(name, Usage()))
        for name in sorted(then.keys() | now.keys())
    }


def load_amendments(
    period: Period, sides: Sides, moment: Moment, after: str | None, limit: int
) -> Steps[tuple[list[Amendment], str | None]]:
    """Instruments that differ, in order of their ids.

    Args:
        period: A closed one.
        sides: Of it, in the same transaction.
        moment: Of the answer.
        after: Only those behind this instrument.
        limit: How many at most.

    Returns:
        Them, and behind whom the next ones are; None where all were looked at.
    """
    names = sides.names(after)
    most = scanned(period.window)
    found: list[Amendment] = []
    step = AT_ONCE * _factor(period.window)
    for at in range(0, min(len(names), most), step):
        part = names[at : min(at + step, most)]
        found += yield from _compare(period, sides, moment, part)
        if len(found) >= limit:
            found = found[:limit]
            last = found[-1].instrument_id
            return found, last if last != names[-1] else None
    return found, names[most - 1] if len(names) > most else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What a period keeps of an instrument."""

    subject: FrozenSubject
    usage: Usage | None
    uses: Sequence[Use]


def _compare(
    period: Period, sides: Sides, moment: Moment, names: Sequence[str]
) -> Steps[list[Amendment]]:
    kept = yield from _load_kept(period, [sides.then[one] for one in names if one in sides.then])
    placed = [sides.now[one] for one in names if one in sides.now]
    used = (yield from load_used(placed, period, moment)) if placed else []
    today = {one.instrument_id: one for one in used}
    differing = [name for name in names if _differs(kept.get(name), today.get(name))]
    keys = [kept[name].subject.key if name in kept else today[name].key for name in differing]
    late = yield from _load_late(period, keys)
    return [
        _amendment(name, kept.get(name), today.get(name), late.get(key))
        for name, key in zip(differing, keys, strict=True)
    ]


def _differs(then: _Kept | None, now: Used | None) -> bool:
    if then is None or now is None:
        return True
    home = then.subject.institution_id
    return (then.usage, home) != (now.usage, now.institution_id) or bool(pair(then.uses, now.uses))


def _load_kept(period: Period, places: Sequence[Place]) -> Steps[dict[str, _Kept]]:
    if not places:
        return {}
    keys = [one.key for one in places]
    subjects = yield from load_subjects_of(period.period_id, keys)
    usages = yield from load_usage_of(period.period_id, keys)
    # They follow one another: places are neighbours by instrument id, as records are.
    kept = yield from load_uses_of(
        period.period_id,
        min(one.first_n for one in places),
        max(one.first_n + one.records for one in places),
    )
    uses: dict[int, list[Use]] = defaultdict(list)
    for _, key, use in kept:
        uses[key].append(use)
    return {
        one.instrument_id: _Kept(subject=one, usage=usages.get(one.key), uses=uses[one.key])
        for one in subjects
    }


def _load_late(period: Period, keys: Sequence[int]) -> Steps[dict[int, Late]]:
    if not keys:
        return {}
    assert period.closed_us is not None, "only a closed period is amended"
    rows = yield from Query(
        _SQL["late"],
        {
            "keys": list(keys),
            # What stands just before it may reach into it.
            "start": from_us(period.start_us - _HOUR_US),
            "end": from_us(period.end_us + _HOUR_US),
            "since": from_us(period.closed_us),
        },
        rows=args_row(Late),
        binary=True,
    )
    return {one.key: one for one in rows}


def _amendment(name: str, then: _Kept | None, now: Used | None, late: Late | None) -> Amendment:
    before, after = then.uses if then else (), now.uses if now else ()
    first = then.subject.first_n if then else 0
    records = [
        RecordChange(
            change=change_of(low, high),
            number=None if low is None else first + low,
            then=None if low is None else before[low],
            now=None if high is None else after[high],
        )
        for low, high in pair(before, after)
    ]
    return Amendment(
        instrument_id=name,
        institution_then=then.subject.institution_id if then else None,
        institution_now=now.institution_id if now else None,
        change=change_of(then, now),
        reasons=_reasons(then, now, late, records),
        late=late,
        then=then.usage if then else None,
        now=now.usage if now else None,
        records=records,
    )


def _reasons(
    then: _Kept | None, now: Used | None, late: Late | None, records: Sequence[RecordChange]
) -> list[Reason]:
    if then is None or now is None:
        return [Reason.REGISTRY]
    found = set(settings_reasons(then.subject.settings, json.loads(now.settings)))
    measured = difference(then.usage, now.usage)
    if late is not None:
        found.add(Reason.LATE_HEARTBEATS)
    elif not found and (reason := figures_reason(measured)) is not None:
        found.add(reason)
    for one in records:
        found |= record_reasons(one.then, one.now)
    if not found:
        # Records that differ where no figure does: uses moved within the period.
        found.add(Reason.LATE_HEARTBEATS)
    return sorted(found)
