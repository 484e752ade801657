"""The tree of commands. What each does is in the module of its name, read when it is called.

All of these modules take longer to read than most commands take to do their work.
"""

import os
import sys
import traceback
from collections import UserDict
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from cli.version import version

_ROOT = str(Path(__file__).resolve().parents[1])

#: Where each command is, or the tree of those below it; in the order that the help has.
COMMANDS = {
    "up": "cli.up:up",
    "demo": "cli.demo:demo",
    "ingest": "cli.workers:ingest",
    "api": "cli.workers:api",
    "broker-sync": "cli.broker_sync:broker_sync",
    "booking-feeds": "cli.booking_feeds:booking_feeds",
    "broker-check": "cli.broker_check.commands:broker_check",
    "env": "cli.env:env",
    "migrate": "cli.migrate:migrate",
    "roles": "cli.roles:roles",
    "rebuild": "cli.rebuild:rebuild",
    "export": "cli.export:export",
    "backup": "cli.backup.commands:backup",
    "restore": "cli.backup.commands:restore",
    "doctor": "cli.doctor:doctor",
    "simulate": "cli.simulate:app",
    "keys": "cli.keys:app",
    "registry": "cli.registry:app",
    "mapping": "cli.mapping:app",
    "power-rule": "cli.power_rule:app",
    "reports": "cli.reports:app",
    "evaluations": "cli.evaluations:app",
    "vouchers": "cli.vouchers:app",
    "federation": "cli.federation:app",
    "certs": "cli.certs:app",
    "dead-letters": "cli.dead_letters:app",
}


class _Commands(UserDict[str, Any]):
    """Commands by name; one that was not asked for yet is the place where it is."""

    def __getitem__(self, name: str) -> Any:
        found = self.data[name]
        if isinstance(found, str):
            found = self.data[name] = _load(name, found)
        return found


class _Group(TyperGroup):
    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Commands(COMMANDS)


def _load(name: str, place: str) -> Any:
    module, _, attribute = place.partition(":")
    found = getattr(import_module(module), attribute)
    alone = typer.Typer(rich_markup_mode=None)
    alone.callback()(options)
    if isinstance(found, typer.Typer):
        alone.add_typer(found, name=name)
    else:
        alone.command(name)(found)
    return get_group(alone).commands[name]


app = typer.Typer(
    name="jishi",
    cls=_Group,
    help="Runtime heartbeats of scientific instruments over MQTT into TimescaleDB: which are"
    " online, and how much each is used. Every setting also comes from the environment, prefix"
    " JISHI_.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"jishi {version()}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool,
        typer.Option("--version", help="Say the version.", callback=_say_version, is_eager=True),
    ] = False,
) -> None:
    """What holds for all commands."""


def main() -> None:
    """The console script; whatever goes wrong is told, and no traceback unless one is wanted."""
    try:
        app(prog_name="jishi")
    except Exception as error:
        if os.environ.get("JISHI_TRACEBACK"):
            raise
        typer.echo(_told(error), err=True)
        sys.exit(1)


def _told(error: Exception) -> str:
    """What happened, and where in our own code, for an error that no command expects."""
    # Read where they are needed: the command that runs may need neither.
    from pydantic import ValidationError

    from store.settings import wrong_settings

    if isinstance(error, ValidationError):
        return "\n".join(f"jishi: {wrong}" for wrong in wrong_settings(error))
    reason = " ".join(str(error).split()) or "no more is known"
    if isinstance(error, OSError):
        return f"jishi: {reason}"
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if frame.filename.startswith(_ROOT + os.sep)]
    file, line = os.path.relpath(ours[-1].filename, _ROOT), ours[-1].lineno
    return (
        f"jishi: {type(error).__name__}: {reason} ({file}:{line}). No command expects this:"
        " JISHI_TRACEBACK=1 shows the whole of it, for a report"
    )
