"""``jishi registry``: import files of institutions, gateways and instruments; list, show, retire.

Works over the API, as any client does. What a row may hold is in `models/registry_csv.py`.
"""

import csv
import io
import json
import os
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from cli.connection import ReadyFile, fail, read_ready_file

app = typer.Typer(
    name="registry",
    help="Import institutions, gateways and instruments from CSV; list, show and retire them.",
    no_args_is_help=True,
)

ROWS_AT_ONCE = 2_000  # rows of one request: the bar moves, and a failure costs no more
PREVIEWED_AT_ONCE = 1_000  # as many rows as an answer tells
WOULD_BE = {"created": "would be new", "updated": "would change"}
ERRORS_SHOWN = 20
TIMEOUT_S = 330.0  # longer than the API gives an import


class Kind(StrEnum):
    """What the registry lists."""

    INSTITUTIONS = "institutions"
    GATEWAYS = "gateways"
    INSTRUMENTS = "instruments"
    DISTRICTS = "districts"
    CLASSES = "classes"


# An instrument's row names all three, a gateway's may name its institution.
ID_COLUMNS = {
    Kind.INSTRUMENTS: "instrument_id",
    Kind.GATEWAYS: "gateway_id",
    Kind.INSTITUTIONS: "institution_id",
}

ApiUrl = Annotated[
    str | None,
    typer.Option("--api-url", envvar="JISHI_API_URL", help="Where the API is."),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        envvar="JISHI_API_KEY_FILE",
        help="File that holds an API key; JISHI_API_KEY holds one itself. A key on the command"
        " line would show in the list of processes.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV with a header; UTF-8 or GB 18030.")],
    kind: Annotated[
        Kind | None,
        typer.Option(
            "--type", help="institutions, gateways or instruments; else guessed from the header."
        ),
    ] = None,
    preview: Annotated[
        bool,
        typer.Option("--preview", help="Only tell what would become of each row; write nothing."),
    ] = False,
    ready_file: ReadyFile = None,
    api_url: ApiUrl = None,
    key_file: KeyFile = None,
) -> None:
    """Create or replace the records of a CSV file; good rows are taken, bad ones told apart.

    Exit status 1 where a row was rejected, or would be.
    """
    numbers, rows = read_rows(file)
    header, *records = rows
    kind = kind or kind_of(header)
    total = dict.fromkeys(("created", "updated", "unchanged", "rejected"), 0)
    errors: list[dict[str, Any]] = []
    told: list[dict[str, Any]] = []
    at_once = PREVIEWED_AT_ONCE if preview else ROWS_AT_ONCE
    with client(ready_file, api_url, key_file) as api, progress() as bar:
        task = bar.add_task(f"{kind.value}", total=len(records))
        for start in range(0, max(len(records), 1), at_once):
            part = records[start : start + at_once]
            answer = ask(
                api,
                "POST",
                "/v1/registry/import",
                params={"type": kind.value, "preview": str(preview).lower()},
                content=as_csv([header, *part]),
                headers={"Content-Type": "text/csv; charset=utf-8"},
            )
            for name in total:
                total[name] += answer[name]
            # Row 2 of a part is its first record.
            for found, shown in ((errors, answer["errors"]), (told, answer["rows"])):
                found += ({**one, "row": numbers[start + one["row"] - 1]} for one in shown)
            bar.update(task, advance=len(part))
    for row in told:
        if row["result"] not in ("unchanged", "rejected"):
            changed = f": {', '.join(row['changed'])}" if row["changed"] else ""
            typer.echo(f"row {row['row']}, {row['id']}: {WOULD_BE[row['result']]}{changed}")
    for error in errors[:ERRORS_SHOWN]:
        typer.echo(
            f"row {error['row']}, {error['column'] or 'whole row'} {error['value']!r}:"
            f" {error['rule']}",
            err=True,
        )
    if len(errors) > ERRORS_SHOWN:
        typer.echo(f"… and {len(errors) - ERRORS_SHOWN} more", err=True)
    sums = ", ".join(f"{count} {name}" for name, count in total.items())
    typer.echo(f"{sums}; nothing is written" if preview else sums)
    if total["rejected"]:
        raise typer.Exit(1)


@app.command("list")
def list_(
    kind: Annotated[Kind, typer.Argument(help="What to list.")],
    q: Annotated[str | None, typer.Option("--query", "-q", help="Part of an id or name.")] = None,
    limit: Annotated[int, typer.Option(help="Rows at most.", min=1)] = 100,
    as_json: AsJson = False,
    ready_file: ReadyFile = None,
    api_url: ApiUrl = None,
    key_file: KeyFile = None,
) -> None:
    """What is registered."""
    with client(ready_file, api_url, key_file) as api:
        items = list(pages(api, f"/v1/{kind.value}", {"q": q} if q else {}, limit))
    if as_json:
        for item in items:
            typer.echo(json.dumps(item, ensure_ascii=False))
        return
    if not items:
        typer.echo(f"no {kind.value}")
        return
    columns = [name for name in items[0] if any(is_plain(item.get(name)) for item in items)]
    table = Table(*columns)
    for item in items:
        table.add_row(*("" if item.get(name) is None else str(item[name]) for name in columns))
    Console().print(table)


@app.command()
def show(
    kind: Annotated[Kind, typer.Argument(help="institutions, gateways or instruments.")],
    identity: Annotated[str, typer.Argument(metavar="ID", help="Which one.")],
    ready_file: ReadyFile = None,
    api_url: ApiUrl = None,
    key_file: KeyFile = None,
) -> None:
    """One record, and what held from when on."""
    if kind not in ID_COLUMNS:
        raise fail(f"{kind.value} have no records of their own; `jishi registry list {kind.value}`")
    with client(ready_file, api_url, key_file) as api:
        found = ask(api, "GET", f"/v1/{kind.value}/{identity}")
        versions = ask(api, "GET", f"/v1/{kind.value}/{identity}/versions")["items"]
    typer.echo(json.dumps({**found, "versions": versions}, ensure_ascii=False, indent=2))


@app.command()
def retire(
    kind: Annotated[Kind, typer.Argument(help="institutions, gateways or instruments.")],
    identity: Annotated[str, typer.Argument(metavar="ID", help="Which one.")],
    force: Annotated[
        bool,
        typer.Option("--force", help="Also while instruments in service are bound to it."),
    ] = False,
    ready_file: ReadyFile = None,
    api_url: ApiUrl = None,
    key_file: KeyFile = None,
) -> None:
    """Take one record out of service from today on; its past stays.

    Exit status 1 where instruments in service are bound to it: they are counted and named.
    """
    if kind not in ID_COLUMNS:
        raise fail(f"{kind.value} are not retired: they come with the migrations")
    with client(ready_file, api_url, key_file) as api:
        params = {"force": "true"} if force else {}
        ask(api, "DELETE", f"/v1/{kind.value}/{identity}", params=params)
    typer.echo(f"{kind.value.removesuffix('s')} {identity} is out of service from today on")


def read_rows(path: Path) -> tuple[list[int], list[list[str]]]:
    """A file's rows that are not empty, and their numbers as a spreadsheet counts them.

    Raises:
        typer.Exit: it cannot be read, or holds no header; the reason is said.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise fail(f"{path} cannot be read: {error.strerror}") from None
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = raw.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise fail(f"{path} is text neither in UTF-8 nor in GB 18030")
    numbers, rows = [], []
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""), strict=True), 1):
            if any(cell.strip() for cell in cells):
                numbers.append(number)
                rows.append(cells)
    except csv.Error as error:
        raise fail(
            f"{path} is not CSV: {error}, after row {numbers[-1] if numbers else 0}"
        ) from None
    if not rows:
        raise fail(f"{path} is empty; its first row must name the columns")
    return numbers, rows


def kind_of(header: list[str]) -> Kind:
    """What a file lists, by the ids that its header names."""
    names = {cell.strip() for cell in header}
    for kind, column in ID_COLUMNS.items():
        if column in names:
            return kind
    raise fail(f"the header {','.join(header)!r} names none of {', '.join(ID_COLUMNS.values())}")


def as_csv(rows: list[list[str]]) -> bytes:
    """Rows as CSV text."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8")


def client(ready_file: Path | None, api_url: str | None, key_file: Path | None) -> httpx.Client:
    """A client of the API with its key.

    Raises:
        typer.Exit: no address or no key is named; what would help is said.
    """
    key = os.environ.get("JISHI_API_KEY")
    if key_file is not None:
        try:
            key = key_file.read_text("utf-8").strip()
        except OSError as error:
            raise fail(f"key file {key_file} cannot be read: {error.strerror}") from None
    if ready_file is not None:
        found = read_ready_file(ready_file)
        api_url = api_url or found.get("api_url")
        key = key or found.get("admin_key")
    if not api_url or not key:
        raise fail(
            "no API is named; give --ready-file, or --api-url (JISHI_API_URL) with a key in"
            " JISHI_API_KEY or --key-file"
        )
    return httpx.Client(
        base_url=api_url, headers={"Authorization": f"Bearer {key}"}, timeout=TIMEOUT_S
    )


def ask(api: httpx.Client, method: str, path: str, **request: Any) -> dict[str, Any]:
    """One answer of the API.

    Raises:
        typer.Exit: it refused or could not be reached; its own words are said.
    """
    try:
        answer = api.request(method, path, **request)
    except httpx.HTTPError as error:
        raise fail(f"the API at {api.base_url} cannot be reached: {error}") from None
    try:
        body = answer.json()
    except ValueError:
        body = {}
    if answer.is_error:
        raise fail(f"{answer.status_code}: {body.get('detail', answer.reason_phrase)}")
    found: dict[str, Any] = body
    return found


def pages(
    api: httpx.Client, path: str, params: dict[str, str], limit: int
) -> Iterator[dict[str, Any]]:
    """Items of a list, over its pages."""
    cursor: str | None = None
    while limit > 0:
        asked = {**params, "limit": str(min(limit, 1_000))}
        answer = ask(api, "GET", path, params={**asked, "cursor": cursor} if cursor else asked)
        yield from answer["items"]
        limit -= len(answer["items"])
        cursor = answer["next_cursor"]
        if cursor is None:
            return


def progress() -> Progress:
    """A bar for people, on standard error."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def is_plain(value: object) -> bool:
    """Whether a value fits a table's cell."""
    return isinstance(value, str | int | float) and value is not False
