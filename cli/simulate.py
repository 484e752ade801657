"""``jishi simulate``: be a city of instruments, and check what the service made of it."""

import json
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from rich.console import Console
from rich.live import Live
from rich.progress import Progress as Bar
from rich.progress import TaskID
from rich.table import Table

from models.duration import parse_duration
from simulators.bulk import STEP_S, Load, check_raw, load_history
from simulators.calibrate import MEAN_HOURS, TOLERANCE, Line
from simulators.check.report import Report
from simulators.check.service import NoAnswer, Service
from simulators.check.verify import verify
from simulators.city.city import (
    CITY_GATEWAYS,
    CITY_INSTRUMENTS,
    SHARE_ABOVE,
    FleetOptions,
    build_city,
)
from simulators.fleet.faults import FaultRates
from simulators.fleet.options import RunOptions
from simulators.fleet.progress import Progress, Running
from simulators.fleet.ready import Ready
from simulators.fleet.registration import NotRegistered, register
from simulators.fleet.run import run_fleet
from simulators.fleet.schedule import Profile
from simulators.fleet.workers import CrewFailed

app = typer.Typer(help="Be a city of instruments, and check what the service made of it.")
_people = Console(stderr=True)

_LINE_S = 5.0  # between two lines where there is no terminal

_READY = Annotated[
    Path,
    typer.Option(envvar="JISHI_READY_FILE", help="What `jishi up --ready-file` wrote."),
]


def _fail(error: object) -> typer.Exit:
    """Say what is wrong, for people; the exit to raise."""
    _people.print(str(error), style="red", highlight=False, markup=False, soft_wrap=True)
    return typer.Exit(1)


def seconds(text: str) -> float:
    """A duration such as ``90``, ``2m`` or ``1h30m`` in seconds."""
    return parse_duration(text).total_seconds()


def instant_us(text: str) -> int:
    """An RFC 3339 time with offset, or a duration before now, as µs since 1970 UTC."""
    if re.fullmatch(r"-?(\d+(\.\d+)?(ms|s|m|h|d))+", text):
        return time.time_ns() // 1_000 - int(seconds(text.lstrip("-")) * 1e6)
    if text == "now":
        return time.time_ns() // 1_000
    rule = (
        f"time is {text!r}; it must have an offset, as 2026-03-01T00:00:00+08:00, "
        "or be a duration before now, as 7d"
    )
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(rule) from None
    if at.tzinfo is None:
        raise ValueError(rule)
    return round(at.timestamp() * 1e6)


def _line(progress: Progress) -> str:
    stats = progress.stats
    rate = stats.published / progress.elapsed_s if progress.elapsed_s else 0.0
    return (
        f"{progress.phase}: {stats.published:,} attempted, {stats.receipted:,} receipted, "
        f"{stats.in_flight:,} in flight, {rate:,.0f}/s, "
        f"p99 {stats.round_trips.percentile_ms(0.99) or 0:.0f} ms, {stats.rejected:,} rejected, "
        f"{progress.gateways_up}/{progress.gateways} gateways up"
    )


def _table(progress: Progress, duration: str) -> Table:
    stats = progress.stats
    trips = stats.round_trips
    rate = stats.published / progress.elapsed_s if progress.elapsed_s else 0.0
    table = Table(title=f"jishi simulate · {progress.phase} · {duration}", show_header=False)
    rows = (
        ("done", f"{progress.done:.1%}, behind {progress.behind_s:,.1f} s"),
        ("gateways up", f"{progress.gateways_up:,} of {progress.gateways:,}"),
        ("attempted", f"{stats.published:,}"),
        ("receipted", f"{stats.receipted:,}"),
        ("acknowledged only", f"{stats.acknowledged:,}"),
        (
            "in flight",
            f"{stats.in_flight:,} in {progress.in_flight_messages:,} messages",
        ),
        ("rate", f"{rate:,.0f} heartbeats/s"),
        (
            "round trip",
            "p50 {} · p95 {} · p99 {} ms".format(
                *(trips.percentile_ms(share) for share in (0.5, 0.95, 0.99))
            ),
        ),
        (
            "errors",
            f"{stats.rejected:,} rejected, {stats.refused_publishes:,} refused, "
            f"{stats.resent_messages:,} resent, {stats.disconnects:,} disconnects",
        ),
        ("faults", ", ".join(f"{n} {c:,}" for n, c in sorted(stats.faults.items())) or "none"),
    )
    for name, value in rows:
        table.add_row(name, value)
    return table


@contextmanager
def _watching(duration: str) -> Iterator[Callable[[Progress], None]]:
    """A live table on a terminal, a plain line now and then elsewhere."""
    if _people.is_terminal:
        with Live(console=_people, refresh_per_second=4, transient=True) as live:
            yield lambda progress: live.update(_table(progress, duration))
        return
    last = [0.0]

    def say(progress: Progress) -> None:
        if progress.phase == "done" or time.monotonic() - last[0] >= _LINE_S:
            last[0] = time.monotonic()
            print(_line(progress), file=sys.stderr, flush=True)

    yield say


@contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """SIGINT and SIGTERM finish the run; the second one does not wait for receipts."""
    before = {
        number: signal.signal(number, lambda *_: stop())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@app.callback(invoke_without_command=True)
def simulate(
    context: typer.Context,
    ready_file: Annotated[
        Path | None,
        typer.Option(envvar="JISHI_READY_FILE", help="What `jishi up --ready-file` wrote."),
    ] = None,
    instruments: Annotated[
        int, typer.Option(envvar="JISHI_SIMULATE_INSTRUMENTS", help="Instruments of the city.")
    ] = CITY_INSTRUMENTS,
    gateways: Annotated[
        int, typer.Option(envvar="JISHI_SIMULATE_GATEWAYS", help="Gateways they are behind.")
    ] = CITY_GATEWAYS,
    interval: Annotated[
        str,
        typer.Option(
            envvar="JISHI_SIMULATE_INTERVAL", help="Between two heartbeats of an instrument."
        ),
    ] = "10",
    duration: Annotated[
        str, typer.Option(envvar="JISHI_SIMULATE_DURATION", help="How long to run, as 90 or 2m.")
    ] = "1m",
    batch: Annotated[
        int, typer.Option(envvar="JISHI_SIMULATE_BATCH", help="Most heartbeats in one message.")
    ] = 50,
    faults: Annotated[
        str,
        typer.Option(envvar="JISHI_SIMULATE_FAULTS", help="none, all, or NAME=RATE,NAME=RATE…"),
    ] = "none",
    seed: Annotated[int, typer.Option(envvar="JISHI_SIMULATE_SEED", help="Another city.")] = 1,
    ledger: Annotated[
        Path | None,
        typer.Option(
            envvar="JISHI_SIMULATE_LEDGER", help="Folder for what was attempted and what is true."
        ),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            envvar="JISHI_SIMULATE_RATE",
            help="Heartbeats a second of the whole fleet, instead of --interval; "
            "with --backfill a limit.",
        ),
    ] = None,
    speedup: Annotated[
        float,
        typer.Option(envvar="JISHI_SIMULATE_SPEEDUP", help="Simulated seconds in a second."),
    ] = 1.0,
    backfill: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="FROM TO",
            help="Send history instead: two times with offset, or durations before now (7d 0s).",
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            envvar="JISHI_SIMULATE_START",
            help="Where simulated time begins; with it, the same seed publishes the same bytes.",
        ),
    ] = None,
    profile: Annotated[
        Profile,
        typer.Option(envvar="JISHI_SIMULATE_PROFILE", help="What a message holds."),
    ] = Profile.ENVELOPE,
    protocol: Annotated[
        str, typer.Option(envvar="JISHI_SIMULATE_PROTOCOL", help="MQTT version: 5 or 3.1.1.")
    ] = "5",
    tls: Annotated[
        bool, typer.Option("--tls", envvar="JISHI_SIMULATE_TLS", help="Speak TLS to the broker.")
    ] = False,
    tls_ca: Annotated[
        Path | None,
        typer.Option(envvar="JISHI_SIMULATE_TLS_CA", help="CA file of the broker, with --tls."),
    ] = None,
    own_accounts: Annotated[
        bool | None,
        typer.Option(
            "--own-accounts/--one-account",
            envvar="JISHI_SIMULATE_OWN_ACCOUNTS",
            help="Make an account for each gateway through the API, as real ones have; with --tls "
            "unless said otherwise, for there the broker lets an account in once only.",
        ),
    ] = None,
    broker: Annotated[
        str | None,
        typer.Option(
            envvar="JISHI_SIMULATE_BROKER",
            metavar="HOST:PORT",
            help="Another broker address than the ready-file's, such as its TLS port.",
        ),
    ] = None,
    equipped_only: Annotated[
        bool,
        typer.Option(
            "--equipped-only",
            envvar="JISHI_SIMULATE_EQUIPPED_ONLY",
            help="Only instruments that are equipped first (3,990 of the city).",
        ),
    ] = False,
    tag: Annotated[
        str | None,
        typer.Option(envvar="JISHI_SIMULATE_TAG", help="Part of every id; derived otherwise."),
    ] = None,
    no_register: Annotated[
        bool, typer.Option("--no-register", help="The registry has the city already.")
    ] = False,
    processes: Annotated[
        int,
        typer.Option(
            envvar="JISHI_SIMULATE_PROCESSES",
            help="Share the gateways among so many; one is enough for a city.",
        ),
    ] = 1,
    grace: Annotated[
        str, typer.Option(envvar="JISHI_SIMULATE_GRACE", help="Wait so long for last receipts.")
    ] = "60",
) -> None:
    """Register a seeded city and publish its heartbeats; print a JSON summary."""
    if context.invoked_subcommand is not None:
        return
    if ready_file is None:
        raise typer.BadParameter("--ready-file FILE is needed: `jishi up` writes one")
    try:
        options = RunOptions(
            fleet=FleetOptions(
                seed=seed,
                instruments=instruments,
                gateways=gateways,
                equipped_only=equipped_only,
                interval_s=instruments / rate if rate and not backfill else seconds(interval),
                tag=tag,
            ),
            duration_s=seconds(duration),
            batch=batch,
            profile=profile,
            faults=FaultRates.parse(faults),
            rate=rate if backfill else None,
            speedup=speedup,
            start_us=None if start is None else instant_us(start),
            backfill_us=None
            if backfill is None
            else (instant_us(backfill[0]), instant_us(backfill[1])),
            protocol=protocol,
            tls_ca=(str(tls_ca) if tls_ca else "") if tls else None,
            own_accounts=tls if own_accounts is None else own_accounts,
            ledger=ledger,
            register=not no_register,
            grace_s=seconds(grace),
            processes=processes,
        )
        if rate is not None and rate <= 0:
            raise ValueError(f"--rate is {rate}; it must be above 0")
        if tls_ca is not None and not tls:
            raise ValueError("--tls-ca is given without --tls")
        ready = _at_broker(Ready.read(ready_file), broker)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    runs: list[Running] = []

    def stop() -> None:
        if not runs:
            raise KeyboardInterrupt
        runs[0].stop()

    def registering(done: int, rows: int) -> None:
        if _people.is_terminal or done == rows:
            _people.print(f"registered {done:,} of {rows:,}", end="\r" if done < rows else "\n")

    try:
        with _signals(stop), _watching(duration) as watch:
            summary = run_fleet(
                ready, options, watch=watch, registering=registering, started=runs.append
            )
    except (NotRegistered, CrewFailed, OSError, ValueError) as error:
        raise _fail(error) from error
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    _people.print(_lag_and_memory(summary))
    print(json.dumps(summary, ensure_ascii=False))
    _exit(summary)


def _at_broker(ready: Ready, broker: str | None) -> Ready:
    """The ready-file with another broker's address.

    Raises:
        ValueError: it is no address.
    """
    if broker is None:
        return ready
    host, _, port = broker.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise ValueError(f"--broker is {broker!r}; it must be HOST:PORT")
    return replace(ready, host=host.strip("[]"), port=int(port))


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
        with _verifying() as watch:
            report = verify(
                ledgers,
                api_url=ready.api_url,
                api_key=ready.admin_key,
                database_url=ready.database_url,
                watch=watch,
            )
    except (ValueError, OSError, NoAnswer) as error:
        raise _fail(error) from error
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
                _people.print(text, highlight=False, markup=False, soft_wrap=True)
            print(json.dumps({"instruments": raw, "differences": len(differences)}))
            raise typer.Exit(1 if differences else 0)
        began = time.monotonic()
        city = build_city(fleet)
        with _verifying() as watch:
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
        lines, told = _told(ready, start, end)
    except (NotRegistered, NoAnswer, ValueError, OSError) as error:
        raise _fail(error) from error
    except KeyError as error:
        raise _fail(
            f"instrument {error} is not registered; load the city first, without --check"
        ) from error
    except psycopg.Error as error:
        raise _fail(f"the database of {ready_file} refuses: {error}") from error
    _people.print(_calibration(lines))
    sample = [instrument.instrument_id for instrument in city.instruments[:raw]]
    summary = {"rows": rows, "elapsed_s": round(loaded_s, 1), "raw": sample, **told}
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
        lines, told = _told(Ready.read(ready_file), start, end)
    except (NoAnswer, ValueError) as error:
        raise _fail(error) from error
    _people.print(_calibration(lines))
    print(json.dumps(told, ensure_ascii=False))
    if not all(line.is_met for line in lines):
        raise typer.Exit(1)


def _whole_days(start: datetime, end: datetime) -> None:
    if start >= end:
        raise ValueError(f"--to is {end:%Y-%m-%d}; it must lie after --from, {start:%Y-%m-%d}")


def _told(ready: Ready, start: datetime, end: datetime) -> tuple[list[Line], dict[str, Any]]:
    """The platform's figures as ``/v1/utilization`` tells them, always-on instruments apart."""
    service = Service(ready.api_url, ready.admin_key, ready.database_url)
    began = time.monotonic()
    try:
        answer = service.get(
            "/v1/utilization",
            from_=f"{start:%Y-%m-%d}T00:00:00+08:00",
            to=f"{end:%Y-%m-%d}T00:00:00+08:00",
            always_on="false",
        )["overall"]
    finally:
        service.close()
    answered_s = time.monotonic() - began
    count = answer["instruments"] - answer["never_seen_instruments"]
    years = (end - start).days / 365
    hours = float(answer["effective_s"]) / 3_600 / max(count, 1) / years
    shares = {float(band["above"]): float(band["share"] or 0) for band in answer["bands"]}
    lines = [
        Line(
            name=f"share used more than {above:.0%}",
            found=shares[above],
            low=target - TOLERANCE,
            high=target + TOLERANCE,
        )
        for above, target in sorted(SHARE_ABOVE.items(), reverse=True)
    ]
    lines.append(
        Line(name="mean effective hours a year", found=hours, low=MEAN_HOURS[0], high=MEAN_HOURS[1])
    )
    told = {
        "instruments": count,
        "bands": [
            {"above": above, "share": share, "target": SHARE_ABOVE.get(above)}
            for above, share in shares.items()
        ],
        "mean_effective_hours_a_year": round(hours, 1),
        "mean_utilization": float(answer["mean_utilization"] or 0),
        "answered_s": round(answered_s, 3),
    }
    return lines, told


def _calibration(lines: list[Line]) -> Table:
    table = Table(title="as /v1/utilization tells it")
    for column in ("figure", "found", "target", ""):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for line in lines:
        digits = ",.0f" if line.found > 10 else ".4f"
        table.add_row(
            line.name,
            format(line.found, digits),
            f"{line.low:g} to {line.high:g}",
            "met" if line.is_met else "[red]missed[/red]",
        )
    return table


@contextmanager
def _verifying() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on a terminal, a plain line now and then elsewhere."""
    if not _people.is_terminal:
        last = [time.monotonic()]

        def say(phase: str, done: int, total: int) -> None:
            if time.monotonic() - last[0] >= _LINE_S:
                last[0] = time.monotonic()
                print(f"{phase}: {done:,} of {total:,}", file=sys.stderr, flush=True)

        yield say
        return
    with Bar(console=_people, transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def watch(phase: str, done: int, total: int) -> None:
            if phase not in tasks:
                tasks[phase] = bar.add_task(phase, total=total)
            bar.update(tasks[phase], completed=done, total=total)

        yield watch


def _show(report: Report) -> None:
    table = Table(title="jishi simulate verify")
    table.add_column("compared")
    table.add_column("comparisons", justify="right")
    table.add_column("differences", justify="right")
    for check in sorted(report.checked.keys() | report.differences.keys()):
        differences = report.differences[check]
        style = "red" if differences else ""
        table.add_row(check, f"{report.checked[check]:,}", f"{differences:,}", style=style)
    _people.print(table)
    for text in (*report.notes, *report.examples):
        _people.print(text, highlight=False, markup=False, soft_wrap=True)


if __name__ == "__main__":
    app()
