"""When something was received: never before it arrived, however slow the database answers."""

import time
from typing import Any, cast

import psycopg

from ingest.write.batch import Inbound
from ingest.write.receipts import LEAP_US, Moment, Receipts, read_moment


def heartbeat(arrived: float | None, kind: str = "heartbeat") -> Inbound:
    return Inbound(
        gateway_id="gw", topic="", kind=kind, retained=False, arrived=arrived, received_us=7
    )


def word(arrived: float) -> Inbound:
    return heartbeat(arrived, "status")


class SlowDatabase:
    """Says what time it is, and takes a while to say it."""

    def cursor(self, *, binary: bool) -> "SlowDatabase":
        return self

    def execute(self, query: str, _values: list[str]) -> "SlowDatabase":
        return self

    def fetchone(self) -> tuple[Any, ...]:
        now_us = time.time_ns() // 1_000
        time.sleep(0.05)
        return now_us, 1, 0


def test_a_slow_answer_dates_nothing_before_its_arrival() -> None:
    published_us, arrived = time.time_ns() // 1_000, time.monotonic()
    inbound = heartbeat(arrived)
    Receipts().date([inbound], read_moment(cast("psycopg.Connection", SlowDatabase())))
    assert inbound.received_us >= published_us - 1_000  # two clocks read one after the other


def test_receipts_never_go_back_and_a_word_has_one_of_its_own() -> None:
    receipts = Receipts()
    batch = [heartbeat(8.0), word(9.0), heartbeat(9.0), heartbeat(9.0)]
    receipts.date(batch, Moment(20_000_000, 1, 0, asked=10.0))
    assert [one.received_us for one in batch] == [18_000_000, 19_000_001, 19_000_002, 19_000_002]
    # Another look at the clock finds it half a second behind; what came next did not come before.
    batch = [heartbeat(9.2), heartbeat(None)]
    receipts.date(batch, Moment(19_500_000, 1, 0, asked=10.0))
    assert [one.received_us for one in batch] == [19_000_002, 7]


def test_a_clock_that_was_ahead_does_not_date_what_comes_after_its_leap() -> None:
    receipts = Receipts()
    receipts.date([heartbeat(10.0)], Moment(1_000_000_000, 1, 0, asked=10.0))
    late = heartbeat(10.0)
    receipts.date([late], Moment(1_000_000_000 - LEAP_US - 1, 1, 0, asked=10.0))
    assert late.received_us == 1_000_000_000 - LEAP_US - 1
