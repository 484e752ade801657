"""Webhooks: who is told of alerts, and what became of it. Statements are in `sql/webhooks.sql`.

Secrets come here sealed (``sealing.py``) and go nowhere; sent it is by ``ingest/upkeep``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from store.registry.audit import note
from store.run import Query, Steps
from store.statements import statements


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """One receiver, and how many deliveries are where."""

    name: str
    url: str
    kinds: list[str]
    institution_id: str | None
    created_us: int
    changed_us: int
    delivered: int
    waiting: int
    given_up: int

    def noted(self) -> dict[str, Any]:
        """As the audit shows it."""
        return {"url": self.url, "kinds": self.kinds, "institution_id": self.institution_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to a webhook."""

    delivery_id: int
    alert_id: int
    event: str
    tries: int
    tried_us: int | None
    due_us: int | None
    delivered_us: int | None
    given_up_us: int | None
    status: int | None
    error: str | None


class NoSecretError(Exception):
    """A new webhook wants a secret."""


class NotYoursError(Exception):
    """The name is another institution's, or the whole city's."""


def list_webhooks(tenant: int | None) -> Steps[list[Webhook]]:
    """By name; with a ``tenant``, that institution's alone."""
    rows = yield Query(statements("webhooks")["list"], {"name": None, "tenant": tenant})
    return [_read(row) for row in rows]


def find_webhook(name: str, tenant: int | None) -> Steps[Webhook | None]:
    """One by its name."""
    rows = yield Query(statements("webhooks")["list"], {"name": name, "tenant": tenant})
    return _read(rows[0]) if rows else None


def deliveries_of(name: str, limit: int) -> Steps[list[Delivery]]:
    """The newest of a webhook."""
    rows = yield Query(statements("webhooks")["deliveries"], {"name": name, "limit": limit})
    fields = Delivery.__dataclass_fields__
    return [Delivery(**dict(zip(fields, row, strict=True))) for row in rows]


def put_webhook(
    name: str,
    *,
    url: str,
    kinds: Sequence[str],
    institution_id: str | None,
    sealed: bytes | None,
    actor: str,
    tenant: int | None,
) -> Steps[tuple[Webhook, bool]]:
    """Makes or replaces one; it, and whether it is new.

    Args:
        name: What it is called.
        url: Where it is.
        kinds: Of alerts.
        institution_id: Whose alerts; `None`: all.
        sealed: The secret; `None` keeps what it has.
        actor: Who does it.
        tenant: Of that institution alone.

    Raises:
        LookupError: There is no such institution, or it is not the tenant's own.
        NoSecretError: A new one without a secret.
        NotYoursError: The name is taken by another.
    """
    sql = statements("webhooks")
    keys = yield Query(sql["institution"], {"id": institution_id, "tenant": tenant})
    if institution_id is not None and not keys:
        raise LookupError(institution_id)
    key = keys[0][0] if institution_id is not None else tenant
    yield Query(sql["lock"])
    old = yield from find_webhook(name, None)
    if old is not None and (yield from find_webhook(name, tenant)) is None:
        raise NotYoursError
    if old is None and sealed is None:
        raise NoSecretError
    yield Query(
        sql["put"],
        {"name": name, "url": url, "kinds": list(kinds), "institution": key, "sealed": sealed},
    )
    new = yield from find_webhook(name, tenant)
    assert new is not None
    yield from note(
        actor=actor,
        action="create" if old is None else "update",
        object_type="webhook",
        object_id=name,
        before=None if old is None else old.noted(),
        after=new.noted(),
    )
    return new, old is None


def delete_webhook(name: str, *, actor: str, tenant: int | None) -> Steps[bool]:
    """Takes one away, with what was on its way to it; whether there was one."""
    sql = statements("webhooks")
    yield Query(sql["lock"])
    old = yield from find_webhook(name, tenant)
    if old is None:
        return False
    yield Query(sql["delete"], {"name": name})
    yield from note(
        actor=actor,
        action="delete",
        object_type="webhook",
        object_id=name,
        before=old.noted(),
        after=None,
    )
    return True


def _read(row: Sequence[Any]) -> Webhook:
    return Webhook(**dict(zip(Webhook.__dataclass_fields__, row, strict=True)))
