"""``jishi doctor``: what is there, what is missing, what to do next."""

import time
from typing import Annotated

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from cli.connection import DatabaseUrl, ReadyFile, database_url
from cli.doctor_ingest import Seen, ask_pages, look, page_urls, state_of_ingest
from cli.doctor_server import missing_settings
from migrations import runner
from store.run import run
from store.schema import missing_objects, missing_rights, some

HYPERTABLES = """
SELECT hypertable_name, num_dimensions, num_chunks, compression_enabled,
       pg_size_pretty(hypertable_size(
           format('%I.%I', hypertable_schema, hypertable_name)::regclass))
FROM timescaledb_information.hypertables ORDER BY hypertable_name
"""
COUNTS = """
SELECT (SELECT count(*) FROM institution), (SELECT count(*) FROM gateway),
       (SELECT count(*) FROM instrument),
       (SELECT count(*) FROM instrument_status WHERE live_until > now()),
       (SELECT count(*) FROM dead_letter), (SELECT count(*) FROM rollup_todo),
       (SELECT count(*) FROM rebuild_todo),
       extract(epoch FROM clock_timestamp())
"""


def doctor(
    url: DatabaseUrl = None,
    ready_file: ReadyFile = None,
    ingest_url: Annotated[
        list[str] | None,
        typer.Option(
            "--ingest-url",
            envvar="JISHI_INGEST_URLS",
            help="Where a worker answers, http://host:port; several times for several."
            "  [default: JISHI_METRICS_HOST:JISHI_METRICS_PORT]",
        ),
    ] = None,
    _verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also list migrations.")
    ] = False,
) -> None:
    """Look at database, schema, hypertables, clocks and queues; exit 1 if something is wrong."""
    console = Console()
    problems: list[str] = []
    pages = ask_pages(ingest_url or page_urls(ready_file))
    seen: Seen | None = None
    try:
        with psycopg.connect(database_url(url, ready_file), connect_timeout=5) as connection:
            if _database(connection, console, problems, verbose=_verbose):
                seen = look(connection)
    except psycopg.Error as error:
        problems.append(f"the database cannot be used: {str(error).strip()}")
    except runner.MigrationError as error:
        problems.append(str(error))
    for line in state_of_ingest(pages, seen, problems):
        console.print(line)
    for problem in problems:
        console.print(f"[red]✗[/red] {problem}")
    if problems:
        raise typer.Exit(1)
    console.print("[green]✓[/green] all is well")


def _database(
    connection: psycopg.Connection, console: Console, problems: list[str], *, verbose: bool
) -> bool:
    """Looks at the database itself; whether its tables can be asked."""
    row = connection.execute(
        "SELECT current_setting('server_version'),"
        " (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb')"
    ).fetchone()
    assert row is not None
    problems.extend(missing_settings(connection))
    if row[1] is None:
        problems.append(
            "the database has no TimescaleDB; as its owner run CREATE EXTENSION timescaledb"
        )
        return False
    console.print(
        f"PostgreSQL {row[0]}, TimescaleDB {row[1]} ({runner.edition(connection)} edition)"
    )
    standings = runner.standings(connection, runner.load())
    waiting = [s.migration.name for s in standings if s.state in ("pending", "changed")]
    console.print(f"schema: {sum(s.state == 'applied' for s in standings)} files applied")
    if verbose:
        for standing in standings:
            console.print(f"  {standing.state:8} {standing.migration.name}")
    if waiting:
        problems.append(f"{len(waiting)} migrations wait ({waiting[0]} …); run `jishi migrate`")
        return False
    gone = run(connection, missing_objects())
    if gone:
        problems.append(
            f"the schema is not whole, {some(gone)} missing; restore once more into an empty"
            " database with `jishi restore`"
        )
        return False
    rights = run(connection, missing_rights())
    if rights:
        roles = ", ".join(sorted({right.role for right in rights}))
        problems.append(f"{roles} lack rights ({some(rights)}); run `jishi migrate`")
    table = Table("hypertable", "dimensions", "chunks", "compressed", "size")
    for name, dimensions, chunks, compressed, size in connection.execute(HYPERTABLES):
        table.add_row(name, str(dimensions), str(chunks), "yes" if compressed else "no", size)
    console.print(table)
    counts = connection.execute(COUNTS).fetchone()
    assert counts is not None
    institutions, gateways, instruments, online, letters, rollups, rebuilds, now = counts
    console.print(
        f"registry: {institutions} institutions, {gateways} gateways, {instruments} instruments"
    )
    console.print(f"online: {online} instruments")
    console.print(f"dead letters: {letters}; rollups queued: {rollups}; rebuilds: {rebuilds}")
    apart = abs(float(now) - time.time())
    if apart > 30:
        problems.append(
            f"this host's clock and the database's differ by {apart:.0f} s; at most 30 s are"
            " allowed, and ingest halts until they agree"
        )
    return True
