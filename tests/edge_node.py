"""A Sparkplug edge node of a public library (pysparkplug), over paho 2.

The library makes births, deaths, numbers and payloads; here is only the connection that it asks
for, which can hold a message back, lose it, and break off.
"""

import threading
from collections.abc import Callable, Iterable
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from pysparkplug import (
    DataType,
    DBirth,
    DData,
    Device,
    EdgeNode,
    Message,
    MessageType,
    Metric,
    NDeath,
    QoS,
    Topic,
)

from stack import Mosquitto
from tests.live import now_us
from tests.patience import PATIENCE


class Wire:
    """What the library takes for its client."""

    def __init__(self, broker: Mosquitto) -> None:
        account = broker.publisher
        assert account is not None
        self._at = broker.host, broker.port
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311, reconnect_on_failure=False
        )
        self._client.username_pw_set(account.username, account.password)
        self._wanted: dict[str, int] = {}
        self._holding: list[tuple[str, bytes]] | None = None

    def set_will(self, message: Message) -> None:
        self._client.will_set(str(message.topic), message.payload.encode(), qos=1)

    def connect(self, *_: Any, callback: Callable[[Any], None], **__: Any) -> None:
        connected, subscribed = threading.Event(), threading.Semaphore(0)
        self._client.on_connect = lambda *_: connected.set()
        self._client.on_subscribe = lambda *_: subscribed.release()
        self._client.connect(*self._at)
        self._client.loop_start()
        assert connected.wait(PATIENCE), "not connected"
        for topic, qos in self._wanted.items():
            self._client.subscribe(topic, qos)
            assert subscribed.acquire(timeout=PATIENCE), "not subscribed"
        callback(self)

    def publish(self, message: Message, *, include_dtypes: bool = False) -> None:
        said = str(message.topic), message.payload.encode(include_dtypes=include_dtypes)
        if self._holding is None:
            self.send(*said)
        else:
            self._holding.append(said)

    def send(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload).wait_for_publish(PATIENCE)

    def subscribe(self, topic: Topic, qos: QoS, callback: Callable[[Any, Any], None]) -> None:
        self._wanted[str(topic)] = qos
        self._client.message_callback_add(
            str(topic),
            lambda _client, _data, message: callback(self, Message.from_mqtt_message(message)),
        )

    def unsubscribe(self, topic: Topic) -> None:
        self._client.unsubscribe(str(topic))

    def hold(self) -> None:
        """Keeps back what the node says from here on."""
        self._holding = []

    def let_go(self, *, lose: bool = False) -> None:
        """Sends what was kept back, or loses it, and keeps nothing back any more."""
        kept, self._holding = self._holding or [], None
        self.kept = kept
        if not lose:
            self.send_kept()

    def send_kept(self) -> None:
        for topic, payload in self.kept:
            self.send(topic, payload)

    def listen(self, topic: str, hear: Callable[[bytes], None]) -> None:
        """Connects to hear what is said on a topic."""
        self._wanted[topic] = 1
        self._client.message_callback_add(topic, lambda *said: hear(said[2].payload))
        self.connect(callback=lambda _: None)

    def disconnect(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def kill(self) -> None:
        """Breaks off without a word, so that the broker says the will."""
        connection = self._client.socket()
        assert connection is not None
        connection.shutdown(2)
        self._client.loop_stop()


def mode(state: str, ts_us: int, **more: Any) -> Metric:
    """What the device says that it does, at a time."""
    return Metric(
        **{"timestamp": ts_us // 1_000, "name": "Mode", "datatype": DataType.STRING,
           "value": state, "alias": 7, **more}
    )  # fmt: skip


def power(watts: float | None, ts_us: int, **more: Any) -> Metric:
    """What the device says that it takes, at a time."""
    return Metric(
        **{"timestamp": ts_us // 1_000, "name": "Power", "datatype": DataType.DOUBLE,
           "value": watts, "alias": 8, "is_null": watts is None, **more}
    )  # fmt: skip


class Plant:
    """An edge node with one device, ``press``, that says its mode, or what it takes."""

    def __init__(self, broker: Mosquitto, group: str, node: str, *first: Metric) -> None:
        self.wire = Wire(broker)
        self.group, self.name = group, node
        #: Commands that came to the node, by the names of their metrics.
        self.commands: list[str] = []
        rebirth = Metric(
            timestamp=1, name="Node Control/Rebirth", datatype=DataType.BOOLEAN, value=False
        )
        self.node = EdgeNode(group, node, (rebirth,), self.wire, self._on_command)  # type: ignore[arg-type]
        self.node.register(Device("press", first))

    def _on_command(self, _node: EdgeNode, message: Message) -> None:
        self.commands += [metric.name or "" for metric in message.payload.metrics]

    def start(self) -> None:
        """Connects and says the births."""
        self.node.connect("")
        self.bd_seq = self.node._bd_seq_metric.value - 1

    def say(self, *metrics: Metric) -> None:
        """Data of the device, with names and aliases."""
        self.node.update_device("press", metrics)

    def say_by_alias(self, metrics: Iterable[Metric]) -> None:
        """Data of the device with aliases alone, as Sparkplug wants it."""
        payload = DData(now_us() // 1_000, seq=self.node._seq, metrics=tuple(metrics))
        topic = Topic(
            message_type=MessageType.DDATA, group_id=self.group, edge_node_id=self.name,
            device_id="press",
        )  # fmt: skip
        self.wire.publish(Message(topic, payload, QoS.AT_MOST_ONCE, retain=False))

    def bear(self, ts_us: int, *metrics: Metric) -> None:
        """Says the device's birth again, as of a time."""
        payload = DBirth(ts_us // 1_000, seq=self.node._seq, metrics=metrics)
        topic = Topic(
            message_type=MessageType.DBIRTH, group_id=self.group, edge_node_id=self.name,
            device_id="press",
        )  # fmt: skip
        self.wire.publish(
            Message(topic, payload, QoS.AT_MOST_ONCE, retain=False), include_dtypes=True
        )

    def die_as(self, bd_seq: int) -> None:
        """The death of one of its births."""
        metric = Metric(timestamp=1, name="bdSeq", datatype=DataType.INT64, value=bd_seq)
        topic = Topic(message_type=MessageType.NDEATH, group_id=self.group, edge_node_id=self.name)
        payload = NDeath(timestamp=now_us() // 1_000, bd_seq_metric=metric)
        self.wire.publish(Message(topic, payload, QoS.AT_LEAST_ONCE, retain=False))
