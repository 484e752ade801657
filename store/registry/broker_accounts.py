"""Gateways' accounts at the broker as they are stored: a user name and a password's hash.

The user name is the gateway's id. What an account may do is the broker's access list's to say;
`cli/broker_sync.py` hands the accounts on to a broker. Statements are in
`sql/broker_accounts.sql`.
"""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime

from store.registry.audit import note
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("broker_accounts")
#: PBKDF2 rounds. Passwords are 256 random bits, so guessing is hopeless anyway; the broker
#: checks on its only thread, and all gateways reconnect at once after it restarts.
ITERATIONS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCredential:
    """An account just made; ``password`` is shown once and stored nowhere."""

    username: str
    password: str = field(repr=False)
    created_at: datetime


def hashed(password: str, salt: bytes) -> str:
    """Mosquitto's `$7$` form of a password: PBKDF2 with SHA-512."""
    found = hashlib.pbkdf2_hmac("sha512", password.encode("utf-8"), salt, ITERATIONS, 64)
    encoded = (base64.b64encode(part).decode("ascii") for part in (salt, found))
    return f"$7${ITERATIONS}${'$'.join(encoded)}"


def find_credential(
    gateway_id: str, tenant: int | None = None
) -> Steps[tuple[bool, datetime | None]]:
    """Whether there is such a gateway, and when its account was made; None: it has none."""
    rows = yield Query(_SQL["gateway"], {"gateway_id": gateway_id, "tenant": tenant})
    return (True, rows[0][2]) if rows else (False, None)


def put_credential(
    gateway_id: str, *, actor: str, tenant: int | None = None
) -> Steps[NewCredential | None]:
    """Make a gateway's account, or give it a new password; the old one ends.

    Args:
        gateway_id: The gateway.
        actor: Who does it, for the audit.
        tenant: Key of the institution whose the gateway must be.

    Returns:
        The account; `None` where there is no such gateway.
    """
    revision = yield from _bump()
    rows = yield Query(_SQL["gateway"], {"gateway_id": gateway_id, "tenant": tenant})
    if not rows:
        return None
    key, institution_id, before = rows[0]
    password = secrets.token_urlsafe(32)
    yield Query(_SQL["delete"], {"key": key})
    made = yield Query(
        _SQL["create"],
        {"key": key, "hash": hashed(password, secrets.token_bytes(12)), "revision": revision},
    )
    yield from note(
        actor=actor,
        action="rotate" if before else "create",
        object_type="credential",
        object_id=gateway_id,
        before={"institution_id": institution_id, "created_at": before} if before else None,
        after={"institution_id": institution_id, "created_at": made[0][0]},
    )
    return NewCredential(username=gateway_id, password=password, created_at=made[0][0])


def delete_credential(gateway_id: str, *, actor: str, tenant: int | None = None) -> Steps[bool]:
    """End a gateway's account; whether there is such a gateway, with an account or without."""
    yield from _bump()
    rows = yield Query(_SQL["gateway"], {"gateway_id": gateway_id, "tenant": tenant})
    if not rows:
        return False
    key, institution_id, before = rows[0]
    if before is not None:
        yield Query(_SQL["delete"], {"key": key})
        yield from note(
            actor=actor,
            action="revoke",
            object_type="credential",
            object_id=gateway_id,
            before={"institution_id": institution_id, "created_at": before},
            after=None,
        )
    return True


def read_accounts(seen: int | None) -> Steps[tuple[int, dict[str, str] | None]]:
    """All accounts, where they have changed.

    Args:
        seen: The revision that the caller has; `None`: none yet.

    Returns:
        The revision, and password hashes by gateway; `None` where nothing changed.
    """
    rows = yield Query(_SQL["revision"])
    revision: int = rows[0][0]
    if revision == seen:
        return revision, None
    # Read after the revision: what came between the two comes once more with the next one.
    accounts = yield Query(_SQL["accounts"])
    return revision, dict(accounts)


def _bump() -> Steps[int]:
    rows = yield Query(_SQL["bump"])
    revision: int = rows[0][0]
    return revision
