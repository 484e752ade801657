"""API keys as they are stored: never the key, only its SHA-256.

A key is ``jishi_<id>_<secret>``: the id is visible in lists and logs, the secret is 256 random
bits. `api/auth.py` checks them.
"""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from psycopg.rows import dict_row

from store.run import Query, Steps
from store.statements import statements

PREFIX = "jishi"
#: As long as two keys may work side by side, one in the other's place.
OVERLAP_MAX = timedelta(days=30)
#: Each scope with the scopes that it implies.
SCOPES: dict[str, frozenset[str]] = {
    "read": frozenset({"read"}),
    "operate": frozenset({"read", "operate"}),
    # Signed sums of the whole city, and nothing else.
    "federation": frozenset({"federation"}),
    "admin": frozenset({"read", "operate", "federation", "admin"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key just made; ``key`` is shown once and stored nowhere."""

    key_id: str
    key: str = field(repr=False)
    name: str
    scopes: tuple[str, ...]
    institution_id: str | None
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RotatedKey(NewKey):
    """A key that takes another's place."""

    replaces: str
    #: When the other one stops working.
    old_ends_at: datetime


class KeyEndedError(Exception):
    """A key is revoked or expired: there is nothing left whose place another could take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """A key as the database knows it."""

    key_id: str
    secret_sha256: bytes = field(repr=False)
    name: str
    scopes: tuple[str, ...]
    institution_key: int | None
    institution_id: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    #: By the database's clock: neither expired nor revoked.
    usable: bool
    #: Last use is not noted, or longer ago than a minute.
    use_unnoted: bool


def digest(key: str) -> bytes:
    """What is stored of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def key_id_of(key: str) -> str | None:
    """The visible id in a key, or `None` where it does not look like one of ours."""
    parts = key.split("_", 2)
    if len(parts) != 3 or parts[0] != PREFIX or not parts[1].isalnum() or len(key) > 200:
        return None
    return parts[1] if parts[1].isascii() else None


def create_key(
    *,
    scopes: Sequence[str],
    name: str = "",
    institution_id: str | None = None,
    expires_at: datetime | None = None,
    actor: str = "jishi",
) -> Steps[NewKey]:
    """Make and store a key.

    Args:
        scopes: Of `SCOPES`, at least one.
        name: What it is for.
        institution_id: The one institution that it may see, or the whole city.
        expires_at: Until when it works.
        actor: Who makes it, for the audit.

    Raises:
        ValueError: a scope is not one of `SCOPES`, or none is given.
        LookupError: there is no such institution.
    """
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        raise ValueError(f"scopes {list(scopes)!r} must be some of {', '.join(SCOPES)}")
    key_id, key = _fresh()
    rows = yield Query(
        statements("keys")["create"],
        {
            "key_id": key_id,
            "digest": digest(key),
            "name": name,
            "scopes": list(dict.fromkeys(scopes)),
            "institution_id": institution_id,
            "expires_at": expires_at,
            "actor": actor,
        },
    )
    if not rows:
        raise LookupError(f"there is no institution {institution_id!r}")
    return NewKey(
        key_id=key_id,
        key=key,
        name=name,
        scopes=tuple(dict.fromkeys(scopes)),
        institution_id=institution_id,
        created_at=rows[0][0],
        expires_at=expires_at,
    )


def rotate_key(
    key_id: str, *, overlap: timedelta, actor: str, tenant: int | None = None
) -> Steps[RotatedKey | None]:
    """Make a key with another's name, rights and end, and end the other.

    Args:
        key_id: The other's visible id.
        overlap: How long both work; none: the other one stops with the commit.
        actor: Who does it, for the audit.
        tenant: Key of the institution whose it must be.

    Returns:
        The new key; None where there is no such one.

    Raises:
        ValueError: ``overlap`` is negative or too long.
        KeyEndedError: the other one works no more.
    """
    if not timedelta(0) <= overlap <= OVERLAP_MAX:
        raise ValueError(f"the overlap must be 0 to {OVERLAP_MAX.days} days, not {overlap}")
    new_id, key = _fresh()
    rows = yield Query(
        statements("keys")["rotate"],
        {
            "key_id": key_id,
            "new_id": new_id,
            "digest": digest(key),
            "overlap": overlap,
            "actor": actor,
            "tenant": tenant,
        },
    )
    if not rows:
        known = yield from find_key(key_id)
        if known is None or tenant not in (None, known.institution_key):
            return None
        raise KeyEndedError(f"key {key_id!r} is {'revoked' if known.revoked_at else 'expired'}")
    ((name, scopes, institution_id, created_at, expires_at, ends_at),) = rows
    return RotatedKey(
        key_id=new_id,
        key=key,
        name=name,
        scopes=tuple(scopes),
        institution_id=institution_id,
        created_at=created_at,
        expires_at=expires_at,
        replaces=key_id,
        old_ends_at=ends_at,
    )


def _fresh() -> tuple[str, str]:
    """A new id, and the key that carries it."""
    key_id = secrets.token_hex(6)
    return key_id, f"{PREFIX}_{key_id}_{secrets.token_urlsafe(32)}"


def find_key(key_id: str) -> Steps[StoredKey | None]:
    """The stored key of an id."""
    rows = yield Query(statements("keys")["find"], (key_id,), rows=dict_row)
    return _stored(rows[0]) if rows else None


def list_keys(
    after: tuple[datetime, str] | None, limit: int, tenant: int | None = None
) -> Steps[list[StoredKey]]:
    """Stored keys, oldest first, revoked ones included; with a ``tenant``, only its own."""
    rows = yield Query(
        statements("keys")["list"],
        {
            "at": after[0] if after else None,
            "id": after[1] if after else None,
            "limit": limit,
            "tenant": tenant,
        },
        rows=dict_row,
    )
    return [_stored(row) for row in rows]


def revoke_key(key_id: str, actor: str, tenant: int | None = None) -> Steps[bool]:
    """Revoke a key; it stops working with the commit.

    Args:
        key_id: Its visible id.
        actor: Who revokes it, for the audit.
        tenant: Key of the institution whose it must be.

    Returns:
        Whether there was such a key, revoked already or not.
    """
    rows = yield Query(
        statements("keys")["revoke"], {"key_id": key_id, "actor": actor, "tenant": tenant}
    )
    return bool(rows)


def usable_keys(key_ids: Collection[str]) -> Steps[set[str]]:
    """Of some keys, those that are neither expired nor revoked."""
    rows = yield Query(statements("keys")["usable"], (list(key_ids),))
    return {key_id for (key_id,) in rows}


def find_institution(institution_id: str) -> Steps[int | None]:
    """The key of an institution, for who comes with something else than a key of ours."""
    rows = yield Query(statements("keys")["institution"], (institution_id,))
    return rows[0][0] if rows else None


def note_use(key_id: str) -> Steps[None]:
    """Note that a key was used now; passes by where another request is noting it."""
    yield Query(statements("keys")["note_use"], (key_id,))


def _stored(row: dict[str, object]) -> StoredKey:
    row["scopes"] = tuple(row["scopes"])  # type: ignore[arg-type]
    row["secret_sha256"] = bytes(row["secret_sha256"])  # type: ignore[call-overload]
    return StoredKey(**row)  # type: ignore[arg-type]
