"""``jishi reports profile``: list, show and test the forms of reports, without any server."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

import profiles
from cli.connection import fail
from models.report_lack import lacks
from models.report_profile import Profile, ProfileError, rows
from models.report_profile_document import ProfileDocument
from reports.sample import PERIOD, PERSON, sample
from reports.spelling import spelled

app = typer.Typer(
    name="profile",
    help="The forms that reports take: shipped ones, and files of your own. No server is asked;"
    " those that were put into the service are at /v1/report-profiles.",
    no_args_is_help=True,
)

_Name = Annotated[str, typer.Argument(help="A shipped profile, or the path of a file.")]


@app.command("list")
def list_shipped() -> None:
    """The profiles that are shipped."""
    table = Table("name", "version", "forms", "columns", "read on", "for")
    for name, profile in sorted(profiles.shipped().items()):
        said = profile.document
        read_on = "" if said.origin is None else str(said.origin.read_on)
        table.add_row(
            name,
            str(profile.version),
            " ".join(said.forms),
            str(len(profile.columns)),
            read_on,
            said.title,
        )
    Console().print(table)


@app.command("show")
def show(
    name: _Name,
    schema: Annotated[
        bool, typer.Option("--schema", help="The JSON Schema of all profiles instead.")
    ] = False,
) -> None:
    """A profile's document."""
    document = ProfileDocument.json_schema() if schema else _profile(name).document.to_json()
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


@app.command("test")
def try_out(name: _Name) -> None:
    """Whether a file is a profile, and what it makes of a made-up record that tells everything.

    Ends with 1 where it is none, with every place and rule; or where the record lacks something.
    """
    profile = _profile(name)
    record, values = sample(profile)
    of_instrument = {record.subject.instrument_id: values}
    made = list(rows(profile, [record], PERIOD, of_instrument, {1: PERSON}))
    (row,) = made
    table = Table("column", "says", "of the sample", "required")
    for column in profile.columns:
        cell = column.fit(row).cell
        table.add_row(
            column.name,
            " or ".join(column.document.value) or "its default",
            "" if cell is None else spelled(column, cell),
            "yes" if column.document.required else "",
        )
    Console().print(table)
    lacking = list(lacks(profile, made, persons=True))
    for one in lacking:
        typer.echo(f"{one.column}: {one.rule} ({one.value})", err=True)
    if lacking:
        raise typer.Exit(1)
    typer.echo(
        f"{profile.name} version {profile.version} is a profile: {len(profile.columns)} columns,"
        f" a row {profile.document.row}, as {', '.join(profile.document.forms)}",
        err=True,
    )


def _profile(name: str) -> Profile:
    shipped = profiles.shipped_version(name)
    if shipped is not None:
        return shipped
    path = Path(name)
    if not path.is_file():
        known = ", ".join(sorted(profiles.shipped()))
        raise fail(f"{name} is neither a shipped profile ({known}) nor a file", 2)
    try:
        return profiles.read_profile(path)
    except ProfileError as error:
        told = "\n".join(f"  {at or 'the document'}: {rule}" for at, rule in error.problems)
        raise fail(f"{path} is no profile:\n{told}") from None
    except OSError as error:
        raise fail(f"{path} cannot be read: {error.strerror}", 2) from None
