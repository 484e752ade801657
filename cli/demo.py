"""``jishi demo``: the whole service with a simulated fleet on this machine; `make demo` runs it.

A week of history goes in first, through the real path, so that no screen is empty; then the
fleet lives. With ``--for`` the demo ends by itself, and its exit status says whether every
heartbeat that was published is stored and the service sees online what the fleet knows to be.
A part that ends meanwhile is started again; until it answers, the demo says so and goes on.
"""

import json
import signal
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import httpx
import psycopg
import typer
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from cli.children import ChildError
from cli.connection import fail
from cli.demo_bookings import seed_bookings
from cli.demo_reports import close_some_days
from cli.up import Service, until_signal
from migrations.runner import MigrationError
from models.duration import parse_duration
from models.zone import DEFAULT_ZONE
from simulators.city.city import FleetOptions
from simulators.fleet.fleet_run import FleetRun
from simulators.fleet.options import RunOptions
from simulators.fleet.ready import Ready
from simulators.fleet.run import run_fleet
from stack import StackError
from stack.account import write_private

HISTORY_DAYS = 7  # complete ones; what has passed of today comes on top
HISTORY_INTERVAL = 300.0  # seconds between heartbeats of the history
LIVE_INTERVAL = 5.0  # seconds
SETTLE = 10.0  # seconds in which the last heartbeats must be stored
PATIENCE = 60.0  # seconds that a part may take to come back
ZONE = ZoneInfo(DEFAULT_ZONE)
#: What asking fails with while a part is away.
AWAY = (httpx.HTTPError, psycopg.OperationalError)


_T = TypeVar("_T")


class _Fleet:
    """One run of the fleet in a thread, stoppable."""

    def __init__(self, ready: Ready, options: RunOptions) -> None:
        self.summary: dict[str, Any] = {}
        self.error: Exception | None = None
        self.done = 0.0
        self._run: FleetRun | None = None
        self._stopped = False
        self._thread = threading.Thread(
            target=self._work, args=[ready, options], name="fleet", daemon=True
        )
        self._thread.start()

    def _work(self, ready: Ready, options: RunOptions) -> None:
        try:
            self.summary = run_fleet(ready, options, watch=self._watch, started=self._started)
        except Exception as error:
            self.error = error

    def _started(self, run: FleetRun) -> None:
        self._run = run
        if self._stopped:
            run.stop()

    def _watch(self, progress: Any) -> None:
        self.done = progress.done

    @property
    def running(self) -> bool:
        """Whether the run goes on."""
        return self._thread.is_alive()

    @property
    def published(self) -> int:
        """Heartbeats published so far."""
        return self._run.stats.published if self._run else 0

    def stop(self, seconds: float = 90.0) -> None:
        """Ends the run; waits for its receipts."""
        self._stopped = True
        if self._run is not None:
            self._run.stop()
        self._thread.join(seconds)


class _View:
    """What the service says of itself."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._client = httpx.Client(
            base_url=service.api_url,
            headers={"Authorization": f"Bearer {service.admin_key}"},
            timeout=5.0,
        )

    def seed_bookings(self, seed: int) -> None:
        """Bookings and self-reports of the history."""
        seed_bookings(self._client, seed)

    def close_some_days(self) -> None:
        """A period of the history's first days, annotated and closed."""
        close_some_days(self._client, _first_day())

    def online(self) -> int:
        """Instruments online, as the API counts them."""
        answer = self._client.get("/v1/status/summary")
        answer.raise_for_status()
        return int(answer.json()["overall"]["connectivity"]["online"])

    def stored(self) -> int:
        """Heartbeats in the table."""
        with psycopg.connect(self._service.database_url, connect_timeout=5) as connection:
            row = connection.execute("SELECT count(*) FROM heartbeat").fetchone()
        return int(row[0]) if row else 0

    def metrics(self) -> dict[str, float]:
        """Ingest's counters by name, those without labels."""
        text = httpx.get(self._service.metrics_url, timeout=5.0).text
        pairs = (line.split(" ") for line in text.splitlines() if line[:1] not in ("#", ""))
        return {pair[0]: float(pair[1]) for pair in pairs if "{" not in pair[0]}


def demo(
    length: Annotated[
        str | None, typer.Option("--for", help="End by itself after this long, such as 60s.")
    ] = None,
    instruments: Annotated[int, typer.Option(help="Instruments of the fleet.", min=1)] = 240,
    gateways: Annotated[int, typer.Option(help="Gateways they are behind.", min=1)] = 24,
    seed: Annotated[int, typer.Option(help="Another seed is another city.")] = 1,
    api_port: Annotated[int, typer.Option(help="0: a free one.")] = 0,
    data_dir: Annotated[
        Path | None, typer.Option(help="Keep the data here; without it all is temporary.")
    ] = None,
) -> None:
    """Set everything up, simulate a fleet, show the service at work; Ctrl-C stops all of it."""
    try:
        seconds = parse_duration(length).total_seconds() if length else None
    except ValueError as error:
        raise fail(f"--for: {error}", 2) from None
    console = Console()
    service = Service(
        data_dir=data_dir,
        api_port=api_port,
        publisher=True,
        # Browsers on this machine need no key: the page opens with a click on its address.
        settings={"demo_sign_in": 1},
    )
    fleet = FleetOptions(
        instruments=instruments, gateways=gateways, interval_s=LIVE_INTERVAL, seed=seed
    )
    with until_signal() as signals:
        try:
            console.print("starting TimescaleDB, Mosquitto, ingest and api …")
            service.start()
            told = _run_demo(console, service, fleet, seconds, lambda: bool(signals))
        except (StackError, ChildError, MigrationError, psycopg.Error, httpx.HTTPError) as error:
            raise fail(str(error)) from None
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            service.stop()
    if not told:
        raise typer.Exit(1)


def _run_demo(
    console: Console,
    service: Service,
    fleet: FleetOptions,
    seconds: float | None,
    interrupted: Callable[[], bool],
) -> bool:
    """The demo between start and stop; whether all was as it should be."""
    ready_file = service.stack.folder / "ready.json"
    write_private(ready_file, f"{json.dumps(service.ready())}\n")
    ready = Ready.read(ready_file)
    view = _View(service)
    history = _send_history(console, ready, fleet, interrupted)
    if history is None:
        return interrupted()
    view.seed_bookings(fleet.seed)
    view.close_some_days()
    console.print(
        f"\n  Cockpit  {service.api_url}/\n"
        f"  API      {service.api_url}/v1/openapi.json\n"
        f"  metrics  {service.metrics_url}\n"
        f"  MQTT     {ready.host}:{ready.port}\n"
        f"  keys     {ready_file}\n"
        "\nCtrl-C stops all of it\n"
    )
    far = seconds if seconds is not None else 366 * 86_400.0
    live = _Fleet(ready, RunOptions(fleet=fleet, duration_s=far + 600.0, batch=50))
    started = time.monotonic()
    before, at = 0.0, started
    with Live(console=console, refresh_per_second=4) as screen:
        while not interrupted() and live.running:
            if seconds is not None and time.monotonic() - started >= seconds:
                break
            time.sleep(1.0)
            for part in service.watch():
                console.print(f"[yellow]{part} had ended and was started again[/yellow]")
            try:
                metrics, online = view.metrics(), view.online()
            except AWAY as error:
                screen.update(f"waiting for the service to answer again: {_reason(error)}")
                continue
            stored, now = metrics.get("jishi_ingest_heartbeats_stored_total", 0.0), time.monotonic()
            # Counters begin anew with their process; the first line has nothing to compare with.
            rate = max(stored - before, 0) / (now - at) if before else 0.0
            screen.update(
                f"{online:,} instruments online · {stored:,.0f} heartbeats stored ·"
                f" {rate:,.0f} heartbeats/s ·"
                f" lag {metrics.get('jishi_ingest_lag_seconds', 0.0):.2f} s"
            )
            before, at = stored, now
    console.line()
    live.stop()
    online = _patiently(service, view.online)
    if live.error is not None:
        console.print(f"[red]the fleet failed: {live.error}[/red]")
        return False
    published = history + int(live.summary["published"])
    return _judge(
        console, lambda: _patiently(service, view.stored), published, online, fleet.instruments
    )


def _patiently(service: Service, ask: Callable[[], _T]) -> _T:
    """The answer, also of a part that is just being started again.

    Raises:
        Exception: What asking failed with last, after ``PATIENCE``.
    """
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return ask()
        except AWAY:
            if time.monotonic() >= until:
                raise
            service.watch()
            time.sleep(0.5)


def _reason(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _send_history(
    console: Console, ready: Ready, fleet: FleetOptions, interrupted: Callable[[], bool]
) -> int | None:
    """Sends the week of history; heartbeats published, ``None`` when it failed."""
    now, first = datetime.now(ZONE), _first_day()
    now_us = round(now.timestamp() * 1e6)
    options = RunOptions(
        fleet=FleetOptions(
            instruments=fleet.instruments,
            gateways=fleet.gateways,
            interval_s=HISTORY_INTERVAL,
            seed=fleet.seed,
        ),
        backfill_us=(round(first.timestamp() * 1e6), now_us),
        batch=200,
    )
    run = _Fleet(ready, options)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(f"a week of history of {fleet.instruments} instruments", total=1.0)
        while run.running:
            progress.update(task, completed=run.done)
            if interrupted():
                run.stop()
                return None
            time.sleep(0.2)
        progress.update(task, completed=1.0)
    if run.error is not None:
        console.print(f"[red]the history could not be sent: {run.error}[/red]")
        return None
    return int(run.summary["published"])


def _first_day() -> datetime:
    """Local midnight with which the history begins."""
    today = datetime.now(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=HISTORY_DAYS)


def _judge(
    console: Console, ask: Callable[[], int], published: int, online: int, expected: int
) -> bool:
    """Compares what was published with what is there."""
    until = time.monotonic() + SETTLE
    while (stored := ask()) != published and time.monotonic() < until:
        time.sleep(0.5)
    all_stored = stored == published
    all_online = online == expected
    console.print(
        f"published {published:,} heartbeats, stored {stored:,}:"
        f" {'stored = published' if all_stored else '[red]stored ≠ published[/red]'}"
    )
    console.print(
        f"online by the fleet {expected:,}, by the API {online:,}:"
        f" {'equal' if all_online else '[red]not equal[/red]'}"
    )
    return all_stored and all_online
