"""``jishi keys``: make, list and revoke the API's keys, straight in the database.

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
from store.registry.keys import SCOPES, StoredKey, create_key, list_keys, revoke_key
from store.run import run

app = typer.Typer(
    name="keys",
    help="Make, list and revoke the API's keys. A key is shown once, when it is made, and only"
    " its digest is stored.",
    no_args_is_help=True,
)
PAGE = 1_000


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
    to: Annotated[
        Path | None,
        typer.Option("--to", help="Write the key to this file, for its owner alone to read."),
    ] = None,
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
    key_id: Annotated[str, typer.Argument(help="The id that stands in the key and in the list.")],
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
