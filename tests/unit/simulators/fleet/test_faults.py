"""Rates are read, seeds repeat, and each fault does what it says."""

from collections import Counter
from itertools import pairwise

import pytest

from simulators.check.ledger import NoLedger
from simulators.city.city import FleetOptions, build_city
from simulators.fleet.device import Device
from simulators.fleet.faults import FaultRates, GatewayFaults
from simulators.fleet.schedule import Profile, Schedule
from simulators.fleet.stats import Stats
from simulators.heartbeat import Heartbeat

START_US = 1_772_294_400_000_000
INTERVAL_US = 10_000_000


class Runner:
    """Stands where a gateway stands; counts what it is told."""

    def __init__(self) -> None:
        self.boots = 0
        self.number = 0

    def boot(self) -> None:
        self.boots += 1

    def next_number(self) -> int:
        self.number += 1
        return self.number


def spoilt(
    rates: FaultRates, rounds: int = 300, seed: int = 1
) -> tuple[list[Heartbeat], Stats, int]:
    """Heartbeats of 8 instruments after their faults, and how many there were."""
    city = build_city(FleetOptions(instruments=8, gateways=1, seed=4))
    stats = Stats()
    schedule = Schedule(
        start_us=START_US,
        end_us=START_US + rounds * INTERVAL_US,
        interval_us=INTERVAL_US,
        batch=50,
        profile=Profile.ENVELOPE,
        historical=False,
        window=20,
        run="r",
    )
    faults = GatewayFaults(
        rates,
        city=city,
        gateway=city.gateways[0],
        schedule=schedule,
        seed=seed,
        ledger=NoLedger(),
        stats=stats,
    )
    runner = Runner()
    devices = [Device(i, START_US, 10.0, lambda *_: None) for i in city.instruments]
    for device in devices:
        device.boot("b")
    made = 0
    kept: list[Heartbeat] = []
    for n in range(rounds):
        at_us = START_US + n * INTERVAL_US
        if faults.begin_round(runner, at_us):  # type: ignore[arg-type]
            beats = [d.beat(at_us, at_us + faults.skew_us) for d in devices]
            made += len(beats)
            kept += faults.spoil(beats, at_us)
            faults.to_reset.clear()
    return kept + faults.release_all(), stats, made


@pytest.mark.parametrize(
    ("text", "name", "rate"),
    [
        pytest.param("none", "dropped", 0.0, id="none"),
        pytest.param("dropped=0.25", "dropped", 0.25, id="one"),
        pytest.param("late=0.1, clock-jump=0.5", "clock_jump", 0.5, id="two"),
        pytest.param("all", "malformed", 0.003, id="all"),
        pytest.param("all,malformed=0", "malformed", 0.0, id="all-but-one"),
        pytest.param("all=2", "dropped", 0.01, id="twice-all"),
        pytest.param("late", "late", 0.005, id="usual-rate"),
    ],
)
def test_rates(text: str, name: str, rate: float) -> None:
    assert getattr(FaultRates.parse(text), name) == rate


@pytest.mark.parametrize("text", ["earthquake=1", "late=2", "late=often", "late=-0.1"])
def test_rates_that_are_none(text: str) -> None:
    with pytest.raises(ValueError):
        FaultRates.parse(text)


def test_a_seed_repeats_itself() -> None:
    rates = FaultRates.parse("all=3")
    assert spoilt(rates)[0] == spoilt(rates)[0]
    assert spoilt(rates)[0] != spoilt(rates, seed=2)[0]


def test_nothing_happens_without_faults() -> None:
    beats, stats, made = spoilt(FaultRates(late=1e-12))
    assert len(beats) == made
    assert stats.faults == {}


def test_dropped() -> None:
    beats, stats, made = spoilt(FaultRates(dropped=0.2))
    assert len(beats) == made - stats.faults["dropped"]
    assert stats.faults["dropped"] == pytest.approx(0.2 * made, rel=0.2)


def test_duplicated() -> None:
    beats, stats, made = spoilt(FaultRates(duplicated=0.2))
    assert len(beats) == made + stats.faults["duplicated"]
    assert len({(b.instrument, b.ts_us, b.seq) for b in beats}) == made


def test_conflicting() -> None:
    beats, stats, made = spoilt(FaultRates(conflicting=0.1))
    by_key = Counter((b.instrument, b.ts_us) for b in beats)
    assert len(by_key) == made
    assert sum(count == 2 for count in by_key.values()) == stats.faults["conflicting"]


def test_late_comes_late_but_comes() -> None:
    beats, stats, made = spoilt(FaultRates(late=0.2))
    assert len(beats) == made
    times = [b.ts_us for b in beats]
    assert times != sorted(times)
    assert stats.faults["late"] > 0


def test_restamped_repeats_the_sequence_number() -> None:
    beats, _, _ = spoilt(FaultRates(restamped=0.05))
    repeats = [b for b in beats if b.fault == "restamped"]
    assert repeats
    own = sorted((b for b in beats if b.instrument == repeats[0].instrument), key=lambda b: b.ts_us)
    stale = [b for a, b in pairwise(own) if a.seq == b.seq]
    assert len(stale) == sum(b.fault == "restamped" for b in own)


def test_reboot_leaves_a_gap() -> None:
    _, stats, made = spoilt(FaultRates(reboot=0.5))
    assert stats.faults["reboot"] > 0
    assert made < 300 * 8


def test_clock_jumps_stay_clear_of_the_border() -> None:
    beats, stats, _ = spoilt(FaultRates(clock_jump=1.0))
    assert stats.faults["clock_jump"] > 0
    round_us = {b.ts_us for b in beats}
    ends = START_US + 300 * INTERVAL_US
    assert any(ts > ends + 3_000_000_000 for ts in round_us)
    assert any(ts < START_US for ts in round_us)


def test_hostile_things_are_marked() -> None:
    beats, stats, made = spoilt(FaultRates(hostile=1.0), rounds=600)
    assert stats.faults["hostile"] > 0
    assert {b.fault for b in beats} >= {"unknown", "far_future", "far_past"}
    assert len(beats) > made
