"""``jishi rebuild``: recompute a range from raw heartbeats and report the differences."""

from typing import Annotated

import psycopg
import typer
from prometheus_client import CollectorRegistry
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.connection import DatabaseUrl, ReadyFile, actor, database_url, fail
from ingest.db.connection import connect
from ingest.metrics import Metrics
from ingest.upkeep.rebuild import FinalRangeError, rebuild_range
from ingest.write.writer import Writer
from models.timestamp import format_ts, parse_ts

_FROM = Annotated[str, typer.Option("--from", help="Start, RFC 3339 with offset.")]
_TO = Annotated[str, typer.Option("--to", help="End, exclusive, RFC 3339 with offset.")]
_ONE = Annotated[
    list[str] | None, typer.Option("--instrument", help="Only this instrument; may be repeated.")
]


def rebuild(
    start: _FROM,
    end: _TO,
    instrument: _ONE = None,
    url: DatabaseUrl = None,
    ready_file: ReadyFile = None,
) -> None:
    """Compute segments of a range again from raw heartbeats, and say what differed.

    On healthy data nothing does. Needed after a back-dated clock correction of a gateway. What
    differed leaves entries in the audit, by instrument and stretch of two days. A range whose raw
    rows are gone is final and refused. Exit status 0 either way; 1 when the range cannot be
    rebuilt.
    """
    try:
        low, high = parse_ts(start), parse_ts(end)
    except ValueError as error:
        raise fail(f"--from {start!r} or --to {end!r}: {error}", 2) from None
    if low >= high:
        raise fail(f"--from {start} must lie before --to {end}", 2)
    metrics = Metrics(CollectorRegistry())
    writer = Writer(metrics, accept_past_us=0, raw_retention_us=2**62)
    console = Console(stderr=True)
    try:
        with connect(database_url(url, ready_file), "jishi rebuild") as connection:
            writer.prepare(connection)
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
            )
            with Progress(*columns, console=console, transient=True) as progress:
                task = progress.add_task("rebuilding", total=None)

                def tell(done: int, total: int) -> None:
                    progress.update(task, completed=done, total=total)

                report = rebuild_range(connection, writer, low, high, instrument, actor(), tell)
    except (FinalRangeError, LookupError) as error:
        raise fail(str(error)) from None
    except psycopg.Error as error:
        raise fail(f"the database cannot be used: {str(error).strip()}") from None
    for difference in report.differences:
        typer.echo(
            f"{difference.instrument_id}  {difference.sign}  {difference.piece.state.word:8}"
            f" {format_ts(difference.piece.start_us)} .. {format_ts(difference.piece.end_us)}"
        )
    typer.echo(
        f"{report.instruments} instruments, {report.rows_read} raw rows read,"
        f" {report.count} differences"
    )
