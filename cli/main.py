"""The tree of commands. What each does is in the module of its name."""

from typing import Annotated

import typer

from cli import (
    booking_feeds,
    broker_sync,
    certs,
    dead_letters,
    demo,
    doctor,
    env,
    export,
    keys,
    mapping,
    migrate,
    power_rule,
    rebuild,
    registry,
    reports,
    roles,
    simulate,
    up,
    workers,
)
from cli.backup import commands as backups
from cli.broker_check import commands as broker_checks
from cli.version import version

app = typer.Typer(
    name="jishi",
    help="Runtime heartbeats of scientific instruments over MQTT into TimescaleDB: which are"
    " online, and how much each is used. Every setting also comes from the environment, prefix"
    " JISHI_.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("up")(up.up)
app.command("demo")(demo.demo)
app.command("ingest")(workers.ingest)
app.command("api")(workers.api)
app.command("broker-sync")(broker_sync.broker_sync)
app.command("booking-feeds")(booking_feeds.booking_feeds)
app.command("broker-check")(broker_checks.broker_check)
app.command("env")(env.env)
app.command("migrate")(migrate.migrate)
app.command("roles")(roles.roles)
app.command("rebuild")(rebuild.rebuild)
app.command("export")(export.export)
app.command("backup")(backups.backup)
app.command("restore")(backups.restore)
app.command("doctor")(doctor.doctor)
app.add_typer(simulate.app, name="simulate")
app.add_typer(keys.app, name="keys")
app.add_typer(registry.app, name="registry")
app.add_typer(mapping.app, name="mapping")
app.add_typer(power_rule.app, name="power-rule")
app.add_typer(reports.app, name="reports")
app.add_typer(certs.app, name="certs")
app.add_typer(dead_letters.app, name="dead-letters")


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
    """The console script."""
    app(prog_name="jishi")
