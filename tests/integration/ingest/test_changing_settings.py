"""The registry changes among the heartbeats: what is stored knows nothing of their order.

Hold, interval, binding and correction change before, between and after the heartbeats that they
concern, from a time in the past, from now on or from a time to come. In the end every piece and
the status row are what the oracle makes of the heartbeats and of the versions that the registry
then tells (rules 3, 8, 15). ``JISHI_SETTINGS`` says how many histories there are.
"""

import random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ingest.upkeep.rebuild import rebuild_range
from ingest.write.receipts import read_moment
from ingest.write.registry_cache import Registry
from models.registry_fields import GATEWAY, INSTITUTION, INSTRUMENT, Kind
from models.registry_plan import Change, Mode, Result
from store.registry.records import read_versions, write
from store.run import run
from tests import oracle
from tests.acceptance.test_properties import ROUNDS, random_case
from tests.chance import counted
from tests.integration.ingest.test_writer_histories import Pair, database, pair
from tests.live import DAY_LENGTH, HOUR, MINUTE, SECOND, now_us
from tests.strategies import BASE

__all__ = ["database", "pair"]  # fixtures

SEEDS = counted("JISHI_SETTINGS", 50)
ZONE = ZoneInfo("Asia/Shanghai")
LONG_AGO = BASE - 365 * DAY_LENGTH
AHEAD = 4_102_444_800 * SECOND  # the year 2100


class History:
    """One instrument, two gateways, and whoever changes their settings meanwhile."""

    def __init__(self, pair: Pair, seed: int) -> None:
        self.pair, self.rnd = pair, random.Random(seed)
        self.name = pair.new_name("s")
        self.gateways = [f"{self.name}-g{n}" for n in range(2)]
        self.case = random_case(seed)
        # Now lies long after all of them, or in their middle.
        shift = self.rnd.choice([0, now_us() - BASE - 2 * HOUR])
        self.base = BASE + shift
        self.beats = [{**b, "ts": b["ts"] + shift} for b in self.case.beats]
        #: By encoding: the gateway that it came through first.
        self.came_through: dict[bytes, str] = {}
        self.change(INSTITUTION, "home", Mode.PUT, name="Home")
        for gateway in self.gateways:
            self.change(GATEWAY, gateway, Mode.PUT, valid_from_us=LONG_AGO)
        self.change(
            INSTRUMENT, self.name, Mode.PUT, valid_from_us=LONG_AGO,
            name="x", institution_id="home", gateway_id=self.gateways[0],
        )  # fmt: skip

    def change(
        self, kind: Kind, identity: str, mode: Mode, valid_from_us: int | None = None, **fields: Any
    ) -> None:
        """A write of the registry, as the API makes it."""
        conn = self.pair.world.conn
        asked = Change(id=identity, mode=mode, fields=fields, valid_from_us=valid_from_us)
        with conn.transaction():
            (outcome,) = run(conn, write(kind, [asked], actor="test", zone=ZONE))
        assert outcome.result is not Result.REJECTED, outcome.refusals

    def change_something(self) -> None:
        """Any setting, from any time on."""
        rnd = self.rnd
        valid_from = rnd.choice(
            [
                None,
                LONG_AGO,
                AHEAD,
                *(self.base + rnd.randrange(-10 * MINUTE, 6 * HOUR) for _ in range(5)),
            ]
        )
        if rnd.random() < 0.25:
            correction = rnd.choice([-600, -90, -1, 0, 0.5, 30, 3_600])
            self.change(
                GATEWAY, rnd.choice(self.gateways), Mode.PATCH, valid_from,
                clock_correction_us=round(correction * SECOND),
            )  # fmt: skip
            return
        settings = {
            "hold_us": rnd.choice([None, 1, 60, 180, 900, 7_200]),
            "interval_us": rnd.choice([None, 1, 10, 60, 600]),
            "gateway_id": rnd.choice(self.gateways),
        }
        fields = {
            name: value if isinstance(value, str) or value is None else value * SECOND
            for name, value in settings.items()
        }
        if rnd.random() < 0.4:
            whole = {"name": "x", "institution_id": "home", **fields}
            self.change(INSTRUMENT, self.name, Mode.PUT, valid_from, **whole)
        else:
            some = rnd.sample(sorted(fields), rnd.choice([1, 1, 2]))
            self.change(
                INSTRUMENT, self.name, Mode.PATCH, valid_from, **{n: fields[n] for n in some}
            )

    def send(self, turn: int) -> None:
        """The heartbeats of a round, each through the gateway that it is bound to by then."""
        bindings = [{"from": v["from"], "gateway": v["gateway_id"]} for v in self.versions()]
        parts: dict[str, list[dict]] = {gateway: [] for gateway in self.gateways}
        for one, round_ in zip(self.beats, self.case.rounds, strict=True):
            if round_ == turn:
                gateway = oracle.setting(bindings, one["ts"], "gateway")
                parts[gateway].append(one)
                self.came_through.setdefault(oracle.encoding(one), gateway)
        for gateway, beats in parts.items():
            self.pair.write(gateway, self.name, beats, self.rnd)

    def versions(self) -> list[dict]:
        """What the registry says, as the oracle reads it."""
        found = run(self.pair.world.conn, read_versions(INSTRUMENT, [self.name]))[self.name]
        return [
            {
                "from": since,
                "gateway_id": record["gateway_id"],
                **{
                    f"{name}_s": record[f"{name}_us"] / SECOND
                    for name in ("hold", "interval")
                    if record[f"{name}_us"] is not None
                },
            }
            for since, record in found
        ]

    def follow_up(self) -> None:
        """The rebuilds that changes of the instrument asked for."""
        connection, writer = self.pair.connections[0], self.pair.writers[0]
        with connection.transaction():
            asked = connection.cursor(binary=True).execute(
                "DELETE FROM rebuild_todo RETURNING rebuild_id, instrument_key, starts_at, ends_at"
            )
            for _, key, low, high in sorted(asked.fetchall()):
                writer.refold(connection, key, low, high)

    def rebuild(self) -> None:
        """What an operator asks for after a change of a correction."""
        connection, writer = self.pair.connections[0], self.pair.writers[0]
        low, high = self.base - DAY_LENGTH, self.base + DAY_LENGTH
        rebuild_range(connection, writer, low, high, [self.name], "test", lambda *_: None)

    def check(self) -> None:
        clocks = run(self.pair.world.conn, read_versions(GATEWAY, self.gateways))
        beats = []
        for one in {oracle.encoding(b): b for b in self.beats}.values():
            versions = clocks[self.came_through[oracle.encoding(one)]]
            clock = [
                {"from": since, "correction_s": record["clock_correction_us"] / SECOND}
                for since, record in versions
            ]
            beats.append({**one, "clock": clock})
        self.pair.compare(self.name, beats, self.versions())


@pytest.mark.parametrize("portion", range(max(SEEDS // 50, 1)))
def test_any_order_of_data_and_settings(pair: Pair, portion: int) -> None:
    for seed in range(50 * portion, 50 * (portion + 1)):
        history = History(pair, seed)
        turns: list[int | None] = [*range(ROUNDS), *([None] * history.rnd.randrange(1, 6))]
        history.rnd.shuffle(turns)
        for turn in turns:
            if turn is None:
                history.change_something()
            else:
                history.send(turn)
            if history.rnd.random() < 0.3:
                history.follow_up()
        history.follow_up()
        history.rebuild()
        history.check()


def test_what_many_instruments_are_set_to_alike_is_kept_once(pair: Pair) -> None:
    history = History(pair, 0)
    gateway, connection = history.gateways[0], pair.connections[0]
    names = [pair.new_name("alike") for _ in range(3)]
    for name in names:
        whole = {"name": name, "institution_id": "home", "gateway_id": gateway}
        history.change(INSTRUMENT, name, Mode.PUT, LONG_AGO, interval_us=10 * SECOND, **whole)
    registry = Registry(ZONE)
    with connection.transaction():
        registry.refresh(connection, read_moment(connection).revision)
    first, second, third = (registry.instruments_by_key[registry.keys[name]] for name in names)
    assert first.settings is second.settings is third.settings
    assert first.newest.quiet_hold_us == 30 * SECOND
    assert first.at(0) is first.newest

    history.change(INSTRUMENT, names[1], Mode.PATCH, BASE, hold_us=SECOND)
    with connection.transaction():
        registry.refresh(connection, read_moment(connection).revision)
    changed = registry.instruments_by_key[registry.keys[names[1]]]
    assert registry.instruments_by_key[registry.keys[names[0]]] is first
    assert [one.own_hold_us for one in changed.settings] == [None, SECOND]
    assert changed.at(BASE - 1).own_hold_us is None
    assert changed.at(BASE) is changed.newest
    assert registry.newest.quiet_hold_us[changed.key] == SECOND
