"""Sums of groups, instrument by instrument: what is in service only for a part, and small groups.

Instruments are read a chunk at a time, so memory is bounded by the groups and not by the
instruments. Their own figures come from ``figures.py``.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import compress
from typing import Any, NamedTuple

from psycopg.rows import args_row

from models.group import in_service
from models.usage import Usage, Window
from store.arrays import int_array
from store.figures.figures import usages
from store.figures.question import Group, Question
from store.figures.rollup_columns import COLUMNS
from store.figures.subject import load_subjects, zone_of
from store.figures.surroundings import Moment
from store.instant import from_us
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("groups")
#: Instruments whose settings and pieces are in memory at once.
CHUNK = 1_000


class Member(NamedTuple):
    """An instrument in service at some time of the window."""

    key: int
    group: str | None
    #: It has a heartbeat before the window's end.
    seen: bool
    always_on: bool
    timezone: str
    acquired_on: date | None
    retired_on: date | None


def load_members(question: Question, keys: Sequence[int] | None = None) -> Steps[list[Member]]:
    """Everyone in service during the window, by the registry of its end.

    Args:
        question: Window and filters.
        keys: Only these.
    """
    return (
        yield from Query(
            _SQL["members"],
            {**_params(question), "keys": None if keys is None else int_array(keys)},
            rows=args_row(Member),
            binary=True,
            heavy=True,
        )
    )


def _params(question: Question) -> dict[str, Any]:
    return {
        **question.filters.params(),
        "group_by": question.group_by,
        "start": from_us(question.window.start_us),
        "end": from_us(question.window.end_us),
    }


def tally_members(
    members: Sequence[Member], question: Question, moment: Moment
) -> Steps[dict[str | None, Group]]:
    """The sums of ``members`` by group.

    A bucket counts who is in service in it, and as never seen who has no heartbeat before its end.
    Its sums are over those with one before the window's: their time before the first one is
    unknown in the window, and buckets add up to it (rule 4).
    """
    groups: dict[str | None, Group] = {}
    for at in range(0, len(members), CHUNK):
        chunk = members[at : at + CHUNK]
        found = yield from member_figures(chunk, question, moment)
        by_group: dict[str | None, list[Member]] = defaultdict(list)
        for member in chunk:
            by_group[member.group].append(member)
        for key, inside in by_group.items():
            group = groups.setdefault(key, question.new_group())
            group.settle_us = max(
                group.settle_us, *(found.settle_us.get(member.key, 0) for member in inside)
            )
            totals = {m.key: _sum(found.usages[m.key]) for m in inside if m.seen}
            group.total.extend((totals.get(m.key), m.always_on) for m in inside)
            for number, usage in totals.items():
                group.digest ^= digest_of(number, usage)
            for index, tally in enumerate(group.buckets):
                present = [m for m in inside if found.served[m.key][index]]
                tally.extend(
                    (found.usages[m.key][index] if m.seen else None, m.always_on) for m in present
                )
                end_us = question.buckets[index].end_us
                tally.never_seen += sum(found.first_us[m.key] >= end_us for m in present if m.seen)
    return groups


_PRIME = (1 << 31) - 1
_MASK = (1 << 62) - 1


def digest_of(key: int, usage: Usage) -> int:
    """A number that changes with one instrument's figures; combined by exclusive or.

    ``models/group_arrays.py`` computes the same, so it fits into 64 bits all the way.
    """
    mixed = 0
    for place, name in enumerate(COLUMNS):
        mixed ^= (getattr(usage, name) or 0) << place
    return (mixed & _MASK) % _PRIME * (key % _PRIME + 1)


def _sum(parts: Iterable[Usage]) -> Usage:
    total: Usage | None = None
    for part in parts:
        total = part if total is None else total + part
    return total or Usage()


@dataclass(slots=True)
class MemberFigures:
    """Figures of some members, by instrument key."""

    #: Of each bucket, or of the window where there are none.
    usages: dict[int, Sequence[Usage]] = field(default_factory=dict)
    #: Whether it was in service at some time of each; of those never seen as well.
    served: dict[int, Sequence[bool]] = field(default_factory=dict)
    #: The first heartbeat's time.
    first_us: dict[int, int] = field(default_factory=dict)
    #: How long before now figures may still change.
    settle_us: dict[int, int] = field(default_factory=dict)


def member_figures(
    chunk: Sequence[Member], question: Question, moment: Moment
) -> Steps[MemberFigures]:
    """Each member's figures of the window's buckets, or of the window where there are none.

    Args:
        chunk: The caller bounds how many.
        question: Window, buckets.
        moment: Of the answer.
    """
    wanted = question.buckets or (question.window,)
    subjects = yield from load_subjects([member.key for member in chunk if member.seen])
    found = MemberFigures()
    windows: dict[int, list[Window]] = {}
    cuts: dict[tuple[str, date | None, date | None], tuple[list[Window], list[bool]]] = {}
    for member in chunk:
        service = (member.timezone, member.acquired_on, member.retired_on)
        if service not in cuts:
            zone = zone_of(member.timezone)
            cut = [in_service(w, member.acquired_on, member.retired_on, zone) for w in wanted]
            served = [window.length_us > 0 for window in cut]
            cuts[service] = (list(compress(cut, served)), served)
        inside, found.served[member.key] = cuts[service]
        if member.seen:
            windows[member.key] = inside
    measured = yield from usages(list(subjects.values()), windows, moment)
    for key, parts in measured.items():
        parts_of = iter(parts)
        found.usages[key] = [next(parts_of) if inside else Usage() for inside in found.served[key]]
    for key, subject in subjects.items():
        first_us = subject.track.first_at_us
        assert first_us is not None, "a member that was seen has a first heartbeat"
        found.first_us[key] = first_us
        found.settle_us[key] = subject.settle_us(question.window.end_us)
    return found
