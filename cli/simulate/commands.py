"""The commands of ``jishi simulate``: run, verify, load in bulk, calibrate."""

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from rich.table import Table

from cli.simulate.calibration import table_of, told
from cli.simulate.flags import Flags, taking
from cli.simulate.watching import counting, fail, people, stopping, watching
from simulators.bulk import STEP_S, Load, check_raw, load_history
from simulators.check.report import Report
from simulators.check.service import NoAnswer
from simulators.check.verify import verify
from simulators.city.city import CITY_GATEWAYS, CITY_INSTRUMENTS, FleetOptions, build_city
from simulators.fleet.progress import Running
from simulators.fleet.ready import Ready
from simulators.fleet.registration import NotRegistered, register
from simulators.fleet.run import run_fleet
from simulators.fleet.workers import WorkerFailed

app = typer.Typer(help="Be a city of instruments, and check what the service made of it.")

_READY = Annotated[
    Path,
    typer.Option(envvar="JISHI_READY_FILE", help="What `jishi up --ready-file` wrote."),
]


@app.callback(invoke_without_command=True)
@taking(Flags)
def simulate(context: typer.Context, flags: Flags) -> None:
    """Register a seeded city and publish its heartbeats; print a JSON summary."""
    if context.invoked_subcommand is not None:
        return
    try:
        ready, options = flags.service(), flags.options()
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    runs: list[Running] = []

    def stop() -> None:
        if not runs:
            raise KeyboardInterrupt
        runs[0].stop()

    def registering(done: int, rows: int) -> None:
        if people.is_terminal or done == rows:
            people.print(f"registered {done:,} of {rows:,}", end="\r" if done < rows else "\n")

    try:
        with stopping(stop), watching(flags.duration) as watch:
            summary = run_fleet(
                ready, options, watch=watch, registering=registering, started=runs.append
            )
    except (NotRegistered, WorkerFailed, OSError, ValueError) as error:
        raise fail(error) from error
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    people.print(_lag_and_memory(summary))
    print(json.dumps(summary, ensure_ascii=False))
    _exit(summary)


def _lag_and_memory(summary: dict[str, Any]) -> Table:
    """How far the service was behind, and what its processes take."""
    table = Table(title="lag and memory", show_header=False)
    for name, key in (
        ("publish to receipt", "round_trip_ms"),
        ("publish to visible", "visible_ms"),
    ):
        spread = summary[key]
        if spread["max"] is not None:
            texts = (f"{share} {spread[share]:,.0f}" for share in ("p50", "p95", "p99", "max"))
            table.add_row(name, " · ".join(texts) + " ms")
    for name, found in summary["memory"].items():
        peak = f", {found['peak_mb']:,.0f} MB at most" if "peak_mb" in found else ""
        many = f" in {found['processes']} processes" if found["processes"] > 1 else ""
        table.add_row(name, f"{found['memory_mb']:,.0f} MB{many}{peak}")
    return table


def _exit(summary: dict[str, Any]) -> None:
    """Exit status 1 where something published was never answered."""
    if summary["unreceipted_messages"]:
        raise typer.Exit(1)


@app.command("verify")
def verify_ledger(
    ledgers: Annotated[
        list[Path], typer.Argument(help="Ledgers of one city: all that the service was sent.")
    ],
    ready_file: _READY,
) -> None:
    """Compare the service's answers with what a ledger says they must be."""
    began = time.monotonic()
    try:
        ready = Ready.read(ready_file)
        with counting() as watch:
            report = verify(
                ledgers,
                api_url=ready.api_url,
                api_key=ready.admin_key,
                database_url=ready.database_url,
                watch=watch,
            )
    except (ValueError, OSError, NoAnswer) as error:
        raise fail(error) from error
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    _show(report)
    print(
        json.dumps(
            {
                "exact": report.is_exact,
                "compared": dict(report.checked),
                "differences": dict(report.differences),
                **report.figures,
                "elapsed_s": round(time.monotonic() - began, 1),
            },
            ensure_ascii=False,
        )
    )
    if not report.is_exact:
        raise typer.Exit(1)


@app.command("load")
def load_in_bulk(
    ready_file: _READY,
    start: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")],
    end: Annotated[
        datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Day after the last.")
    ],
    instruments: Annotated[int, typer.Option(help="Instruments of the city.")] = CITY_INSTRUMENTS,
    gateways: Annotated[int, typer.Option(help="Gateways they are behind.")] = CITY_GATEWAYS,
    seed: Annotated[int, typer.Option(help="Another city.")] = 1,
    tag: Annotated[str | None, typer.Option(help="Part of every id; derived otherwise.")] = None,
    raw: Annotated[
        int, typer.Option(help="Instruments whose heartbeats are loaded too, for `jishi rebuild`.")
    ] = 0,
    raw_days: Annotated[int, typer.Option(help="Of how many last days.")] = 7,
    processes: Annotated[int, typer.Option(help="How many load at once.")] = 2,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Load nothing: compare the raw sample, rebuilt since, with what was loaded.",
        ),
    ] = False,
) -> None:
    """Load a city's history past MQTT into rollups; print its calibration as the API tells it.

    For calibration and benchmarks on a database of their own: windows of whole days are
    answered, timelines are not, except those of the raw sample once it is rebuilt.
    """
    try:
        ready = Ready.read(ready_file)
        _whole_days(start, end)
        fleet = FleetOptions(
            seed=seed, instruments=instruments, gateways=gateways, tag=tag, interval_s=STEP_S
        )
        plan = Load(
            fleet=fleet,
            database_url=ready.database_url,
            first=start.date(),
            after=end.date(),
            raw=raw,
            raw_days=raw_days,
        )
        if check:
            differences = check_raw(plan)
            for text in differences[:10]:
                people.print(text, highlight=False, markup=False, soft_wrap=True)
            print(json.dumps({"instruments": raw, "differences": len(differences)}))
            raise typer.Exit(1 if differences else 0)
        began = time.monotonic()
        city = build_city(fleet)
        with counting() as watch:
            register(
                city,
                api_url=ready.api_url,
                api_key=ready.admin_key,
                progress=lambda done, total: watch("registering", done, total),
            )
            rows = load_history(
                plan,
                processes=processes,
                progress=lambda done, total: watch("loading", done, total),
            )
        loaded_s = time.monotonic() - began
        lines, summed = told(ready, start, end)
    except (NotRegistered, NoAnswer, ValueError, OSError) as error:
        raise fail(error) from error
    except KeyError as error:
        raise fail(
            f"instrument {error} is not registered; load the city first, without --check"
        ) from error
    except psycopg.Error as error:
        raise fail(f"the database of {ready_file} refuses: {error}") from error
    people.print(table_of(lines))
    sample = [instrument.instrument_id for instrument in city.instruments[:raw]]
    summary = {"rows": rows, "elapsed_s": round(loaded_s, 1), "raw": sample, **summed}
    print(json.dumps(summary, ensure_ascii=False))


@app.command("calibrate")
def calibrate(
    ready_file: _READY,
    start: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")],
    end: Annotated[
        datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Day after the last.")
    ],
) -> None:
    """Print a loaded city's figures, as `/v1/utilization` tells them, beside their targets."""
    try:
        _whole_days(start, end)
        lines, summed = told(Ready.read(ready_file), start, end)
    except (NoAnswer, ValueError) as error:
        raise fail(error) from error
    people.print(table_of(lines))
    print(json.dumps(summed, ensure_ascii=False))
    if not all(line.is_met for line in lines):
        raise typer.Exit(1)


def _whole_days(start: datetime, end: datetime) -> None:
    if start >= end:
        raise ValueError(f"--to is {end:%Y-%m-%d}; it must lie after --from, {start:%Y-%m-%d}")


def _show(report: Report) -> None:
    table = Table(title="jishi simulate verify")
    table.add_column("compared")
    table.add_column("comparisons", justify="right")
    table.add_column("differences", justify="right")
    for check in sorted(report.checked.keys() | report.differences.keys()):
        differences = report.differences[check]
        style = "red" if differences else ""
        table.add_row(check, f"{report.checked[check]:,}", f"{differences:,}", style=style)
    people.print(table)
    for text in (*report.notes, *report.examples):
        people.print(text, highlight=False, markup=False, soft_wrap=True)
