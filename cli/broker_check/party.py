"""One MQTT 5 client of a check: plain calls that return once the broker has answered."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

PATIENCE = 15.0  # seconds that a broker has to answer
QUIET = 5.0  # seconds without a message, after which none is expected any more


class Refused(Exception):  # noqa: N818 - named after what the broker did
    """The broker did not let the client in; says why."""


@dataclass(frozen=True, slots=True)
class Account:
    """An address with user and password, as ``mqtt://user:password@host:port``."""

    url: str

    @property
    def user(self) -> str:
        """The user name."""
        return unquote(urlsplit(self.url).username or "")

    @property
    def place(self) -> str:
        """Host and port, for messages."""
        return urlsplit(self.url).netloc.rpartition("@")[2]


class Party:
    """A connected client; what comes lies in `got`."""

    def __init__(
        self,
        account: Account,
        client_id: str,
        *,
        keep: bool = False,
        window: int = 1_000,
        acknowledging: bool = True,
        will: tuple[str, bytes] | None = None,
        password: str | None = None,
    ) -> None:
        """Connects.

        Args:
            account: Who it is.
            client_id: Of its session.
            keep: Whether the broker is to keep its session for an hour.
            window: Messages at QoS 1 that it may be given before it acknowledges any.
            acknowledging: Whether it acknowledges what it gets.
            will: Topic and payload that the broker says when the connection breaks.
            password: Another one than the account's.

        Raises:
            Refused: The broker did not let it in.
        """
        self.got: list[mqtt.MQTTMessage] = []
        self._turn = threading.Condition()
        self._answer: ReasonCode | None = None
        self._gone = False
        self._granted: list[int] | None = None
        self.properties: Properties | None = None
        self.session_present = False
        parts = urlsplit(account.url)
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            protocol=mqtt.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=not acknowledging,
        )
        secure = parts.scheme == "mqtts"
        if secure:
            self._client.tls_set()
        self._client.username_pw_set(account.user, password or unquote(parts.password or ""))
        if will:
            self._client.will_set(will[0], will[1], qos=1)
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_disconnect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        wanted = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        wanted.ReceiveMaximum = window
        wanted.SessionExpiryInterval = 3_600 if keep else 0
        try:
            self._client.connect(
                parts.hostname or "",
                parts.port or (8883 if secure else 1883),
                clean_start=not keep,
                properties=wanted,
            )
        except OSError as error:
            raise Refused(f"{account.place} does not answer: {error}") from error
        self._client.loop_start()
        answered = self._wait(lambda: self._answer is not None or self._gone)
        if not answered or self._answer is None or self._answer.is_failure:
            self._client.loop_stop()
            said = f": {self._answer}" if self._answer is not None else ""
            raise Refused(f"{account.place} did not let {account.user} in over MQTT 5{said}")

    @property
    def dropped(self) -> bool:
        """Whether the broker ended the connection, or let another take its place."""
        return self._gone

    def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, wait: bool = True
    ) -> None:
        """Publishes at QoS 1; returns once the broker has acknowledged it, or is gone."""
        sent = self._client.publish(topic, payload, 1, retain)
        if wait and sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._wait(lambda: sent.is_published() or self._gone)

    def publish_all(self, topic: str, payloads: list[bytes]) -> None:
        """Many at once, each acknowledged by the broker."""
        sent = [self._client.publish(topic, payload, 1) for payload in payloads]
        self._wait(lambda: all(one.is_published() for one in sent) or self._gone)

    def subscribe(self, *filters: str) -> bool:
        """Whether the broker granted all of them, at QoS 1."""
        self._granted = None
        self._client.subscribe([(one, SubscribeOptions(qos=1)) for one in filters])
        self._wait(lambda: self._granted is not None or self._gone)
        return self._granted is not None and all(code == 1 for code in self._granted)

    def wait_for(self, number: int, quiet: float = QUIET) -> list[bytes]:
        """The payloads so far, once there are so many, or nothing more has come for a while."""
        seen = -1
        while seen < len(self.got) < number and not self._gone:
            seen = len(self.got)
            self._wait(partial(self._has_more_than, seen), quiet)
        return [bytes(message.payload) for message in self.got]

    def _has_more_than(self, seen: int) -> bool:
        return len(self.got) > seen or self._gone

    def more_than(self, number: int, seconds: float) -> bool:
        """Whether more come than these, within a time."""
        return len(self.wait_for(number + 1, seconds)) > number

    def drop(self) -> None:
        """Breaks the connection without a word."""
        connection = self._client.socket()
        if connection is not None:
            connection.shutdown(2)  # type: ignore[attr-defined]
        self._wait(lambda: self._gone)
        self._client.loop_stop()

    def close(self) -> None:
        """Disconnects in order."""
        self._client.disconnect()
        self._wait(lambda: self._gone)
        self._client.loop_stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _wait(self, question: Callable[[], bool], seconds: float = PATIENCE) -> bool:
        end = time.monotonic() + seconds
        with self._turn:
            # Acknowledgements of publishes wake nobody here.
            while not question():
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self._turn.wait(min(left, 0.05))
        return True

    def _tell(self) -> None:
        with self._turn:
            self._turn.notify_all()

    def _on_connect(
        self, _c: Any, _d: Any, flags: Any, reason: Any, properties: Properties | None
    ) -> None:
        self.session_present = flags.session_present
        self.properties = properties
        self._answer = reason
        self._tell()

    def _on_disconnect(self, *_: Any) -> None:
        self._gone = True
        self._tell()

    def _on_subscribe(self, _c: Any, _d: Any, _mid: int, reasons: Any, _p: Any) -> None:
        self._granted = [reason.value for reason in reasons]
        self._tell()

    def _on_message(self, _c: Any, _d: Any, message: mqtt.MQTTMessage) -> None:
        self.got.append(message)
        self._tell()
