"""Deliveries as the API knows them: who is sent closed periods, and what became of it.

Statements are in `sql/deliveries.sql`. Secrets come here sealed (``sealing.py``) and go nowhere;
what is on its way is ``outbox.py``'s.
"""

from dataclasses import dataclass
from typing import Any

from models.delivery import Kind
from store.instant import from_us
from store.registry.audit import note
from store.run import Query, Steps
from store.statements import statements
from store.wanted import Wanted, array


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One receiver, and how far it is."""

    name: str
    kind: str
    profile: str
    form: str
    url: str
    every_s: int
    persons: bool
    institution_id: str | None
    since_us: int
    created_us: int
    changed_us: int
    failures: int
    failing_since_us: int | None
    failure: str | None
    paused_until_us: int | None
    waiting: int
    given_up: int
    periods: int

    def noted(self) -> dict[str, Any]:
        """As the audit shows it."""
        names = ("kind", "profile", "form", "url", "every_s", "persons", "institution_id")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A record or a file on its way."""

    item_id: int
    period_id: int
    n: int | None
    name: str | None
    tries: int
    tried_us: int | None
    due_us: int | None
    delivered_us: int | None
    given_up_us: int | None
    sha256: str | None
    status: int | None
    answer: bytes | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a delivery shall be."""

    kind: Kind
    profile: str
    form: str
    url: str
    every_s: int
    persons: bool
    institution_id: str | None
    sealed: bytes | None  #: None keeps what it has
    sealed_anew: bytes | None  #: of a new one of an address that was given none
    since_us: int | None  #: None keeps what it has; of a new one: now


class NotYoursError(Exception):
    """The name is another institution's, or the whole city's."""


class OtherKindError(Exception):
    """What is under way to an address cannot go into a folder, nor the other way round."""


def list_deliveries(tenant: int | None, after: str | None, limit: int) -> Steps[list[Delivery]]:
    """By name; with a ``tenant``, that institution's alone."""
    return (yield from _listed(None, tenant, after, limit))


def find_delivery(name: str, tenant: int | None) -> Steps[Delivery | None]:
    """One by its name."""
    found = yield from _listed(name, tenant, None, 1)
    return found[0] if found else None


def _listed(
    name: str | None, tenant: int | None, after: str | None, limit: int
) -> Steps[list[Delivery]]:
    values = {"name": name, "tenant": tenant, "after": after, "limit": limit}
    rows = yield Query(statements("deliveries")["list"], values)
    return [Delivery(**dict(zip(Delivery.__dataclass_fields__, row, strict=True))) for row in rows]


def list_items(name: str, states: Wanted[str], after: int, limit: int) -> Steps[list[Item]]:
    """A delivery's items in the order in which they were put, with their last answers.

    Args:
        name: Of the delivery.
        states: Of ``waiting``, ``delivered`` and ``given_up`` these alone; None: any.
        after: The last item that is known already.
        limit: Most of them.
    """
    values = {"name": name, "states": array(states), "after": after, "limit": limit}
    rows = yield Query(statements("deliveries")["items"], values)
    return [Item(**dict(zip(Item.__dataclass_fields__, row, strict=True))) for row in rows]


def put_delivery(
    name: str, wish: Wish, *, actor: str, tenant: int | None
) -> Steps[tuple[Delivery, bool]]:
    """Makes or replaces one; it, and whether it is new.

    Raises:
        LookupError: There is no such institution, or it is not the tenant's own.
        NotYoursError: The name is taken by another.
        OtherKindError: It is of the other kind.
    """
    sql = statements("deliveries")
    keys = yield Query(sql["institution"], {"id": wish.institution_id, "tenant": tenant})
    if wish.institution_id is not None and not keys:
        raise LookupError(wish.institution_id)
    key = keys[0][0] if wish.institution_id is not None else tenant
    yield Query(sql["lock"])
    old = yield from find_delivery(name, None)
    if old is not None and (yield from find_delivery(name, tenant)) is None:
        raise NotYoursError
    if old is not None and old.kind != wish.kind:
        raise OtherKindError
    yield Query(
        sql["put"],
        {
            "name": name,
            "kind": wish.kind.value,
            "profile": wish.profile,
            "form": wish.form,
            "url": wish.url,
            "every_s": wish.every_s,
            "persons": wish.persons,
            "institution": key,
            "sealed": wish.sealed or (wish.sealed_anew if old is None else None),
            "since": None if wish.since_us is None else from_us(wish.since_us),
        },
    )
    new = yield from find_delivery(name, tenant)
    assert new is not None
    before = None if old is None else old.noted()
    yield from _note(name, actor, "create" if old is None else "update", before, new.noted())
    return new, old is None


def delete_delivery(name: str, *, actor: str, tenant: int | None) -> Steps[bool]:
    """Takes one away, with what was on its way to it; whether there was one."""
    sql = statements("deliveries")
    yield Query(sql["lock"])
    old = yield from find_delivery(name, tenant)
    if old is None:
        return False
    yield Query(sql["delete"], {"name": name})
    yield from _note(name, actor, "delete", old.noted(), None)
    return True


def retry_delivery(name: str, *, actor: str, tenant: int | None) -> Steps[int | None]:
    """Has what waits or was given up be tried at once; how much that is. None: no such one."""
    old = yield from find_delivery(name, tenant)
    if old is None:
        return None
    rows = yield Query(statements("deliveries")["retry"], {"name": name})
    yield from _note(name, actor, "retry", old.noted(), {**old.noted(), "retried": rows[0][0]})
    return int(rows[0][0])


def _note(
    name: str,
    actor: str,
    action: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> Steps[None]:
    yield from note(
        actor=actor,
        action=action,
        object_type="delivery",
        object_id=name,
        before=before,
        after=after,
    )
