"""Views of the page that a key or a person keeps by name.

What is kept is an address within the page, never of another. Those of a key go when it is revoked
(`keys.py`), and once it expired with the next one that anybody saves.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from store.registry.audit import note
from store.run import Query, Steps
from store.statements import statements

#: Of one owner.
VIEWS_MOST = 50


class TooManyViewsError(Exception):
    """The owner has as many as there may be: one has to go first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedView:
    """One view."""

    name: str
    #: From ``#/`` on.
    address: str
    #: It is what the owner is shown first.
    landing: bool
    created_at: datetime
    changed_at: datetime


def list_views(owner: str, name: str | None = None) -> Steps[list[SavedView]]:
    """An owner's views by name, or the one of a name."""
    rows = yield Query(statements("views")["list"], {"owner": owner, "name": name}, rows=dict_row)
    return [SavedView(**row) for row in rows]


def put_view(
    owner: str,
    name: str,
    *,
    address: str,
    landing: bool,
    actor: str,
    institution_id: str | None,
) -> Steps[tuple[SavedView, bool]]:
    """Make or replace one; it, and whether it is new.

    Args:
        owner: Whose.
        name: Its name among the owner's.
        address: From ``#/`` on.
        landing: It is shown first from now on, and no other.
        actor: Who does it, for the audit.
        institution_id: The owner's, for the audit.

    Raises:
        TooManyViewsError: there are `VIEWS_MOST` already.
    """
    sql = statements("views")
    yield Query(sql["lock"], (owner,))
    yield Query(sql["clean"])
    had = yield from list_views(owner)
    old = next((view for view in had if view.name == name), None)
    if old is None and len(had) >= VIEWS_MOST:
        raise TooManyViewsError
    asked = {"owner": owner, "name": name, "address": address, "landing": landing}
    if landing:
        yield Query(sql["unland"], asked)
    yield Query(sql["put"], asked)
    (new,) = yield from list_views(owner, name)
    yield from note(
        actor=actor,
        action="create" if old is None else "update",
        object_type="view",
        object_id=name,
        before=_noted(old, institution_id),
        after=_noted(new, institution_id),
    )
    return new, old is None


def delete_view(owner: str, name: str, *, actor: str, institution_id: str | None) -> Steps[bool]:
    """Forget one; whether there was such a one."""
    found = yield from list_views(owner, name)
    if not found:
        return False
    yield Query(statements("views")["delete"], {"owner": owner, "name": name})
    yield from note(
        actor=actor,
        action="delete",
        object_type="view",
        object_id=name,
        before=_noted(found[0], institution_id),
        after=None,
    )
    return True


def _noted(view: SavedView | None, institution_id: str | None) -> dict[str, Any] | None:
    if view is None:
        return None
    return {"address": view.address, "landing": view.landing, "institution_id": institution_id}
