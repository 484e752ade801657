"""A Sparkplug host application: hears the edge nodes that are bound to gateways.

A second client beside the durable one, with a clean session as Sparkplug wants it: what is sent
while it is away is lost, and after each connection every node is asked for its births. What
nodes mean is ``models/sparkplug``'s; here it is turned into deliveries on the topics of the gateway
that a node is bound to, as if that gateway had said it, so that one path writes it all. One
thread touches the client; ``sparkplug_nodes.py`` says which nodes there are.

Source: Sparkplug 3.0, tck-id-message-flow-phid-sparkplug-clean-session-50, -subscription,
-state-publish, tck-id-operational-behavior-host-application-connect-will and those after it.
"""

import json
import ssl
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

import structlog
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest.mqtt.connection import (
    BACK_OFF_FIRST,
    BACK_OFF_MOST,
    CONNECT_WITHIN,
    LARGEST_PACKET,
    parse_address,
)
from ingest.mqtt.reader import Delivery
from models.sparkplug.events import (
    AskRebirth,
    DeviceBorn,
    DeviceDied,
    Event,
    NodeBorn,
    NodeDied,
    Reading,
    Refused,
)
from models.sparkplug.node import EdgeNode, Said, due_us, hear, listen, wait
from models.sparkplug.payload import MalformedPayloadError, decode_payload, rebirth_request
from models.sparkplug.samples import MAPPING
from models.sparkplug.spoken import Spoken, encode_spoken, refused, spoken_of
from models.sparkplug.topic import (
    Address,
    NodeId,
    command_topic,
    group_filter,
    parse_topic,
    state_topic,
)

log = structlog.get_logger(__name__)

TURN = 0.05  # seconds that the loop waits for the network, and between two looks at all nodes
#: Deliveries that may wait to be taken. Beyond it nothing more is read, so that in the end the
#: broker lets us go and says so: nodes that watch for their host then keep what they have to say.
MOST_WAITING = 20_000
LEAVE_WITHIN = 2.0  # seconds for our last word to reach the broker


class SparkplugHost:
    """One host application at one broker."""

    def __init__(
        self,
        url: str,
        client_id: str,
        host_id: str,
        *,
        reorder_timeout: float,
        keep_alive: float = 20.0,
        ca_file: str | None = None,
    ) -> None:
        """Prepares; ``start`` connects.

        Args:
            url: The broker, and the account of this client alone.
            client_id: Of this client; the user name where the broker ties the two.
            host_id: By which nodes know this host.
            reorder_timeout: Seconds in which a gap may heal.
            keep_alive: Silence of the broker that is borne, roughly, in seconds.
            ca_file: Authority of the broker's certificate.
        """
        self._address = parse_address(url)
        self._tls = ssl.create_default_context(cafile=ca_file) if self._address.tls else None
        self._client_id = client_id
        self._state_topic = state_topic(host_id)
        self._timeout_us = round(reorder_timeout * 1_000_000)
        self._keep_alive = keep_alive
        #: Replaced as a whole by another thread.
        self._bound: Mapping[NodeId, str] = {}
        #: What of it subscriptions and nodes are in step with.
        self._followed: Mapping[NodeId, str] | None = None
        #: The gateway that each node was bound to when it was heard, and what is known of it.
        self._nodes: dict[NodeId, tuple[str, EdgeNode]] = {}
        self._client: mqtt.Client | None = None
        self._subscribed: set[str] = set()
        self._answers = 0  # subscriptions that the broker has yet to answer
        self._birth = b""
        self._born = False
        self._look_us = 0  # when to look at all nodes again
        self._waiting: deque[Delivery] = deque()
        self._room = threading.Condition()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sparkplug", daemon=True)
        #: Whether the broker has us, and nodes know it.
        self.connected = False
        #: Births asked for, since the start.
        self.rebirths = 0
        #: Monotonic seconds of the last turn of the loop.
        self.alive_at = time.monotonic()

    # -- other threads ---------------------------------------------------------------------

    def bind(self, nodes: Mapping[NodeId, str]) -> None:
        """Says which nodes are which gateways."""
        if nodes != self._bound:
            self._bound = dict(nodes)

    def take(self) -> list[Delivery]:
        """All that waits, in the order in which it came."""
        with self._room:
            taken = list(self._waiting)
            self._waiting.clear()
            self._room.notify_all()
        return taken

    @property
    def queued(self) -> int:
        """Deliveries that wait to be taken."""
        return len(self._waiting)

    @property
    def nodes(self) -> int:
        """How many nodes are listened to."""
        return len(self._nodes)

    def start(self) -> None:
        """Begins to connect, and goes on connecting until closed."""
        self._thread.start()

    def close(self, deadline: float) -> None:
        """Says that this host goes, and ends; at most ``deadline`` seconds."""
        self._stopping.set()
        with self._room:
            self._room.notify_all()
        self._thread.join(deadline)

    # -- the host's thread -------------------------------------------------------------------

    def _run(self) -> None:
        pause, said = BACK_OFF_FIRST, ""
        while not self._stopping.is_set():
            self.alive_at = time.monotonic()
            why = "lost"
            try:
                self._connect()
                self._serve()
            except (OSError, ValueError) as error:
                why = str(error)
            if self.connected:
                pause, said = BACK_OFF_FIRST, ""
            self.connected = False
            if not self._stopping.is_set():
                if why != said:
                    log.warning("host is away", action="sparkplug", why=why)
                said = why
                self._stopping.wait(pause)
                pause = min(2 * pause, BACK_OFF_MOST)

    def _connect(self) -> None:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=mqtt.MQTTv5,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_WITHIN
        if self._address.username:
            client.username_pw_set(self._address.username, self._address.password)
        if self._tls is not None:
            client.tls_set_context(self._tls)
        # One time for the birth and the will, by which nodes tell an old will from a new one.
        now_ms = time.time_ns() // 1_000_000
        self._birth = _state(online=True, ts_ms=now_ms)
        client.will_set(self._state_topic, _state(online=False, ts_ms=now_ms), qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        self._client, self._nodes, self._subscribed = client, {}, set()
        self._answers, self._born, self._followed = 0, False, None
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 0
        properties.MaximumPacketSize = LARGEST_PACKET
        client.connect(
            self._address.host,
            self._address.port,
            keepalive=max(1, round(self._keep_alive)),
            clean_start=True,
            properties=properties,
        )

    def _serve(self) -> None:
        client = self._client
        assert client is not None
        while client.loop(timeout=TURN) == mqtt.MQTT_ERR_SUCCESS:
            self.alive_at = time.monotonic()
            if self._stopping.is_set():
                return self._leave(client)
            if client.is_connected():
                self._follow(client)
                self._look()
        return None

    def _leave(self, client: mqtt.Client) -> None:
        """Source: tck-id-operational-behavior-host-application-termination."""
        now_ms = time.time_ns() // 1_000_000
        last = client.publish(
            self._state_topic, _state(online=False, ts_ms=now_ms), qos=1, retain=True
        )
        deadline = time.monotonic() + LEAVE_WITHIN
        while not last.is_published() and time.monotonic() < deadline:
            if client.loop(timeout=TURN) != mqtt.MQTT_ERR_SUCCESS:
                return
        client.disconnect()
        client.loop(timeout=TURN)

    def _follow(self, client: mqtt.Client) -> None:
        """Brings subscriptions and nodes in step with what is bound; mostly they are.

        Each message is a turn, and there may be a thousand nodes.
        """
        bound = self._bound
        if bound is not self._followed:
            self._followed = bound
            self._subscribe(client, {group_filter(node_id.group) for node_id in bound})
            now_us = _now_us()
            known = self._nodes
            self._nodes = {
                n: known[n] if n in known and known[n][0] == gateway else (gateway, listen(now_us))
                for n, gateway in bound.items()
            }
        if not self._born and not self._answers:
            self._born = self.connected = True
            client.publish(self._state_topic, self._birth, qos=1, retain=True)

    def _subscribe(self, client: mqtt.Client, wanted: set[str]) -> None:
        if missing := sorted(wanted - self._subscribed):
            self._subscribed |= set(missing)
            self._answers += 1
            client.subscribe([(name, 1) for name in missing])

    def _look(self) -> None:
        """Gives up what was waited for long enough."""
        now_us = _now_us()
        if now_us < self._look_us:
            return
        self._look_us = now_us + round(TURN * 1_000_000)
        for node_id, (_, node) in list(self._nodes.items()):
            due = due_us(node, self._timeout_us)
            if due is not None and due <= now_us:
                self._note(node_id, *wait(node, now_us, self._timeout_us))

    # -- callbacks: none may raise, for that would end the thread ------------------------------

    def _on_connect(
        self,
        client: mqtt.Client,
        _userdata: Any,
        _flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            log.error("broker refused the host", action="sparkplug", reason=str(reason))
            return
        log.info("host is there", action="sparkplug", nodes=len(self._bound))
        self._answers += 1
        client.subscribe(self._state_topic, 1)

    def _on_subscribe(self, *_answer: Any) -> None:
        self._answers -= 1

    def _on_message(self, client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        try:
            topic, payload = message.topic, bytes(message.payload)
        except UnicodeDecodeError:
            return  # no node of ours can be named so
        if topic == self._state_topic:
            # An old will, or somebody in our name: nodes are to know that we are there.
            # Not its own farewell: who leaves would be said to be there for ever.
            if self._born and not self._stopping.is_set() and _says_offline(payload):
                client.publish(self._state_topic, self._birth, qos=1, retain=True)
            return
        address = parse_topic(topic)
        if address is not None and address.node_id in self._nodes and not message.retain:
            self._hear(address, payload)

    def _hear(self, address: Address, raw: bytes) -> None:
        node_id = address.node_id
        gateway_id, node = self._nodes[node_id]
        try:
            payload = decode_payload(raw)
        except MalformedPayloadError as error:
            device = address.device or node_id.node
            self._say(gateway_id, refused(device, f"{address.verb} {error}", raw))
            return
        said = Said(verb=address.verb, device=address.device, payload=payload, at_us=_now_us())
        self._note(node_id, *hear(node, said))

    # -- what it means -------------------------------------------------------------------------

    def _note(self, node_id: NodeId, node: EdgeNode, events: list[Event]) -> None:
        gateway_id, _ = self._nodes[node_id]
        self._nodes[node_id] = gateway_id, node
        for event in events:
            match event:
                case AskRebirth(why=why):
                    self._ask(node_id, why)
                case NodeBorn(bd_seq=bd_seq, ts_ms=ts_ms):
                    self._status(gateway_id, {"online": True, "session": str(bd_seq), "ts": ts_ms})
                case NodeDied(bd_seq=bd_seq, devices=devices):
                    # First, so that the words on its devices are not its last messages.
                    will = {"online": False, "session": str(bd_seq), "will": True}
                    self._status(gateway_id, will)
                    # Dated by their receipt: a will was written when its connection began.
                    for device in devices:
                        self._say(gateway_id, Spoken(device=device, available=False))
                case Refused(detail=detail):
                    self._say(gateway_id, refused(node_id.node, detail))
                case Reading() | DeviceBorn() | DeviceDied():
                    self._say(gateway_id, spoken_of(event, node_id.node))

    def _ask(self, node_id: NodeId, why: str) -> None:
        """Source: tck-id-payloads-ncmd-qos, tck-id-payloads-ncmd-retain."""
        assert self._client is not None
        self.rebirths += 1
        log.info("asks for births", action="sparkplug", node=f"{node_id.group}/{node_id.node}",
                 why=why)  # fmt: skip
        self._client.publish(command_topic(node_id), rebirth_request(time.time_ns() // 1_000_000))

    def _say(self, gateway_id: str, spoken: Spoken) -> None:
        topic = f"instruments/v1/{gateway_id}/native/{MAPPING}/{spoken.device}"
        self._hand_over(topic, encode_spoken(spoken))

    def _status(self, gateway_id: str, said: dict[str, object]) -> None:
        self._hand_over(f"instruments/v1/{gateway_id}/status", json.dumps(said).encode())

    def _hand_over(self, topic: str, payload: bytes) -> None:
        delivery = Delivery(topic, payload, retained=False, arrived=time.monotonic(), token=None)
        with self._room:
            while len(self._waiting) >= MOST_WAITING and not self._stopping.is_set():
                self.alive_at = time.monotonic()
                self._room.wait(1.0)
            self._waiting.append(delivery)


def _now_us() -> int:
    return time.monotonic_ns() // 1_000


def _state(*, online: bool, ts_ms: int) -> bytes:
    """Source: tck-id-payloads-state-birth-payload, tck-id-payloads-state-will-message-payload."""
    return json.dumps({"online": online, "timestamp": ts_ms}).encode()


def _says_offline(payload: bytes) -> bool:
    try:
        said = json.loads(payload)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and said.get("online") is False
