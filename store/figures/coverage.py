"""Coverage of sensors on any days, from what is stored: the registry's versions, and heard days.

Whoever was heard on a day that the running totals have taken in stands in ``heard_month``; of days
that changed since, and of the newest ones, segments say it. What is counted is
`models/coverage.py`'s; statements are in ``sql/coverage.sql``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import compress
from typing import Any, NamedTuple

import numpy as np
from psycopg.rows import args_row

from models.coverage import NEVER, Bits, Heard, SensorCounts, Stretches, count
from models.group_arrays import Ints
from models.timestamp import MAX_US, MIN_US
from models.zone import start_of_day
from store.figures.subject import zone_of
from store.figures.surroundings import Moment
from store.figures.totals import CHUNK
from store.instant import from_us
from store.present.filters import Filters
from store.present.labels import Labels, cells_of, labels_of, meant
from store.registry.audit import note
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("coverage")
_DAY = timedelta(days=1)


class _Row(NamedTuple):
    """A row of ``coverage.sql: stretches``."""

    key: int
    from_us: int | None
    to_us: int | None
    registered_us: int
    institution_id: str
    district_code: str | None
    class_code: str | None
    gateway_id: str
    kind: str
    institution_key: int
    gateway_key: int
    always_on: bool
    has_source: bool
    planned_on: date | None
    accepted_on: date | None
    acquired_on: date | None
    retired_on: date | None
    gateway_retired_on: date | None

    @property
    def listed_from(self) -> int:
        dated = [day for day in (self.accepted_on, self.acquired_on) if day is not None]
        if dated:
            return min(dated).toordinal()
        return 0 if self.planned_on is None else NEVER


@dataclass(frozen=True, slots=True)
class Register:
    """The registry's whole history, as arrays."""

    stretches: Stretches
    #: By filter and grouping.
    labels: dict[str, Labels]


@dataclass(slots=True)
class Registers:
    """The history of one database's registry, read once a revision; one an application."""

    _revision: int = -1
    _kept: Register | None = None

    def load(self) -> Steps[Register]:
        """As of the transaction's revision, which must see one state of the database throughout."""
        ((revision,),) = yield Query(statements("groups")["revision"])
        if self._kept is not None and revision == self._revision:
            return self._kept
        rows = yield from Query(_SQL["stretches"], rows=args_row(_Row), binary=True, heavy=True)
        register = _register(rows)
        if revision > self._revision:
            self._revision, self._kept = revision, register
        return register


def _register(rows: Sequence[_Row]) -> Register:
    def ints(values: Any) -> Ints:
        return np.array(list(values), np.int64)

    def until(day: date | None) -> int:
        return NEVER if day is None else day.toordinal()

    return Register(
        Stretches(
            keys=ints(row.key for row in rows),
            from_us=ints(MIN_US if row.from_us is None else row.from_us for row in rows),
            to_us=ints(MAX_US if row.to_us is None else row.to_us for row in rows),
            registered_us=ints(row.registered_us for row in rows),
            listed_from=ints(row.listed_from for row in rows),
            listed_until=ints(until(row.retired_on) for row in rows),
            gateway_keys=ints(row.gateway_key for row in rows),
            gateway_until=ints(until(row.gateway_retired_on) for row in rows),
            has_source=np.array([row.has_source for row in rows], np.bool_),
        ),
        {**labels_of(rows), "cell": cells_of(rows)},
    )


class Coverage(NamedTuple):
    """A group's coverage at the ends of the days asked for."""

    key: str | None
    points: list[SensorCounts]


def load_coverage(
    days: Sequence[date],
    within_days: int,
    group_by: str | None,
    filters: Filters,
    moment: Moment,
    registers: Registers,
) -> Steps[list[Coverage]]:
    """Coverage at the ends of days, by group in order of the key, that of no group last.

    Args:
        days: Of the rollups' zone, ascending; the last one may be today's.
        within_days: Speaking is who was heard on one of so many days, the day itself the last.
        group_by: Of `Registers`' labels; None: everything is one group.
        filters: Which instruments.
        moment: Of the answer.
        registers: The application's.

    Returns:
        Groups that list an instrument on some of the days.
    """
    register = yield from registers.load()
    stretches = register.stretches
    if not len(stretches.keys) or not days:
        return []
    size = (int(stretches.keys.max()) // CHUNK + 1) * CHUNK
    first_us, newest_us = yield from _spoken(size)
    span = (days[0] - (within_days - 1) * _DAY, days[-1])
    heard = yield from _heard(span, within_days, newest_us, moment)
    groups: Sequence[str | None] = [None]
    codes = np.zeros(len(stretches.keys), np.int64)
    if group_by is not None:
        groups, codes = register.labels[group_by].values, register.labels[group_by].codes
    zone = zone_of(moment.rollup_zone)
    chosen = meant(register.labels, filters)
    by_day = [
        count(
            stretches, chosen, codes, len(groups),
            day=day, end_us=min(start_of_day(day + _DAY, zone), moment.now_us + 1),
            first_us=first_us, heard=heard.within(day - (within_days - 1) * _DAY, day),
        )
        for day in days
    ]  # fmt: skip
    found = [Coverage(key, [of[at] for of in by_day]) for at, key in enumerate(groups)]
    some = compress(found, (any(point.listed for point in one.points) for one in found))
    return sorted(some, key=lambda one: (one.key is None, one.key or ""))


def _spoken(size: int) -> Steps[tuple[Ints, Ints]]:
    """By instrument key the times of its first and its newest heartbeat."""
    ((packed,),) = yield from Query[tuple[bytes | None]](_SQL["spoken"], binary=True, heavy=True)
    rows = np.frombuffer(packed or b"", ">i8").astype(np.int64).reshape(-1, 3)
    rows = rows[rows[:, 0] < size]
    first_us, newest_us = np.full(size, MAX_US), np.full(size, MIN_US)
    first_us[rows[:, 0]], newest_us[rows[:, 0]] = rows[:, 1], rows[:, 2]
    return first_us, newest_us


def _heard(
    span: tuple[date, date], within_days: int, newest_us: Ints, moment: Moment
) -> Steps[Heard]:
    """Heard days from the first to the last of a span, whatever of them is rolled up."""
    first, last = span
    terms = {"first": first.replace(day=1), "last": last}
    size = len(newest_us)
    reach = yield from Query[tuple[int, date]](_SQL["reach"], binary=True)
    through = {chunk: day for chunk, day in reach if chunk * CHUNK < size}
    months: dict[date, Bits] = {}
    stored = yield from Query[tuple[date, int, bytes]](
        _SQL["months"], terms, binary=True, heavy=True
    )
    for month, chunk, packed in stored:
        if chunk in through:
            bits = months.setdefault(month, np.zeros(size, np.int32))
            bits[chunk * CHUNK : (chunk + 1) * CHUNK] = np.frombuffer(packed, ">i4")
    unsure = yield from Query[tuple[int, date]](_SQL["unsure"], terms, binary=True)
    unsure = [(key, day) for key, day in unsure if key < size]
    for key, day in unsure:
        if (changed_month := months.get(day.replace(day=1))) is not None:
            changed_month[key] &= ~(1 << (day.day - 1))
    if unsure:
        changed = sorted({day for _, day in unsure})
        keys = {key for key, _ in unsure}
        yield from _add_known(months, size, keys, (changed[0], changed[-1]), moment)
    # The newest days, of those that days before do not vouch for already.
    chunks = range(size // CHUNK)
    gap = max(first, min((through.get(chunk, first) for chunk in chunks), default=first))
    if gap <= last:
        vouched = Heard(months, size).within(last - (within_days - 1) * _DAY, gap - _DAY)
        start_us = start_of_day(gap, zone_of(moment.rollup_zone))
        # Its newest heartbeat may have come before the day and be held into it, by a day at most.
        asked = np.flatnonzero(~vouched & (newest_us >= start_us - 86_400_000_000))
        yield from _add_known(months, size, set(asked.tolist()), (gap, last), moment)
    return Heard(months, size)


def _add_known(
    months: dict[date, Bits], size: int, keys: set[int], span: tuple[date, date], moment: Moment
) -> Steps[None]:
    """Adds the days of a span on which segments have known time of some instruments.

    Args:
        months: Days of each month as bits, by instrument key.
        size: Of each; more than any key.
        keys: The instruments.
        span: First and last day.
        moment: Of the answer.
    """
    if not keys:
        return
    first, last = span
    zone = zone_of(moment.rollup_zone)
    found = yield from Query[tuple[int, date]](
        _SQL["known_days"],
        {
            "keys": sorted(keys),
            "start": from_us(start_of_day(first, zone)),
            "end": from_us(start_of_day(last + _DAY, zone)),
            "first": first,
            "last": last,
            "zone": moment.rollup_zone,
        },
        binary=True,
        heavy=True,
        fresh=True,
    )
    for key, day in found:
        bits = months.setdefault(day.replace(day=1), np.zeros(size, np.int32))
        bits[key] |= 1 << (day.day - 1)


class Target(NamedTuple):
    """Which share of the listed instruments shall speak, from a day on."""

    from_day: date
    share: Decimal
    actor: str
    changed_us: int


def load_targets() -> Steps[list[Target]]:
    """All of them, in order of their days."""
    rows = yield Query(_SQL["targets"])
    return [Target(*row) for row in rows]


def target_on(targets: Sequence[Target], day: date) -> Decimal | None:
    """The share in force on a day; none before the first."""
    return next((one.share for one in reversed(targets) if one.from_day <= day), None)


def put_target(from_day: date, share: Decimal, *, actor: str) -> Steps[None]:
    """Sets the target from a day on."""
    before = target_on((yield from load_targets()), from_day)
    yield Query(_SQL["put_target"], {"from_day": from_day, "share": share, "actor": actor})
    yield from _noted("update", from_day, before, share, actor)


def drop_target(from_day: date, *, actor: str) -> Steps[bool]:
    """Takes away the target that begins on a day; whether there was one."""
    gone = yield Query(_SQL["drop_target"], {"from_day": from_day})
    if gone:
        yield from _noted("delete", from_day, gone[0][0], None, actor)
    return bool(gone)


def _noted(
    action: str, from_day: date, before: Decimal | None, after: Decimal | None, actor: str
) -> Steps[None]:
    yield from note(
        actor=actor,
        action=action,
        object_type="coverage_target",
        object_id=from_day.isoformat(),
        before={"share": before},
        after=None if after is None else {"share": after},
    )
