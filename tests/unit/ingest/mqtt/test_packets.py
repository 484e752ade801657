"""The byte stream cut into packets, held to the codec's own bytes and to bytes by hand."""

import mqtt5
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mqtt.packets import LONGEST_TOPIC_KEPT, BrokenStreamError, Inflow, pubacks, publish
from ingest.mqtt.reader import Delivery, Token

GOLDEN = bytes.fromhex("3212 0005612f622f63 0102 00 68656c6c6f776f72".replace(" ", ""))


def sent(
    topic: str, payload: bytes, *, packet_id: int | None = 1, retain: bool = False, **more: object
) -> bytes:
    qos = mqtt5.QoS.AT_MOST_ONCE if packet_id is None else mqtt5.QoS.AT_LEAST_ONCE
    return mqtt5.PublishPacket(
        topic,
        payload,
        qos=qos,
        packet_id=packet_id,
        retain=retain,
        **more,  # type: ignore[arg-type]
    ).write()


def test_golden_bytes() -> None:
    assert Inflow(7).feed(GOLDEN, 1.5) == [
        Delivery("a/b/c", b"hellowor", False, 1.5, Token(7, 0x0102))
    ]
    assert pubacks([1, 0x0203, 65_535]) == bytes.fromhex("40020001400202034002ffff")
    assert pubacks([]) == b""
    assert pubacks([1, 2, 3], {2}) == bytes.fromhex("40020001400300029940020003")


@given(
    st.lists(
        st.tuples(
            st.text(
                st.characters(codec="utf-8", exclude_characters="\0#+"), min_size=1, max_size=9
            ),
            st.binary(max_size=300),
            st.one_of(st.none(), st.integers(1, 65_535)),
            st.booleans(),
            st.booleans(),
        ),
        max_size=8,
    ),
    st.integers(1, 50),
)
def test_any_cut_of_the_stream_gives_what_was_sent(
    messages: list[tuple[str, bytes, int | None, bool, bool]], size: int
) -> None:
    stream = b"".join(
        sent(
            topic,
            payload,
            packet_id=packet_id,
            retain=retain,
            **({"content_type": "x" * 150} if wordy else {}),
        )
        for topic, payload, packet_id, retain, wordy in messages
    )
    inflow = Inflow(3)
    found: list[Delivery] = []
    for at in range(0, len(stream), size):
        found += inflow.feed(stream[at : at + size], 0.0)
    assert found == [
        Delivery(topic, payload, retain, 0.0, None if packet_id is None else Token(3, packet_id))
        for topic, payload, packet_id, retain, _ in messages
    ]


@pytest.mark.parametrize("length", [127, 128, 255, 256, 16_383, 16_384, 2_097_152])
def test_lengths_of_any_number_of_bytes(length: int) -> None:
    payload = b"x" * (length - 6)  # the topic's length, the topic, the packet id, no properties
    stream = sent("t", payload) + sent("t", b"next")
    for cut in range(8):
        inflow = Inflow(3)
        found = inflow.feed(stream[:cut], 0.0) + inflow.feed(stream[cut:], 0.0)
        assert [delivery.payload for delivery in found] == [payload, b"next"]


def test_our_own_publishes_are_the_codecs_and_their_acknowledgements_counted() -> None:
    packet, used = mqtt5.read(memoryview(publish("t", b"p", 9)))
    assert isinstance(packet, mqtt5.PublishPacket)
    assert (packet.topic, packet.payload, packet.packet_id, used) == ("t", b"p", 9, 9)
    inflow = Inflow(1)
    inflow.feed(pubacks([1, 2, 3]), 0.0)
    assert inflow.acked == 3


def test_other_packets_are_handed_on() -> None:
    inflow = Inflow(1)
    inflow.feed(mqtt5.PingRespPacket().write() + mqtt5.ConnAckPacket(receive_max=7).write(), 0.0)
    ping, hello = inflow.others
    assert isinstance(ping, mqtt5.PingRespPacket)
    assert isinstance(hello, mqtt5.ConnAckPacket)
    assert hello.receive_max == 7


def test_long_topics_are_not_kept() -> None:
    inflow = Inflow(1)
    for length in (LONGEST_TOPIC_KEPT, LONGEST_TOPIC_KEPT + 1):
        (found,) = inflow.feed(sent("t" * length, b"", packet_id=1, retain=False), 0.0)
        assert found.topic == "t" * length
    assert [len(raw) for raw in inflow._topics] == [LONGEST_TOPIC_KEPT]


def test_a_topic_that_is_no_text_costs_itself_alone() -> None:
    bad = bytearray(GOLDEN)
    bad[4] = 0xFF
    found = Inflow(1).feed(bytes(bad) + GOLDEN, 0.0)
    assert [d.topic for d in found] == ["", "a/b/c"]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("320500ff610001", id="topic beyond its packet"),
        pytest.param("3203000161", id="no packet id"),
        pytest.param("36070001610001 00 61".replace(" ", ""), id="QoS 3"),
        pytest.param("32ffffffffff01", id="length of five bytes"),
        pytest.param("32060001610001 80".replace(" ", ""), id="properties without an end"),
        pytest.param("32060001610001 05".replace(" ", ""), id="properties beyond their packet"),
        pytest.param("0000", id="no such packet"),
        pytest.param("3200", id="PUBLISH of nothing"),
    ],
)
def test_what_is_no_mqtt_is_refused(data: str) -> None:
    with pytest.raises(BrokenStreamError):
        Inflow(1).feed(bytes.fromhex(data), 0.0)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_break_the_stream_or_wait_for_more(data: bytes) -> None:
    try:
        Inflow(1).feed(data, 0.0)
    except BrokenStreamError:
        pass
    except BaseException as error:  # the codec's panic, which the reader takes for the same
        assert type(error).__name__ == "PanicException"  # noqa: PT017
