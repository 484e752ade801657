"""Public keys as commands take them: what others signed is held to these."""

from pathlib import Path
from typing import Annotated

import typer

from cli.connection import fail
from reports.signing import KeyUnreadableError, PublicKey, read_public

PublicKeys = Annotated[
    list[str],
    typer.Option(
        "--public-key",
        help="A file with the public key, or the key itself in base64; several where keys"
        " were changed.",
    ),
]


def given_key(given: str) -> PublicKey:
    """The key of an argument.

    Raises:
        typer.Exit: It is none; the reason is said.
    """
    path = Path(given)
    try:
        return read_public(path.read_text("utf-8") if path.is_file() else given)
    except (KeyUnreadableError, OSError, ValueError) as error:
        raise fail(f"--public-key {given}: no such file, and {error}", 2) from None
