"""``jishi dead-letters``: list, show, replay and drop what could not be taken."""

from typing import Annotated, Any

import psycopg
import typer
from psycopg.rows import dict_row
from rich.console import Console
from rich.table import Table

from cli.connection import ID_MOST, DatabaseUrl, ReadyFile, actor, database_url, fail
from store.dead_letters import drop_dead_letters, request_replays
from store.run import run
from store.wanted import wanted

app = typer.Typer(
    name="dead-letters",
    help="List, show, replay and drop what could not be taken. Replay after the cause is mended:"
    " the heartbeats go in with the receipt time that they had.",
    no_args_is_help=True,
)

_REASON = Annotated[str | None, typer.Option("--reason", help="Only this reason.")]
_GATEWAY = Annotated[str | None, typer.Option("--gateway", help="Only of this gateway.")]
_ALL = Annotated[bool, typer.Option("--all", help="All that match, not single ids.")]
_IDS = Annotated[list[int] | None, typer.Argument(min=1, max=ID_MOST, help="Ids of dead letters.")]

NEWEST = """
SELECT dead_letter_id, reason, gateway_id, instrument_id, received_at, occurrences, detail,
       replayed_at
FROM dead_letter
WHERE (%(reason)s::text IS NULL OR reason = %(reason)s)
  AND (%(gateway)s::text IS NULL OR gateway_id = %(gateway)s)
ORDER BY dead_letter_id DESC LIMIT %(limit)s
"""


def _connect(url: str | None, ready_file: Any) -> psycopg.Connection[Any]:
    try:
        return psycopg.connect(database_url(url, ready_file), connect_timeout=5)
    except psycopg.Error as error:
        raise fail(f"the database cannot be reached: {str(error).strip()}") from None


def _choice(
    ids: list[int] | None, reason: str | None, gateway: str | None, every: bool
) -> dict[str, Any]:
    if not ids and not (every or reason or gateway):
        raise fail("name ids, or --reason, --gateway or --all", 2)
    return {
        "ids": ids or None,
        "reason": wanted([reason] if reason else []),
        "gateway_id": wanted([gateway] if gateway else []),
    }


@app.command("list")
def list_letters(
    reason: _REASON = None,
    gateway: _GATEWAY = None,
    limit: Annotated[int, typer.Option(help="Rows at most.", min=1, max=10_000)] = 50,
    url: DatabaseUrl = None,
    ready_file: ReadyFile = None,
) -> None:
    """The newest dead letters."""
    with _connect(url, ready_file) as connection:
        rows = (
            connection.cursor(row_factory=dict_row)
            .execute(NEWEST, {"reason": reason, "gateway": gateway, "limit": limit})
            .fetchall()
        )
    table = Table("id", "reason", "gateway", "instrument", "received", "times", "detail")
    for row in rows:
        table.add_row(
            str(row["dead_letter_id"]),
            row["reason"] + (" (replayed)" if row["replayed_at"] else ""),
            row["gateway_id"],
            row["instrument_id"] or "",
            f"{row['received_at']:%Y-%m-%d %H:%M:%S}",
            str(row["occurrences"]),
            row["detail"],
        )
    Console().print(table if rows else "no dead letters")


@app.command()
def show(
    letter: Annotated[int, typer.Argument(min=1, max=ID_MOST, help="Id of the dead letter.")],
    url: DatabaseUrl = None,
    ready_file: ReadyFile = None,
) -> None:
    """One dead letter, whole."""
    with _connect(url, ready_file) as connection:
        row = (
            connection.cursor(row_factory=dict_row)
            .execute("SELECT * FROM dead_letter WHERE dead_letter_id = %s", [letter])
            .fetchone()
        )
    if row is None:
        raise fail(f"there is no dead letter {letter}; `jishi dead-letters list` names them")
    for name, value in row.items():
        if isinstance(value, bytes):
            value = value.hex() if name != "payload" else value.decode("utf-8", "backslashreplace")
        typer.echo(f"{name:20} {value}")


@app.command()
def replay(
    ids: _IDS = None,
    reason: _REASON = None,
    gateway: _GATEWAY = None,
    every: _ALL = False,
    url: DatabaseUrl = None,
    ready_file: ReadyFile = None,
) -> None:
    """Ask ingest to take dead letters again; it does so within seconds."""
    choice = _choice(ids, reason, gateway, every)
    with _connect(url, ready_file) as connection:
        asked = run(connection, request_replays(actor=actor(), **choice))
    typer.echo(f"{asked} dead letters are to be replayed")


@app.command()
def drop(
    ids: _IDS = None,
    reason: _REASON = None,
    gateway: _GATEWAY = None,
    every: _ALL = False,
    url: DatabaseUrl = None,
    ready_file: ReadyFile = None,
) -> None:
    """Delete dead letters for good; the audit keeps their reasons and digests."""
    choice = _choice(ids, reason, gateway, every)
    with _connect(url, ready_file) as connection:
        dropped = run(connection, drop_dead_letters(actor=actor(), **choice))
    typer.echo(f"{dropped} dead letters dropped")
