"""A host application at a real broker, without a database: what it says, asks and hands on."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from ingest.mqtt.sparkplug_host import SparkplugHost
from models.sparkplug.topic import NodeId
from stack import Mosquitto
from stack.fetch import find_mosquitto
from stack.settings import Settings
from tests.edge_node import Plant, Wire, mode
from tests.live import at, until

GROUP, NODE, GATEWAY = "lab", "n1", "gw-1"
STATE = "spBv1.0/STATE/here"
REBIRTH = "Node Control/Rebirth"

Make = Callable[[], SparkplugHost]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    programs = find_mosquitto(Settings.from_environ({}))
    folder: Path = tmp_path_factory.mktemp("broker")
    with Mosquitto(programs, folder, publisher=True) as server:
        yield server


@pytest.fixture
def make(broker: Mosquitto) -> Iterator[Make]:
    """Makes hosts that listen to one node."""
    made: list[SparkplugHost] = []

    def make() -> SparkplugHost:
        account = broker.host_account
        url = f"mqtt://{quote(account.username)}:{quote(account.password)}@{broker.host}"
        assert account.client_id is not None
        host = SparkplugHost(
            f"{url}:{broker.port}", account.client_id, "here", reorder_timeout=0.3, keep_alive=4
        )
        host.bind({NodeId(GROUP, NODE): GATEWAY})
        host.start()
        made.append(host)
        until(lambda: host.nodes)
        return host

    yield make
    for host in made:
        host.close(5)


@pytest.fixture
def plant(broker: Mosquitto) -> Iterator[Plant]:
    made = Plant(broker, GROUP, NODE, mode("idle", at("10:00")))
    yield made
    made.wire.disconnect()


@pytest.fixture
def states(broker: Mosquitto) -> Iterator[list[dict[str, Any]]]:
    """What hosts say of themselves, as it comes."""
    heard: list[dict[str, Any]] = []
    wire = Wire(broker)
    wire.listen(STATE, lambda payload: heard.append(json.loads(payload)))
    yield heard
    wire.disconnect()


def said(host: SparkplugHost, into: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Adds what the host hands on: the topic below the gateway's, and the payload."""
    prefix = f"instruments/v1/{GATEWAY}/"
    for delivery in host.take():
        assert delivery.token is None
        into.append((delivery.topic.removeprefix(prefix), json.loads(delivery.payload)))
    return into


def modes(told: list[tuple[str, Any]]) -> list[str]:
    return [payload["said"]["Mode"] for topic, payload in told if "Mode" in payload.get("said", {})]


def test_a_host_that_comes_again_asks_once_and_believes_no_alias_before(
    make: Make, plant: Plant, broker: Mosquitto
) -> None:
    first = make()
    plant.start()
    told: list[tuple[str, Any]] = []
    until(lambda: modes(said(first, told)) == ["idle"])
    assert told[0] == ("status", {**told[0][1], "online": True, "session": str(plant.bd_seq)})
    first.close(5)
    plant.say_by_alias([mode("running", at("10:01"), name=None)])  # nobody hears it
    second = make()
    plant.say_by_alias([mode("idle", at("10:02"), name=None)])
    until(lambda: plant.commands)
    plant.say_by_alias([mode("running", at("10:03"), name=None)])
    again = Plant(broker, GROUP, NODE, mode("off", at("10:04")))
    plant.wire.disconnect()
    again.start()
    heard: list[tuple[str, Any]] = []
    until(lambda: modes(said(second, heard)) == ["off"])
    again.say_by_alias([mode("idle", at("10:05"), name=None)])
    until(lambda: modes(said(second, heard)) == ["off", "idle"])
    again.wire.disconnect()
    assert plant.commands == [REBIRTH]
    assert again.commands == []


def test_it_says_when_it_comes_and_goes_and_the_broker_says_so_for_it(
    make: Make, states: list[dict[str, Any]]
) -> None:
    host = make()
    until(lambda: states and states[-1]["online"])
    host.close(5)
    until(lambda: not states[-1]["online"])
    assert len({state["timestamp"] for state in states[-2:]}) == 2
    killed = make()
    until(lambda: states[-1]["online"])
    birth = states[-1]["timestamp"]
    client = killed._client
    assert client is not None
    connection = client.socket()
    assert connection is not None
    connection.shutdown(2)
    # The will bears the birth's time; then it comes again by itself, with a later one.
    until(lambda: {"online": False, "timestamp": birth} in states)
    until(lambda: states[-1]["online"] and states[-1]["timestamp"] > birth)
    until(lambda: killed.connected)


def test_what_does_not_fit_is_not_read_and_what_is_unbound_is_not_heard(
    make: Make, plant: Plant
) -> None:
    host = make()
    plant.start()
    told: list[tuple[str, Any]] = []
    until(lambda: modes(said(host, told)) == ["idle"])
    plant.wire.send(f"spBv1.0/{GROUP}/DDATA/{NODE}/press", b"\xff")
    plant.wire.send(f"spBv1.0/{GROUP}/DDATA/other/press", b"\xff")
    until(lambda: any(payload.get("refused") for _, payload in said(host, told)))
    refused = [(topic, payload) for topic, payload in told if payload.get("refused")]
    assert [topic for topic, _ in refused] == ["native/sparkplug-b/press"]
    host.bind({})
    until(lambda: not host.nodes)
    plant.say(mode("running", at("10:01")))
    host.bind({NodeId(GROUP, NODE): "gw-2"})
    until(lambda: plant.commands == [REBIRTH])
    assert host.take() == []
