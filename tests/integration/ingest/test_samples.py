"""Samples and devices' own words, from arrival to row, and runs that time alone decides."""

import random
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest

from ingest.upkeep.runs import count_lasting_runs
from ingest.write.batch import Inbound
from models.fold import open_pieces
from models.heartbeat import (
    LIVE,
    OFFLINE_WORD,
    ONLINE,
    ONLINE_WORD,
    RECEIPT_TIME,
    SAMPLE,
    Heartbeat,
)
from models.message import Message
from models.segment import State, join
from tests.integration.ingest import test_sample_histories as histories
from tests.integration.ingest.test_writer_histories import Pair, database, register, stored
from tests.live import DAY, at
from tests.sample_examples import EXAMPLES, RULE, Example

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
        (BASE + 90 * SECOND, LIVE | ONLINE_WORD | RECEIPT_TIME | ONLINE, -1, None),
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


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.name[:3])
def test_worked_examples_in_any_order(pair: Pair, example: Example, seed: int) -> None:
    name = pair.new_name("example")
    rule = None if example.rule is None else {**RULE, **example.rule}
    versions: list[dict[str, Any]] = [
        {"power_rule": rule, "hold_s": example.hold_s, "correction_s": 0}
    ]
    if example.later:
        later = {**RULE, **(example.rule or {}), **example.later[1]}
        versions.append({**versions[0], "power_rule": later, "from": at(example.later[0])})
    beats: list[dict[str, Any]] = []
    for number, (time, what) in enumerate(example.said):
        beat: dict[str, Any] = {"ts": at(time)}
        if what in ("online", "offline"):
            beat["available"] = what == "online"
        else:
            beat["state" if isinstance(what, str) else "power_w"] = what
        if example.seqs:
            beat["seq"] = example.seqs[number]
        beats.append(beat)
    gateway = histories.register(pair, name, versions)
    histories.write(pair, gateway, name, beats, random.Random(f"{seed} {example.name}"))
    track, pieces = stored(pair.connections[0], name)
    start, end = map(at, example.window)
    seconds: dict[str, int] = {}
    for piece in (*pieces, *open_pieces(track, DAY + 86_400 * SECOND)):
        overlap = (min(piece.end_us, end) - max(piece.start_us, start)) // SECOND
        if overlap > 0:
            seconds[piece.state.word] = seconds.get(piece.state.word, 0) + overlap
    unknown = (end - start) // SECOND - sum(seconds.values())
    assert {**seconds, **({"unknown": unknown} if unknown else {})} == example.seconds


def test_a_run_counts_when_its_dwell_has_passed_and_not_before(pair: Pair) -> None:
    """And a sample that comes after all, from before the dwell was over, takes it back."""
    name = pair.new_name("dwell")
    versions = [{"power_rule": RULE, "hold_s": 180, "correction_s": 0}]
    gateway = histories.register(pair, name, versions)
    writer, connection = pair.writers[0], pair.connections[0]
    now = writer.now(connection)
    # Half of the dwell of 60 s has passed, then all of it: as if time had.
    began = now - 30 * SECOND
    beats = [{"ts": began - 60 * SECOND, "power_w": 20.0}, {"ts": began, "power_w": 90.0}]
    writer.write(connection, [histories.inbound(gateway, name, beats)])
    count_lasting_runs(connection, writer)
    assert segments(pair, name, now) == [(began - 60 * SECOND, now, "idle")]
    key = track_key(pair, name)
    pair.world.conn.execute(
        "UPDATE instrument_version SET power_rule = jsonb_set(power_rule, '{dwell_start_s}', '20')"
        " WHERE instrument_key = %s",
        (key,),
    )
    pair.world.conn.execute(
        "UPDATE instrument_status SET run_until_us = %s, version = version + 1"
        " WHERE instrument_key = %s",
        (began + 20 * SECOND, key),
    )
    touch(pair, name)
    assert count_lasting_runs(connection, writer) == 1
    assert segments(pair, name, now) == [
        (began - 60 * SECOND, began, "idle"),
        (began, now, "running"),
    ]
    assert count_lasting_runs(connection, writer) == 0
    late = [{"ts": began + 19 * SECOND, "power_w": 20.0}]
    pair.writers[1].write(pair.connections[1], [histories.inbound(gateway, name, late)])
    assert segments(pair, name, now) == [(began - 60 * SECOND, now, "idle")]


def segments(pair: Pair, name: str, now: int) -> list[tuple[int, int, str]]:
    track, pieces = stored(pair.connections[0], name)
    found = join([*pieces, *open_pieces(track, now)])
    return [(one.start_us, one.end_us, one.state.word) for one in found]


def touch(pair: Pair, name: str) -> None:
    pair.world.conn.execute(
        "UPDATE instrument SET changed_revision = r.revision + 1 FROM registry_revision r"
        " WHERE instrument_id = %s",
        (name,),
    )
    pair.world.conn.execute("UPDATE registry_revision SET revision = revision + 1")


def track_key(pair: Pair, name: str) -> int:
    (key,) = pair.world.conn.execute(
        "SELECT instrument_key FROM instrument WHERE instrument_id = %s", (name,)
    ).fetchone() or (0,)
    return int(key)
