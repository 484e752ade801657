"""Batches that go by in arrays, held to those that go one heartbeat after the other.

Random mixed batches are written into two databases: into one by two writers in turn, each batch
in arrays or one by one, into the other one by one alone, which is the definition. Every row of
every table that they write must be the same. ``JISHI_PLAIN_CASES`` says how many.
"""

import json
import os
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

import msgspec
import numpy as np
import psycopg
import pytest
from prometheus_client import CollectorRegistry

from ingest.db.connection import connect
from ingest.metrics import Metrics
from ingest.write import plain, status_rows
from ingest.write.batch import Inbound, Outcome
from ingest.write.inbounds import Inbounds
from ingest.write.writer import Begun, Writer
from migrations.runner import migrate
from models.columns import Rows
from models.timestamp import format_ts
from models.wire import decode
from models.wire_columns import decode_all
from stack import Postgres
from stack import Settings as StackSettings
from stack.fetch import find_postgres
from tests.chance import counted
from tests.integration.api.figures.world import World
from tests.live import DAY_LENGTH
from tests.strategies import BASE, SECOND

CASES = counted("JISHI_PLAIN_CASES", 15)
FIRST = int(os.environ.get("JISHI_PLAIN_FROM", "0"))
TABLES = (
    "SELECT * FROM heartbeat ORDER BY instrument_key, ts",
    "SELECT * FROM segment ORDER BY instrument_key, starts_at",
    "SELECT * FROM instrument_status ORDER BY instrument_key",
    "SELECT * FROM rollup_todo ORDER BY instrument_key, day",
    "SELECT digest, reason, detail, gateway_id, topic, instrument_id, ts, received_at, heartbeats,"
    " live, historical, payload, occurrences FROM dead_letter ORDER BY digest",
)


class Side:
    """A database with a registry and its writers."""

    def __init__(self, url: str, writers: int, closing: ExitStack) -> None:
        options = "-c TimeZone=UTC"
        self.url = url
        self.plain = closing.enter_context(psycopg.connect(url, autocommit=True, options=options))
        self.world = World(self.plain)
        self.connections = [closing.enter_context(connect(url, str(n))) for n in range(writers)]
        self.writers = [
            Writer(
                Metrics(CollectorRegistry()),
                accept_past_us=2 * DAY_LENGTH,
                raw_retention_us=4_000 * DAY_LENGTH,
            )
            for _ in range(writers)
        ]
        for writer, connection in zip(self.writers, self.connections, strict=True):
            writer.prepare(connection)

    def register(self, case: "Case") -> None:
        for gateway, correction in case.gateways.items():
            self.world.gateway(gateway, clock_correction_us=correction)
        for name, gateway in case.instruments.items():
            for version in case.versions[name]:
                self.world.instrument(name, gateway=gateway, **version)
        for table, named in (("gateway", case.gateways), ("instrument", case.instruments)):
            self.plain.execute(
                f"UPDATE {table} SET changed_revision = r.revision + 1 FROM registry_revision r"
                f" WHERE {table}_id = ANY(%s)",
                [list(named)],
            )
        self.plain.execute("UPDATE registry_revision SET revision = revision + 1")

    def rows(self) -> list[list[tuple[Any, ...]]]:
        return [self.plain.execute(table).fetchall() for table in TABLES]


class Case:
    """A small city, and what it says."""

    def __init__(self, seed: int) -> None:
        rnd = self.rnd = random.Random(seed)
        self.gateways = {f"gw-{seed}-{n}": 0 for n in range(3)}
        if rnd.random() < 0.3:
            self.gateways[f"gw-{seed}-2"] = rnd.choice([-5, 3_600]) * SECOND
        self.instruments = {f"i-{seed}-{n}": rnd.choice(list(self.gateways)) for n in range(8)}
        self.versions = {name: self._versions() for name in self.instruments}
        self.at = dict.fromkeys(self.instruments, BASE + rnd.randrange(3_600) * SECOND)
        self.seq = dict.fromkeys(self.instruments, 0)
        self.runtime = dict.fromkeys(self.instruments, 0.0)
        self.boot = dict.fromkeys(self.instruments, "b")
        self.said: list[tuple[str, dict[str, Any]]] = []

    def _versions(self) -> list[dict[str, Any]]:
        rnd = self.rnd
        found: list[dict[str, Any]] = [{"valid_from": None}]
        if rnd.random() < 0.2:
            found.append({"valid_from": BASE + rnd.randrange(4 * 3_600) * SECOND})
        for version in found:
            version["hold_us"] = rnd.choice([None, None, SECOND, 900 * SECOND, 7_200 * SECOND])
            version["interval_us"] = rnd.choice([None, 10 * SECOND, 600 * SECOND])
        return found

    def beat(self, name: str) -> dict[str, Any]:
        """What an instrument says next; mostly plain."""
        rnd, chance = self.rnd, self.rnd.random()
        self.at[name] += rnd.choice(
            [1, SECOND, *[10 * SECOND] * 5, 59 * SECOND, 181 * SECOND, 900 * SECOND, 7_300 * SECOND]
        )
        self.seq[name] += 1
        self.runtime[name] += rnd.choice([0.0, 10.0, 59.0000005, 61.5, 500.0])
        ts = self.at[name]
        if rnd.random() < 0.03:
            self.boot[name], self.runtime[name] = rnd.choice(["b", "ü" * 3, "x" * 64]), 1.0
        if chance < 0.02:
            ts -= rnd.randrange(7_200) * SECOND
        elif chance < 0.03:
            self.seq[name] -= 1
        elif chance < 0.04:
            ts += rnd.choice([301, 90_000]) * SECOND
        elif chance < 0.05:
            ts -= 3 * 86_400 * SECOND
        beat: dict[str, Any] = {
            "instrument_id": name,
            "ts": ts // 1_000 if ts % 1_000 == 0 else format_ts(ts),
            "state": rnd.choice(["off", "idle", "running", "running"]),
        }
        for field, value, share in (
            ("seq", self.seq[name], 0.8),
            ("boot_id", self.boot[name], 0.6),
            ("runtime_s", self.runtime[name], 0.6),
            ("power_w", rnd.choice([0, 0.5, 180.25]), 0.7),
            ("energy_wh", rnd.random() * 1e6, 0.2),
            ("interval_s", rnd.choice([1, 10.5, 59.0000005, 3_600]), 0.1),
        ):
            if rnd.random() < share:
                beat[field] = value
        if 0.05 < chance < 0.06 and "power_w" in beat:
            del beat["state"]
        elif chance > 0.99:
            beat["state"] = "broken"
        elif chance > 0.98:
            beat["instrument_id"] = "nobody"
        return beat

    def batch(self) -> list[tuple[Inbound, bytes]]:
        """Messages, their payloads beside them; each heartbeat's gateway is mostly its own."""
        rnd = self.rnd
        beats = []
        for _ in range(rnd.choice([1, 5, 20, 60])):
            name = rnd.choice(list(self.instruments))
            beats.append((self.instruments[name], self.beat(name)))
        if self.said and rnd.random() < 0.3:
            beats += rnd.sample(self.said, min(len(self.said), 3))
        if rnd.random() < 0.2:
            gateway, beat = rnd.choice(beats)
            beats.append((gateway, {**beat, "state": rnd.choice(["off", "idle"])}))
        if rnd.random() < 0.2:
            beats.append((rnd.choice(list(self.gateways)), rnd.choice(beats)[1]))
        if rnd.random() < 0.3:
            rnd.shuffle(beats)
        self.said += beats
        del self.said[:-100]
        received = max(self.at.values())
        messages = []
        while beats:
            size = rnd.choice([1, 1, 1, 3, 10])
            gateway = rnd.choice([beats[0][0]] * 20 + ["gw-unknown"])
            some = [beat for owner, beat in beats[:size] if owner == beats[0][0]]
            beats = [pair for pair in beats[:size] if pair[0] != beats[0][0]] + beats[size:]
            messages.append(self._message(gateway, some, received))
        if rnd.random() < 0.1:
            messages.insert(0, self._message(next(iter(self.gateways)), [], received))
        return messages

    def _message(
        self, gateway: str, beats: list[dict[str, Any]], received_us: int
    ) -> tuple[Inbound, bytes]:
        rnd = self.rnd
        body: Any = beats
        if len(beats) == 1 and rnd.random() < 0.7:
            body = beats[0]
        elif rnd.random() < 0.5:
            body = {"batch_id": f"n{rnd.random()}", "heartbeats": beats}
            if rnd.random() < 0.05:
                body["historical"] = True
            if rnd.random() < 0.05:
                body["unknown"] = 1
        inbound = Inbound(
            gateway_id=gateway,
            topic=f"instruments/v1/{gateway}/heartbeat",
            kind="heartbeat",
            retained=rnd.random() < 0.03,
            arrived=None,
            received_us=received_us,
        )
        return inbound, json.dumps(body).encode()


def as_columns(messages: list[tuple[Inbound, bytes]]) -> Sequence[Inbound]:
    """Decoded together, as a batch from the broker is."""
    payloads = [payload for _, payload in messages]
    inbounds = Inbounds.decoded(
        [inbound.gateway_id for inbound, _ in messages],
        [inbound.topic for inbound, _ in messages],
        payloads,
        np.array([inbound.retained for inbound, _ in messages], np.bool_),
        np.full(len(messages), np.nan),
        decode_all(payloads),
        {},
    )
    inbounds.receive(np.array([inbound.received_us for inbound, _ in messages], np.int64))
    return inbounds


def one_by_one(messages: list[tuple[Inbound, bytes]]) -> Sequence[Inbound]:
    """Decoded one after the other."""
    inbounds = []
    for inbound, payload in messages:
        message = decode(payload)
        live = not (inbound.retained or message.historical)
        inbounds.append(
            msgspec.structs.replace(inbound, payload=payload, message=message, live=live)
        )
    return inbounds


def written(
    side: Side, who: int, messages: list[tuple[Inbound, bytes]], together: bool
) -> list[Outcome]:
    inbounds = as_columns(messages) if together else one_by_one(messages)
    outcomes = list(side.writers[who].write(side.connections[who], inbounds))
    for outcome in outcomes:
        outcome.errors.sort(key=str)
    return outcomes


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Side, Side]]:
    programs = find_postgres(StackSettings.from_environ(os.environ))
    with (
        Postgres(programs, tmp_path_factory.mktemp("plain"), durable=False) as server,
        ExitStack() as closing,
    ):
        urls = [server.create_database() for _ in range(2)]
        for url in urls:
            migrate(url)
        yield Side(urls[0], 2, closing), Side(urls[1], 1, closing)


def test_arrays_write_what_one_after_the_other_writes(
    sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain, "FEW", 1)
    gone_together = 0
    take = plain.PlainBatch.take

    def counted(self: Any, *args: Any) -> Any:
        nonlocal gone_together
        advanced = take(self, *args)
        gone_together += 0 if advanced is None else advanced.count
        return advanced

    monkeypatch.setattr(plain.PlainBatch, "take", counted)
    mixed, scalar = sides
    for seed in range(FIRST, FIRST + CASES):
        case = Case(seed)
        mixed.register(case)
        scalar.register(case)
        for turn in range(12):
            messages = case.batch()
            together, who = case.rnd.random() < 0.7, case.rnd.randrange(2)
            found = written(mixed, who, messages, together)
            assert found == written(scalar, 0, messages, together=False), (seed, turn)
        for mine, theirs in zip(mixed.rows(), scalar.rows(), strict=True):
            assert mine == theirs, seed
    assert gone_together > 5 * CASES


def test_a_failed_transaction_leaves_nothing_behind(
    sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain, "FEW", 1)
    mixed, scalar = sides
    case = Case(FIRST - 1)
    mixed.register(case)
    scalar.register(case)
    for turn in range(12):
        messages = case.batch()
        if turn % 2:
            with monkeypatch.context() as broken:
                broken.setattr("ingest.write.writer.record_letters", _fail)
                with pytest.raises(psycopg.DataError):
                    written(mixed, 0, messages, together=True)
        found = written(mixed, 0, messages, together=True)
        assert found == written(scalar, 0, messages, together=False), turn
    assert mixed.rows() == scalar.rows()


class Steady(Case):
    """A city that says nothing odd."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.gateways = dict.fromkeys(self.gateways, 0)
        self.versions = {name: [{"valid_from": None}] for name in self.instruments}

    def batch(self) -> list[tuple[Inbound, bytes]]:
        rnd = self.rnd
        messages = []
        for name in rnd.sample(list(self.instruments), rnd.randint(1, len(self.instruments))):
            for _ in range(rnd.randint(1, 3)):
                self.at[name] += rnd.choice([10, 60, 900]) * SECOND
                self.seq[name] += 1
                beat = {
                    "instrument_id": name,
                    "ts": self.at[name] // 1_000,
                    "state": rnd.choice(["off", "idle", "running"]),
                    "seq": self.seq[name],
                }
                received = max(self.at.values())
                inbound, payload = self._message(self.instruments[name], [beat], received)
                inbound.retained = False
                messages.append((inbound, payload))
        return messages


class Meanwhile:
    """Has something happen each time that a writer has begun to trust, and counts these."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.happens: list[Callable[[], object]] = []
        self.trusted = 0
        fits = plain.PlainBatch.fits

        def then(batch: plain.PlainBatch, statuses: Any) -> bool:
            trusted = fits(batch, statuses)
            self.trusted += trusted
            while trusted and self.happens:
                self.happens.pop()()
            return trusted

        monkeypatch.setattr(plain.PlainBatch, "fits", then)


def steady(
    sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch, seed: int
) -> tuple[Steady, Meanwhile]:
    """A steady city in both databases, however few of it speak, and what happens meanwhile."""
    monkeypatch.setattr(plain, "FEW", 1)
    case = Steady(seed)
    for side in sides:
        side.register(case)
    return case, Meanwhile(monkeypatch)


def test_who_trusts_and_was_overtaken_begins_anew(
    sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed, scalar = sides
    case, meanwhile = steady(sides, monkeypatch, FIRST - 2)
    overtaken = 0
    for turn in range(40):
        first, second = case.batch(), case.batch()
        if case.rnd.random() < 0.5:
            second = first[: len(first) // 2] + second  # the broker hands some over to both
        found: list[list[Outcome]] = []
        if case.rnd.random() < 0.6:
            meanwhile.happens = [partial(_add, found, mixed, second)]
        earlier = written(mixed, 0, first, together=True)
        if found:
            overtaken += 1
            assert found[0] == written(scalar, 0, second, together=False), turn
            assert earlier == written(scalar, 0, first, together=False), turn
        else:
            meanwhile.happens = []
            assert earlier == written(scalar, 0, first, together=False), turn
            assert written(mixed, 0, second, True) == written(scalar, 0, second, False), turn
        assert mixed.rows() == scalar.rows(), turn
    assert meanwhile.trusted - overtaken > 5
    assert overtaken > 5


def test_who_trusts_judges_anew_by_a_setting_that_came_meanwhile(
    sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed, scalar = sides
    case, meanwhile = steady(sides, monkeypatch, FIRST - 3)

    def change(side: Side) -> None:
        for name, gateway in case.instruments.items():
            side.world.instrument(name, gateway=gateway, valid_from=BASE, hold_us=7 * SECOND)
        side.plain.execute(
            "UPDATE instrument SET changed_revision = r.revision + 1 FROM registry_revision r"
            " WHERE instrument_id = ANY(%s)",
            [list(case.instruments)],
        )
        side.plain.execute("UPDATE registry_revision SET revision = revision + 1")

    for turn in range(6):
        messages = case.batch()
        if turn == 3:
            meanwhile.happens = [lambda: change(mixed)]
            change(scalar)
        found = written(mixed, 0, messages, together=True)
        assert found == written(scalar, 0, messages, together=False), turn
        assert not meanwhile.happens, "the batch was not trusted"
        assert mixed.rows() == scalar.rows(), turn


class Beside:
    """Hands a side's first writer each batch while the one before ends, over two connections."""

    def __init__(self, side: Side, closing: ExitStack) -> None:
        self._writer = side.writers[0]
        self._connections = [
            side.connections[0],
            closing.enter_context(connect(side.url, "beside")),
        ]
        self._writer.prepare(self._connections[1])
        self._thread = closing.enter_context(ThreadPoolExecutor(1))
        self._ending: tuple[Begun, Future[None], list[tuple[Inbound, bytes]]] | None = None
        #: What became of each batch, in the order in which they were committed.
        self.found: list[list[Outcome]] = []
        self.ended = self.given_up = 0

    def write(self, messages: list[tuple[Inbound, bytes]]) -> None:
        """Begins a batch, or writes it by itself; the one before is over then."""
        batch = as_columns(messages)
        begun = None
        with suppress(psycopg.errors.UniqueViolation):  # another worker has stored the same
            begun = self._writer.begin(self._connections[0], batch)
        if not self.settle(begun) or begun is None:
            self._add(self._writer.write(self._connections[0], batch))
        else:
            self._ending = begun, self._thread.submit(self._writer.end, begun), messages
            self._connections.reverse()

    def settle(self, begun_after: Begun | None = None) -> bool:
        """Waits for the one before; False if it was written anew, and what was begun given up."""
        if self._ending is None:
            return True
        begun, done, messages = self._ending
        self._ending = None
        if done.exception() is None:
            self._add(self._writer.ended(begun))
            self.ended += 1
            return True
        for one in (begun_after, begun):
            if one is not None:
                self._writer.give_up(one)
        self.given_up += 1
        self._add(self._writer.write(self._connections[0], as_columns(messages)))
        return False

    def _add(self, outcomes: Sequence[Outcome]) -> None:
        self.found.append(list(outcomes))
        for outcome in self.found[-1]:
            outcome.errors.sort(key=str)


def test_batches_begun_beside_the_end_of_others_write_what_one_after_the_other_writes(
    sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed, scalar = sides
    steady_one, _ = steady(sides, monkeypatch, FIRST - 4)
    odd_one = Case(FIRST - 5)
    for side in sides:
        side.register(odd_one)
    rnd = random.Random(FIRST)
    follow_up = Writer._follow_up

    def fails_at_times(*args: Any) -> None:
        follow_up(*args)
        if threading.current_thread() is not threading.main_thread() and dice.random() < 0.2:
            raise psycopg.OperationalError("as if the connection were lost")

    dice = random.Random(FIRST + 1)
    monkeypatch.setattr(Writer, "_follow_up", fails_at_times)
    with ExitStack() as closing:
        beside = Beside(mixed, closing)
        for turn in range(30):
            expected = []
            for _ in range(rnd.randint(1, 5)):
                messages = (odd_one if rnd.random() < 0.2 else steady_one).batch()
                beside.write(messages)
                expected.append(written(scalar, 0, messages, together=False))
            beside.settle()
            assert beside.found == expected, turn
            beside.found.clear()
            if rnd.random() < 0.3:
                # Another worker, which the first one then finds out.
                messages = steady_one.batch()
                found = written(mixed, 1, messages, together=True)
                assert found == written(scalar, 0, messages, together=False), turn
            assert mixed.rows() == scalar.rows(), turn
    assert beside.ended > 20
    assert beside.given_up > 5


def test_rows_are_updated_in_the_order_of_their_keys(sides: tuple[Side, Side]) -> None:
    """Or two who trust, or one who trusts and one who locks, could wait for each other."""
    mixed, _ = sides
    with mixed.connections[0].transaction(), mixed.connections[0].cursor() as cursor:
        for many in (0, 3, 20_000):
            cursor.execute("TRUNCATE status_in")
            cursor.execute(
                "INSERT INTO status_in (instrument_key, version) SELECT n, 1"
                " FROM generate_series(1, %s) AS n",
                [many],
            )
            cursor.execute(status_rows.UPDATE.replace(b"\nUPDATE", b"\nEXPLAIN UPDATE"))
            assert cursor.nextset()
            plan = "\n".join(row[0] for row in cursor)
            assert "Hash" not in plan
            assert "Merge Join" in plan or "Seq Scan on status_in" in plan.split("->")[2], plan


def _add(found: list[list[Outcome]], side: Side, messages: list[tuple[Inbound, bytes]]) -> None:
    found.append(written(side, 1, messages, together=True))


def _fail(*args: Any) -> None:
    raise psycopg.DataError("as if the database refused it")


def test_heartbeats_of_a_batch_stand_in_common_columns() -> None:
    messages = decode_all([payload for _, payload in Case(7).batch()])
    assert any(isinstance(message.heartbeats, Rows) for message in messages)
