"""``jishi export``: months of segments, sessions and daily figures as Parquet, into a folder.

Works over the API, so a key gets what it may see. What a file holds is in
`models/export_table.py`.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.progress import Progress, TaskID

from cli.connection import ReadyFile, fail
from cli.registry import ApiUrl, KeyFile, client, progress
from models.export_table import Month, What, months, tag_of
from reports.export_file import facts_of

#: Longer than the API waits for a turn, and than it leaves a client without a word (s).
SILENCE_S = 120.0
#: How often one waits for a turn: each time as long as the API says.
TURNS = 20


class Outcome(StrEnum):
    """What became of a file."""

    WRITTEN = "written"
    KEPT = "kept"


def export(
    folder: Annotated[Path, typer.Argument(help="Where the files go; it is made.")],
    since: Annotated[str, typer.Option("--from", help="The first month, YYYY-MM.")],
    until: Annotated[str, typer.Option("--to", help="The last month, itself among them.")],
    what: Annotated[
        list[What] | None, typer.Option("--table", help="Only this table; may be repeated.")
    ] = None,
    tz: Annotated[
        str | None, typer.Option("--tz", help="IANA zone of months and days; else the service's.")
    ] = None,
    institution: Annotated[
        list[str] | None, typer.Option(help="Only this one's instruments; may be repeated.")
    ] = None,
    district: Annotated[
        list[str] | None, typer.Option(help="Only this code's; may be repeated.")
    ] = None,
    class_: Annotated[
        list[str] | None, typer.Option("--class", help="Only this class; may be repeated.")
    ] = None,
    ready_file: ReadyFile = None,
    api_url: ApiUrl = None,
    key_file: KeyFile = None,
) -> None:
    """Write one Parquet file a month and table, such as daily-2026-03.parquet.

    Broken off, it goes on where it was: a file is there whole or not at all, and one whose
    figures have not changed since is kept as it is. Exit status 1 where something failed.
    """
    asked = [
        (month, table)
        for month in months(_month("--from", since), _month("--to", until))
        for table in what or list(What)
    ]
    if not asked:
        raise fail(f"--from {since} must not lie after --to {until}", 2)
    params = {"tz": tz, "institution": institution, "district": district, "class": class_}
    given = {name: value for name, value in params.items() if value}
    done = dict.fromkeys(Outcome, 0)
    with _failing(folder), client(ready_file, api_url, key_file) as api, progress() as bar:
        folder.mkdir(parents=True, exist_ok=True)
        api.timeout = httpx.Timeout(SILENCE_S)
        task = bar.add_task("export", total=len(asked))
        for month, table in asked:
            path = folder / f"{table}-{month}.parquet"
            with _shown(bar, task, path.name):
                done[_fetch(api, table, {**given, "month": str(month)}, path, bar, task)] += 1
    typer.echo(f"{folder}: {', '.join(f'{count} {name}' for name, count in done.items())}")


def _month(option: str, text: str) -> Month:
    try:
        return Month.parse(text)
    except ValueError as error:
        raise fail(f"{option} {text!r}: {error}", 2) from None


@contextmanager
def _failing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise fail(
            f"{error.filename or folder}: {error.strerror}; files that are there are whole: say"
            " the same again once it is mended"
        ) from None
    except httpx.HTTPError as error:
        raise fail(
            f"the export broke off: {error}; files that are there are whole: say the same again"
            " to go on"
        ) from None


@contextmanager
def _shown(bar: Progress, task: TaskID, name: str) -> Iterator[None]:
    bar.update(task, description=name)
    yield
    bar.update(task, advance=1)


def _fetch(
    api: httpx.Client,
    table: What,
    params: dict[str, str | list[str]],
    path: Path,
    bar: Progress,
    task: TaskID,
) -> Outcome:
    """Brings a file into its place, unless what lies there is the same."""
    facts = facts_of(path)
    headers = {} if facts is None else {"If-None-Match": tag_of(facts)}
    partly = path.with_name(f".{path.name}.part")
    with _answer(api, f"/v1/export/{table}", params, headers) as answer:
        if answer.status_code == 304:
            return Outcome.KEPT
        if answer.is_error:
            raise fail(f"{path.name}: {answer.status_code}: {_said(answer)}")
        try:
            with partly.open("wb") as file:
                for piece in answer.iter_bytes():
                    file.write(piece)
                    bar.update(task, description=f"{path.name} {file.tell() / 1e6:,.1f} MB")
                file.flush()
                os.fsync(file.fileno())
            if facts_of(partly) is None:
                raise fail(f"{path.name}: what came is no whole file: is {api.base_url} the API?")
            partly.replace(path)
        finally:
            partly.unlink(missing_ok=True)
    return Outcome.WRITTEN


@contextmanager
def _answer(
    api: httpx.Client,
    path: str,
    params: dict[str, str | list[str]],
    headers: dict[str, str],
) -> Iterator[httpx.Response]:
    """An answer under way; where others' exports have their turn, once they are done."""
    for left in reversed(range(TURNS)):
        with api.stream("GET", path, params=params, headers=headers) as answer:
            if answer.status_code != 503 or not left:
                yield answer
                return
        time.sleep(float(answer.headers.get("retry-after", 1)))


def _said(answer: httpx.Response) -> str:
    try:
        return str(json.loads(answer.read())["detail"])
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase
