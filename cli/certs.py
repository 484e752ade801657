"""``jishi certs``: a development authority for TLS to the broker."""

from pathlib import Path
from typing import Annotated

import typer

from cli.connection import fail
from stack.certificates import GATEWAY_DAYS, SERVER_DAYS, Authority
from stack.errors import StackError

app = typer.Typer(
    name="certs",
    help="A development authority: certificates for the broker and for gateways. `jishi up"
    " --certs FOLDER` opens TLS listeners with them.",
    no_args_is_help=True,
)

_FOLDER = Annotated[
    Path,
    typer.Option("--folder", envvar="JISHI_CERTS_DIR", help="Where authority and keys lie."),
]
_DEFAULT = Path("certs")


@app.command()
def init(
    hosts: Annotated[
        list[str] | None, typer.Argument(help="Names and addresses of the broker.")
    ] = None,
    folder: _FOLDER = _DEFAULT,
    days: Annotated[int, typer.Option(help="How long the broker's holds.", min=1)] = SERVER_DAYS,
) -> None:
    """Make the authority, and the broker's certificate; run again, only the latter anew."""
    authority = Authority(folder)
    try:
        if not authority.exists():
            authority.create()
        made = authority.issue_server(hosts or ["localhost", "127.0.0.1"], days=days)
    except (StackError, OSError, ValueError) as error:
        raise fail(str(error)) from None
    typer.echo(f"authority {authority.certificate}: give this one to clients")
    typer.echo(f"broker    {made.certificate}")


@app.command()
def gateway(
    gateway_id: Annotated[str, typer.Argument(help="The gateway's id.")],
    folder: _FOLDER = _DEFAULT,
    days: Annotated[int, typer.Option(help="How long it holds.", min=1)] = GATEWAY_DAYS,
) -> None:
    """Make a certificate for a gateway; its common name is the gateway's id."""
    try:
        made = Authority(folder).issue_gateway(gateway_id, days=days)
    except (StackError, OSError, ValueError) as error:
        raise fail(str(error)) from None
    typer.echo(f"certificate {made.certificate}")
    typer.echo(f"key         {made.key}")


@app.command()
def revoke(
    gateway_id: Annotated[str, typer.Argument(help="The gateway's id.")],
    folder: _FOLDER = _DEFAULT,
) -> None:
    """Put a gateway's certificates on the list of revoked ones.

    `jishi up` has the broker read it within seconds; elsewhere copy revoked.pem to the broker
    and send it SIGHUP. A connection that stands is not ended by it.
    """
    try:
        count = Authority(folder).revoke(gateway_id)
    except (StackError, OSError, ValueError) as error:
        raise fail(str(error)) from None
    if not count:
        raise fail(f"no certificate was made for {gateway_id}")
    typer.echo(f"{count} revoked")
