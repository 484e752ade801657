"""A Sparkplug edge node of a public library, over the broker, from its birth to its figures."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from models.heartbeat import HISTORICAL, LIVE, SAMPLE, WORD
from tests.edge_node import Plant, Wire, mode, power
from tests.live import MINUTE, SECOND, Live, at, now_us, until

REBIRTH = "Node Control/Rebirth"
GROUP = "plant 1"
SOURCE = {"mapping": "sparkplug-b", "device": "press", "metrics": {"state": "Mode"}}

Start = Callable[..., tuple[Plant, str]]


@pytest.fixture(scope="module")
def nodes(live: Live) -> Iterator[tuple[str, str]]:
    """Gateways that are nodes to which the host listens already, with the nodes' names."""
    found = []
    for number in range(12):
        node = f"n {number}"
        found.append((live.gateway(sparkplug={"group": GROUP, "node": node}), node))
    # Nobody is there yet, and each is asked once; what is asked later is the test's doing.
    until(lambda: live.metric("jishi_ingest_sparkplug_rebirths_total") >= len(found))
    return iter(found)


@pytest.fixture
def start(live: Live, nodes: Iterator[tuple[str, str]]) -> Iterator[Start]:
    """Starts a node with one device, and an instrument that the device feeds."""
    plants: list[Plant] = []

    def start(first: Any, *, hold_s: int = 180, source: Any = SOURCE) -> tuple[Plant, str]:
        gateway, node = next(nodes)
        instrument = live.instrument(gateway=gateway, source=source, hold_s=hold_s)
        plants.append(Plant(live.service.stack.broker, GROUP, node, first))
        plants[-1].start()
        until(lambda: live.get(f"gateways/{gateway}")["online"])
        return plants[-1], instrument

    yield start
    for plant in plants:
        plant.wire.disconnect()


def heartbeats(live: Live, instrument: str) -> list[Any]:
    """Flags and time of its heartbeats, but for words of coming and going."""
    return live.rows(
        "SELECT flags, us(ts) FROM heartbeat JOIN instrument USING (instrument_key)"
        " WHERE instrument_id = %s AND flags & %s = 0 ORDER BY ts",
        instrument,
        WORD,
    )


def stored(live: Live, instrument: str) -> int:
    return len(heartbeats(live, instrument))


def test_from_birth_to_figures_by_alias(live: Live, start: Start) -> None:
    plant, instrument = start(mode("idle", at("10:00")))
    plant.say(mode("running", at("10:01")))
    plant.say_by_alias([mode("idle", at("10:02"), name=None)])
    until(lambda: stored(live, instrument) == 3)
    assert live.spent(instrument, "10:00", "10:03") == {"running": 60, "idle": 120}
    assert plant.commands == []


def test_history_counts_and_is_no_sign_of_life(live: Live, start: Start) -> None:
    plant, instrument = start(mode("idle", at("10:00")))
    until(lambda: stored(live, instrument) == 1)
    before = live.status(instrument)["last_heartbeat_at"]
    plant.say(mode("running", now_us() - 10 * MINUTE, is_historical=True))
    until(lambda: stored(live, instrument) == 2)
    assert live.status(instrument)["last_heartbeat_at"] == before
    assert [flags & (LIVE | HISTORICAL) for flags, _ in heartbeats(live, instrument)] == [
        LIVE,
        HISTORICAL,
    ]


def test_a_gap_that_heals_asks_for_nothing(live: Live, start: Start) -> None:
    plant, instrument = start(mode("idle", at("10:00")))
    plant.wire.hold()
    plant.say(mode("running", at("10:01")))
    plant.wire.let_go(lose=True)
    plant.say(mode("idle", at("10:02")))
    plant.wire.send_kept()
    until(lambda: stored(live, instrument) == 3)
    assert live.spent(instrument, "10:00", "10:03") == {"running": 60, "idle": 120}
    # Had it been asked, the ask would be there before what is said after the reorder timeout.
    plant.wire.hold()
    plant.say(mode("idle", at("10:04")))
    plant.wire.let_go(lose=True)
    plant.say(mode("idle", at("10:05")))
    until(lambda: plant.commands)
    assert plant.commands == [REBIRTH]


def test_a_gap_that_does_not_heal_asks_once(live: Live, start: Start) -> None:
    plant, instrument = start(mode("idle", at("10:00")))
    for minute in (1, 4):
        plant.wire.hold()
        plant.say(mode("running", at("10:00") + minute * MINUTE))
        plant.wire.let_go(lose=True)
        plant.say(mode("idle", at("10:01") + minute * MINUTE))
        # What came beyond the gap is taken when the gap is given up.
        until(lambda minute=minute: stored(live, instrument) == 2 + (minute > 1))
    assert plant.commands == [REBIRTH]
    assert live.spent(instrument, "10:00", "10:03") == {"idle": 180}


def test_a_node_that_was_there_before_its_host_is_asked_once(live: Live) -> None:
    plant = Plant(live.service.stack.broker, GROUP, "early", mode("idle", at("10:00")))
    plant.start()
    gateway = live.gateway(sparkplug={"group": GROUP, "node": "early"})
    instrument = live.instrument(gateway=gateway, source=SOURCE, hold_s=180)
    until(lambda: plant.commands)
    plant.say(mode("running", at("10:01")))
    plant.wire.disconnect()
    again = Plant(live.service.stack.broker, GROUP, "early", mode("idle", at("10:02")))
    again.start()
    until(lambda: stored(live, instrument) == 1)
    again.wire.disconnect()
    assert plant.commands == [REBIRTH]
    assert again.commands == []


def test_a_nodes_death_is_its_gateways_and_an_older_one_is_nobodys(
    live: Live, start: Start
) -> None:
    plant, instrument = start(mode("idle", now_us()), hold_s=1)
    gateway = live.gateway_of[instrument]
    plant.die_as(plant.bd_seq - 1)
    plant.say(mode("running", now_us()))
    until(lambda: stored(live, instrument) == 2)
    assert live.get(f"gateways/{gateway}")["online"]
    plant.wire.kill()
    until(lambda: live.status(instrument)["cause"] == "gateway")
    shown = live.get(f"gateways/{gateway}")
    assert (shown["online"], shown["by_will"]) == (False, True)
    *_, (_, newest) = heartbeats(live, instrument)
    unknown = live.causes(instrument, newest, newest + 2 * SECOND)
    assert unknown.keys() == {"gateway"}


def test_a_lost_device_is_unknown_at_once(live: Live, start: Start) -> None:
    plant, instrument = start(mode("running", now_us()))
    until(lambda: live.status(instrument)["activity"] == "running")
    plant.node.deregister("press")
    until(lambda: live.status(instrument)["activity"] == "unknown")
    shown = live.status(instrument)
    assert (shown["connectivity"], shown["cause"]) == ("offline", "device")


def test_a_dead_nodes_devices_are_unknown_at_once(live: Live, start: Start) -> None:
    plant, instrument = start(mode("running", now_us()))
    until(lambda: live.status(instrument)["activity"] == "running")
    plant.wire.kill()
    until(lambda: live.status(instrument)["activity"] == "unknown")
    until(lambda: live.status(instrument)["cause"] == "gateway")


def test_watts_are_samples_and_null_is_not_0_w(live: Live, start: Start) -> None:
    source = {**SOURCE, "metrics": {"power_w": "Power"}}
    plant, instrument = start(power(1350.5, now_us() - SECOND), source=source)
    until(lambda: live.status(instrument)["power_w"] == Decimal("1350.5"))
    (flags, _), *more = heartbeats(live, instrument)
    assert (flags & SAMPLE, more) == (SAMPLE, [])
    assert live.status(instrument)["connectivity"] == "online"
    plant.say(power(None, now_us()))
    until(lambda: live.status(instrument)["connectivity"] == "offline")
    assert stored(live, instrument) == 1


def test_a_birth_of_its_values_time_holds_them_in_silence(live: Live, start: Start) -> None:
    """Neither its word nor what it says is lost to the other, which bears the same time."""
    plant, instrument = start(
        power(20.0, at("09:00")), source={**SOURCE, "metrics": {"power_w": "Power"}}
    )
    rule = {"off_below_w": 5, "run_until_w": 40, "run_from_w": 50, "silence_s": 3_600}
    live.patch(
        f"instruments/{instrument}",
        power_rule={**rule, "dwell_start_s": 0, "dwell_stop_s": 0},
        valid_from="2020-01-01T00:00:00Z",
    )
    plant.bear(at("10:00"), power(90.0, at("10:00")))
    until(lambda: stored(live, instrument) == 2)
    assert live.spent(instrument, "10:00", "11:30") == {"running": 3_600, "unknown": 1_800}
    assert live.letters(gateway=live.gateway_of[instrument]) == []


def test_a_device_that_nobody_bound_is_kept_and_taken_once_it_is(live: Live, start: Start) -> None:
    _, instrument = start(mode("idle", at("10:00")), source=None)
    gateway = live.gateway_of[instrument]
    (letter,) = until(lambda: live.letters(gateway=gateway))
    assert letter["reason"] == "unmapped"
    assert letter["topic"] == f"instruments/v1/{gateway}/native/sparkplug-b/press"
    live.patch(f"instruments/{instrument}", source=SOURCE, valid_from="2020-01-01T00:00:00Z")
    live.post(f"dead-letters/{letter['id']}/replay", {})
    until(lambda: stored(live, instrument) == 1)


def test_what_is_no_payload_is_kept_with_its_reason(live: Live, start: Start) -> None:
    plant, instrument = start(mode("idle", at("10:00")))
    plant.wire.send(f"spBv1.0/{plant.group}/DDATA/{plant.name}/press", b"{}")
    plant.say(mode("asleep", at("10:01")))
    gateway = live.gateway_of[instrument]
    (letter,) = until(lambda: _counted(live, gateway, 2))
    assert letter["reason"] == "malformed"
    assert (
        "'asleep'; known are off, idle, running"
        in live.get(f"dead-letters/{letter['id']}")["detail"]
    )


def _counted(live: Live, gateway: str, count: int) -> list[Any]:
    letters = live.letters(gateway=gateway)
    return letters if sum(one["occurrences"] for one in letters) == count else []


def test_the_host_says_that_it_is_there_and_says_so_again(live: Live) -> None:
    heard: list[dict[str, Any]] = []
    topic = "spBv1.0/STATE/jishi-test"
    wire = Wire(live.service.stack.broker)
    wire.listen(topic, lambda payload: heard.append(json.loads(payload)))
    until(lambda: heard)  # retained
    assert heard[0]["online"]
    wire.send(topic, json.dumps({"online": False, "timestamp": 1}).encode())
    until(lambda: len(heard) == 3)
    assert [one["online"] for one in heard] == [True, False, True]
    assert heard[2]["timestamp"] == heard[0]["timestamp"]
    wire.disconnect()
