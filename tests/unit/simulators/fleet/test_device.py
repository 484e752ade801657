"""A device's meters follow its state."""

from models.segment import State
from simulators.city.city import FleetOptions, build_city
from simulators.fleet.device import Device
from simulators.heartbeat import Heartbeat

SECOND_US = 1_000_000
START_US = 1_772_294_400 * SECOND_US  # a Sunday, 2026-03-01 00:00 +08:00


def walk(step_s: int, days: int = 4) -> tuple[list[Heartbeat], list[tuple[int, int, State]]]:
    instrument = build_city(FleetOptions(instruments=40, gateways=4, seed=3)).instruments[5]
    truth: list[tuple[int, int, State]] = []
    device = Device(instrument, START_US, 10.0, lambda *change: truth.append(change))
    device.boot("b1")
    beats = [
        device.beat(at, at)
        for at in range(START_US, START_US + days * 86_400 * SECOND_US, step_s * SECOND_US)
    ]
    return beats, truth


def test_the_hour_meter_counts_running_time() -> None:
    beats, truth = walk(10)
    assert [b.seq for b in beats[:3]] == [1, 2, 3]
    end_us = beats[-1].ts_us
    running = sum(
        min(after, end_us) - at
        for (_, at, state), after in zip(truth, [t[1] for t in truth[1:]] + [end_us], strict=True)
        if state is State.RUNNING
    )
    assert beats[-1].runtime_s is not None
    assert beats[0].runtime_s is not None
    assert abs((beats[-1].runtime_s - beats[0].runtime_s) - running / SECOND_US) <= 1
    assert running > 0


def test_beats_say_what_is_true() -> None:
    beats, truth = walk(60)
    changes = [(at, state) for _, at, state in truth]
    for beat in beats[::7]:
        assert beat.state is [state for at, state in changes if at <= beat.ts_us][-1]
        assert (beat.power_w == 0) is (beat.state is State.OFF)


def test_truth_does_not_depend_on_the_sampling() -> None:
    assert walk(10)[1] == walk(600)[1]


def test_energy_never_falls() -> None:
    beats, _ = walk(300)
    energies = [b.energy_wh for b in beats]
    assert energies == sorted(energies, key=lambda e: e or 0)
