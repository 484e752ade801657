"""``python -m bench``: measures every key, writes ``latest.json``, a table and a picture."""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from bench import (
    askers,
    bookings,
    drain,
    exact,
    growth,
    history,
    hours,
    node_red,
    peers,
    picture,
    reads,
    steps,
    storage,
    told,
    visible,
)
from bench.beats import Stretch, batches, singles
from bench.city import CITY, City
from bench.results import KEYS, LATEST, Results, bars, loop_ms, met, percentile, spread
from bench.rig import Rig, daytime_zone, started
from ingest.settings import IngestSettings

console = Console(stderr=True)
#: For the tables: a file or a pipe has no width of its own, and 80 columns are too few.
paper = Console(width=None if sys.stdout.isatty() else 132)

HOUR_US = 3_600_000_000


def _say(text: str) -> None:
    console.print(f"[dim]{datetime.now():%H:%M:%S}[/dim] {text}")  # noqa: DTZ005 - for the eye


def measure_drains(rig: Rig, results: Results, options: argparse.Namespace) -> None:
    """Backlogs of one heartbeat a message, then of fifty; the references between."""
    # Long enough ago that all of it lies in the past, from a full hour on.
    origin = (int(time.time()) // 3600 - 6) * HOUR_US
    stored = 0
    first = 0

    def stretch(heartbeats: int) -> Stretch:
        nonlocal first
        ticks = -(-heartbeats // rig.city.instruments)
        first += ticks
        return Stretch(rig.city, origin, first - ticks, first)

    # One drain that is not counted: programs, caches and chunks are there afterwards.
    warm = stretch(rig.city.instruments)
    messages = drain.queue_backlog(rig, singles(warm, warm.heartbeats), peer=False)
    drain.drain_ours(rig, messages)
    stored += warm.heartbeats

    ratios, ours, from_start, pipes, tutorials = [], [], [], [], []
    memory: list[float] = []
    cpu: list[drain.Drained] = []
    for number in _repeats(options):
        backlog = stretch(options.singles)
        count = backlog.heartbeats
        drain.queue_backlog(rig, singles(backlog, count), peer=True)
        pipe = peers.drain_pipe(rig, count)
        drained = drain.drain_ours(rig, count)
        stored += count
        exact.check(rig, stored, backlog)
        tutorial = peers.insert_each(rig, backlog, options.inserts)
        _say(
            f"drain {number + 1}/{options.repeats}, one a message: ours {drained.rate:,.0f}/s,"
            f" pipe {pipe:,.0f}/s, insert and commit {tutorial:,.0f}/s"
        )
        ratios.append(drained.rate / pipe)
        ours.append(drained.rate)
        from_start.append(drained.rate_from_start)
        pipes.append(pipe)
        cpu.append(drained)
        tutorials.append(tutorial)
        memory.append(drained.rss_mb)
    results.note(
        "drain_single_ratio",
        ratios,
        heartbeats=count,
        ours_per_s=spread(ours),
        ours_per_s_from_process_start=spread(from_start),
        mosquitto_sub_psql_per_s=spread(pipes),
        **_cpu(cpu, 1),
        receipts="none: a bare heartbeat has no batch_id to be receipted by",
    )
    results.note(
        "tutorial_ratio",
        [a / b for a, b in zip(ours, tutorials, strict=True)],
        insert_and_commit_per_s=spread(tutorials),
    )

    # The other reader, once: what the choice of the default rests on.
    other = stretch(options.singles // 5)
    count = drain.queue_backlog(rig, singles(other, other.heartbeats), peer=False)
    paho = drain.drain_ours(rig, count, mqtt_reader="paho")
    stored += count
    exact.check(rig, stored, other)
    _say(f"through paho {paho.rate:,.0f}/s, {paho.ingest_cpu_us:.1f} µs of ingest each")
    results.detail["paho_reader"] = {
        "messages": count,
        "per_s": round(paho.rate),
        **_cpu([paho], 1),
    }
    _measure_node_red(rig, results, options, backlog, ours)

    ratios, ours, from_start, copies = [], [], [], []
    cpu = []
    for number in _repeats(options):
        backlog = stretch(options.batched)
        count = backlog.heartbeats
        tag = f"n{number}"
        messages = drain.queue_backlog(rig, batches(backlog, 50, tag), peer=False)
        drained = drain.drain_ours(rig, messages)
        stored += count
        exact.check(rig, stored, backlog)
        copy = peers.copy_bare(rig, backlog, count, offset_us=-10 * 24 * HOUR_US)
        rate = drained.rate * count / messages
        _say(
            f"drain {number + 1}/{options.repeats}, 50 a message: ours {rate:,.0f}/s,"
            f" bare COPY {copy:,.0f}/s"
        )
        ratios.append(rate / copy)
        ours.append(rate)
        from_start.append(drained.rate_from_start * count / messages)
        copies.append(copy)
        memory.append(drained.rss_mb)
        cpu.append(drained)
    results.note(
        "drain_batched_ratio",
        ratios,
        heartbeats=count,
        ours_per_s=spread(ours),
        ours_per_s_from_process_start=spread(from_start),
        bare_copy_per_s=spread(copies),
        **_cpu(cpu, count / messages),
        receipts="one a message",
    )

    disk = storage.of_drains(rig)
    results.note(
        "bytes_per_heartbeat",
        [disk.heartbeat],
        edition=storage.edition(rig),
        other_edition="not on this machine: Debian's package is the Apache edition alone",
        segment_bytes=round(disk.segment, 1),
        segments_share=round(disk.segments_share, 1),
        instrument_year_raw_mb=round(disk.raw_year / 1e6, 1),
        instrument_year_segments_mb=round(disk.segments_year / 1e6, 2),
    )
    window: int = IngestSettings.model_fields["mqtt_window"].default
    backlog = stretch(max(window, options.batched // 10))
    messages = drain.queue_backlog(rig, singles(backlog, backlog.heartbeats), peer=False)
    full = drain.fill_window(rig, messages, window=window)
    _say(f"window of {window:,} full: {full:.0f} MB")
    stored += messages
    exact.check(rig, stored, backlog)
    results.note("ingest_rss_mb", [max([full, *memory])], while_draining_mb=spread(memory))


def _repeats(options: argparse.Namespace) -> Iterator[int]:
    """Numbers of the repeats; none more once a kind of drain has had its time."""
    began = time.monotonic()
    for number in range(options.repeats):
        if time.monotonic() - began > options.drain_seconds:
            _say(f"{number} of {options.repeats} repeats in the time for this kind of drain")
            return
        yield number


def _cpu(drains: Sequence[drain.Drained], heartbeats: float) -> dict[str, Any]:
    """Processor time a heartbeat, which other work beside hardly changes (µs)."""
    return {
        name: spread([getattr(drained, name) / heartbeats for drained in drains])
        for name in ("ingest_cpu_us", "database_cpu_us", "broker_cpu_us")
    }


def _measure_node_red(
    rig: Rig, results: Results, options: argparse.Namespace, backlog: Stretch, ours: Sequence[float]
) -> None:
    if not options.node_red:
        return
    try:
        rate = node_red.drain_node_red(rig, backlog, options.node_red)
    except node_red.UnavailableError as error:
        _say(f"Node-RED is not measured: {error}")
        results.detail["node_red"] = {"per_s": None, "why": str(error)}
        return
    ratio = statistics.median(ours) / rate
    _say(f"Node-RED with ten connections: {rate:,.0f}/s, ours is {ratio:.1f} times that")
    results.detail["node_red"] = {
        "per_s": round(rate),
        "ours_ratio": round(ratio, 2),
        "messages": options.node_red,
        "packages": list(node_red.PACKAGES),
        "connections": node_red.CONNECTIONS,
    }


def measure_visible(rig: Rig, results: Results, options: argparse.Namespace) -> None:
    """Publish to visible, at a tenth of the city's instruments a second."""
    rate = max(1, rig.city.instruments // 10)
    child = rig.ingest(timezone=daytime_zone(time.time()))
    child.start()
    try:
        child.wait_ready(60)
        with reads.asking(rig) as client:
            delays, more = visible.measure(rig, client, rate=rate, seconds=options.seconds)
    finally:
        child.stop(30)
    p99 = percentile(delays, 0.99)
    _say(f"visible after {statistics.median(delays):.0f} ms, p99 {p99:.0f} ms")
    results.note(
        "visible_p99_ms",
        [p99],
        probes=len(delays),
        median_ms=round(statistics.median(delays), 1),
        **more,
    )


def measure_reads(rig: Rig, results: Results, options: argparse.Namespace) -> None:
    """A year and a month of the fleet, one instrument, the summary, and the naive way."""
    end = datetime.now(reads.ZONE).date()
    first = end - timedelta(days=options.days)
    began = time.monotonic()
    history.load(rig, first, end)
    _say(f"history of {options.days} days loaded in {time.monotonic() - began:.0f} s")
    results.detail["storage"] = {
        "days": options.days,
        "database_mb": round(storage.database_mb(rig), 1),
        "instrument_year_bytes": {
            name: round(size) for name, size in storage.of_rollups(rig, options.days).items()
        },
    }
    with reads.asking(rig) as client:
        asked: list[tuple[str, Callable[[], list[float]]]] = [
            (
                "fleet_month_p95_ms",
                partial(reads.fleet, client, first, end, 30, options.asks, 3),
            ),
            ("instrument_year_p95_ms", lambda: _year(rig, client, first, options.asks)),
            ("summary_p95_ms", partial(reads.summary, client, options.asks)),
        ]
        if options.days >= 365:
            asked.insert(
                1,
                (
                    "fleet_year_p95_ms",
                    partial(reads.fleet, client, first, end, 365, options.asks, 4),
                ),
            )
        for name, ask in asked:
            times = ask()
            results.note(name, [percentile(times, 0.95)], all_ms=spread(times))
            _say(f"{name}: {percentile(times, 0.95):.0f} (median {statistics.median(times):.0f})")
        measure_under_load(client, results, first, end, options.asks)
        ratios, slowest = reads.naive(rig, client, end, 2)
        results.note("naive_ratio", ratios, naive_ms=round(slowest), raw_every_s=60)
        _say(f"naive {slowest:,.0f} ms, {statistics.median(ratios):,.0f} times ours")


def measure_hours(rig: Rig, results: Results, options: argparse.Namespace) -> None:
    """What no day row answers: hours of the week, hours, and bookings, of the whole city."""
    end = datetime.now(reads.ZONE).date()
    history.load(rig, end - timedelta(days=bookings.DAYS + 1), end, raw=False)
    began = time.monotonic()
    count, reports = bookings.load(rig, end)
    _say(
        f"a month of pieces, {count:,} bookings and {reports:,} self-reports"
        f" in {time.monotonic() - began:.0f} s"
    )
    began = time.monotonic()
    rolled_us = hours.roll(rig, end)
    _say(
        f"days and hours of it in {time.monotonic() - began:.0f} s, {rolled_us:.0f} µs of Python "
        "an instrument and day"
    )
    results.detail["hours_storage"] = {
        "instrument_day_bytes": {
            name: round(size / 365)
            for name, size in storage.of_rollups(rig, bookings.DAYS + 1).items()
        },
        "rolled_us": round(rolled_us),
    }
    with reads.asking(rig) as client:
        bare = reads.reconciliation(client, end, 1)
        _say(f"bookings judged one by one: {bare[0]:,.0f}")
        began = time.monotonic()
        bookings.make_days(rig)
        made_s = time.monotonic() - began
        _say(f"what they came to by day made in {made_s:.0f} s")
        more = {
            "bookings": count,
            "self_reports": reports,
            "judged_ms": round(bare[0]),
            "days_made_s": round(made_s),
        }
        for name, ask, said in (
            ("profile_month_p95_ms", reads.profile, {}),
            ("hours_week_p95_ms", reads.hours, {}),
            ("reconcile_month_p95_ms", reads.reconciliation, more),
        ):
            times = ask(client, end, options.asks)
            results.note(name, [percentile(times, 0.95)], all_ms=spread(times), **said)
            _say(f"{name}: {percentile(times, 0.95):,.0f} (median {statistics.median(times):,.0f})")


def measure_under_load(
    client: httpx.Client, results: Results, first: date, end: date, asks: int
) -> None:
    """The summary again, beside those who ask long questions: a dozen of them, then a crowd."""
    found = {}
    for number in (askers.ASKERS, askers.CROWD):
        with askers.beside(client, number, first, end):
            found[number] = reads.summary(client, 4 * asks)
        p95, median = percentile(found[number], 0.95), statistics.median(found[number])
        _say(f"summary beside {number} askers: {p95:.0f} (median {median:.0f})")
    results.note(
        "summary_under_load_p95_ms",
        [percentile(found[askers.ASKERS], 0.95)],
        all_ms=spread(found[askers.ASKERS]),
        crowd_p95_ms=round(percentile(found[askers.CROWD], 0.95), 1),
        crowd_ms=spread(found[askers.CROWD]),
    )


def measure_steps(rig: Rig, results: Results, options: argparse.Namespace) -> None:
    """Processor time by step, of messages of one heartbeat and of fifty."""
    costs = {
        name: steps.measure(rig, size=size, transactions=options.transactions, hours_ago=hours_ago)
        for name, size, hours_ago in (("single", 1, 3), ("fifty", 50, 2))
    }
    shown = Table(title="Processor time by step, µs a heartbeat, without broker and reader")
    for column in ("step", "single", "its backend", "fifty", "its backend"):
        shown.add_column(column, justify="left" if column == "step" else "right")
    for row in steps.table(costs):
        shown.add_row(*row)
    paper.print(shown)
    results.detail["ingest_steps_us"] = {
        name: {"ours": cost.ours, "database": cost.theirs} for name, cost in costs.items()
    }


def _year(rig: Rig, client: Any, first: Any, asks: int) -> list[float]:
    return reads.instrument_year(client, rig.city.instruments, first, asks)


PARTS = {
    "drain": measure_drains,
    "steps": measure_steps,
    "visible": measure_visible,
    "reads": measure_reads,
    "hours": measure_hours,
}


def show(found: dict[str, Any]) -> None:
    """The table on the terminal."""
    table = Table(title="Jishi, measured on this machine with everything on it")
    for column in ("key", "measured", "spread", "bar", "", "is"):
        table.add_column(
            column,
            justify="right" if column in ("measured", "bar") else "left",
            no_wrap=column in ("key", "measured"),
        )
    for key in KEYS:
        value = found.get(key.name)
        more = found["detail"].get(key.name) or {}
        between = f"{more['least']:,.4g} to {more['most']:,.4g}" if "least" in more else ""
        table.add_row(
            key.name,
            "—" if value is None else f"{value:,.4g} {key.unit}",
            between,
            bars(key),
            met(key, value),
            key.says,
        )
    paper.print(table)


def show_costs(found: dict[str, Any]) -> None:
    """What a heartbeat of the drains cost in processor time, of each process."""
    for name, key in (("single", "drain_single_ratio"), ("fifty", "drain_batched_ratio")):
        detail = found["detail"].get(key) or {}
        costs = [
            f"{cost} {detail[cost]['median']:.1f}"
            for cost in ("ingest_cpu_us", "database_cpu_us", "broker_cpu_us")
            if cost in detail
        ]
        if costs:
            paper.print(f"{name}: {', '.join(costs)} (µs of processor a heartbeat)")


def show_peers(found: dict[str, Any]) -> None:
    """What each of those measured keeps and checks, and what it does not."""
    detail = found["detail"]

    def rate_of(key: str, name: str) -> str:
        per_s = (detail.get(key) or {}).get(name)
        median = per_s["median"] if isinstance(per_s, dict) else per_s
        return "not measured" if median is None else f"{median:,.0f}"

    rates = (
        f"{rate_of('drain_single_ratio', 'ours_per_s')} single\n"
        f"{rate_of('drain_batched_ratio', 'ours_per_s')} by fifty",
        rate_of("drain_single_ratio", "mosquitto_sub_psql_per_s"),
        rate_of("drain_batched_ratio", "bare_copy_per_s"),
        rate_of("tutorial_ratio", "insert_and_commit_per_s"),
        rate_of("node_red", "per_s"),
    )
    table = Table(title="The peers in the same run")
    for column in ("", "heartbeats/s", "keeps", "checks", "loses when the power fails"):
        table.add_column(column, justify="right" if column == "heartbeats/s" else "left")
    for peer, rate in zip(peers.PEERS, rates, strict=True):
        table.add_row(peer.name, rate, peer.keeps, peer.checks, peer.lost)
    paper.print(table)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and tells; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "what", nargs="?", choices=["keys", "growth"], default="keys", help="keys unless said"
    )
    parser.add_argument(
        "--sizes", default="", help="for growth: instruments, by comma; all sizes unless said"
    )
    parser.add_argument(
        "--node-red", type=int, default=20_000, help="messages for Node-RED; 0 leaves it out"
    )
    parser.add_argument("--only", choices=[*PARTS], action="append", help="one part, repeatable")
    parser.add_argument("--instruments", type=int, default=CITY, help="the city's size")
    parser.add_argument("--repeats", type=int, default=3, help="drains of each kind")
    parser.add_argument(
        "--drain-seconds", type=float, default=90.0, help="no repeat begins after this long"
    )
    parser.add_argument("--singles", type=int, default=200_000, help="messages of one heartbeat")
    parser.add_argument("--batched", type=int, default=400_000, help="heartbeats, 50 a message")
    parser.add_argument("--transactions", type=int, default=6, help="written for the steps")
    parser.add_argument("--inserts", type=int, default=3_000, help="messages inserted one by one")
    parser.add_argument("--seconds", type=float, default=30.0, help="probing for visible_p99_ms")
    parser.add_argument("--days", type=int, default=380, help="history for the reads")
    parser.add_argument("--asks", type=int, default=40, help="questions of each kind")
    parser.add_argument("--full", action="store_true", help="more repeats of everything")
    parser.add_argument("--no-write", action="store_true", help="leave latest.json as it is")
    options = parser.parse_args(arguments)
    if options.what == "growth":
        return _grow(options)
    if options.full:
        options.repeats, options.seconds, options.asks = 7, 120.0, 200
        options.drain_seconds = 1_200.0
    results = Results()
    began = time.monotonic()
    _say(f"a city of {options.instruments:,} instruments; the database is durable")
    speed: dict[str, float] = {}
    with started(City(options.instruments)) as rig:
        for name, part in PARTS.items():
            if not options.only or name in options.only:
                speed[name] = loop_ms()
                part(rig, results, options)
        speed["at the end"] = loop_ms()
    results.detail["workload"] = {
        "instruments": options.instruments,
        "seconds_in_all": round(time.monotonic() - began),
        "loop_ms_before_each_part": speed,
        "note": "history for the reads is written into the rollups by SQL, not sent over MQTT",
    }
    found = results.as_json()
    if not options.no_write:
        results.write()
        found = json.loads(LATEST.read_text("utf-8"))
        picture.write(found)
        told.write(found)
    show(found)
    show_costs(found)
    show_peers(found)
    _say(f"one and the same loop before each part, ms: {speed}")
    _say(f"{results.detail['workload']['seconds_in_all']} s in all")
    return _grow(options) if options.full and not options.only else 0


def _grow(options: argparse.Namespace) -> int:
    sizes = [int(size) for size in options.sizes.split(",") if size] or list(growth.SIZES)
    growth.measure(sizes, messages=min(options.singles, 100_000), seconds=15.0, asks=5, say=_say)
    print(growth.table(growth.read_back()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
