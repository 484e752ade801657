"""``jishi evaluations``: what is published of an evaluation."""

from pathlib import Path
from typing import Annotated

import psycopg
import typer

from cli.connection import ID_MOST, DatabaseUrl, ReadyFile, database_url, fail
from reports.folder import write_whole
from store.evaluation.evaluations import load_files
from store.run import run

app = typer.Typer(
    name="evaluations",
    help="Evaluations of closed periods: published with what recomputes them.",
    no_args_is_help=True,
)


@app.callback()
def _group() -> None:
    """So that a single command keeps its name."""


@app.command()
def publish(
    evaluation_id: Annotated[
        int, typer.Argument(min=1, max=ID_MOST, help="Of POST /v1/evaluations.")
    ],
    folder: Annotated[Path, typer.Argument(help="Where its files go; made where there is none.")],
    url: DatabaseUrl = None,
    ready_file: ReadyFile = None,
) -> None:
    """Write an evaluation's scheme, data, result, script, manifest and signature into a folder.

    `jishi reports verify FOLDER` holds them to their signature, `python3 recompute.py` in the
    folder makes every score anew with Python's standard library alone.
    """
    try:
        with psycopg.connect(
            database_url(url, ready_file), connect_timeout=5, autocommit=True
        ) as connection:
            files = run(connection, load_files(evaluation_id))
    except psycopg.Error as error:
        raise fail(f"the database cannot be used: {str(error).strip()}") from None
    if not files:
        raise fail(f"there is no evaluation {evaluation_id}: GET /v1/evaluations lists them")
    try:
        # The manifest last: whoever finds it finds all that it lists.
        for name in sorted(files, key=lambda name: (name.startswith("manifest-"), name)):
            write_whole(folder / name, lambda out, name=name: out.write(files[name]))  # type: ignore[misc]
    except OSError as error:
        raise fail(f"{folder} cannot be written: {error.strerror}", 2) from None
    typer.echo(f"{folder}: {len(files)} files of evaluation {evaluation_id}")
