"""What is called spoilt is refused for the reason given; what is called odd is right."""

from dataclasses import replace

import pytest

from models.wire import decode
from simulators.city.city import Gateway
from simulators.city.randomness import Rng
from simulators.fleet.bad_messages import _BAD, bad_element, odd_element, spoilt_message
from simulators.heartbeat import Heartbeat, encode_array
from tests.unit.simulators.test_heartbeat import FULL, TS_US

GATEWAY = Gateway(index=0, gateway_id="gw-1", institution=0, first=0, count=1)


class Loaded(Rng):
    """Throws what it is told."""

    __slots__ = ("_value",)

    def __init__(self, value: int) -> None:
        super().__init__(1)
        self._value = value

    def below(self, bound: int) -> int:
        return self._value % bound


@pytest.mark.parametrize("number", range(len(_BAD)))
def test_bad_elements_are_refused_alone(number: int) -> None:
    bad = bad_element(FULL, Loaded(number), f"t-{number}")
    message = decode(encode_array([FULL, bad, FULL]))
    assert [reject.reason.value for reject in message.rejects] == [bad.expect]
    assert [index for index, _ in message.heartbeats] == [0, 2]


@pytest.mark.parametrize("number", range(5))
def test_odd_elements_mean_the_same(number: int) -> None:
    odd = odd_element(FULL, Loaded(number))
    message = decode(encode_array([odd]))
    assert message.rejects == []
    ((_, read),) = message.heartbeats
    meant: Heartbeat = replace(FULL, ts_us=TS_US + 999) if number == 4 else FULL
    assert (read.instrument_id, read.ts_us, read.state) == (
        meant.instrument_id,
        meant.ts_us,
        meant.state,
    )
    assert odd.ts_us == meant.ts_us
    assert (read.seq, read.boot_id, read.interval_s) == (17, "b00710ad", 10)


@pytest.mark.parametrize("number", range(8))
def test_spoilt_messages_are_refused_as_a_whole(number: int) -> None:
    spoilt = spoilt_message(GATEWAY, Loaded(number), "t")
    message = decode(spoilt.payload)
    assert message.heartbeats == []
    assert {reject.reason.value for reject in message.rejects} == {spoilt.expect}
    assert len(message.rejects) == 1
