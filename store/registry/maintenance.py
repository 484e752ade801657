"""Planned maintenance and downtime of instruments: read, written, and what that makes untrue.

Statements are in `sql/maintenance.sql`; what maintenance does to figures is in
`models/schedule.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from store.instant import from_us
from store.registry.audit import note
from store.run import Query, Steps
from store.statements import statements
from store.wanted import Wanted, array

#: Planned, a breakdown, or work on the instrument itself.
Kind = Literal["maintenance", "down", "engineering"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """One stretch of maintenance or downtime, half-open."""

    maintenance_id: int
    instrument_id: str
    start_us: int
    #: None: it is not over yet; of downtime alone.
    end_us: int | None
    kind: Kind
    reason: str | None
    created_us: int
    instrument_key: int

    def noted(self) -> dict[str, Any]:
        """As the audit shows it."""
        return {
            "instrument_id": self.instrument_id,
            "from": from_us(self.start_us),
            "to": None if self.end_us is None else from_us(self.end_us),
            "kind": self.kind,
            "reason": self.reason,
        }


def find_maintenance(maintenance_id: int, tenant: int | None = None) -> Steps[Maintenance | None]:
    """One by its id; with a ``tenant``, of an instrument of that institution alone."""
    rows = yield Query(statements("maintenance")["find"], {"id": maintenance_id, "tenant": tenant})
    return _read(rows[0]) if rows else None


def list_maintenance(
    *,
    after_id: int,
    limit: int,
    instrument_id: Wanted[str] = None,
    institution: Wanted[str] = None,
    kind: Wanted[str] = None,
    start_us: int | None = None,
    end_us: int | None = None,
    tenant: int | None = None,
) -> Steps[list[Maintenance]]:
    """Those that overlap ``[start_us, end_us)``, in the order in which they were made."""
    rows = yield Query(
        statements("maintenance")["list"],
        {
            "after": after_id,
            "limit": limit,
            "instrument_id": array(instrument_id),
            "institution": array(institution),
            "kind": array(kind),
            "tenant": tenant,
            "from": None if start_us is None else from_us(start_us),
            "to": None if end_us is None else from_us(end_us),
        },
    )
    return [_read(row) for row in rows]


def create_maintenance(
    *,
    instrument_id: str,
    start_us: int,
    end_us: int | None,
    kind: Kind,
    reason: str | None,
    actor: str,
    tenant: int | None = None,
) -> Steps[Maintenance]:
    """Plan maintenance; with a ``tenant``, of that institution's instruments alone.

    Raises:
        LookupError: there is no such instrument.
    """
    sql = statements("maintenance")
    key = yield from instrument_key(instrument_id, tenant)
    rows = yield Query(sql["create"], _values(key, start_us, end_us, kind, reason))
    made = yield from find_maintenance(rows[0][0])
    assert made is not None
    yield from _forget([made])
    yield from note(
        actor=actor,
        action="create",
        object_type="maintenance",
        object_id=str(made.maintenance_id),
        before=None,
        after=made.noted(),
    )
    return made


def replace_maintenance(
    maintenance_id: int,
    *,
    instrument_id: str,
    start_us: int,
    end_us: int | None,
    kind: Kind,
    reason: str | None,
    actor: str,
    tenant: int | None = None,
) -> Steps[Maintenance | None]:
    """Change what was planned; `None` where there is nothing of that id.

    Raises:
        LookupError: there is no such instrument.
    """
    sql = statements("maintenance")
    yield Query(sql["lock"], {"id": maintenance_id})
    old = yield from find_maintenance(maintenance_id, tenant)
    if old is None:
        return None
    key = yield from instrument_key(instrument_id, tenant)
    yield Query(
        sql["update"], {"id": maintenance_id, **_values(key, start_us, end_us, kind, reason)}
    )
    new = yield from find_maintenance(maintenance_id)
    assert new is not None
    if new != old:
        yield from _forget([old, new])
        yield from note(
            actor=actor,
            action="update",
            object_type="maintenance",
            object_id=str(maintenance_id),
            before=old.noted(),
            after=new.noted(),
        )
    return new


def delete_maintenance(
    maintenance_id: int, *, actor: str, tenant: int | None = None
) -> Steps[bool]:
    """Take it off the plan; whether there was one."""
    sql = statements("maintenance")
    yield Query(sql["lock"], {"id": maintenance_id})
    old = yield from find_maintenance(maintenance_id, tenant)
    if old is None:
        return False
    yield Query(sql["delete"], {"id": maintenance_id})
    yield from _forget([old])
    yield from note(
        actor=actor,
        action="delete",
        object_type="maintenance",
        object_id=str(maintenance_id),
        before=old.noted(),
        after=None,
    )
    return True


def instrument_key(instrument_id: str, tenant: int | None) -> Steps[int]:
    """The key of an instrument that may be planned for.

    Raises:
        LookupError: there is none, or it is another institution's.
    """
    rows = yield Query(
        statements("maintenance")["instrument_key"],
        {"instrument_id": instrument_id, "tenant": tenant},
    )
    if not rows:
        raise LookupError(f"there is no instrument {instrument_id!r}")
    key: int = rows[0][0]
    return key


def _values(
    key: int, start_us: int, end_us: int | None, kind: Kind, reason: str | None
) -> dict[str, Any]:
    return {
        "key": key,
        "starts_at": from_us(start_us),
        "ends_at": None if end_us is None else from_us(end_us),
        "kind": kind,
        "reason": reason,
    }


def _forget(changed: Sequence[Maintenance]) -> Steps[None]:
    yield Query(
        statements("maintenance")["forget"],
        {
            "keys": [one.instrument_key for one in changed],
            "from": [from_us(one.start_us) for one in changed],
            "to": [None if one.end_us is None else from_us(one.end_us) for one in changed],
        },
    )


def _read(row: Sequence[Any]) -> Maintenance:
    return Maintenance(**dict(zip(Maintenance.__dataclass_fields__, row, strict=True)))
