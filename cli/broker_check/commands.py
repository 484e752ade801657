"""What people type: `jishi broker-check`."""

from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.table import Table

from cli.broker_check.checks import WANTED, Accounts, Failed
from cli.broker_check.party import Account, Refused
from cli.broker_check.readers import READERS
from cli.connection import fail


def _checked(
    context: typer.Context, parameter: typer.CallbackParam, value: str | None
) -> str | None:
    source = context.get_parameter_source(parameter.name or "")
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        right = parts.scheme in ("mqtt", "mqtts") and parts.hostname and parts.username
        _ = parts.port
    except ValueError:
        right = None
    if not right:
        raise typer.BadParameter("must be mqtt://user:password@host:port, or mqtts://…")
    if source is not None and source.name == "COMMANDLINE" and parts.password:
        raise typer.BadParameter(
            "a password on the command line shows in the list of processes; set the variable"
        )
    return value


def broker_check(
    ingest: Annotated[
        str,
        typer.Argument(
            envvar="JISHI_MQTT_URL",
            callback=_checked,
            help="An ingest worker's account, which no worker uses meanwhile.",
        ),
    ],
    gateway: Annotated[
        str,
        typer.Option(
            envvar="JISHI_CHECK_GATEWAY_URL",
            callback=_checked,
            help="A gateway's account; its user name is the gateway's id. One that is made for"
            " this.",
        ),
    ],
    other: Annotated[
        str,
        typer.Option(
            envvar="JISHI_CHECK_OTHER_URL", callback=_checked, help="Another gateway's account."
        ),
    ],
) -> None:
    """Check whether a broker does what Jishi relies on; exit 1 where it does not.

    Publishes and subscribes as these accounts, with client ids of its own and the gateways' ids.
    What it publishes are empty envelopes: an ingest that listens stores nothing of them.
    """
    who = Accounts(ingest=Account(ingest), gateway=Account(gateway), other=Account(other))
    if who.gateway.user == who.other.user:
        raise fail(f"--gateway and --other are one account, {who.other.user}; name two", 2)
    try:
        WANTED[0].check(who)
    except Refused as error:
        raise fail(str(error)) from None
    except Failed:
        pass  # the table says it
    table = Table("", "checked", "found")
    remedies: list[str] = []
    for wanted in (*WANTED, *READERS):
        try:
            table.add_row("[green]✓[/green]", wanted.name, wanted.check(who))
        except (Failed, Refused) as error:
            mark = "[yellow]–[/yellow]" if wanted.optional else "[red]✗[/red]"
            note = f" ({wanted.optional})" if wanted.optional else ""
            table.add_row(mark, wanted.name, f"{error}{note}")
            if not wanted.optional:
                remedies.append(f"{wanted.name}: {wanted.remedy}")
    console = Console()
    console.print(table)
    for remedy in remedies:
        console.print(f"[red]✗[/red] {remedy}")
    if remedies:
        raise typer.Exit(1)
    console.print(f"[green]✓[/green] {who.ingest.place} does what Jishi relies on")
