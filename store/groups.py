"""Figures of groups of instruments: one `Tally` a group, for a window and its buckets.

Instruments are read a chunk at a time, so memory is bounded by the groups and not by the
instruments. Their own figures come from ``figures.py``.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, NamedTuple

from models.group import BANDS, Basis, Tally, in_service
from models.ratios import threshold
from models.usage import Usage, Window
from store.figures import COLUMNS, Plan, plan_window, usages
from store.instant import from_us
from store.registered import Filters
from store.run import Query, Steps
from store.statements import statements
from store.subject import load_subjects, zone_of
from store.surroundings import Moment

_SQL = statements("groups")
# Instruments whose settings and pieces are in memory at once.
_CHUNK = 1_000
# Buckets of fewer instruments than this are not worth a statement each.
FEW = 200
_MOST_STATEMENTS = 400
# Thresholds of more decimals would pass 64 bits in `sums`.
_FINEST_THRESHOLD = 10_000
_NULLABLE = frozenset({"scheduled_us", "running_scheduled_us"})
# Columns at the end of `sums`, in its order.
_SUMMED = tuple(
    name
    for name in COLUMNS
    if name not in ("counter_us", "witness_counter_us", "witness_state_us", "step_us")
)


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


@dataclass(slots=True, kw_only=True)
class Group:
    """What is summed up of one group."""

    total: Tally
    buckets: list[Tally]
    #: How long before now figures may still change: the longest of its instruments.
    settle_us: int = 0
    #: Of every instrument's own figures, in any order.
    digest: int = 0

    def add(self, other: "Group") -> None:
        """Adds a group of other instruments, asked for the same way."""
        self.total.merge(other.total)
        for tally, more in zip(self.buckets, other.buckets, strict=True):
            tally.merge(more)
        self.settle_us = max(self.settle_us, other.settle_us)
        self.digest ^= other.digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be summed up, and how."""

    #: Clipped to now.
    window: Window
    #: Clipped to now, making up the window; none where no buckets are wanted.
    buckets: Sequence[Window] = ()
    filters: Filters = field(default_factory=Filters)
    #: A word of `store.registered.GROUPINGS`; None: everything is one group.
    group_by: str | None = None
    basis: Basis = Basis.RATED
    sufficient_coverage: float = 0.9

    def new_group(self) -> Group:
        """A group of nothing."""
        return Group(total=self._new_tally(), buckets=[self._new_tally() for _ in self.buckets])

    def _new_tally(self) -> Tally:
        return Tally(basis=self.basis, sufficient_coverage=self.sufficient_coverage)


def load_members(question: Question, keys: Sequence[int] | None = None) -> Steps[list[Member]]:
    """Everyone in service during the window, by the registry of its end.

    Args:
        question: Window and filters.
        keys: Only these.
    """
    rows = yield Query(
        _SQL["members"],
        {**_params(question), "keys": None if keys is None else list(keys)},
        binary=True,
    )
    return [Member(*row) for row in rows]


def _params(question: Question) -> dict[str, Any]:
    return {
        **question.filters.params(),
        "group_by": question.group_by,
        "start": from_us(question.window.start_us),
        "end": from_us(question.window.end_us),
    }


def tally_groups(question: Question, moment: Moment) -> Steps[dict[str | None, Group]]:
    """Each group's sums: by the database where rollups say it all, else instrument by instrument.

    The two ways give the same sums; the first is for whole days of the rollups' zone.
    """
    plan = plan_window(question.window, moment)
    plans = [plan_window(bucket, moment) for bucket in question.buckets]
    by_rollups = (
        all(one.first < one.end and not one.edges for one in (plan, *plans))
        and len(plans) <= _MOST_STATEMENTS
        and threshold(question.sufficient_coverage).denominator <= _FINEST_THRESHOLD
    )
    if not by_rollups:
        members = yield from load_members(question)
        return (yield from tally_members(members, question, moment))
    sums, short = yield from _load_sums(question, plan, with_months=not plans)
    groups = {
        key: Group(total=one.total, buckets=[], settle_us=one.settle_us, digest=one.digest)
        for key, one in sums.items()
    }
    if plans:
        if sum(group.total.instruments for group in groups.values()) < FEW:
            members = yield from load_members(question)
            return (yield from tally_members(members, question, moment))
        for one in plans:
            # Whoever has all days of the window has those of each bucket.
            parts, _ = yield from _load_sums(question, one, with_months=False, but=short)
            for key, group in groups.items():
                group.buckets.append(parts[key].total)
    if short:
        members = yield from load_members(question, short)
        rest = yield from tally_members(members, question, moment)
        for key, group in rest.items():
            groups.setdefault(key, question.new_group()).add(group)
    return groups


def _load_sums(
    question: Question, plan: Plan, *, with_months: bool, but: Sequence[int] = ()
) -> Steps[tuple[dict[str | None, Group], list[int]]]:
    """Sums of all whose rows are there, and the keys of the others.

    Args:
        question: Who is a member.
        plan: Days to sum up.
        with_months: Whether whole months may come from their own rows.
        but: Instruments that are left out.
    """
    first, end = plan.first, plan.end
    # Whole months come from their own rows, days before and after from theirs.
    months = first if first.day == 1 else _next_month(first)
    months_end = end.replace(day=1)
    if months >= months_end or not with_months:
        months = months_end = end
    least = threshold(question.sufficient_coverage)
    (above_1, of_1), (above_2, of_2) = (band.as_integer_ratio() for band in BANDS)
    rows = yield Query(
        _SQL["sums"],
        {
            **_params(question),
            "but": list(but),
            "head": first,
            "head_end": months,
            "months": months,
            "months_end": months_end,
            "tail": months_end,
            "tail_end": end,
            "n_days": (months - first).days + (end - months_end).days,
            "n_months": (months_end.year - months.year) * 12 + months_end.month - months.month,
            "some": any(v is not None for v in question.filters.params().values()),
            "basis": question.basis.value,
            "least": least.numerator,
            "least_of": least.denominator,
            "above_1": above_1,
            "of_1": of_1,
            "above_2": above_2,
            "of_2": of_2,
        },
        binary=True,
    )
    groups: dict[str | None, Group] = {}
    short: list[int] = []
    for row in rows:
        (key, instruments, unseen, sufficient, settle, short_keys, running, known, bandable,
         banded_1, banded_2, digest, effective_rated, counter, witness_counter, witness_state,
         step, *sums) = row  # fmt: skip
        short += short_keys or ()
        if not instruments:
            continue
        group = question.new_group()
        group.settle_us = settle
        group.digest = digest or 0
        tally = group.total
        tally.instruments = instruments
        tally.never_seen = unseen
        tally.sufficient = sufficient
        tally.add_ratios(running or (), known or ())
        tally.bandable = bandable
        tally.banded = [banded_1, banded_2]
        tally.effective_rated_us = int(effective_rated or 0)
        summed: dict[str, Any] = {
            name: None if value is None and name in _NULLABLE else int(value or 0)
            for name, value in zip(_SUMMED, sums, strict=True)
        }
        tally.usage = Usage(
            counter_us=int(counter or 0),
            witness_counter_us=int(witness_counter or 0),
            witness_state_us=int(witness_state or 0),
            step_us=step or 0,
            **summed,
        )
        groups[key] = group
    return groups, short


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def tally_members(
    members: Sequence[Member], question: Question, moment: Moment
) -> Steps[dict[str | None, Group]]:
    """The sums of ``members`` by group."""
    groups: dict[str | None, Group] = {}
    for at in range(0, len(members), _CHUNK):
        chunk = members[at : at + _CHUNK]
        figures, settle = yield from _figures(chunk, question, moment)
        by_group: dict[str | None, list[Member]] = defaultdict(list)
        for member in chunk:
            by_group[member.group].append(member)
        for key, inside in by_group.items():
            group = groups.setdefault(key, question.new_group())
            group.settle_us = max(
                group.settle_us, *(settle.get(member.key, 0) for member in inside)
            )
            totals = {m.key: _sum(figures[m.key]) for m in inside if m.seen}
            group.total.extend((totals.get(m.key), m.always_on) for m in inside)
            for number, usage in totals.items():
                group.digest ^= digest_of(number, usage)
            for index, tally in enumerate(group.buckets):
                tally.extend(
                    (figures[member.key][index] if member.seen else None, member.always_on)
                    for member in inside
                )
    return groups


_PRIME = (1 << 31) - 1
_MASK = (1 << 62) - 1


def digest_of(key: int, usage: Usage) -> int:
    """A number that changes with one instrument's figures; combined by exclusive or.

    `sums` in ``groups.sql`` computes the same, so it fits into 64 bits all the way.
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


def _figures(
    chunk: Sequence[Member], question: Question, moment: Moment
) -> Steps[tuple[Mapping[int, Sequence[Usage]], Mapping[int, int]]]:
    """By instrument: figures of each bucket (or of the window), and how long they settle."""
    wanted = question.buckets or (question.window,)
    seen = [member for member in chunk if member.seen]
    subjects = yield from load_subjects([member.key for member in seen])
    windows: dict[int, list[Window]] = {}
    positions: dict[int, list[int]] = {}
    cuts: dict[tuple[str, date | None, date | None], tuple[list[Window], list[int]]] = {}
    for member in seen:
        service = (member.timezone, member.acquired_on, member.retired_on)
        if service not in cuts:
            zone = zone_of(member.timezone)
            cut = [in_service(w, member.acquired_on, member.retired_on, zone) for w in wanted]
            inside = [index for index, window in enumerate(cut) if window.length_us]
            cuts[service] = ([cut[index] for index in inside], inside)
        windows[member.key], positions[member.key] = cuts[service]
    found = yield from usages(list(subjects.values()), windows, moment)
    figures: dict[int, Sequence[Usage]] = {}
    for key, parts in found.items():
        if len(parts) == len(wanted):
            figures[key] = parts
        else:
            whole = [Usage()] * len(wanted)
            for index, part in zip(positions[key], parts, strict=True):
                whole[index] = part
            figures[key] = whole
    settle = {key: subject.settle_us(question.window.end_us) for key, subject in subjects.items()}
    return figures, settle
