"""The small interface behind which MQTT stands; ``paho_reader.py`` implements it.

A delivery is *in flight* from its arrival until its acknowledgement. The token carries the
generation of the connection that brought it: packet ids start again with a new session, so an
acknowledgement of an older generation could acknowledge a message that is not stored, and is
dropped instead. What was not acknowledged comes again.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

import msgspec


# Structs, since there is one of each to a message; neither can lie in a cycle (gc=False).
class Token(msgspec.Struct, frozen=True, gc=False):
    """Names one delivery of one connection."""

    generation: int
    packet_id: int


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """One message as the broker handed it over."""

    topic: str
    payload: bytes
    retained: bool
    #: Monotonic seconds of the arrival; the host's wall clock plays no part.
    arrived: float
    #: ``None`` where nothing is to be acknowledged (QoS 0).
    token: Token | None
    #: The broker may have handed it over before, under the same packet id.
    again: bool = False


class Reader(Protocol):
    """A source of deliveries with manual acknowledgement."""

    def start(self) -> None:
        """Begins to connect, and goes on connecting until stopped."""

    def take(self, most: int, wait: float, linger: float, most_bytes: int) -> list[Delivery]:
        """Up to ``most`` deliveries in order of arrival.

        Args:
            most: Upper bound.
            most_bytes: No more are added once payloads of this size are together.
            wait: Seconds to wait for the first one; empty afterwards.
            linger: Seconds to go on collecting after the first one.
        """

    def ack(self, tokens: Iterable[Token], invalid: Collection[Token] = ()) -> None:
        """Acknowledges in the given order; tokens of an older connection are dropped.

        Args:
            tokens: Of deliveries that are dealt with.
            invalid: Those among them whose payload could not be read: where the protocol has a
                word for it, the acknowledgement says so.
        """

    def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Publishes (topic, payload) at QoS 1, not retained; lost when not connected."""

    def subscribe(self, wanted: Sequence[str], given_up: Sequence[str] = ()) -> None:
        """Says anew which topic filters are wanted, and which the session shall not keep."""

    def stop_intake(self) -> None:
        """Stops asking for more; what is in flight can still be acknowledged."""

    def close(self, deadline: float) -> None:
        """Sends what is queued, disconnects, ends; at most ``deadline`` seconds."""

    @property
    def connected(self) -> bool:
        """Whether the broker has granted the subscriptions of the present connection.

        What is wanted in addition later does not make it false again; see ``granted``.
        """

    @property
    def delivering(self) -> bool:
        """Whether the broker has shown that heartbeats reach us (``probe.py``)."""

    @property
    def lacking(self) -> str:
        """What the broker grants and does not deliver, and what it needs; mostly empty."""

    @property
    def away(self) -> str:
        """Why we are not ``connected``; empty while we are."""

    @property
    def granted(self) -> frozenset[str]:
        """The topic filters that the broker has granted on the present connection."""

    @property
    def queued(self) -> int:
        """Deliveries that were received and not taken."""

    @property
    def oldest(self) -> float | None:
        """When the first of those that were not taken came (monotonic s); ``None``: none."""

    @property
    def in_flight(self) -> int:
        """Deliveries of the present connection that are not acknowledged yet."""

    @property
    def alive_at(self) -> float:
        """Monotonic seconds of the last turn of the network loop; old when it hangs or died."""
