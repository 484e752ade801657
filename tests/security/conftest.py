"""Attackers' tools: MQTT clients of either version, and gateways with accounts of their own."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from stack import MqttAccount
from tests.integration.stack.support import Client, Connect
from tests.live import Live

V5, V311 = MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311


@pytest.fixture(params=[pytest.param(V5, id="MQTT 5"), pytest.param(V311, id="MQTT 3.1.1")])
def protocol(request: pytest.FixtureRequest) -> MQTTProtocolVersion:
    found: MQTTProtocolVersion = request.param
    return found


@pytest.fixture
def connect() -> Iterator[Connect]:
    clients: list[Client] = []

    def make(broker: Any, account: MqttAccount, **options: Any) -> Client:
        clients.append(Client(broker, account, **options))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def credentials(live: Live) -> Callable[[str], MqttAccount]:
    """A gateway's account as the API hands it out."""

    def make(gateway: str) -> MqttAccount:
        answer = live.http.post(f"/v1/gateways/{gateway}/credentials")
        assert answer.status_code == 201, answer.text
        body = answer.json()
        return MqttAccount(
            username=body["username"], password=body["password"], client_id=body["username"]
        )

    return make
