"""A city of full size to measure the cockpit on: servers, history, ingest, api and a live load.

What is measured is in `measure.py` (a browser before it) and `streams.py` (500 listeners).
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg

from bench import history
from bench.beats import state_at
from bench.city import City, gateway_id, instrument_id
from bench.publisher import Publisher
from bench.rig import Rig, started
from cli.children import Child
from reports.signing import new_key
from stack.account import write_private
from store.registry.keys import create_key
from store.run import run

ZONE = ZoneInfo("Asia/Shanghai")
TICK = 0.1  # seconds between two portions of the load
READY_WITHIN = 60.0  # seconds
#: Instruments that the load leaves alone, for probes.
PROBES = 50
#: Institutions around their districts' seats, and values, so that nothing on the page is empty.
_DRESS = (
    "UPDATE institution_version v SET"
    " lon = d.seat_lon + (institution_key * 7919 % 1000 - 500) / 9000.0,"
    " lat = d.seat_lat + (institution_key * 104729 % 1000 - 500) / 9000.0"
    " FROM district d WHERE d.district_code = v.district_code",
    "UPDATE instrument_version SET value_cny = 300000 + instrument_key % 97 * 20000",
)


@dataclass(frozen=True, slots=True)
class Measured:
    """Where it is, and who may ask."""

    rig: Rig
    api: Child
    #: What the api is set to, beside the rig's own.
    settings: Mapping[str, object]
    url: str
    key: str
    #: The day after the last one of its history.
    end: date


@contextmanager
def city(
    instruments: int,
    days: int,
    dress: Callable[[Rig, date], None] | None = None,
    **settings: object,
) -> Iterator[Measured]:
    """A running service with so many instruments and so many days of history, all online.

    Args:
        instruments: In all 16 districts, 20 behind each gateway.
        days: Complete days until last midnight.
        dress: Fills what else there is, given the day after the last one; before ingest starts.
        settings: Of the api.
    """
    end = datetime.now(ZONE).date()
    with started(City(instruments)) as rig:
        history.load(rig, end - timedelta(days=days), end, raw=False, hours=True)
        with psycopg.connect(rig.stack.database_url) as connection:
            for statement in _DRESS:
                connection.execute(statement)
            key = run(connection, create_key(scopes=["admin"], name="measured")).key
        if dress is not None:
            dress(rig, end)
        signing = rig.stack.folder / "signing_key"
        write_private(signing, new_key())
        settings = {"signing_key_file": signing, **settings}
        ingest, api = rig.ingest(), rig.api(**settings)
        ingest.start()
        api.start()
        try:
            ingest.wait_ready(READY_WITHIN)
            url = str(api.wait_ready(READY_WITHIN)["api_url"])
            yield Measured(rig, api, settings, url, key, end)
        finally:
            api.stop(20)
            ingest.stop(20)


@contextmanager
def load(rig: Rig, rate: int, changing: int = 0) -> Iterator[None]:
    """Heartbeats in envelopes of each gateway's, as many a second, meanwhile.

    Args:
        rig: Its ingest is running.
        rate: Heartbeats a second; each instrument changes its state once an hour.
        changing: Of them, as many a second that change the state of their instrument.
    """
    stop = threading.Event()
    thread = threading.Thread(target=_publish, args=(rig, rate, changing, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)


def _publish(rig: Rig, rate: int, changing: int, stop: threading.Event) -> None:
    account = rig.stack.broker.publisher
    assert account is not None
    many = rig.city.instruments - PROBES
    with Publisher(
        rig.stack.mqtt_host, rig.stack.mqtt_port, "page-load", account.username, account.password
    ) as publisher:
        sent, began, flips = 0, time.monotonic(), 0.0
        boot = time.time_ns() // 10**9
        while not stop.wait(max(0.0, began + sent / rate - time.monotonic())):
            portion = max(1, int(rate * TICK))
            flips += changing * TICK
            gathered: dict[int, list[str]] = {}
            now_ms = time.time_ns() // 1_000_000
            for _ in range(portion):
                number, tick = sent % many, sent // many
                state = state_at(number, tick)
                if flips >= 1:
                    # Another one each round, and not the one it was in the last.
                    state, flips = (state + 1 + tick % 2) % 3, flips - 1
                gathered.setdefault(rig.city.gateway_of(number), []).append(
                    beat(number, state, now_ms, tick, boot)
                )
                sent += 1
            publisher.publish(
                (f"instruments/v1/{gateway_id(gateway)}/heartbeat", f"[{','.join(texts)}]".encode())
                for gateway, texts in gathered.items()
            )


def beat(
    number: int, state: int, ts_ms: int, seq: int, boot: int, power_w: float | None = None
) -> str:
    """A heartbeat's text."""
    word = ("off", "idle", "running")[state]
    power = 10.5 + number % 90 if power_w is None else power_w
    return (
        f'{{"instrument_id":"{instrument_id(number)}","ts":{ts_ms},"state":"{word}",'
        f'"power_w":{power},"seq":{seq},"boot_id":"m{boot}"}}'
    )


def percentile(values: list[float], share: float) -> float:
    """The value below which this share of them lies; 0 where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
