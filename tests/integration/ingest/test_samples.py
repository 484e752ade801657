"""Samples and devices' own words, from arrival to row, before any rule gives samples a state."""

from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest

from ingest.write.batch import Inbound
from models.heartbeat import LIVE, OFFLINE_WORD, ONLINE_WORD, RECEIPT_TIME, SAMPLE, Heartbeat
from models.message import Message
from models.segment import State
from tests.integration.ingest.test_writer_histories import Pair, database, register, stored

__all__ = ["database"]
SECOND = 1_000_000
BASE = 1_772_434_800 * SECOND  # 2026-03-02 07:00 UTC


class Case:
    """One instrument without settings of its own."""

    versions: list[dict] = [{}]  # noqa: RUF012


@pytest.fixture(scope="module")
def pair(database: str) -> Iterator[Pair]:
    with ExitStack() as closing:
        yield Pair(database, closing)


def said(gateway: str, *heartbeats: Heartbeat, kind: str = "heartbeat", received: int) -> Inbound:
    numbered = list(enumerate(heartbeats))
    return Inbound(
        gateway_id=gateway,
        topic=f"instruments/v1/{gateway}/native/plug",
        kind=kind,
        retained=False,
        arrived=None,
        received_us=received,
        message=Message(
            heartbeats=numbered, rejects=[], total=len(numbered), payload=b"Online, 41 W"
        ),
        payload=b"Online, 41 W",
    )


def rows(connection: psycopg.Connection, name: str) -> list[tuple]:
    found = connection.execute(
        "SELECT us(h.ts), h.flags, h.state, h.power_w FROM heartbeat h"
        " JOIN instrument USING (instrument_key) WHERE instrument_id = %s ORDER BY ts",
        (name,),
    ).fetchall()
    connection.rollback()
    return found


def test_without_a_rule_samples_credit_nothing_and_are_a_sign_of_life(pair: Pair) -> None:
    name = pair.new_name("sample")
    gateway = register(pair.world, name, Case())
    beats = [
        Heartbeat(instrument_id=name, ts_us=BASE, state=State.RUNNING),
        Heartbeat(instrument_id=name, ts_us=BASE + 60 * SECOND, state=None, power_w=41.0),
        Heartbeat(
            instrument_id=name,
            ts_us=BASE + 90 * SECOND,
            state=None,
            available=True,
            receipt_time=True,
        ),
    ]
    writer, connection = pair.writers[0], pair.connections[0]
    outcomes = writer.write(connection, [said(gateway, *beats, received=BASE + 90 * SECOND)])
    assert [(one.stored, one.rejected) for one in outcomes] == [(3, 0)]
    assert rows(connection, name) == [
        (BASE, LIVE, 2, None),
        (BASE + 60 * SECOND, LIVE | SAMPLE, -1, 41.0),
        (BASE + 90 * SECOND, LIVE | ONLINE_WORD | RECEIPT_TIME, -1, None),
    ]
    track, _ = stored(connection, name)
    assert (track.state, track.credit_until_us) == (State.RUNNING, BASE + 60 * SECOND)
    assert track.live_until_us == BASE + 270 * SECOND
    assert track.power_w == 41.0


def test_an_offline_word_ends_credit_and_life_at_once_whenever_it_comes(pair: Pair) -> None:
    name = pair.new_name("offline")
    gateway = register(pair.world, name, Case())
    first = Heartbeat(instrument_id=name, ts_us=BASE, state=State.IDLE)
    last = Heartbeat(instrument_id=name, ts_us=BASE + 120 * SECOND, state=State.IDLE)
    word = Heartbeat(instrument_id=name, ts_us=BASE + 50 * SECOND, state=None, available=False)
    for number, beat in enumerate([first, last, word, word]):
        writer, connection = pair.writers[number % 2], pair.connections[number % 2]
        writer.write(connection, [said(gateway, beat, received=BASE + 200 * SECOND)])
    assert [flags for _, flags, _, _ in rows(pair.connections[0], name)] == [
        LIVE,
        LIVE | OFFLINE_WORD,
        LIVE,
    ]
    track, pieces = stored(pair.connections[0], name)
    assert [(p.start_us, p.end_us) for p in pieces] == [(BASE, BASE + 50 * SECOND)]
    assert track.piece_from_us == BASE + 120 * SECOND


def test_of_one_time_a_stated_heartbeat_goes_before_a_sample_before_a_word(pair: Pair) -> None:
    name = pair.new_name("conflict")
    gateway = register(pair.world, name, Case())
    beats = [
        Heartbeat(instrument_id=name, ts_us=BASE, state=None, available=True),
        Heartbeat(instrument_id=name, ts_us=BASE, state=None, power_w=41.0),
        Heartbeat(instrument_id=name, ts_us=BASE, state=State.RUNNING),
    ]
    writer, connection = pair.writers[0], pair.connections[0]
    outcomes = [
        writer.write(connection, [said(gateway, beat, received=BASE + SECOND)])[0]
        for beat in (*beats, beats[1])
    ]
    assert [(one.stored, one.duplicates) for one in outcomes] == [(1, 0), (1, 0), (1, 0), (0, 1)]
    assert rows(connection, name) == [(BASE, LIVE, 2, None)]
