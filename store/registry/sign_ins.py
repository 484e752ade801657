"""Sign-ins: browsers that were let in, each by a random token of its own.

With a key; or as a person of an identity provider, who has none (`begin_person`). There, what its
claims entitled it to when it signed in stands in the sign-in, and the owner is `oidc:SUBJECT`.

The token is 256 random bits in the browser's cookie (`api/session.py`); stored is its SHA-256.
What a sign-in may do is what its key may do at that moment, and it ends with the key. When one
still stands is said once, in ``sign_in_stands`` (`migrations/idempotent`). Keys are in `keys.py`.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from psycopg.rows import dict_row

from store.registry.keys import digest
from store.run import Query, Steps
from store.statements import statements

#: Unlike a key's, so that neither passes for the other.
PREFIX = "jishis_"
#: Before the subject of a person whom an identity provider named; no key's id has a colon.
PERSON = "oidc:"


def actor_of(key_id: str) -> str:
    """How the audit names who acts: a key by its id, a person by the subject."""
    return key_id if key_id.startswith(PERSON) else f"key:{key_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSignIn:
    """A sign-in just made; ``token`` is handed out once and stored nowhere."""

    sign_in_id: str
    token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSignIn:
    """A sign-in that stands, and what its key may do now."""

    sign_in_id: str
    #: The key that opened it; of a person, the subject after ``oidc:``.
    key_id: str
    #: The key's, or the person's.
    name: str
    scopes: tuple[str, ...]
    institution_key: int | None
    institution_id: str | None
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    #: How long it lasts unused.
    idle: timedelta
    #: Where the browser asked from, and what it called itself.
    address: str | None
    agent: str | None
    #: Its last use was noted a while ago.
    use_unnoted: bool


def begin_sign_in(
    key_id: str,
    *,
    idle_s: float,
    lasts_s: float,
    most: int,
    address: str | None = None,
    agent: str | None = None,
) -> Steps[NewSignIn | None]:
    """Let a browser in with a key, and clean up what ended by itself.

    Args:
        key_id: The key's, already found right.
        idle_s: Seconds after which it ends unused.
        lasts_s: Seconds after which it ends in any case; never after its key.
        most: As many may stand of one key; those longest out of use end for the new one.
        address: Where the browser asks from.
        agent: What it calls itself.

    Returns:
        `None` where the key was revoked meanwhile.
    """
    token = PREFIX + secrets.token_urlsafe(32)
    sign_in_id = secrets.token_hex(6)
    rows = yield Query(
        statements("sign_ins")["begin"],
        {
            "sign_in_id": sign_in_id,
            "digest": digest(token),
            "key_id": key_id,
            "idle_s": idle_s,
            "lasts_s": lasts_s,
            "most": most,
            "address": address,
            "agent": agent,
            "actor": actor_of(key_id),
        },
    )
    if not rows:
        return None
    return NewSignIn(sign_in_id=sign_in_id, token=token, expires_at=rows[0][0])


def begin_person(
    subject: str,
    *,
    name: str,
    scopes: Collection[str],
    institution_key: int | None,
    idle_s: float,
    lasts_s: float,
    most: int,
    address: str | None = None,
    agent: str | None = None,
) -> Steps[NewSignIn]:
    """Let a person's browser in, whom an identity provider named just now.

    Args:
        subject: Who, as the provider's tokens say it.
        name: How it is called.
        scopes: Of `SCOPES`; they hold as long as the sign-in does.
        institution_key: The one institution that it may see, or the whole city.
        idle_s: Seconds after which it ends unused.
        lasts_s: Seconds after which it ends in any case.
        most: As many may stand of one person; those longest out of use end for the new one.
        address: Where the browser asks from.
        agent: What it calls itself.
    """
    token = PREFIX + secrets.token_urlsafe(32)
    sign_in_id = secrets.token_hex(6)
    ((expires_at,),) = yield Query(
        statements("sign_ins")["begin_person"],
        {
            "sign_in_id": sign_in_id,
            "digest": digest(token),
            "subject": subject,
            "name": name,
            "scopes": sorted(scopes),
            "institution_key": institution_key,
            "idle_s": idle_s,
            "lasts_s": lasts_s,
            "most": most,
            "address": address,
            "agent": agent,
            "actor": PERSON + subject,
        },
    )
    return NewSignIn(sign_in_id=sign_in_id, token=token, expires_at=expires_at)


def find_sign_in(token_sha256: bytes) -> Steps[StoredSignIn | None]:
    """The sign-in of a token's digest, where it stands."""
    rows = yield Query(statements("sign_ins")["find"], (token_sha256,), rows=dict_row)
    return _stored(rows[0]) if rows else None


def list_sign_ins(
    after: tuple[datetime, str] | None,
    limit: int,
    *,
    own: str | None = None,
    tenant: int | None = None,
) -> Steps[list[StoredSignIn]]:
    """Those that stand, newest first.

    Args:
        after: Time and id of the last one already listed.
        limit: How many at most.
        own: The id of the key that opened them, or any.
        tenant: Key of the institution whose keys opened them, or any.
    """
    rows = yield Query(
        statements("sign_ins")["list"],
        {
            "at": after[0] if after else None,
            "id": after[1] if after else None,
            "limit": limit,
            "own": own,
            "tenant": tenant,
        },
        rows=dict_row,
    )
    return [_stored(row) for row in rows]


def end_sign_in(
    sign_in_id: str, actor: str, *, own: str | None = None, tenant: int | None = None
) -> Steps[bool]:
    """End one; its token stops working with the commit.

    Args:
        sign_in_id: Which.
        actor: Who ends it, for the audit.
        own: The id of the key that must have opened it, or any.
        tenant: Key of the institution whose key must have opened it, or any.

    Returns:
        Whether there was such a one.
    """
    rows = yield Query(
        statements("sign_ins")["end"],
        {"sign_in_id": sign_in_id, "actor": actor, "own": own, "tenant": tenant},
    )
    return bool(rows)


def standing_sign_ins(sign_in_ids: Collection[str]) -> Steps[set[str]]:
    """Of some, those that still stand."""
    rows = yield Query(statements("sign_ins")["standing"], (list(sign_in_ids),))
    return {sign_in_id for (sign_in_id,) in rows}


def note_sign_in_use(sign_in_id: str) -> Steps[None]:
    """Note that one was used now, and its key; passes by where another request is noting it."""
    yield Query(statements("sign_ins")["note_use"], (sign_in_id,))


def _stored(row: dict[str, object]) -> StoredSignIn:
    row["scopes"] = tuple(row["scopes"])  # type: ignore[arg-type]
    return StoredSignIn(**row)  # type: ignore[arg-type]
