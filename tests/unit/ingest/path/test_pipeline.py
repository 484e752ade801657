"""How much goes into a transaction while the database is overloaded, without one."""

import threading
from collections.abc import Collection, Iterable, Sequence

import psycopg
import pytest
from prometheus_client import CollectorRegistry
from psycopg import errors

from ingest.metrics import Metrics
from ingest.mqtt.reader import Delivery, Token
from ingest.path import pipeline
from ingest.path.intake import Taken
from ingest.path.pipeline import Pipeline
from ingest.settings import IngestSettings
from ingest.write.batch import Inbound, Outcome
from ingest.write.inbounds import Inbounds

SETTINGS = IngestSettings.model_validate(
    {
        "database_url": "postgresql://",
        "mqtt_url": "mqtt://",
        "batch_heartbeats": 1_000,
        "database_timeout": "60s",
    }
)


class Acknowledging:
    """A reader that notes what is acknowledged, in portions."""

    connected, in_flight, queued, alive_at = True, 0, 0, 0.0
    granted: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.acked: list[list[int]] = []

    def ack(self, tokens: Iterable[Token], invalid: Collection[Token] = ()) -> None:
        self.acked.append([token.packet_id for token in tokens])

    def start(self) -> None: ...
    def subscribe(self, wanted: Sequence[str], given_up: Sequence[str] = ()) -> None: ...
    def take(self, most: int, wait: float, linger: float, most_bytes: int) -> list[Delivery]:
        return []

    def publish(self, messages: Sequence[tuple[str, bytes]]) -> None: ...
    def stop_intake(self) -> None: ...
    def close(self, deadline: float) -> None: ...


class Overloaded(Pipeline):
    """Writes into a database that cannot take more than so much in time."""

    def __init__(self, reader: Acknowledging, error: psycopg.Error) -> None:
        super().__init__(SETTINGS, reader, Metrics(CollectorRegistry()))
        self.bearable = 1_000
        self.error = error
        self.tried: list[int] = []

    def _clock_is_right(self, inbounds: Sequence[Inbound]) -> bool:
        return True

    def _transact(self, inbounds: Sequence[Inbound], *, careful: bool) -> list[Outcome]:
        self.tried.append(len(inbounds))
        if len(inbounds) > self.bearable:
            raise self.error
        return [Outcome() for _ in inbounds]


def taken(count: int) -> Taken:
    inbounds = [
        Inbound(
            gateway_id="g",
            topic="instruments/v1/g/heartbeat",
            kind="heartbeat",
            retained=False,
            arrived=None,
            message=None,
            payload=b"",
        )
        for _ in range(count)
    ]
    return Taken(Inbounds.of(inbounds), [Token(1, n) for n in range(count)])


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "PAUSE_FIRST", 0.0001)
    monkeypatch.setattr(pipeline, "PAUSE_MOST", 0.001)


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        pytest.param(errors.QueryCanceled("too slow"), 2, id="timeout"),
        pytest.param(psycopg.OperationalError("gone"), 5, id="connection lost"),
    ],
)
def test_what_is_too_much_is_remembered_by_the_next_batch(error: psycopg.Error, tries: int) -> None:
    reader = Acknowledging()
    moving = Overloaded(reader, error)
    moving.bearable = 300
    moving._move(taken(1_000))
    assert moving.tried[: 2 * tries + 1] == [1_000] * tries + [500] * tries + [250]
    # Each part is acknowledged with its commit, in order, and nothing is left out.
    assert [n for part in reader.acked for n in part] == list(range(1_000))
    assert len(reader.acked) > 1
    moving.tried.clear()
    moving._move(taken(1_000))
    assert max(moving.tried) < 1_000, "the next batch began at full size"


def test_it_grows_back_once_there_is_room() -> None:
    moving = Overloaded(Acknowledging(), errors.QueryCanceled("too slow"))
    moving.bearable = 10
    moving._move(taken(1_000))
    moving.bearable = 1_000
    for _ in range(8):
        moving._move(taken(1_000))
    moving.tried.clear()
    moving._move(taken(1_000))
    assert moving.tried == [1_000]


def test_one_message_alone_is_tried_for_ever() -> None:
    moving = Overloaded(Acknowledging(), errors.QueryCanceled("too slow"))
    moving.bearable = 0
    asked = threading.Thread(target=moving._move, args=[taken(1)])
    asked.start()
    while len(moving.tried) < 20:
        asked.join(0.001)
    moving.bearable = 1
    asked.join(10)
    assert not asked.is_alive()
