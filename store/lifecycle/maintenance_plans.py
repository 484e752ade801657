"""Maintenance plans: read and written, with when each was done and why.

What is due by them is in ``due.py``. Statements are in ``sql/maintenance_plans.sql``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from store.instant import from_us
from store.present.filters import Filters
from store.registry.audit import note
from store.registry.maintenance import instrument_key
from store.run import Query, Steps
from store.statements import statements
from store.wanted import Wanted, array

_SQL = statements("maintenance_plans")


class EndedError(Exception):
    """The plan has ended; the caller says so."""


class NotWithinError(Exception):
    """A plan was done neither before it began nor later than now; the caller says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenancePlan:
    """One plan of one instrument; µs."""

    plan_id: int
    instrument_key: int
    instrument_id: str
    institution_key: int
    institution_id: str
    name: str
    every_running_us: int | None
    every_days: int | None
    start_us: int
    ended_us: int | None
    created_us: int
    #: When it was done the last time, and why.
    reset_us: int | None
    reset_reason: str | None

    @property
    def base_us(self) -> int:
        """From when on it counts."""
        return self.start_us if self.reset_us is None else max(self.start_us, self.reset_us)

    def noted(self) -> dict[str, Any]:
        """As the audit shows it."""
        return {
            "instrument_id": self.instrument_id,
            "institution_id": self.institution_id,
            "name": self.name,
            "every_running_us": self.every_running_us,
            "every_days": self.every_days,
            "starts_at": from_us(self.start_us),
            "ended_at": None if self.ended_us is None else from_us(self.ended_us),
        }


class Reset(NamedTuple):
    """Once that it was done."""

    reset_id: int
    at_us: int
    reason: str
    actor: str
    created_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What a plan is to be."""

    instrument_id: str
    name: str
    every_running_us: int | None
    every_days: int | None
    #: None: from now on; of a plan that is there, as it was.
    start_us: int | None

    def values(self, key: int) -> dict[str, Any]:
        """As statements name it."""
        return {
            "key": key,
            "name": self.name,
            "every_running_us": self.every_running_us,
            "every_days": self.every_days,
            "starts_at": None if self.start_us is None else from_us(self.start_us),
        }


def list_plans(
    *,
    after_id: int = 0,
    limit: int = 1,
    plan_id: int | None = None,
    instrument_id: Wanted[str] = None,
    tenant: int | None = None,
) -> Steps[list[MaintenancePlan]]:
    """Plans in the order in which they were made, ended ones included."""
    rows = yield Query(
        _SQL["list"],
        {
            "id": plan_id,
            "after": after_id,
            "limit": limit,
            "instrument_id": array(instrument_id),
            "tenant": tenant,
        },
    )
    return [_read(row) for row in rows]


def find_plan(plan_id: int, tenant: int | None = None) -> Steps[MaintenancePlan | None]:
    """One by its id."""
    found = yield from list_plans(plan_id=plan_id, tenant=tenant)
    return found[0] if found else None


def plans_of(
    filters: Filters, limit: int, *, after_id: int = 0, instrument: Wanted[str] = None
) -> Steps[list[MaintenancePlan]]:
    """Plans that stand, of the instruments that are meant, in the order in which they were made."""
    own = {"after": after_id, "limit": limit, "instrument": array(instrument)}
    # A city's are thousands: nobody waits on the event loop for what is made of them.
    rows = yield Query(_SQL["meant"], {**filters.params(), **own}, heavy=instrument is None)
    return [_read(row) for row in rows]


def create_plan(stated: Stated, *, actor: str, tenant: int | None = None) -> Steps[MaintenancePlan]:
    """Makes a plan.

    Raises:
        LookupError: there is no such instrument.
    """
    key = yield from instrument_key(stated.instrument_id, tenant)
    rows = yield Query(_SQL["create"], stated.values(key))
    made = yield from find_plan(rows[0][0])
    assert made is not None, "it was just made"
    yield from _noted(actor, "create", None, made)
    return made


def replace_plan(
    plan_id: int, stated: Stated, *, actor: str, tenant: int | None = None
) -> Steps[MaintenancePlan | None]:
    """Changes a plan; `None` where there is none of that id. When it was done stays.

    Raises:
        LookupError: there is no such instrument.
        EndedError: it has ended.
    """
    old = yield from _locked(plan_id, tenant)
    if old is None:
        return None
    key = yield from instrument_key(stated.instrument_id, tenant)
    yield Query(_SQL["update"], {"id": plan_id, **stated.values(key)})
    new = yield from find_plan(plan_id)
    assert new is not None, "it was just changed"
    if new != old:
        yield from _noted(actor, "update", old, new)
    return new


def end_plan(plan_id: int, *, actor: str, tenant: int | None = None) -> Steps[bool]:
    """Ends a plan; whether there is one. What was done by it stays; once more changes nothing."""
    yield Query(_SQL["lock"], {"id": plan_id})
    old = yield from find_plan(plan_id, tenant)
    if old is None:
        return False
    if old.ended_us is None:
        yield Query(_SQL["end"], {"id": plan_id})
        new = yield from find_plan(plan_id)
        yield from _noted(actor, "end", old, new)
    return True


def reset_plan(
    plan_id: int, at_us: int | None, reason: str, *, actor: str, tenant: int | None = None
) -> Steps[MaintenancePlan | None]:
    """Notes that it was done; `None` where there is no such plan.

    Args:
        plan_id: Which.
        at_us: When; None: now.
        reason: What was done.
        actor: Who says so.
        tenant: Of that institution alone.

    Raises:
        EndedError: the plan has ended.
        NotWithinError: before the plan began, or later than now.
    """
    plan = yield from _locked(plan_id, tenant)
    if plan is None:
        return None
    at = None if at_us is None else from_us(at_us)
    rows = yield Query(_SQL["reset"], {"id": plan_id, "at": at, "reason": reason, "actor": actor})
    if not rows:
        raise NotWithinError
    done = yield from find_plan(plan_id)
    assert done is not None, "it is there"
    yield from note(
        actor=actor,
        action="reset",
        object_type="maintenance_plan",
        object_id=str(plan_id),
        before=None,
        after={"institution_id": done.institution_id, "at": at, "reason": reason},
    )
    return done


def list_resets(plan_id: int) -> Steps[list[Reset]]:
    """When a plan was done, the latest first."""
    rows = yield Query(_SQL["resets"], {"id": plan_id})
    return [Reset(*row) for row in rows]


def _locked(plan_id: int, tenant: int | None) -> Steps[MaintenancePlan | None]:
    yield Query(_SQL["lock"], {"id": plan_id})
    found = yield from find_plan(plan_id, tenant)
    if found is not None and found.ended_us is not None:
        raise EndedError
    return found


def _noted(
    actor: str, action: str, before: MaintenancePlan | None, after: MaintenancePlan | None
) -> Steps[None]:
    one = after or before
    assert one is not None, "something was done to it"
    yield from note(
        actor=actor,
        action=action,
        object_type="maintenance_plan",
        object_id=str(one.plan_id),
        before=None if before is None else before.noted(),
        after=None if after is None else after.noted(),
    )


def _read(row: Sequence[Any]) -> MaintenancePlan:
    return MaintenancePlan(**dict(zip(MaintenancePlan.__dataclass_fields__, row, strict=True)))
