"""Nine families of devices, each from its gateway's own account, to exact time in state.

Shuffled, doubled, in portions, to two workers that both hear everything, one of which is killed in
between: what the API tells is what an oracle makes of the samples, to the microsecond. What says
no time takes its receipt, so there the oracle is given the times that were stored.
``JISHI_FAMILIES`` says how many histories there are of each.
"""

import json
import os
import random
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from cli.up import Service
from models.segment import State
from simulators.heartbeat import Heartbeat
from simulators.native import FAMILIES
from stack import MqttAccount
from tests import power_oracle
from tests.chance import counted
from tests.integration.stack.support import Client
from tests.live import HOUR, MINUTE, SECOND, Live, at, iso, now_us, until, us_of

HISTORIES = counted("JISHI_FAMILIES", 1)
HOLD_S = 300
RULE = {
    "off_below_w": 5,
    "run_from_w": 300,
    "run_until_w": 250,
    "dwell_start_s": 90,
    "dwell_stop_s": 120,
    "silence_s": None,
}
#: What a machine of MTConnect says, by what it does.
WORDS = {"running": "ACTIVE", "idle": "INTERRUPTED"}
Message = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Said:
    """What a device says at a time: watts, or a state."""

    ts: int
    what: float | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A family: how a device of it says something, and what an instrument must name."""

    mapping: str
    channel: str | None
    spell: Callable[[str, Said], Message]
    #: How exactly it tells the time; ``None``: not at all.
    grain: int | None


def simulated(name: str) -> Spoken:
    family = FAMILIES[name]

    def spell(device: str, said: Said) -> Message:
        assert isinstance(said.what, float)
        heard = Heartbeat(
            instrument=0, instrument_id=device, ts_us=said.ts, state=State.IDLE,
            power_w=said.what, runtime_s=None, energy_wh=1234.5, seq=None, boot_id=None,
            interval_s=None,
        )  # fmt: skip
        topic, payload = family.message("", heard)
        return topic.split("/native/")[1], payload

    return Spoken(
        mapping=family.mapping, channel=family.channel, spell=spell, grain=family.grain_us
    )


def gen1(device: str, said: Said) -> Message:
    return f"shellies/{device}/relay/0/power", f"{said.what}".encode()


def homie(device: str, said: Said) -> Message:
    return f"homie/5/{device}/meter/power", f"{said.what}".encode()


def mtconnect(device: str, said: Said) -> Message:
    ts = datetime.fromtimestamp(said.ts / SECOND, UTC).isoformat().replace("+00:00", "Z")
    body = {"dataItemId": "exec", "type": "EXECUTION", "timestamp": ts,
            "result": WORDS[str(said.what)], "sequence": 1}  # fmt: skip
    return f"MTConnect/Devices/{device}/Observations/exec", json.dumps(body).encode()


SPOKEN = {
    **{name: simulated(name) for name in FAMILIES},
    "shelly-gen1": Spoken(mapping="shelly-gen1", channel="relay/0", spell=gen1, grain=None),
    "homie-5": Spoken(mapping="homie-5", channel="meter", spell=homie, grain=None),
    "mtconnect": Spoken(mapping="mtconnect", channel="exec", spell=mtconnect, grain=1_000),
}
TIMED = [name for name, spoken in SPOKEN.items() if spoken.grain]


@pytest.fixture(scope="module")
def world() -> Iterator[Live]:
    """Two workers, both of which take everything; killed by these tests and no other."""
    service = Service(
        publisher=True, durable=False, ingest_workers=2, settings={"batch_age": "10ms"}
    )
    try:
        service.start()
        client = Live(service)
        yield client
        client.close()
    finally:
        service.stop()


@pytest.fixture
def gateway(world: Live) -> Iterator[tuple[str, Client]]:
    """A gateway, and a connection by its own account."""
    name = world.gateway()
    made = world.http.post(f"/v1/gateways/{name}/credentials").json()
    account = MqttAccount(username=name, password=made["password"], client_id=name)
    found: list[Client] = []

    def admitted() -> bool:
        found.append(
            Client(world.service.stack.broker, account, protocol=MQTTProtocolVersion.MQTTv5)
        )
        if found[-1].refusal is not None:
            found[-1].close()
            return False
        return True

    until(admitted)
    yield name, found[-1]
    found[-1].close()


def registered(world: Live, gateway: str, spoken: Spoken, device: str, **rule: Any) -> str:
    return world.instrument(
        gateway=gateway,
        hold_s=HOLD_S,
        power_rule={**RULE, **rule},
        source={"mapping": spoken.mapping, "device": device, "channel": spoken.channel},
        valid_from=iso(at("00:00")),
    )


def an_hour(rnd: random.Random, name: str) -> list[Said]:
    """Samples of an hour and more, with gaps, in the band and out of it."""
    grain = SPOKEN[name].grain or 1
    levels: list[float | str] = [0.0, 2.5, 40.0, 260.5, 280.0, 301.0, 1350.5]
    if name == "mtconnect":
        levels = list(WORDS)
    found, what = [], levels[0]
    for minute in range(80):
        if rnd.random() < 0.15:
            continue
        if rnd.random() < 0.4:
            what = rnd.choice(levels)
        ts = at("10:00") + minute * MINUTE + rnd.randrange(MINUTE)
        found.append(Said(ts // grain * grain, what))
    return found


def told(world: Live, instrument: str, start: int, end: int) -> dict[str, int | None]:
    total = world.total(instrument, start, end)
    return {state: us_of(total[f"{state}_s"]) for state in ("off", "idle", "running")}


def expected(said: list[Said], start: int, end: int, **rule: Any) -> dict[str, int]:
    rows: list[dict[str, Any]] = [
        {"at": one.ts, "ts": one.ts, "hold": HOLD_S * SECOND, "rule": {**RULE, **rule},
         "state" if isinstance(one.what, str) else "power_w": one.what}
        for one in sorted(said, key=lambda one: one.ts)
    ]  # fmt: skip
    found = dict.fromkeys(("off", "idle", "running"), 0)
    for begin, until_, state in power_oracle.credits_of(rows, now_us()):
        found[state] += max(0, min(until_, end) - max(begin, start))
    return found


def stored(world: Live, instrument: str) -> list[Said]:
    return [
        Said(ts, power)
        for ts, power in world.rows(
            "SELECT us(ts), power_w::float8 FROM heartbeat JOIN instrument USING (instrument_key)"
            " WHERE instrument_id = %s ORDER BY ts",
            instrument,
        )
    ]


@pytest.mark.parametrize("history", range(HISTORIES))
@pytest.mark.parametrize("name", TIMED)
def test_in_any_order_and_number_over_a_death(
    world: Live, gateway: tuple[str, Client], name: str, history: int
) -> None:
    gateway_id, client = gateway
    rnd = random.Random(f"{name} {history}")
    spoken = SPOKEN[name]
    instrument = registered(world, gateway_id, spoken, "device-1")
    said = an_hour(rnd, name)
    log = said * 2
    rnd.shuffle(log)
    worker = world.service.ingests[0]
    while log:
        size = rnd.choice([1, 5, 40])
        portion, log = log[:size], log[size:]
        for one in portion:
            below, payload = spoken.spell("device-1", one)
            client.send(f"instruments/v1/{gateway_id}/native/{below}", [payload])
        if worker is not None and len(log) < len(said):
            if worker.pid is not None:
                os.kill(worker.pid, signal.SIGKILL)
            until(worker.revive)
            worker = None  # type: ignore[assignment]
    world.settle(gateway_id, patience=60.0)
    assert world.letters(gateway=gateway_id) == []
    if name != "mtconnect":
        assert stored(world, instrument) == said
    start, end = at("10:00") + 7 * SECOND + 1, at("11:30")
    assert told(world, instrument, start, end) == expected(said, start, end)


@pytest.mark.parametrize("name", ["shelly-gen1", "homie-5"])
def test_by_the_receipt_where_no_time_is_said(
    world: Live, gateway: tuple[str, Client], name: str
) -> None:
    gateway_id, client = gateway
    spoken = SPOKEN[name]
    rule = {"dwell_start_s": 0.2, "dwell_stop_s": 0.3}
    instrument = registered(world, gateway_id, spoken, "device-1", **rule)
    powers = [0.0, 400.0, 400.0, 260.0, 200.0, 200.0, 500.0, 2.0]
    for power in powers:
        below, payload = spoken.spell("device-1", Said(0, power))
        client.send(f"instruments/v1/{gateway_id}/native/{below}", [payload])
        world.settle(gateway_id)
    heard = stored(world, instrument)
    # Each worker dates it for itself, some milliseconds apart, in the order in which it was said.
    assert [one.what for one in heard] == [power for power in powers for _ in range(2)]
    start, end = heard[0].ts - SECOND, heard[-1].ts
    # The last run may have lasted by now, and ingest looks for such once a second.
    until(lambda: told(world, instrument, start, end) == expected(heard, start, end, **rule))
    assert world.letters(gateway=gateway_id) == []


def test_silence_is_never_idle_or_off(world: Live, gateway: tuple[str, Client]) -> None:
    gateway_id, client = gateway
    spoken = replace(SPOKEN["zigbee2mqtt"])
    instrument = registered(world, gateway_id, spoken, "plug", silence_s=3_600)

    def say(below: str, payload: bytes) -> None:
        client.send(f"instruments/v1/{gateway_id}/native/zigbee2mqtt/{below}", [payload])
        world.settle(gateway_id)

    def sample(ts: int) -> bytes:
        return spoken.spell("plug", Said(ts, 1350.5))[1]

    before = now_us()
    say("plug/availability", b'{"state":"online"}')
    ts = (now_us() // 1_000 + 1) * 1_000
    say("plug", sample(ts))
    assert world.status(instrument)["activity"] == "running"
    assert world.status(instrument)["connectivity"] == "online"
    say("plug/availability", b'{"state":"offline"}')
    gone = now_us()
    status = world.status(instrument)
    assert (status["connectivity"], status["activity"]) == ("offline", "unknown")
    assert status["cause"] == "device"
    total = world.total(instrument, before, gone + HOUR)
    assert us_of(total["idle_s"]) == us_of(total["off_s"]) == 0
    assert us_of(total["running_s"]) <= gone - ts  # type: ignore[operator]
