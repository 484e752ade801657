"""A small MQTT client for the tests of the stack, and how they wait."""

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from stack import Mosquitto, MqttAccount
from tests.patience import PATIENCE


class Client:
    """A connected client that keeps what it received."""

    def __init__(
        self,
        broker: Mosquitto,
        account: MqttAccount,
        *,
        protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5,
        client_id: str | None = None,
        keep_session: bool = False,
        manual_ack: bool = False,
        receive_maximum: int | None = None,
    ) -> None:
        self.received: list[tuple[str, bytes]] = []
        self.refusal: int | None = None
        self.subscribed = threading.Event()
        self._connected = threading.Event()
        self._published: dict[int, int] = {}
        self.lost = threading.Event()
        v5 = protocol == MQTTProtocolVersion.MQTTv5
        name = account.client_id if client_id is None else client_id
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=name or "",
            clean_session=None if v5 else not keep_session,
            protocol=protocol,
            manual_ack=manual_ack,
        )
        self._client.username_pw_set(account.username, account.password)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = lambda *_: self.lost.set()
        self._client.on_message = lambda _, __, m: self.received.append((m.topic, bytes(m.payload)))
        self._client.on_subscribe = lambda *_: self.subscribed.set()
        self._client.on_publish = self._on_publish
        options: dict[str, Any] = {}
        if v5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = 0xFFFFFFFF if keep_session else 0
            if receive_maximum:
                properties.ReceiveMaximum = receive_maximum
            options = {"clean_start": not keep_session, "properties": properties}
        self._client.connect(broker.host, broker.port, **options)
        self._client.loop_start()
        assert self._connected.wait(PATIENCE)

    def _on_connect(self, _: Any, __: Any, ___: Any, reason: Any, ____: Any) -> None:
        if reason.is_failure:
            self.refusal = reason.value
            self._client.disconnect()  # paho would try for ever
        self._connected.set()

    def _on_publish(self, _: Any, __: Any, mid: int, reason: Any, ___: Any) -> None:
        self._published[mid] = reason.value

    def subscribe(self, *topics: str) -> None:
        """Subscribe with QoS 1 and wait for the broker's answer."""
        self._client.subscribe([(topic, 1) for topic in topics])
        assert self.subscribed.wait(PATIENCE)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Publish with QoS 1; returns the reason code of the broker's acknowledgement."""
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        eventually(lambda: info.mid in self._published)
        return self._published[info.mid]

    def send(self, topic: str, payloads: list[bytes]) -> None:
        """Publish many with QoS 1 and wait until all are acknowledged."""
        sent = [self._client.publish(topic, payload, qos=1).mid for payload in payloads]
        eventually(lambda: self._published.keys() >= set(sent))

    def payloads(self) -> list[bytes]:
        """What was received, topics left out."""
        return [payload for _, payload in self.received]

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()


class Connect(Protocol):
    """Opens clients that the test's end closes."""

    def __call__(self, broker: Mosquitto, account: MqttAccount, **options: Any) -> Client: ...


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "did not come true"
        time.sleep(0.01)
