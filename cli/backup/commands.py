"""What people type: `jishi backup`, `jishi restore`."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.backup import dump
from cli.backup import restore as restoring
from cli.backup.manifest import BackupError
from cli.connection import DatabaseUrl, ReadyFile, database_url, fail
from cli.roles import ROLES
from cli.version import version
from stack.errors import StackError
from stack.settings import Settings


def backup(
    target: Annotated[
        Path,
        typer.Argument(
            help="A folder to make; or a file, where the name ends in .tar (which takes twice the"
            " room while it is made)."
        ),
    ],
    url: DatabaseUrl = None,
    ready_file: ReadyFile = None,
) -> None:
    """Back up the whole database, as of one instant, while the service goes on.

    The database's address is its owner's or a superuser's; a standby's will do. Roles are named
    without their passwords; keys and gateways' accounts are in it as the digests that are stored.
    """
    source = database_url(url, ready_file)
    with _failing(), _shown("backing up") as watch:
        settings = Settings.from_environ(os.environ)
        made = dump.make(source, target, version=version(), settings=settings, watch=watch)
    typer.echo(
        f"{target}: {sum(made.rows.values())} rows of {made.made_at}, Jishi {made.jishi},"
        f" PostgreSQL {made.postgresql}, TimescaleDB {made.timescaledb} ({made.edition})"
    )


def restore(
    source: Annotated[Path, typer.Argument(help="What `jishi backup` made.")],
    url: DatabaseUrl = None,
) -> None:
    """Restore a backup into an empty database, which is made where there is none.

    The address is a superuser's. What is restored is compared with the backup: every table's
    rows, every index, key and trigger.
    """
    target = database_url(url, None)
    with _failing(), _shown("restoring") as watch:
        settings = Settings.from_environ(os.environ)
        found = restoring.restore(target, source, settings=settings, watch=watch)
    typer.echo(f"restored {sum(found.rows.values())} rows, as of {found.made_at}")
    typer.echo(
        f"next: `jishi migrate`, then passwords for {', '.join(ROLES)}:"
        " `jishi roles --passwords FOLDER`"
    )


@contextmanager
def _failing() -> Iterator[None]:
    """Says what went wrong in words."""
    try:
        yield
    except (BackupError, StackError) as error:
        raise fail(str(error)) from None
    except psycopg.Error as error:
        raise fail(f"the database cannot be used: {str(error).strip()}") from None


@contextmanager
def _shown(title: str) -> Iterator[Callable[[str, int], None]]:
    """A bar over tables, on a terminal; elsewhere nothing but the end."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=None)

        def watch(table: str, total: int) -> None:
            progress.update(task, advance=1, total=total, description=f"{title} {table}")

        yield watch
