"""MQTT 5's byte stream into deliveries, and acknowledgements into bytes; no socket in here.

A PUBLISH is taken apart by hand, since it is the one packet that comes by the ten thousand and
its few fields are cheaper to slice than to wrap; everything else goes through the codec
``mqtt5``. The connection itself is in ``fast_reader.py``.
"""

import sys
from array import array
from collections.abc import Collection, Sequence

import mqtt5

from ingest.mqtt.reader import Delivery, Token

#: Topics kept as text; a city has one a gateway, and some for each device.
TOPICS_KEPT = 1 << 16
#: Bytes of the longest one kept: below ``native/`` devices may name what they like.
LONGEST_TOPIC_KEPT = 128

_CONNACK, _PUBLISH, _PUBACK = 0x20, 0x30, 0x40
#: MQTT 5's is longer: it has properties, if none then their length.
_OLD_CONNACK_SIZE = 4
_LITTLE = sys.byteorder == "little"


class BrokenStreamError(ValueError):
    """What came is not MQTT: the connection is of no more use."""


class OldBrokerError(BrokenStreamError):
    """The answer to CONNECT is one of MQTT 3; ``code`` is its return code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"CONNACK of MQTT 3, return code {code}")
        self.code = code


class Inflow:
    """Cuts one connection's bytes into packets.

    Attributes:
        others: Packets that are neither PUBLISH nor PUBACK, until the caller takes them.
        acked: Our own publishes that the broker has acknowledged since the caller last looked.
    """

    def __init__(self, generation: int) -> None:
        """Starts empty.

        Args:
            generation: Of the connection; every token carries it.
        """
        self._generation = generation
        self._rest = b""
        self._topics: dict[bytes, str] = {}
        self.others: list[mqtt5.Packet] = []
        self.acked = 0

    def feed(self, data: bytes, arrived: float) -> list[Delivery]:
        """Takes what the socket gave.

        Args:
            data: Any number of bytes, cut anywhere.
            arrived: Monotonic seconds; the arrival of every packet that ends in ``data``.

        Returns:
            The deliveries that are whole now, in order.

        Raises:
            BrokenStreamError: The bytes are no MQTT 5.
        """
        if self._rest:
            data = self._rest + data
        found: list[Delivery] = []
        append = found.append
        topics = self._topics
        generation = self._generation
        at, size = 0, len(data)
        while at + 2 <= size:
            first = data[at]
            length = data[at + 1]
            body = at + 2
            if length > 0x7F:
                if body < size and data[body] < 0x80:
                    # Two bytes, as of nearly all heartbeats: without a call.
                    length += (data[body] << 7) - 0x80
                    body += 1
                else:
                    try:
                        length, body = _varint(data, at + 1)
                    except IndexError:
                        break
            end = body + length
            if end > size:
                break
            kind = first & 0xF0
            if kind == _PUBLISH:
                qos = first & 0x06
                cut = body + 2 + (data[body] << 8 | data[body + 1]) if length >= 2 else end
                # The packet id, where there is one, and at least one byte of properties.
                rest = cut + (3 if qos else 1)
                if rest > end or qos > 0x02:
                    raise BrokenStreamError(f"PUBLISH of {length} bytes at QoS {qos >> 1}")
                raw = data[body + 2 : cut]
                topic = topics.get(raw)
                if topic is None:
                    topic = self._remember(raw)
                more = data[rest - 1]
                if more:
                    rest = _after_properties(data, rest - 1, end)
                append(
                    Delivery(
                        topic,
                        data[rest:end],
                        first & 1 == 1,
                        arrived,
                        Token(generation, data[cut] << 8 | data[cut + 1]) if qos else None,
                        first & 8 == 8,
                    )
                )
            elif kind == _PUBACK:
                self.acked += 1
            else:
                self.others.append(_read(data[at:end]))
            at = end
        self._rest = data[at:]
        return found

    def _remember(self, raw: bytes) -> str:
        try:
            topic = raw.decode()
        except UnicodeDecodeError:
            # No gateway of ours can be named so; nothing to attribute it to, nothing to store.
            topic = ""
        if len(raw) <= LONGEST_TOPIC_KEPT:
            if len(self._topics) >= TOPICS_KEPT:
                self._topics.clear()
            self._topics[raw] = topic
        return topic


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """MQTT's variable byte integer at ``at``, and where it ends.

    Raises:
        IndexError: It is not whole yet.
        BrokenStreamError: It is longer than four bytes.
    """
    value = 0
    for place in range(4):
        byte = data[at + place]
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise BrokenStreamError("a length of more than four bytes")


def _after_properties(data: bytes, at: int, end: int) -> int:
    """Where the payload begins; the properties of a PUBLISH mean nothing to us."""
    try:
        length, begin = _varint(data, at)
    except IndexError:
        raise BrokenStreamError("properties without an end") from None
    if begin + length > end:
        raise BrokenStreamError("properties longer than their packet")
    return begin + length


def _read(packet: bytes) -> mqtt5.Packet:
    if packet[0] == _CONNACK and len(packet) == _OLD_CONNACK_SIZE:
        raise OldBrokerError(packet[3])
    try:
        found, used = mqtt5.read(memoryview(packet))
    except (IndexError, ValueError) as error:
        raise BrokenStreamError(f"packet {packet[:16].hex()}: {error}") from error
    if used != len(packet):
        raise BrokenStreamError(f"packet {packet[:16].hex()} ends early")
    return found


def pubacks(packet_ids: Sequence[int], invalid: Collection[int] = ()) -> bytes:
    """PUBACKs in the given order.

    Args:
        packet_ids: What is acknowledged: with success, four bytes each.
        invalid: Those among them that are answered "payload format invalid", five bytes each.
    """
    if invalid:
        return b"".join(
            b"\x40\x03" + packet_id.to_bytes(2, "big") + b"\x99"
            if packet_id in invalid
            else b"\x40\x02" + packet_id.to_bytes(2, "big")
            for packet_id in packet_ids
        )
    words = array("H", bytes(4 * len(packet_ids)))
    words[0::2] = array("H", (0x4002,)) * len(packet_ids)
    words[1::2] = array("H", packet_ids)
    if _LITTLE:
        words.byteswap()
    return words.tobytes()


def publish(topic: str, payload: bytes, packet_id: int) -> bytes:
    """A PUBLISH at QoS 1."""
    return mqtt5.PublishPacket(
        topic, payload, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=packet_id
    ).write()


def publish_once(topic: str, payload: bytes) -> bytes:
    """A PUBLISH at QoS 0."""
    return mqtt5.PublishPacket(topic, payload, qos=mqtt5.QoS.AT_MOST_ONCE).write()
