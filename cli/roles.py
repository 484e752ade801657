"""Logins for the database's roles on this machine: who migrates, writes, reads and syncs.

What each role may do stands in `migrations/idempotent/0009_roles.sql`. Elsewhere an operator
gives them passwords; here each data folder keeps random ones in `database_roles.json`.
"""

import json
import secrets
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from stack.account import write_private

ROLES = ("jishi_write", "jishi_api", "jishi_read", "jishi_broker")


def with_login(url: str, user: str, password: str) -> str:
    """A database's address for another user."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user)}:{quote(password)}@{place}"))


def role_urls(url: str, folder: Path) -> dict[str, str]:
    """Addresses by role, each with a password that holds from now on.

    Args:
        url: Of the owner, who may alter roles; migrated.
        folder: Keeps the passwords between runs, readable by its owner alone.
    """
    path = folder / "database_roles.json"
    try:
        passwords: dict[str, str] = json.loads(path.read_text("ascii"))
    except FileNotFoundError:
        passwords = {}
    missing = {role: secrets.token_urlsafe(32) for role in ROLES if role not in passwords}
    if missing:
        passwords |= missing
        write_private(path, json.dumps(passwords, indent=1))
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        for role in ROLES:
            # Hashed here: neither the server's log nor its statistics see a password.
            hashed = connection.pgconn.encrypt_password(
                passwords[role].encode(), role.encode(), b"scram-sha-256"
            )
            connection.execute(
                sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(
                    sql.Identifier(role), sql.Literal(hashed.decode())
                )
            )
    return {role: with_login(url, role, passwords[role]) for role in ROLES}
