"""``jishi mapping``: list, show and test mappings of devices' words, without any server."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

import mappings
from cli.connection import fail
from models.mapping import Mapping, MappingError, matches, read
from models.mapping_document import MappingDocument
from models.mapping_golden import TriedMessage, check, spelled, spelled_problem

app = typer.Typer(
    name="mapping",
    help="How devices' own words are read: shipped mappings, and files of your own. No server is"
    " asked; those that were put into the service are at /v1/mappings.",
    no_args_is_help=True,
)

_Name = Annotated[str, typer.Argument(help="A shipped mapping, or the path of a file.")]


@app.command("list")
def list_shipped() -> None:
    """The mappings that are shipped."""
    table = Table("name", "version", "golden", "for")
    for name, mapping in sorted(mappings.shipped().items()):
        golden = mappings.read_goldens(mappings.folder(mapping) / "golden")
        table.add_row(name, str(mapping.version), str(len(golden)), mapping.document.title)
    Console().print(table)


@app.command("show")
def show(
    name: _Name,
    schema: Annotated[
        bool, typer.Option("--schema", help="The JSON Schema of all mappings instead.")
    ] = False,
) -> None:
    """A mapping's document."""
    document = MappingDocument.json_schema() if schema else _mapping(name)[0].document.to_json()
    _print(document)


@app.command("test")
def try_out(
    name: _Name,
    topic: Annotated[
        str | None, typer.Argument(help="Of the message: whole, or below native/.")
    ] = None,
    payload: Annotated[
        str | None, typer.Argument(metavar="FILE", help="Its payload; - is standard input.")
    ] = None,
    retained: Annotated[
        bool, typer.Option("--retained", help="The broker had kept the message.")
    ] = False,
    zone: Annotated[
        str | None,
        typer.Option(
            "--zone", help="Of times without an offset, where the mapping names none (IANA name)."
        ),
    ] = None,
    golden: Annotated[
        Path | None,
        typer.Option("--golden", help="A folder of golden payloads; golden/ beside the file."),
    ] = None,
) -> None:
    """What a mapping makes of a message; without one, of its golden payloads.

    Ends with 1 where the topic fits no rule, something could not be read, or a golden payload
    does not come out as it is written down.
    """
    mapping, folder = _mapping(name)
    if topic is None:
        _test_golden(mapping, golden or folder / "golden")
        return
    if payload is None:
        raise fail("name a file with the payload, or - for standard input", 2)
    _test_message(mapping, topic, _bytes(payload), retained=retained, zone=zone)


def _test_message(
    mapping: Mapping, topic: str, payload: bytes, *, retained: bool, zone: str | None
) -> None:
    try:
        message = TriedMessage(topic=topic, payload="", retained=retained, zone=zone)
    except ValidationError as error:
        raise fail("; ".join(_spelled(error)), 2) from None
    reading = read(mapping, message.native_topic, payload, retained=retained, zone=message.in_zone)
    _print(
        {
            "samples": [spelled(sample) for sample in reading.samples],
            "problems": [spelled_problem(problem) for problem in reading.problems],
        }
    )
    if not matches(mapping, message.native_topic):
        topics = ", ".join(rule.topic for rule in mapping.document.rules)
        raise fail(f"no rule of {mapping.name} fits {message.native_topic!r}; it knows {topics}")
    if reading.problems:
        raise typer.Exit(1)


def _test_golden(mapping: Mapping, folder: Path) -> None:
    try:
        goldens = mappings.read_goldens(folder)
    except (MappingError, OSError) as error:
        raise fail(f"{folder}: {error}", 2) from None
    if not goldens:
        raise fail(f"{folder} has no golden payloads; docs/mappings.md tells how to write one", 2)
    failed = 0
    for name, golden in goldens.items():
        mismatches = check(mapping, golden)
        failed += bool(mismatches)
        typer.echo(f"{'FAILED' if mismatches else 'ok':6} {name}  {golden.about}".rstrip())
        for one in mismatches:
            typer.echo(f"       expected {_line(one.expected)}\n       found    {_line(one.found)}")
    typer.echo(f"{len(goldens) - failed} of {len(goldens)} golden payloads of {mapping.name} hold")
    if failed:
        raise typer.Exit(1)


def _mapping(name: str) -> tuple[Mapping, Path]:
    """A mapping by its shipped name or its file, and the folder that it is in."""
    shipped = mappings.shipped_version(name)
    if shipped is not None:
        return shipped, mappings.folder(shipped)
    path = Path(name)
    if path.is_dir():
        path /= "mapping.json"
    if not path.exists():
        known = ", ".join(sorted(mappings.shipped()))
        raise fail(f"{name} is neither a shipped mapping ({known}) nor a file", 2)
    try:
        return mappings.read_mapping(path), path.parent
    except MappingError as error:
        told = "\n".join(f"  {at or 'the document'}: {rule}" for at, rule in error.problems)
        raise fail(f"{path} is no mapping:\n{told}") from None
    except OSError as error:
        raise fail(f"{path} cannot be read: {error.strerror}", 2) from None


def _bytes(source: str) -> bytes:
    if source == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise fail(f"{source} cannot be read: {error.strerror}", 2) from None


def _spelled(error: ValidationError) -> list[str]:
    return [
        f"{'.'.join(map(str, one['loc']))}: {one['msg'].removeprefix('Value error, ')}"
        for one in error.errors(include_url=False)
    ]


def _line(value: object) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


def _print(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
