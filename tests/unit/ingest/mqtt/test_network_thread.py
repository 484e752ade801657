"""How often the network's loop turns: seldom while plenty waits, at once while nothing does."""

import socket
import time
from types import SimpleNamespace

import pytest

from ingest.mqtt import network_thread
from ingest.mqtt.fast_reader import FastReader
from ingest.mqtt.network_thread import PLENTY, REST
from ingest.mqtt.reader import Delivery, Token


@pytest.mark.parametrize(("waiting", "rests"), [(0, []), (PLENTY // 2, []), (2 * PLENTY, [REST])])
def test_the_loop_rests_while_plenty_waits(
    monkeypatch: pytest.MonkeyPatch, waiting: int, rests: list[float]
) -> None:
    reader = FastReader("mqtt://127.0.0.1:1", "test", ["#"], window=10)
    rested: list[float] = []
    # The module's alone: other threads of this process sleep, too.
    own = SimpleNamespace(**{**vars(time), "sleep": rested.append})
    monkeypatch.setattr(network_thread, "time", own)
    reader._hand_over([Delivery("t", bytes(waiting), False, 0.0, Token(1, 1))])
    reader.stop_intake()  # wakes it
    ours, theirs = socket.socketpair()
    with ours, theirs, reader._wake_r, reader._wake_w:
        theirs.send(b"x")
        assert reader._wait(ours, reading=True, writing=False) == (True, False)
        assert rested == rests
        rested.clear()
        reader.take(10, 0, 0, 1)
        reader.stop_intake()
        reader._wait(ours, reading=True, writing=False)
    assert rested == []
    assert (reader.in_flight, reader.queued) == (1, 0)
