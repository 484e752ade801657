"""The workload: what the checks and references rely on."""

import json
from itertools import islice, pairwise

from bench.beats import Stretch, batches, rows, singles, state_at
from bench.city import City
from models.wire import decode

WORDS = ("off", "idle", "running")


def stretch(instruments: int = 45, ticks: int = 3) -> Stretch:
    return Stretch(City(instruments), 1_700_000_000_000_000, 0, ticks)


def test_each_instrument_changes_state_once_an_hour() -> None:
    for instrument in range(50):
        states = [state_at(instrument, tick) for tick in range(3 * 360 + 1)]
        assert sum(a != b for a, b in pairwise(states)) == 3


def test_singles_say_what_the_rows_say() -> None:
    sent = stretch()
    for (instrument, tick, ts), (topic, payload) in zip(
        rows(sent), singles(sent, 1_000), strict=True
    ):
        ((_, heartbeat),) = decode(payload).heartbeats
        assert heartbeat.ts_us == ts
        assert heartbeat.instrument_id == f"bench-{instrument:06d}"
        assert heartbeat.seq == tick
        assert heartbeat.boot_id is not None
        assert heartbeat.state.word == WORDS[state_at(instrument, tick)]
        assert topic == f"instruments/v1/gw-{sent.city.gateway_of(instrument):05d}/heartbeat"


def test_batches_hold_the_same_heartbeats_receipted() -> None:
    sent = stretch()
    found = [json.loads(payload) for _, payload in batches(sent, 50, "t")]
    assert len({one["batch_id"] for one in found}) == len(found)
    assert max(len(one["heartbeats"]) for one in found) == 50
    beats = {(h["instrument_id"], h["ts"]) for one in found for h in one["heartbeats"]}
    assert len(beats) == sent.heartbeats == sum(len(one["heartbeats"]) for one in found)


def test_times_of_a_tick_stay_within_it() -> None:
    sent = stretch()
    assert all(
        ts // 10_000_000 == sent.origin_us // 10_000_000 + tick for _, tick, ts in rows(sent)
    )


def test_no_more_singles_than_asked_for() -> None:
    assert len(list(islice(singles(stretch(), 7), 100))) == 7
