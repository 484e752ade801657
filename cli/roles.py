"""Logins for the database's roles: who writes, answers, reads and syncs; and ``jishi roles``.

What each role may do stands in `migrations/idempotent/0009_roles.sql`. On this machine each
data folder keeps random passwords in `database_roles.json`; elsewhere they are files that an
operator makes, such as a container's secrets.
"""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
import typer
from psycopg import sql

from cli.connection import DatabaseUrl, database_url, fail
from stack.account import write_private

ROLES = ("jishi_write", "jishi_api", "jishi_read", "jishi_broker")
PASSWORD_MIN = 16  # characters


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
    let_in(url, passwords)
    return {role: with_login(url, role, passwords[role]) for role in ROLES}


def let_in(url: str, passwords: Mapping[str, str]) -> None:
    """Give roles a login with these passwords.

    Args:
        url: Of the owner, who may alter roles; migrated.
        passwords: By role.
    """
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


def read_passwords(folder: Path) -> dict[str, str]:
    """Passwords by role, each from the file of its name.

    Raises:
        ValueError: one is missing, empty or so short that it can be guessed.
        OSError: one cannot be read.
    """
    passwords: dict[str, str] = {}
    for role in ROLES:
        try:
            found = (folder / role).read_text("utf-8").strip()
        except FileNotFoundError:
            raise ValueError(f"there is no {folder / role}: it holds {role}'s password") from None
        if len(found) < PASSWORD_MIN or not found.isprintable():
            raise ValueError(
                f"{folder / role} must hold {PASSWORD_MIN} characters or more, such as "
                "`openssl rand -hex 24` makes"
            )
        passwords[role] = found
    if len(set(passwords.values())) < len(passwords):
        raise ValueError(f"two roles have one password in {folder}: each is to have its own")
    return passwords


def roles(
    folder: Annotated[
        Path,
        typer.Option(
            "--passwords",
            envvar="JISHI_ROLES_DIR",
            help=f"Folder of files {', '.join(ROLES)}, a password in each.",
        ),
    ],
    url: DatabaseUrl = None,
) -> None:
    """Let the parts of the service into the database, each as its own role.

    Passwords come from files; run it again after changing one. The database is the owner's
    address, migrated; nothing else needs it afterwards.
    """
    try:
        let_in(database_url(url, None), read_passwords(folder))
    except (ValueError, OSError) as error:
        raise fail(str(error), 2) from None
    except psycopg.Error as error:
        raise fail(f"the roles cannot be let in: {str(error).strip()}") from None
    typer.echo(f"{', '.join(ROLES)} can log in", err=True)
