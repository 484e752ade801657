"""``jishi migrate``: bring the schema up to date, or say how it stands."""

from typing import Annotated

import psycopg
import typer

from cli.connection import DatabaseUrl, ReadyFile, database_url, fail
from migrations import runner


def migrate(
    url: DatabaseUrl = None,
    ready_file: ReadyFile = None,
    status: Annotated[
        bool, typer.Option("--status", help="List every file and how it stands; change nothing.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what would run; change nothing.")
    ] = False,
) -> None:
    """Bring the database's schema up to date."""
    target = database_url(url, ready_file)
    try:
        if status:
            for standing in runner.status(target):
                typer.echo(f"{standing.state:8} {standing.migration.name}")
            return
        names = runner.migrate(target, dry_run=dry_run)
        lacking = [] if dry_run else runner.rights_lacking(target)
    except runner.MigrationError as error:
        raise fail(str(error)) from None
    except psycopg.Error as error:
        raise fail(f"the database cannot be reached: {error}") from None
    for name in names:
        typer.echo(f"{'would apply' if dry_run else 'applied'} {name}")
    if not names:
        typer.echo("the schema is up to date")
    if lacking:
        roles = ", ".join(sorted({right.role for right in lacking}))
        typer.echo(
            f"roles or rights are missing: {roles}; this account may not make roles, so have a"
            " superuser do it (CREATE ROLE jishi_write NOLOGIN, and so on), then run"
            " `jishi migrate` again",
            err=True,
        )
