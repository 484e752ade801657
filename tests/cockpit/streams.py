"""Many listeners at once: ``python -m tests.cockpit.streams``.

Opens event streams over raw sockets to an api before a city of full size, while heartbeats
arrive and states change, and prints, as JSON: what was delivered, how old it was on arrival,
and what the api's process took for it. Half the listeners hear what the cockpit does
(``view=summary``), half every status of one institution or, one in ten, of the whole city.

Lag is taken twice: from a probe's publish to its arrival in a status stream, which holds the
whole way through broker, ingest and database, and from the api's look (`as_of`) to arrival.
"""

import argparse
import asyncio
import json
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from bench.city import CITY, gateway_id
from bench.publisher import Publisher
from models.timestamp import format_instant
from store.registry.keys import create_key
from store.run import run
from tests.cockpit.measured import Measured, beat, city, load, percentile

AS_OF = re.compile(rb'"as_of":"([^"]+)"')
PER_KEY = 50
PROBE_EVERY = 2.0  # seconds
TRIES = 20
AGAIN_AFTER = 2.0  # seconds
AWAITED = 30  # probes that may still be told


@dataclass(slots=True)
class Heard:
    """What all listeners heard, seconds."""

    snapshots: int = 0
    changes: int = 0
    bytes: int = 0
    ended: int = 0
    #: Attempts that were turned away, by status.
    refused: Counter[int] = field(default_factory=Counter)
    from_look: list[float] = field(default_factory=list)
    from_publish: list[float] = field(default_factory=list)
    #: When the snapshot was whole, after asking for it.
    first: list[float] = field(default_factory=list)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--instruments", type=int, default=CITY)
    parser.add_argument("--rate", type=int, default=CITY // 10, help="heartbeats a second")
    parser.add_argument("--changes", type=int, default=20, help="changes of state a second")
    given = parser.parse_args()
    with (
        city(given.instruments, 2, streams_per_key=PER_KEY + 10) as measured,
        load(measured.rig, given.rate, given.changes),
    ):
        asyncio.run(_measure(measured, given.clients, given.seconds))


async def _measure(measured: Measured, clients: int, seconds: float) -> None:
    with psycopg.connect(measured.rig.stack.database_url) as connection:
        keys = [
            run(connection, create_key(scopes=["admin"], name=f"wall {n}")).key
            for n in range(-(-clients // PER_KEY))
        ]
    pid = measured.api.pid
    assert pid is not None
    heard, probes = Heard(), dict[bytes, float]()
    before, began = _cpu_s(pid), time.monotonic()
    rss_before = _rss_mb(pid)
    listeners = [
        asyncio.create_task(
            _listen(measured.url, keys[n // PER_KEY], _view(measured, n), heard, probes)
        )
        for n in range(clients)
    ]
    for _ in range(600):
        if heard.snapshots >= clients:
            break
        await asyncio.sleep(0.1)
    connected = time.monotonic() - began
    heard.from_look.clear()
    steady_cpu, steady_at = _cpu_s(pid), time.monotonic()
    changes = heard.changes
    async with asyncio.TaskGroup() as group:
        group.create_task(_probe(measured, probes, seconds))
    took = time.monotonic() - steady_at
    said = {
        "clients": clients,
        "snapshots": heard.snapshots,
        "refused": dict(heard.refused),
        "ended_early": heard.ended,
        "all_connected_s": round(connected, 1),
        "first_event_p99_s": round(percentile(heard.first, 0.99), 2),
        "changes_delivered": heard.changes - changes,
        "changes_per_s": round((heard.changes - changes) / took),
        "megabytes": round(heard.bytes / 1e6, 1),
        "lag_from_publish_ms": _spread(heard.from_publish),
        "lag_from_look_ms": _spread(heard.from_look),
        "api_cpu_share": round((_cpu_s(pid) - steady_cpu) / took, 2),
        "api_cpu_connecting_s": round(steady_cpu - before, 1),
        "api_rss_mb_before": rss_before,
        "api_rss_mb": _rss_mb(pid),
    }
    for listener in listeners:
        listener.cancel()
    await asyncio.gather(*listeners, return_exceptions=True)
    print(json.dumps(said, indent=1), flush=True)


def _view(measured: Measured, number: int) -> str:
    if number % 2:
        return "view=summary"
    if number % 10 == 0:
        return "view=status"
    # The probes' own institution, so that each of these hears every probe.
    probe = measured.rig.city.gateway_of(measured.rig.city.instruments - 1)
    return f"view=status&institution=inst-{probe:05d}"


async def _listen(url: str, key: str, view: str, heard: Heard, probes: dict[bytes, float]) -> None:
    """One listener; where it is turned away it comes again, as browsers do."""
    asked = time.monotonic()
    for _ in range(TRIES):
        status = await _hear(url, key, view, heard, probes, asked)
        if status == 200:
            heard.ended += 1
        else:
            heard.refused[status] += 1
        await asyncio.sleep(AGAIN_AFTER)


async def _hear(
    url: str, key: str, view: str, heard: Heard, probes: dict[bytes, float], asked: float
) -> int:
    """Hears until the stream ends; the answer's status, 0 where there was none."""
    host, _, port = urlsplit(url).netloc.partition(":")
    try:
        reader, writer = await asyncio.open_connection(host, int(port), limit=64 << 20)
    except OSError:
        return 0
    status = 0
    try:
        writer.write(
            f"GET /v1/stream?{view} HTTP/1.1\r\nHost: {host}\r\n"
            f"Authorization: Bearer {key}\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        if status != 200:
            return status
        event = bytearray()
        while True:
            size = int((await reader.readline()).strip() or b"0", 16)
            if not size:
                return status
            chunk = await reader.readexactly(size + 2)
            heard.bytes += size
            event += chunk[:-2]
            if event.endswith(b"\n\n"):
                _take(bytes(event), heard, probes, asked)
                event.clear()
    except (asyncio.IncompleteReadError, ConnectionError):
        return status
    finally:
        writer.close()


def _take(event: bytes, heard: Heard, probes: dict[bytes, float], asked: float) -> None:
    now = time.time()
    if event.startswith(b"event: snapshot"):
        heard.snapshots += 1
        heard.first.append(time.monotonic() - asked)
        return
    if not event.startswith(b"event: change"):
        return
    heard.changes += 1
    found = AS_OF.search(event)
    if found:
        heard.from_look.append(now - datetime.fromisoformat(found[1].decode()).timestamp())
    for mark, published in list(probes.items()):
        if mark in event:
            heard.from_publish.append(now - published)


async def _probe(measured: Measured, probes: dict[bytes, float], seconds: float) -> None:
    """One instrument changes its state every other second, and its change is waited for."""
    rig = measured.rig
    number = rig.city.instruments - 1
    topic = f"instruments/v1/{gateway_id(rig.city.gateway_of(number))}/heartbeat"
    account = rig.stack.broker.publisher
    assert account is not None
    publisher = Publisher(
        rig.stack.mqtt_host, rig.stack.mqtt_port, "page-probe", account.username, account.password
    )
    boot = time.time_ns() // 10**9
    until = time.monotonic() + seconds
    step = 0
    with publisher:
        while time.monotonic() < until:
            step += 1
            ts_ms = time.time_ns() // 1_000_000
            text = beat(number, step % 3, ts_ms, step, boot)
            at = datetime.fromtimestamp(ts_ms / 1000).astimezone()
            # One that is followed before the next look is never told: changes are coalesced.
            if len(probes) >= AWAITED:
                del probes[next(iter(probes))]
            probes[_mark(number, at)] = time.time()
            await asyncio.to_thread(publisher.publish, [(topic, f"[{text}]".encode())])
            await asyncio.sleep(PROBE_EVERY)


def _mark(number: int, at: datetime) -> bytes:
    """What an event has in it once it tells of this heartbeat: its state began then."""
    return f'"since":"{format_instant(round(at.timestamp() * 1e6))}"'.encode()


def _spread(values: list[float]) -> dict[str, float]:
    return {
        "n": len(values),
        **{
            name: round(percentile(values, share) * 1000)
            for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("worst", 1.0))
        },
    }


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _rss_mb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) // 1024
    return 0


if __name__ == "__main__":
    main()
