"""From publishing a heartbeat to seeing it in ``/status``, under a city's steady load."""

import threading
import time
from datetime import datetime

import httpx

from bench.beats import state_at
from bench.city import City, gateway_id, instrument_id
from bench.publisher import Publisher
from bench.rig import Rig

TICK = 0.05  # seconds between two portions of the load


def _load(rig: Rig, rate: int, stop: threading.Event, late: list[float]) -> None:
    account = rig.stack.broker.publisher
    assert account is not None
    city = rig.city
    with Publisher(
        rig.stack.mqtt_host, rig.stack.mqtt_port, "bench-load", account.username, account.password
    ) as publisher:
        # The last hundred are left for the probes.
        many = city.instruments - 100
        sent = 0
        began = time.monotonic()
        while not stop.wait(max(0.0, began + sent / rate - time.monotonic())):
            now_ms = time.time_ns() // 1_000_000
            portion = []
            for _ in range(max(1, int(rate * TICK))):
                number = sent % many
                portion.append(_message(city, number, sent // many, now_ms))
                sent += 1
            publisher.publish(portion)
            late.append(time.monotonic() - began - sent / rate)


def _message(city: City, number: int, tick: int, ts_ms: int) -> tuple[str, bytes]:
    state = ("off", "idle", "running")[state_at(number, tick)]
    body = (
        f'{{"instrument_id":"{instrument_id(number)}","ts":{ts_ms},"state":"{state}",'
        f'"power_w":10.5,"runtime_s":{tick},"seq":{tick},"boot_id":"v{ts_ms // 10**9}"}}'
    )
    return f"instruments/v1/{gateway_id(city.gateway_of(number))}/heartbeat", body.encode()


def measure(
    rig: Rig, client: httpx.Client, *, rate: int, seconds: float
) -> tuple[list[float], dict[str, float]]:
    """Milliseconds from publish to visible, one probe after the other.

    Args:
        rig: Its ingest is running.
        client: Of its API.
        rate: Heartbeats a second beside the probes.
        seconds: How long.

    Returns:
        The delays, and the rate that the load kept.
    """
    stop = threading.Event()
    late: list[float] = []
    load = threading.Thread(target=_load, args=(rig, rate, stop, late), daemon=True)
    load.start()
    time.sleep(3)
    account = rig.stack.broker.publisher
    assert account is not None
    delays: list[float] = []
    city = rig.city
    tick = 0
    until = time.monotonic() + seconds
    with Publisher(
        rig.stack.mqtt_host, rig.stack.mqtt_port, "bench-probe", account.username, account.password
    ) as publisher:
        while time.monotonic() < until:
            tick += 1
            number = city.instruments - 1 - tick % 100
            ts_ms = time.time_ns() // 1_000_000
            began = time.perf_counter()
            publisher.publish([_message(city, number, tick, ts_ms)])
            while time.perf_counter() - began < 30:
                said = client.get(f"/v1/instruments/{instrument_id(number)}/status").json()
                seen = said.get("last_heartbeat_at")
                if seen and round(datetime.fromisoformat(seen).timestamp() * 1000) >= ts_ms:
                    break
                time.sleep(0.005)
            delays.append((time.perf_counter() - began) * 1000)
            time.sleep(0.02 + 0.001 * (tick % 90))
    stop.set()
    load.join(10)
    return delays, {"rate": rate, "load_late_s": round(max(late, default=0.0), 3)}
