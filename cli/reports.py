"""``jishi reports``: what vouches for a closed period's files, and who brings them to others."""

import sys
from pathlib import Path
from typing import Annotated, BinaryIO

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from api.freezing import close_and_freeze
from cli import report_forms, report_profile
from cli.connection import ID_MOST, DatabaseUrl, ReadyFile, actor, database_url, fail
from cli.deliver import deliver
from cli.public_keys import PublicKeys, given_key
from models.manifest import SIGNATURE_ENDING, manifest_name
from reports.folder import write_whole
from reports.signing import KeyUnreadableError, new_key, read_signer
from reports.verification import Finding
from reports.verification import verify as verified
from stack.account import write_private
from store.reports.closing import ClosedAlready, NotYet
from store.reports.files import list_files, list_manifests, pieces_of, read_piece
from store.run import run

app = typer.Typer(
    name="reports",
    help="Files of closed periods: signed, held to their signature, brought to others.",
    no_args_is_help=True,
)
app.add_typer(report_profile.app, name="profile")
app.command("check")(report_forms.check)
app.command("write")(report_forms.write)
app.command("deliver")(deliver)


@app.command()
def key(
    file: Annotated[Path, typer.Argument(help="Of the private key; made where there is none.")],
) -> None:
    """Print the public key that belongs to a private one, which is made where there is none.

    The API signs with the file that JISHI_SIGNING_KEY_FILE names. A file that is there is never
    written: what was signed with it could not be vouched for any more.
    """
    made = not file.exists()
    try:
        if made:
            write_private(file, new_key())
        public = read_signer(file).public
    except (KeyUnreadableError, OSError) as error:
        raise fail(str(error)) from None
    typer.echo(public.pem, nl=False)
    typer.echo(f"{'made' if made else 'read'} {file}: key {public.key_id}", err=True)


_Calendar = Annotated[
    str,
    typer.Option(envvar="JISHI_CALENDAR", help="Calendar that opening hours refer to."),
]


@app.command()
def close(
    period_id: Annotated[int, typer.Argument(min=1, max=ID_MOST, help="Of POST /v1/periods.")],
    key_file: Annotated[
        Path,
        typer.Option(
            "--signing-key-file",
            envvar="JISHI_SIGNING_KEY_FILE",
            help="The private key that signs its files; `jishi reports key` makes one.",
        ),
    ],
    calendar: _Calendar = "CN",
    url: DatabaseUrl = None,
    ready_file: ReadyFile = None,
) -> None:
    """Close a period: freeze its records and figures, for ever, and sign the file of its records.

    As POST /v1/periods/{id}/close, but of any size: a city's year takes minutes. All of it is one
    transaction, so one that is broken off has changed nothing.
    """
    try:
        signer = read_signer(key_file)
    except KeyUnreadableError as error:
        raise fail(f"nothing can be signed: {error}") from None
    try:
        with psycopg.connect(database_url(url, ready_file), connect_timeout=5) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            closed = close_and_freeze(
                connection, period_id, signer, actor=actor(), calendar=calendar
            )
    except (ClosedAlready, NotYet) as error:
        raise fail(str(error)) from None
    except psycopg.Error as error:
        raise fail(f"the database cannot be used: {str(error).strip()}") from None
    if closed is None:
        raise fail(f"there is no period {period_id}: GET /v1/periods lists them")
    typer.echo(f"period {period_id} closed: {closed.records:,} records")


@app.command()
def fetch(
    period_id: Annotated[int, typer.Argument(min=1, max=ID_MOST, help="Of a closed period.")],
    folder: Annotated[Path, typer.Argument(help="Where its files go; made where there is none.")],
    url: DatabaseUrl = None,
    ready_file: ReadyFile = None,
) -> None:
    """Write a closed period's files and manifests into a folder that `jishi reports verify` takes.

    Each file is there whole or not at all. GET /v1/periods/{id}/files has the same.
    """
    try:
        with psycopg.connect(
            database_url(url, ready_file), connect_timeout=5, autocommit=True
        ) as connection:
            files = run(connection, list_files(period_id))
            for file in files:

                def fill(out: BinaryIO, name: str = file.name, size: int = file.size) -> None:
                    for n in pieces_of(size):
                        out.write(run(connection, read_piece(period_id, name, n)) or b"")

                write_whole(folder / file.name, fill)
            manifests = run(connection, list_manifests(period_id))
            for one in manifests:
                name = manifest_name(one.number)
                for path, data in (
                    (folder / (name + SIGNATURE_ENDING), one.signature),
                    (folder / name, one.manifest),
                ):
                    write_whole(path, lambda out, data=data: out.write(data))  # type: ignore[misc]
    except psycopg.Error as error:
        raise fail(f"the database cannot be used: {str(error).strip()}") from None
    except OSError as error:
        raise fail(f"{folder} cannot be written: {error.strerror}", 2) from None
    if not manifests:
        raise fail(f"period {period_id} has no files: it is open, or there is none")
    typer.echo(
        f"{folder}: {len(files)} files of period {period_id}, manifest {manifests[-1].number}"
    )


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(help="The files of a closed period, with manifests.")],
    public_key: PublicKeys,
) -> None:
    """Hold files to what was signed, without any server.

    Ends with 1 unless every file that the manifests list is there, none besides, and each has the
    bytes that were signed.
    """
    keys = [given_key(one) for one in public_key]
    try:
        findings = verified(folder, keys)
    except OSError as error:
        raise fail(f"{folder} cannot be read: {error.strerror}", 2) from None
    # Into a file or a pipe, each finding stays on a line of its own.
    Console(width=None if sys.stdout.isatty() else 240).print(_table(findings))
    faults = sum(finding.fault is not None for finding in findings)
    if faults:
        raise fail(f"{folder} is not as it was signed: {faults} of {len(findings)} files differ")
    typer.echo(f"{folder} is as it was signed", err=True)


def _table(findings: list[Finding]) -> Table:
    table = Table("file", "rows", "bytes", "form", "result")
    for finding in findings:
        listed = finding.file
        facts = ("", "", "")
        if listed is not None:
            form = f"{listed.profile} {listed.profile_version}"
            facts = (f"{listed.rows:,}", f"{listed.size:,}", form)
        table.add_row(finding.name, *facts, finding.fault or "as signed")
    return table
