"""What people see while a city is simulated, loaded or verified, and how they end it."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.live import Live
from rich.progress import Progress as Bar
from rich.progress import TaskID
from rich.table import Table

from simulators.fleet.progress import Progress

people = Console(stderr=True)

_LINE_S = 5.0  # between two lines where there is no terminal


def fail(error: object) -> typer.Exit:
    """Say what is wrong, for people; the exit to raise."""
    people.print(str(error), style="red", highlight=False, markup=False, soft_wrap=True)
    return typer.Exit(1)


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
def watching(duration: str) -> Iterator[Callable[[Progress], None]]:
    """A live table on a terminal, a plain line now and then elsewhere."""
    if people.is_terminal:
        with Live(console=people, refresh_per_second=4, transient=True) as live:
            yield lambda progress: live.update(_table(progress, duration))
        return
    last = [0.0]

    def say(progress: Progress) -> None:
        if progress.phase == "done" or time.monotonic() - last[0] >= _LINE_S:
            last[0] = time.monotonic()
            print(_line(progress), file=sys.stderr, flush=True)

    yield say


@contextmanager
def counting() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on a terminal, a plain line now and then elsewhere."""
    if not people.is_terminal:
        last = [time.monotonic()]

        def say(phase: str, done: int, total: int) -> None:
            if time.monotonic() - last[0] >= _LINE_S:
                last[0] = time.monotonic()
                print(f"{phase}: {done:,} of {total:,}", file=sys.stderr, flush=True)

        yield say
        return
    with Bar(console=people, transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def watch(phase: str, done: int, total: int) -> None:
            if phase not in tasks:
                tasks[phase] = bar.add_task(phase, total=total)
            bar.update(tasks[phase], completed=done, total=total)

        yield watch


@contextmanager
def stopping(stop: Callable[[], None]) -> Iterator[None]:
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
