"""The audit trail: who changed what, before and after. Statements are in `sql/audit.sql`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from store.instant import from_us
from store.run import Query, Steps
from store.statements import statements
from store.wanted import Wanted, array

_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change that was made."""

    audit_id: int
    at_us: int
    actor: str
    action: str
    object_type: str
    object_id: str
    before: Any
    after: Any


def note(
    *,
    actor: str,
    action: str,
    object_type: str,
    object_id: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> Steps[None]:
    """Write one entry, in the transaction that makes the change."""
    yield Query(
        statements("audit")["note"],
        {
            "actor": actor,
            "action": action,
            "type": object_type,
            "id": object_id,
            "before": None if before is None else _encode(before).decode(),
            "after": None if after is None else _encode(after).decode(),
        },
    )


def list_entries(
    *,
    before_id: int | None,
    limit: int,
    actor: Wanted[str] = None,
    object_type: Wanted[str] = None,
    object_id: Wanted[str] = None,
    from_at_us: int | None = None,
    to_at_us: int | None = None,
    tenant: str | None = None,
) -> Steps[list[Entry]]:
    """Entries, newest first; with a ``tenant``, those of that institution's own records."""
    rows = yield Query(
        statements("audit")["list"],
        {
            "before_id": before_id,
            "limit": limit,
            "actor": array(actor),
            "type": array(object_type),
            "id": array(object_id),
            "from": _moment(from_at_us),
            "to": _moment(to_at_us),
            "tenant": tenant,
        },
    )
    names = Entry.__dataclass_fields__
    return [Entry(**dict(zip(names, row, strict=True))) for row in rows]


def last_entry(object_type: str, object_id: str) -> Steps[tuple[Entry, str | None] | None]:
    """The newest change of one thing, and the name of the key that made it, if it has one."""
    rows = yield Query(statements("audit")["last"], {"type": object_type, "id": object_id})
    if not rows:
        return None
    ((*values, name),) = rows
    return Entry(**dict(zip(Entry.__dataclass_fields__, values, strict=True))), name


def _moment(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)
