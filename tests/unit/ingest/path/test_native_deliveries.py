"""Deliveries below ``native/``: whose they are, and what is kept of how they came."""

import pytest

from ingest.mqtt.reader import Delivery, Token
from ingest.path.decode import decode_deliveries

TOPIC = "instruments/v1/gw-1/native/tele/plug/LWT"


@pytest.mark.parametrize(
    ("topic", "gateway", "kind"),
    [
        pytest.param(TOPIC, "gw-1", "native", id="below"),
        pytest.param("instruments/v1/gw-1/native", "gw-1", "native", id="the prefix itself"),
        pytest.param("instruments/v1/gw-1/native/a\n/b", "gw-1", "native", id="a line break"),
        pytest.param("instruments/v1/gw-1/native/" + "x" * 500, "gw-1", "native", id="long"),
        pytest.param("instruments/v1/native/heartbeat", "native", "heartbeat", id="a gateway"),
        pytest.param("instruments/v1/gw-1/natively", "", "status", id="none of ours"),
        pytest.param("instruments/v1/gw-1/heartbeat/native", "", "status", id="deeper"),
    ],
)
def test_whose_it_is(topic: str, gateway: str, kind: str) -> None:
    for _ in range(2):  # the second time it is remembered
        inbound = decode_deliveries([Delivery(topic, b"x", False, 0.0, None)])[0]
        assert (inbound.gateway_id, inbound.kind) == (gateway, kind)
        assert (inbound.refused is None) == bool(gateway)


def test_what_the_broker_kept_is_not_live() -> None:
    kept, said = (
        decode_deliveries([Delivery(TOPIC, b"Online", retained, 0.0, None)])[0]
        for retained in (True, False)
    )
    assert (kept.live, kept.retained) == (False, True)
    assert (said.live, said.retained) == (True, False)


def test_the_packet_id_names_it_in_the_session() -> None:
    inbound = decode_deliveries([Delivery(TOPIC, b"1", False, 0.0, Token(3, 77), True)])[0]
    assert (inbound.packet_id, inbound.again) == (77, True)
    at_most_once = decode_deliveries([Delivery(TOPIC, b"1", False, 0.0, None)])[0]
    assert (at_most_once.packet_id, at_most_once.again) == (0, False)
