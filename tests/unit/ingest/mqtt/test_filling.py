"""How long a batch fills, without a broker: the clock goes on by what a look at the queue waits."""

import pytest

from ingest.mqtt import network_thread
from ingest.mqtt.connection import POLL
from ingest.mqtt.fast_reader import FastReader
from ingest.mqtt.reader import Delivery, Token


class Clock:
    """Time that passes only where somebody waits; as many messages arrive in each second."""

    def __init__(self, reader: FastReader, rate: int) -> None:
        self.now = 1_000.0
        self._reader = reader
        self._rate = rate
        self._come = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self._come += self._rate * seconds
        while self._come >= 1:
            self._come -= 1
            self.arrive(self.now)

    def arrive(self, at: float) -> None:
        delivery = Delivery("instruments/v1/g/heartbeat", b"1", False, at, Token(1, 1))
        self._reader._hand_over([delivery])


@pytest.mark.parametrize(
    ("rate", "waited", "fills"),
    [
        pytest.param(2_000, 0.0, 0.08, id="from-its-first-message-on"),
        pytest.param(2_000, 0.05, 0.03, id="what-waited-before-counts"),
        pytest.param(2_000, 5.0, 0.0, id="what-is-late-waits-no-more"),
        pytest.param(20_000, 5.0, 1.92, id="a-backlog-pours-in"),
    ],
)
def test_how_long_it_fills(
    monkeypatch: pytest.MonkeyPatch, rate: int, waited: float, fills: float
) -> None:
    reader = FastReader("mqtt://127.0.0.1", "test", [], window=65_535)
    clock = Clock(reader, rate)
    clock.arrive(clock.now - waited)
    monkeypatch.setattr(network_thread, "time", clock)
    found = reader.take(50_000, 1.0, 0.08, 1 << 20)
    assert abs(clock.now - 1_000.0 - fills) <= 2 * POLL
    assert len(found) == pytest.approx(1 + rate * (clock.now - 1_000.0), abs=1)
    assert reader.queued == 0
    reader._wake_r.close()
    reader._wake_w.close()
