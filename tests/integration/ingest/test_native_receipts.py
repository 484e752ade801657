"""A device's message without a time of its own, handed over again: one heartbeat all the same."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from prometheus_client import CollectorRegistry

from ingest.metrics import Metrics
from ingest.write.batch import Inbound
from ingest.write.writer import Writer
from models.registry_fields import GATEWAY, INSTITUTION, INSTRUMENT, Kind
from models.registry_plan import Change, Mode
from store.registry.records import write
from store.run import run
from tests.integration.ingest.test_writer_histories import Pair, database
from tests.live import DAY_LENGTH

__all__ = ["database"]


@pytest.fixture(scope="module")
def pair(database: str) -> Iterator[Pair]:
    with ExitStack() as closing:
        yield Pair(database, closing)


@pytest.fixture
def plug(pair: Pair) -> str:
    """An instrument that a plug of the first generation feeds."""
    return bound(pair, "shelly-gen1", "relay/0")


def bound(pair: Pair, mapping: str, channel: str | None) -> str:
    """An instrument that the device of its own name feeds."""
    name = pair.new_name("plug")

    def put(kind: Kind, identity: str, **fields: Any) -> None:
        asked = Change(id=identity, mode=Mode.PUT, fields=fields)
        with pair.world.conn.transaction():
            run(pair.world.conn, write(kind, [asked], actor="test", zone=ZoneInfo("Asia/Shanghai")))

    put(INSTITUTION, "home", name="Home")
    put(GATEWAY, f"gw-{name}")
    source = {"mapping": mapping, "device": name, "channel": channel}
    put(INSTRUMENT, name, name="x", institution_id="home", gateway_id=f"gw-{name}", source=source)
    return name


class Session:
    """A worker's session with the broker, across the worker's deaths."""

    def __init__(self, pair: Pair, client_id: str) -> None:
        self._pair, self._client_id = pair, client_id
        self.die()

    def die(self) -> None:
        """What is in memory is gone."""
        self.writer = Writer(
            Metrics(CollectorRegistry()),
            accept_past_us=DAY_LENGTH,
            raw_retention_us=2 * DAY_LENGTH,
            mqtt_client_id=self._client_id,
        )

    def hear(self, plug: str, *said: tuple[int, bytes, bool]) -> None:
        """Messages by packet id, payload, and whether the broker sends them again."""
        topic = f"instruments/v1/gw-{plug}/native/shellies/{plug}/relay/0/power"
        inbounds = [
            Inbound(
                gateway_id=f"gw-{plug}", topic=topic, kind="native", retained=False,
                arrived=time.monotonic(), payload=payload, packet_id=packet_id, again=again,
            )
            for packet_id, payload, again in said
        ]  # fmt: skip
        outcomes = self.writer.write(self._pair.connections[0], inbounds)
        assert not any(outcome.errors for outcome in outcomes)

    def powers(self, plug: str) -> list[float]:
        """What is stored, in order of time."""
        return [
            power
            for (power,) in self._pair.world.conn.execute(
                "SELECT power_w::float8 FROM heartbeat JOIN instrument USING (instrument_key)"
                " WHERE instrument_id = %s ORDER BY ts",
                (plug,),
            )
        ]


def test_what_comes_again_after_a_death_is_dated_as_at_first(pair: Pair, plug: str) -> None:
    session = Session(pair, "a")
    session.hear(plug, (1, b"10", False), (2, b"10", False), (3, b"30", False))
    session.die()
    # The first was acknowledged; of the others no acknowledgement arrived, and a fourth follows.
    session.hear(plug, (2, b"10", True), (3, b"30", True), (1, b"40", False))
    assert session.powers(plug) == [10, 10, 30, 40]


def test_what_was_never_written_is_new_also_where_it_was_sent_before(pair: Pair, plug: str) -> None:
    session = Session(pair, "b")
    session.hear(plug, (7, b"10", True))
    session.hear(plug, (7, b"20", True))
    assert session.powers(plug) == [10, 20]


def test_a_packet_id_that_comes_round_is_another_message(pair: Pair, plug: str) -> None:
    session = Session(pair, "c")
    session.hear(plug, (1, b"10", False))
    session.hear(plug, (1, b"10", False))
    assert session.powers(plug) == [10, 10]


def test_another_session_counts_by_itself(pair: Pair, plug: str) -> None:
    Session(pair, "d").hear(plug, (1, b"10", False))
    other = Session(pair, "e")
    other.hear(plug, (1, b"10", True))
    assert other.powers(plug) == [10, 10]


def test_messages_of_one_read_have_times_of_their_own(pair: Pair, plug: str) -> None:
    session = Session(pair, "f")
    session.hear(plug, *((n, b"%d" % n, False) for n in range(1, 200)))
    assert session.powers(plug) == list(range(1, 200))
    kept = pair.world.conn.execute(
        "SELECT count(*) FROM native_receipt WHERE mqtt_client_id = 'f'"
    ).fetchone()
    assert kept == (199,)


def test_a_local_time_is_the_services(pair: Pair) -> None:
    plug = bound(pair, "tasmota-energy", None)
    writer = Writer(
        Metrics(CollectorRegistry()),
        accept_past_us=DAY_LENGTH,
        raw_retention_us=2 * DAY_LENGTH,
        zone="America/New_York",
    )
    # At midnight no clock is changed there.
    midnight = datetime.now(ZoneInfo("America/New_York")).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    payload = {"Time": midnight.strftime("%Y-%m-%dT%H:%M:%S"), "ENERGY": {"Power": 5}}
    inbound = Inbound(
        gateway_id=f"gw-{plug}", topic=f"instruments/v1/gw-{plug}/native/tele/{plug}/SENSOR",
        kind="native", retained=False, arrived=time.monotonic(),
        payload=json.dumps(payload).encode(),
    )  # fmt: skip
    (outcome,) = writer.write(pair.connections[0], [inbound])
    assert (outcome.errors, outcome.stored) == ([], 1)
    rows = pair.world.conn.execute(
        "SELECT ts FROM heartbeat JOIN instrument USING (instrument_key) WHERE instrument_id = %s",
        (plug,),
    ).fetchall()
    assert rows == [(midnight,)]
