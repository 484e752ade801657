"""When something was received: never before it arrived, however slow the database answers."""

import time
from typing import Any, cast

import psycopg
from prometheus_client import CollectorRegistry

from ingest.metrics import Metrics
from ingest.write.writer import Writer


class SlowDatabase:
    """Says what time it is, and takes a while to say it."""

    def cursor(self, *, binary: bool) -> "SlowDatabase":
        return self

    def execute(self, query: str) -> "SlowDatabase":
        return self

    def fetchone(self) -> tuple[Any, ...]:
        now_us = time.time_ns() // 1_000
        time.sleep(0.05)
        return now_us, 1, 0


def test_a_slow_answer_dates_nothing_before_its_arrival() -> None:
    writer = Writer(Metrics(CollectorRegistry()), accept_past_us=0, raw_retention_us=0)
    published_us, arrived = time.time_ns() // 1_000, time.monotonic()
    writer._clock(cast("psycopg.Connection", SlowDatabase()))
    database_us, asked = writer.clock
    received_us = database_us - int((asked - arrived) * 1_000_000)
    assert received_us >= published_us - 1_000  # two clocks read one after the other
