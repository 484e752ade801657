"""``kill -9`` of the ingest in mid-stream: every heartbeat is stored once."""

import json
import os
import random
import signal
from collections.abc import Iterator

import pytest

from cli.up import Service
from tests.live import DAY, Live, beat, until, wire

MESSAGES, EACH = 150, 20


@pytest.fixture
def mortal() -> Iterator[Live]:
    """A service of this test's own: killing a shared one would cost the other tests."""
    service = Service(publisher=True, durable=False)
    try:
        service.start()
        client = Live(service)
        yield client
        client.close()
    finally:
        service.stop()


def test_every_heartbeat_is_stored_once(mortal: Live) -> None:
    gateway = mortal.gateway()
    scopes = [mortal.instrument(gateway=gateway, hold_s=60) for _ in range(4)]
    (worker,) = mortal.service.ingests
    rnd = random.Random(1)
    deaths = {20, 60, 61, 110}
    for number in range(MESSAGES):
        heartbeats = [
            wire(scope, beat(DAY + (number * EACH + n) * 1_000_000, seq=number * EACH + n))
            for n in range(EACH)
            for scope in scopes
        ]
        rnd.shuffle(heartbeats)
        topic = f"instruments/v1/{gateway}/heartbeat"
        mortal.publisher.send(topic, json.dumps(heartbeats).encode(), wait=False)
        if number in deaths:
            if worker.pid is not None:
                os.kill(worker.pid, signal.SIGKILL)
            until(worker.revive)
    mortal.settle(gateway, patience=60.0)
    rows = mortal.rows(
        "SELECT instrument_id, count(*), count(DISTINCT seq), max(seq) FROM heartbeat"
        " JOIN instrument USING (instrument_key) GROUP BY 1 ORDER BY 1"
    )
    total = MESSAGES * EACH
    assert rows == [(scope, total, total, total - 1) for scope in sorted(scopes)]
    assert mortal.letters() == []
    for scope in scopes:
        spent = mortal.spent(scope, DAY, DAY + total * 1_000_000)
        assert spent == {"running": total}


def test_what_says_no_time_is_one_heartbeat_however_often_it_comes(mortal: Live) -> None:
    gateway = mortal.gateway()
    source = {"mapping": "shelly-gen1", "device": "plug", "channel": "relay/0"}
    plug = mortal.instrument(gateway=gateway, source=source)
    topic = f"instruments/v1/{gateway}/native/shellies/plug/relay/0/power"
    (worker,) = mortal.service.ingests
    deaths = {100, 300, 301, 550}
    for number in range(700):
        # The same payload again and again is as many messages all the same.
        mortal.publisher.send(topic, b"%d" % (number // 5), wait=False)
        if number in deaths:
            if worker.pid is not None:
                os.kill(worker.pid, signal.SIGKILL)
            until(worker.revive)
    mortal.settle(gateway, patience=60.0)
    said = [
        power
        for (power,) in mortal.rows(
            "SELECT power_w::int FROM heartbeat JOIN instrument USING (instrument_key)"
            " WHERE instrument_id = %s ORDER BY ts",
            plug,
        )
    ]
    assert said == [number // 5 for number in range(700)]
    assert mortal.letters() == []
