"""A Sparkplug edge node of a public library, over the broker, from its birth to its figures."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from models.heartbeat import HISTORICAL, LIVE, WORD
from tests.edge_node import Plant, mode
from tests.live import DAY, MINUTE, SECOND, Live, at, now_us, until

REBIRTH = "Node Control/Rebirth"
GROUP = "plant 1"
SOURCE = {"mapping": "sparkplug-b", "device": "press", "metrics": {"state": "Mode"}}

Start = Callable[..., tuple[Plant, str]]


@pytest.fixture(scope="module")
def nodes(live: Live) -> Iterator[tuple[str, str]]:
    """Gateways that are nodes to which the host listens already, with the nodes' names."""
    found = []
    for number in range(9):
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
        plants.append(Plant(live.service, GROUP, node, first))
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
    plant = Plant(live.service, GROUP, "early", mode("idle", at("10:00")))
    plant.start()
    gateway = live.gateway(sparkplug={"group": GROUP, "node": "early"})
    instrument = live.instrument(gateway=gateway, source=SOURCE, hold_s=180)
    until(lambda: plant.commands)
    plant.say(mode("running", at("10:01")))
    plant.wire.disconnect()
    again = Plant(live.service, GROUP, "early", mode("idle", at("10:02")))
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
    came = threading.Event()

    def on_message(_client: Any, _data: Any, message: Any) -> None:
        heard.append({**json.loads(message.payload), "retained": message.retain})
        came.set()

    plant = Plant(live.service, "nobody", "n", mode("idle", DAY))
    client = plant.wire._client
    topic = "spBv1.0/STATE/jishi-test"
    client.message_callback_add(topic, on_message)
    plant.wire._wanted[topic] = 1
    plant.start()
    until(lambda: heard)
    assert (heard[0]["online"], heard[0]["retained"]) == (True, True)
    plant.wire._client.publish(topic, json.dumps({"online": False, "timestamp": 1}), 1, True)
    until(lambda: len(heard) == 3)
    assert [one["online"] for one in heard] == [True, False, True]
    assert heard[2]["timestamp"] == heard[0]["timestamp"]
    plant.wire.disconnect()
