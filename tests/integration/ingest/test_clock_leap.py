"""A clock that leaps while a batch is being written: between the look at it and the transaction."""

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np
import psycopg
import pytest
from prometheus_client import CollectorRegistry
from psycopg import conninfo

from ingest.db.errors import ClockLeaptError
from ingest.metrics import Metrics
from ingest.mqtt.reader import Token
from ingest.path import pipeline
from ingest.path.intake import Taken
from ingest.path.pipeline import MANY, Pipeline
from ingest.settings import IngestSettings
from ingest.upkeep.listening import SQL as LISTENING
from ingest.upkeep.listening import ListeningRecord
from ingest.write import writer
from ingest.write.inbounds import Inbounds
from ingest.write.receipts import Moment, read_moment
from models.wire_columns import decode_all
from tests.integration.ingest.test_gateway_words import register
from tests.integration.ingest.test_writer_histories import Pair, database, pair
from tests.live import DAY_LENGTH, SECOND, now_us
from tests.unit.ingest.path.test_pipeline import Acknowledging

__all__ = ["database", "pair"]  # fixtures

YEAR = 366 * DAY_LENGTH


class Clock:
    """The database's, further by as much as the next of `leaps` says."""

    def __init__(self) -> None:
        self.leaps: list[int] = []
        self.asked = 0

    def read(self, connection: psycopg.Connection) -> Moment:
        self.asked += 1
        moment = read_moment(connection)
        leap = self.leaps.pop(0) if self.leaps else 0
        return moment._replace(now_us=moment.now_us + leap)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(writer, "read_moment", found.read)
    monkeypatch.setattr(pipeline, "PAUSE_FIRST", 0.001)
    return found


@pytest.fixture
def moving(pair: Pair, clock: Clock) -> Iterator[Pipeline]:
    at = pair.world.conn.info
    url = conninfo.make_conninfo(at.dsn, password=at.password)
    settings = IngestSettings.model_validate({"database_url": url, "mqtt_url": "mqtt://"})
    made = Pipeline(settings, Acknowledging(), Metrics(CollectorRegistry()))
    yield made
    made._ender.shutdown()
    for connection in (made._connection, made._other):
        if connection is not None:
            connection.close()


def batch(gateway: str, names: list[str], at_us: int) -> Taken:
    """A heartbeat of each, received now, decoded as a batch from the broker is."""
    payloads = [
        b"[%s]"
        % b",".join(
            b'{"instrument_id":"%s","ts":%d,"state":"running"}' % (name.encode(), at_us // 1_000)
            for name in some
        )
        for some in (names[n : n + 500] for n in range(0, len(names), 500))
    ]
    count = len(payloads)
    inbounds = Inbounds.decoded(
        [gateway] * count,
        [f"instruments/v1/{gateway}/heartbeat"] * count,
        payloads,
        np.zeros(count, np.bool_),
        np.full(count, time.monotonic()),
        decode_all(payloads),
        {},
    )
    return Taken(inbounds, [Token(1, number) for number in range(count)])


@pytest.mark.parametrize("leap", [-YEAR, YEAR], ids=["back", "forward"])
@pytest.mark.parametrize("count", [3, MANY], ids=["by itself", "beside the one before"])
def test_nothing_is_judged_by_a_clock_that_leapt_after_the_look_at_it(
    pair: Pair, moving: Pipeline, clock: Clock, count: int, leap: int
) -> None:
    gateway = pair.new_name("leapt")
    names = [f"{gateway}-{number}" for number in range(count)]
    register(pair, gateway, names)
    begin = now_us() // SECOND * SECOND
    for number in range(3):
        moving._move(batch(gateway, names, begin + number * SECOND // 10))
    assert (moving._ending is not None) == (count == MANY)
    moving._settle()
    clock.asked = 0
    # Right when it is looked at; the transaction, and the next look, find it elsewhere.
    clock.leaps = [0, leap, leap]
    moving._move(batch(gateway, names, begin + SECOND // 2))
    moving._settle()
    assert not clock.leaps
    assert clock.asked >= 5, "and it was looked at until it was right"
    found = pair.world.conn.execute(
        "SELECT count(*), count(DISTINCT ts) FROM heartbeat JOIN instrument USING (instrument_key)"
        " WHERE instrument_id = ANY(%s)",
        [names],
    ).fetchone()
    assert found == (4 * count, 4)
    refused: list[Any] = pair.world.conn.execute(
        "SELECT reason FROM dead_letter WHERE gateway_id = %s", [gateway]
    ).fetchall()
    assert refused == []
    assert abs(moving._now_us() - now_us()) < 30 * SECOND, "nor is it told to gateways"


def test_a_clock_that_leapt_speaks_of_no_heartbeat(
    pair: Pair, moving: Pipeline, clock: Clock
) -> None:
    """While the one that the database refuses is looked for, it must not look like one."""
    gateway = pair.new_name("leapt")
    register(pair, gateway, [gateway])
    begin = now_us() // SECOND * SECOND
    moving._move(batch(gateway, [gateway], begin))
    said = batch(gateway, [gateway], begin + SECOND // 2).inbounds
    clock.asked, clock.leaps = 0, [-YEAR]
    with pytest.raises(ClockLeaptError):
        moving._write_once(said, careful=True, isolate=True)
    assert (clock.asked, moving._isolation.total) == (1, 0)
    clock.leaps = [0, -YEAR]
    (outcome,) = moving._write(said)
    assert (outcome.stored, outcome.rejected) == (1, 0)


class Behind:
    """A connection whose answer to what time it is takes another hour to be written."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self.told: list[datetime] = []

    def execute(self, query: Any, params: Any = None) -> Any:
        if query != LISTENING["clock"]:
            return self._connection.execute(query, params)
        sql = "SELECT now() - interval '1 hour', extract(epoch FROM now() - interval '1 hour')"
        found = self._connection.execute(sql + "::float8")
        row = found.fetchone()
        assert row is not None
        self.told.append(row[0])
        found.scroll(-1)
        return found


def test_the_record_of_listening_says_what_was_looked_at(pair: Pair) -> None:
    """By a clock that leaps between the look and the writing a row would reach a year ahead."""
    worker = pair.new_name("w")
    record = ListeningRecord(worker, None, lambda _: False)
    connection: Any = Behind(pair.world.conn)
    for _ in range(3):
        record.note(connection, connected=True)
    found = pair.world.conn.execute(
        "SELECT starts_at, ends_at FROM collector_listening WHERE worker = %s", [worker]
    ).fetchall()
    assert found == [(connection.told[0], connection.told[2])]
    assert connection.told[0] < connection.told[2]
