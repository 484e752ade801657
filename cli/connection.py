"""Where a command finds its service: options, environment or a ready file; and who asks."""

import getpass
import json
import os
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from psycopg.conninfo import conninfo_to_dict

#: The largest number that the database gives to anything.
ID_MOST = 2**63 - 1


def _no_password(
    context: typer.Context, parameter: typer.CallbackParam, value: str | None
) -> str | None:
    """Refuses a password among the arguments: every account of the machine can list them."""
    source = context.get_parameter_source(parameter.name or "")
    # By its name: which of two libraries the enumeration comes from depends on typer's version.
    if value and source is not None and source.name == "COMMANDLINE" and _has_password(value):
        raise typer.BadParameter(
            "a password on the command line shows in the list of processes; set"
            " JISHI_DATABASE_URL instead, give --ready-file, or leave the password to a file:"
            " postgresql://user@host:port/database?passfile=/path (or ~/.pgpass)"
        )
    return value


def _has_password(url: str) -> bool:
    try:
        return bool(conninfo_to_dict(url).get("password"))
    except psycopg.ProgrammingError:
        return False  # whoever connects with it says what is wrong


ReadyFile = Annotated[
    Path | None,
    typer.Option(
        "--ready-file",
        envvar="JISHI_READY_FILE",
        help="The file that `jishi up --ready-file` wrote: address and key come from there.",
    ),
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        envvar="JISHI_DATABASE_URL",
        show_envvar=True,
        callback=_no_password,
        help="postgresql://user@host:port/database; one with a password in the variable only.",
    ),
]


def fail(message: str, status: int = 1) -> typer.Exit:
    """Says what is wrong on standard error; raise the result."""
    typer.echo(message, err=True)
    return typer.Exit(status)


def read_ready_file(path: Path) -> dict[str, Any]:
    """The JSON object of a ready file.

    Raises:
        typer.Exit: It cannot be read; the reason is said.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise fail(
            f"ready file {path} does not exist; start the service with"
            f" `jishi up --ready-file {path}` first"
        ) from None
    except (OSError, ValueError) as error:
        raise fail(f"ready file {path} cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise fail(f"ready file {path} does not hold a JSON object")
    return found


def database_url(given: str | None, ready_file: Path | None) -> str:
    """The database that a command works on.

    Raises:
        typer.Exit: None is named; what would help is said.
    """
    if given:
        return given
    if ready_file is not None:
        return str(read_ready_file(ready_file)["database_url"])
    raise fail(
        "no database is named; set JISHI_DATABASE_URL, or give --database-url or --ready-file"
    )


def actor() -> str:
    """How the audit names who gives commands."""
    try:
        return f"command line:{getpass.getuser()}"
    except (OSError, KeyError):  # an account without a name
        return "command line"


def child_environment(**settings: object) -> dict[str, str]:
    """The environment for a part of the service, with settings under their names."""
    environment = dict(os.environ)
    environment.update(
        {
            f"JISHI_{name.upper()}": str(value)
            for name, value in settings.items()
            if value is not None
        }
    )
    return environment
