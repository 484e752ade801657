"""Random histories written by two writers in turn: what is stored is the fold of all rows.

Stricter than any answer, and without broker and HTTP, so many more of them: every piece of
every segment and the whole of the status row must be what one fold over everything gives.
``JISHI_HISTORIES`` says how many.
"""

import itertools
import json
import os
import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import fields

import numpy as np
import psycopg
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from ingest.db.connection import connect
from ingest.metrics import Metrics
from ingest.write.batch import Inbound
from ingest.write.status_rows import StatusRows
from ingest.write.writer import Writer
from migrations.runner import migrate
from models.fold import Track
from models.segment import Piece, State
from models.wire import decode
from stack import Postgres
from stack import Settings as StackSettings
from stack.fetch import find_postgres
from tests import oracle
from tests.acceptance.test_properties import Case, cases, random_case
from tests.chance import counted, examples, first_seed
from tests.core import rows_of
from tests.folding import fold
from tests.integration.api.figures.world import World
from tests.live import DAY_LENGTH, wire

HISTORIES = counted("JISHI_HISTORIES", 50)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    programs = find_postgres(StackSettings.from_environ(os.environ))
    with Postgres(programs, tmp_path_factory.mktemp("histories"), durable=False) as server:
        url = server.create_database()
        migrate(url)
        yield url


def register(world: World, name: str, case: Case) -> str:
    gateway = f"gw-{name}"
    for version in case.versions:
        correction = round(version.get("correction_s", 0) * 1_000_000)
        world.gateway(gateway, valid_from=version.get("from"), clock_correction_us=correction)
    for version in case.versions:
        held = {
            field: None if version.get(known) is None else round(version[known] * 1_000_000)
            for field, known in (("hold_us", "hold_s"), ("interval_us", "interval_s"))
        }
        world.instrument(name, gateway=gateway, valid_from=version.get("from"), **held)
    world.conn.execute(
        "UPDATE gateway SET changed_revision = r.revision + 1 FROM registry_revision r"
        " WHERE gateway_id = %s",
        (gateway,),
    )
    world.conn.execute(
        "UPDATE instrument SET changed_revision = r.revision + 1 FROM registry_revision r"
        " WHERE instrument_id = %s",
        (name,),
    )
    world.conn.execute("UPDATE registry_revision SET revision = revision + 1")
    return gateway


def message(gateway: str, name: str, beats: list[dict]) -> Inbound:
    body = [wire(name, heartbeat) for heartbeat in beats]
    return Inbound(
        gateway_id=gateway,
        topic=f"instruments/v1/{gateway}/heartbeat",
        kind="heartbeat",
        retained=False,
        arrived=None,
        # As if received when the newest came: nothing is too old, nothing ahead.
        received_us=max(heartbeat["ts"] for heartbeat in beats),
        message=decode(json.dumps(body).encode()),
    )


def stored(connection: psycopg.Connection, name: str) -> tuple[Track, list[Piece]]:
    cursor = connection.cursor(binary=True)
    (key,) = cursor.execute(
        "SELECT instrument_key FROM instrument WHERE instrument_id = %s", (name,)
    ).fetchone() or (0,)
    pieces = cursor.execute(
        "SELECT starts_at, ends_at, state, step_us, counter_us, counter_readings,"
        " witness_counter_us, witness_state_us FROM segment WHERE instrument_key = %s"
        " ORDER BY starts_at",
        (key,),
    ).fetchall()
    rows = StatusRows(lambda: None)
    rows.lock(cursor, np.array([key]))
    track = rows.rows([key])[key].track
    connection.rollback()
    found = [
        Piece(
            **{f.name: v for f, v in zip(fields(Piece), (*p[:2], State(p[2]), *p[3:]), strict=True)}
        )
        for p in pieces
    ]
    return track, found


class Pair:
    """Two writers on one database, and a hand in its registry."""

    def __init__(self, url: str, closing: ExitStack) -> None:
        options = "-c TimeZone=UTC"
        plain = closing.enter_context(psycopg.connect(url, autocommit=True, options=options))
        self.world = World(plain)
        self.connections = [closing.enter_context(connect(url, name)) for name in ("one", "two")]
        self.writers = [
            Writer(
                Metrics(CollectorRegistry()),
                accept_past_us=4_000 * DAY_LENGTH,
                raw_retention_us=4_000 * DAY_LENGTH,
            )
            for _ in range(2)
        ]
        for writer, connection in zip(self.writers, self.connections, strict=True):
            writer.prepare(connection)
        self._count = itertools.count(1)

    def new_name(self, stem: str) -> str:
        """An id that no other history has."""
        return f"{stem}{next(self._count)}"

    def write(self, gateway: str, name: str, beats: list[dict], rnd: random.Random) -> None:
        """Writes heartbeats in portions, by either writer or both."""
        while beats:
            size = rnd.choice([1, 2, 5, 30])
            part, beats = beats[:size], beats[size:]
            both = rnd.sample([0, 1], 2)
            for who in both[: rnd.choice([1, 1, 2])]:
                careful = rnd.random() < 0.1
                inbounds = [message(gateway, name, part)]
                self.writers[who].write(self.connections[who], inbounds, careful=careful)

    def check(self, case: Case, rnd: random.Random) -> None:
        """Writes a history, then compares."""
        name = self.new_name("h")
        gateway = register(self.world, name, case)
        for turn in range(4):
            beats = [b for b, r in zip(case.beats, case.rounds, strict=True) if r == turn]
            self.write(gateway, name, beats, rnd)
        self.compare(name, case.beats, case.versions)

    def compare(self, name: str, beats: list[dict], versions: list[dict]) -> None:
        """What is stored is the fold of all heartbeats by the registry's versions."""
        named = [{**b, "instrument_id": name} for b in beats]
        timeline = oracle.Timeline(named, now=1 << 60, versions=versions)
        track, closed = fold(rows_of(timeline, versions))
        said, pieces = stored(self.connections[0], name)
        assert pieces == closed
        if track.reading_at_us is None:
            # Before the first reading, what states said since the last one says nothing.
            track.reading_running_us, track.reading_gap = said.reading_running_us, said.reading_gap
        for field in fields(Track):
            assert getattr(said, field.name) == getattr(track, field.name), field.name


@pytest.fixture(scope="module")
def pair(database: str) -> Iterator[Pair]:
    with ExitStack() as closing:
        yield Pair(database, closing)


@pytest.mark.chance
@pytest.mark.parametrize("portion", range(max(HISTORIES // 50, 1)))
def test_long_histories_are_the_fold_of_everything(pair: Pair, portion: int) -> None:
    first = first_seed() + 50 * portion
    for seed in range(first, first + 50):
        pair.check(random_case(seed), random.Random(seed))


@settings(max_examples=examples(HISTORIES), phases=[Phase.explicit, Phase.generate])
@given(case=cases(), seed=st.integers(0, 1_000))
def test_short_histories_are_the_fold_of_everything(pair: Pair, case: Case, seed: int) -> None:
    pair.check(case, random.Random(seed))
