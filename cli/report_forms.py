"""``jishi reports check`` and ``write``: a period in a form, of any size, from the database."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from cli.connection import ID_MOST, DatabaseUrl, ReadyFile, database_url, fail
from models.period import Period, PeriodState
from models.report_profile import Profile
from models.report_profile_document import FileForm
from models.report_value import PeriodFacts
from models.timestamp import format_instant
from reports.render import render
from store.reports.checking import check_period
from store.reports.periods import open_ledger, records, subjects
from store.reports.profiles import find_profile
from store.reports.register import find_period
from store.reports.values import load_values
from store.run import run

_Id = Annotated[int, typer.Argument(min=1, max=ID_MOST, help="Of POST /v1/periods.")]
_Name = Annotated[
    str, typer.Option("--profile", help="The form: a shipped profile, or one of your own.")
]
_Calendar = Annotated[
    str,
    typer.Option(envvar="JISHI_CALENDAR", help="Calendar that opening hours refer to."),
]


def check(
    period_id: _Id,
    profile: _Name,
    persons: Annotated[
        bool, typer.Option("--persons", help="Look at columns that say who somebody is, too.")
    ] = False,
    show: Annotated[int, typer.Option(min=0, help="Lacks that are listed one by one.")] = 20,
    calendar: _Calendar = "CN",
    url: DatabaseUrl = None,
    ready_file: ReadyFile = None,
) -> None:
    """Tell what a period's records lack for a form, before anything is written.

    As GET /v1/periods/{id}/check, but of any size. Ends with 1 where something is lacking.
    """
    with _snapshot(url, ready_file) as connection:
        period, form = _found(connection, period_id, profile)
        ledger = run(connection, open_ledger(period, calendar))
        found = run(connection, check_period(ledger, form, persons=persons, after=0, limit=show))
    if not found.lacks:
        typer.echo(f"period {period_id} lacks nothing for {form.name}: {found.rows:,} rows")
        return
    counted = Table("column", "rows", "instruments", "is told of")
    for one in found.columns.values():
        counted.add_row(one.column, f"{one.rows:,}", f"{one.instruments:,}", one.place.value)
    listed = Table("instrument", "column", "rows", "first", "what is missing")
    for lack in found.listed:
        first = "" if lack.first_us is None else format_instant(lack.first_us)
        listed.add_row(lack.instrument_id, lack.column, f"{lack.rows:,}", first, lack.rule)
    Console().print(counted, *([listed] if found.listed else []))
    raise fail(f"period {period_id} lacks something for {form.name} in {found.lacks:,} places")


def write(
    period_id: _Id,
    profile: _Name,
    file: Annotated[Path, typer.Argument(help="Where to; one that is there is replaced.")],
    form: Annotated[
        str | None,
        typer.Option("--as", help="csv, json, xlsx, parquet or xml; else the profile's usual one."),
    ] = None,
    calendar: _Calendar = "CN",
    url: DatabaseUrl = None,
    ready_file: ReadyFile = None,
) -> None:
    """Write a period's records in a form, without any person in it.

    Of a closed period the same bytes at any time; of an open one what is known now. However many
    records there are, few are held in memory.
    """
    with _snapshot(url, ready_file) as connection:
        period, used = _found(connection, period_id, profile)
        kind: FileForm = next(
            (one for one in used.document.forms if form in (None, one)), used.document.forms[0]
        )
        if form not in (None, kind):
            forms = ", ".join(used.document.forms)
            raise fail(f"{used.name} is not written as {form}; it is as {forms}", 2)
        closed = period.state is PeriodState.CLOSED
        by_instrument = used.document.row == "instrument"
        try:
            # Beside the file and then in its place: one that breaks off leaves none behind.
            with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as out:
                try:
                    number = render(
                        used,
                        records(connection, period_id, calendar),
                        PeriodFacts.of(period),
                        run(connection, load_values(period_id)),
                        {},
                        out,  # type: ignore[arg-type]
                        form=kind,
                        subjects=subjects(connection, period_id)
                        if closed and by_instrument
                        else None,
                    )
                except BaseException:
                    os.unlink(out.name)
                    raise
            os.replace(out.name, file)
        except OSError as error:
            raise fail(f"{file} cannot be written: {error.strerror}", 2) from None
    typer.echo(f"{file}: {number:,} rows of {used.name} {used.version} as {kind}")


@contextmanager
def _snapshot(url: str | None, ready_file: Path | None) -> Iterator[psycopg.Connection[Any]]:
    """A connection whose reads are all of one moment."""
    try:
        with psycopg.connect(database_url(url, ready_file), connect_timeout=5) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            yield connection
    except psycopg.Error as error:
        raise fail(f"the database cannot be used: {str(error).strip()}") from None


def _found(
    connection: psycopg.Connection[Any], period_id: int, profile: str
) -> tuple[Period, Profile]:
    period = run(connection, find_period(period_id))
    if period is None:
        raise fail(f"there is no period {period_id}: GET /v1/periods lists them")
    form = run(connection, find_profile(profile))
    if form is None:
        raise fail(f"there is no report profile {profile!r}: GET /v1/report-profiles lists them", 2)
    return period, form
