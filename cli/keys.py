"""``jishi keys``: make, list, rotate and revoke the API's keys, straight in the database.

For the first key, and for when there is none left; otherwise `/v1/keys` does the same.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from cli.connection import DatabaseUrl, ReadyFile, actor, database_url, fail
from models.duration import parse_duration
from stack.account import write_private
from store.registry.keys import (
    SCOPES,
    KeyEndedError,
    NewKey,
    StoredKey,
    create_key,
    list_keys,
    revoke_key,
    rotate_key,
)
from store.run import run

app = typer.Typer(
    name="keys",
    help="Make, list, rotate and revoke the API's keys. A key is shown once, when it is made, and"
    " only its digest is stored.",
    no_args_is_help=True,
)
PAGE = 1_000

KeyFile = Annotated[
    Path | None,
    typer.Option("--to", help="Write the key to this file, for its owner alone to read."),
]
KeyId = Annotated[str, typer.Argument(help="The id that stands in the key and in the list.")]


def _connect(url: str | None, ready_file: Path | None) -> psycopg.Connection[Any]:
    try:
        return psycopg.connect(database_url(url, ready_file), connect_timeout=5)
    except psycopg.Error as error:
        raise fail(f"the database cannot be reached: {str(error).strip()}") from None


@app.command()
def create(
    scope: Annotated[
        str, typer.Option("--scope", help=f"One of {', '.join(SCOPES)}; each implies the former.")
    ] = "read",
    institution: Annotated[
        str | None, typer.Option("--institution", help="The one institution that it may see.")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="What it is for.")] = "",
    expires_in: Annotated[
        str | None, typer.Option("--expires-in", help="How long it works, such as 90d.")
    ] = None,
    to: KeyFile = None,
    url: DatabaseUrl = None,
    ready_file: ReadyFile = None,
) -> None:
    """Make a key and print it; it cannot be shown again."""
    try:
        until: timedelta | None = parse_duration(expires_in) if expires_in else None
    except ValueError as error:
        raise fail(f"--expires-in: {error}", 2) from None
    with _connect(url, ready_file) as connection:
        try:
            made = run(
                connection,
                create_key(
                    scopes=[scope],
                    name=name,
                    institution_id=institution,
                    expires_at=None if until is None else datetime.now(UTC) + until,
                    actor=actor(),
                ),
            )
        except (LookupError, ValueError) as error:
            raise fail(str(error.args[0])) from None
    _hand_over(made, to)


@app.command()
def rotate(
    key_id: KeyId,
    overlap: Annotated[
        str,
        typer.Option("--overlap", help="How long the old key works beside the new, such as 7d."),
    ] = "0s",
    to: KeyFile = None,
    url: DatabaseUrl = None,
    ready_file: ReadyFile = None,
) -> None:
    """Make a key with another's name and rights, print it, and end the other."""
    try:
        beside = parse_duration(overlap)
    except ValueError as error:
        raise fail(f"--overlap: {error}", 2) from None
    with _connect(url, ready_file) as connection:
        try:
            made = run(connection, rotate_key(key_id, overlap=beside, actor=actor()))
        except ValueError as error:
            raise fail(f"--overlap: {error}", 2) from None
        except KeyEndedError as error:
            raise fail(f"{error}: make a new one with `jishi keys create`") from None
    if made is None:
        raise fail(f"there is no key {key_id!r}; an id is the part between the underscores")
    _hand_over(made, to)
    until = f"works until {made.old_ends_at:%Y-%m-%d %H:%M:%S %Z}" if beside else "is revoked"
    typer.echo(f"{key_id} {until}", err=True)


def _hand_over(made: NewKey, to: Path | None) -> None:
    if to is not None:
        write_private(to, made.key + "\n")
        typer.echo(f"key {made.key_id} is in {to}", err=True)
    else:
        typer.echo(made.key)


@app.command("list")
def list_all(
    every: Annotated[bool, typer.Option("--all", help="Revoked and expired ones too.")] = False,
    url: DatabaseUrl = None,
    ready_file: ReadyFile = None,
) -> None:
    """Keys, without their secrets."""
    found: list[StoredKey] = []
    with _connect(url, ready_file) as connection:
        while True:
            after = (found[-1].created_at, found[-1].key_id) if found else None
            page = run(connection, list_keys(after, PAGE))
            found += page
            if len(page) < PAGE:
                break
    table = Table("id", "name", "scopes", "institution", "expires", "last used", "state")
    for key in found:
        if key.usable or every:
            state = "works" if key.usable else "revoked" if key.revoked_at else "expired"
            table.add_row(
                key.key_id,
                key.name,
                " ".join(key.scopes),
                key.institution_id or "the city",
                _day(key.expires_at),
                _day(key.last_used_at),
                state,
            )
    Console().print(table)


@app.command()
def revoke(
    key_id: KeyId,
    url: DatabaseUrl = None,
    ready_file: ReadyFile = None,
) -> None:
    """End a key, at once."""
    with _connect(url, ready_file) as connection:
        if not run(connection, revoke_key(key_id, actor())):
            raise fail(f"there is no key {key_id!r}; an id is the part between the underscores")
    typer.echo(f"{key_id} is revoked", err=True)


def _day(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M}"
