"""The decoder for as long as is said: whatever arrives, it never raises. Part of `make test-fuzz`.

A hundred of each stand in `test_wire_properties.py` for every day.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from models.wire import (
    GatewayStatus,
    Reject,
    decode,
    decode_carefully,
    decode_quickly,
    decode_status,
)
from tests.unit.models.test_wire_properties import check, mutated_payloads, near_payloads

SECONDS = float(os.environ.get("JISHI_FUZZ_FOR", "0"))
pytestmark = pytest.mark.skipif(not SECONDS, reason="JISHI_FUZZ_FOR says for how many seconds")
long = settings(
    max_examples=max(1, int(SECONDS * 10)),
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@long
@given(near_payloads() | mutated_payloads() | st.binary(max_size=2_000))
def test_decode_never_raises_and_its_ways_agree(payload: bytes) -> None:
    message = decode(payload)
    check(message, payload)
    assert message == decode_carefully(payload)
    quick = decode_quickly(payload)
    assert quick is None or quick == message


@long
@given(mutated_payloads() | st.binary(max_size=500))
def test_decode_status_never_raises(payload: bytes) -> None:
    assert isinstance(decode_status(payload), GatewayStatus | Reject)
