"""Credits of single heartbeats agree with what the fold makes of all of them."""

import random

import pytest

from models.credit import Accepted, Ended, HoldSource, credits_of
from models.fold import Row, open_pieces
from models.free import free_ranges
from models.segment import State
from tests.folding import fold

SECOND = 1_000_000


def accepted(
    at: int, state: State = State.IDLE, *, stale: bool = False, **more: object
) -> Accepted:
    fields: dict[str, object] = {
        "ts_us": at * SECOND,
        "at_us": at * SECOND,
        "received_us": at * SECOND,
        "state": state,
        "live": True,
        "stale": stale,
        "historical": False,
        "retained": False,
        "gateway_id": "g",
        "seq": None,
        "boot_id": None,
        "power_w": None,
        "runtime_s": None,
        "energy_wh": None,
        "interval_s": None,
        "own_hold_us": None,
        "own_interval_us": None,
        **more,
    }
    return Accepted(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "hold_s", "source"),
    [
        pytest.param({}, 180, HoldSource.DEFAULT, id="default"),
        pytest.param(
            {"own_interval_us": 20 * SECOND}, 60, HoldSource.INSTRUMENT_INTERVAL, id="own"
        ),
        pytest.param(
            {"own_interval_us": 20 * SECOND, "interval_s": 3600.0},
            900,
            HoldSource.HEARTBEAT_INTERVAL,
            id="reported",
        ),
        pytest.param(
            {"own_hold_us": 7_200 * SECOND, "interval_s": 1.0},
            7_200,
            HoldSource.INSTRUMENT_HOLD,
            id="hold",
        ),
    ],
)
def test_hold_and_its_source(settings: dict[str, object], hold_s: int, source: HoldSource) -> None:
    one = accepted(0, **settings)
    assert (one.hold_us, one.hold_source) == (hold_s * SECOND, source)


def test_why_credit_ends() -> None:
    heartbeats = [
        accepted(0),
        accepted(60),
        accepted(100, stale=True),
        accepted(900),
        accepted(1000),
    ]
    found = credits_of(heartbeats, None, 950 * SECOND)
    assert [(c.end_us - c.start_us) // SECOND for c in found] == [60, 180, 0, 50, 0]
    assert [c.ended for c in found] == [
        Ended.NEXT_HEARTBEAT,
        Ended.HOLD,
        Ended.STALE_REPEAT,
        Ended.NOW,
        Ended.AHEAD_OF_NOW,
    ]


@pytest.mark.parametrize("seed", range(20))
def test_credits_make_up_the_known_time(seed: int) -> None:
    dice = random.Random(seed)
    at, heartbeats = 0, []
    for _ in range(60):
        at += dice.randint(1, 400)
        heartbeats.append(accepted(at, State(dice.randint(0, 2))))
    now = at * SECOND - dice.randint(-300, 300) * SECOND
    track, pieces = fold(
        Row(at_us=one.at_us, ts_us=one.ts_us, state=one.state, hold_us=one.hold_us)
        for one in heartbeats
    )
    pieces += open_pieces(track, now)
    found = credits_of(heartbeats, None, now)
    for state in State:
        told = sum(c.end_us - c.start_us for c in found if c.heartbeat.state is state)
        folded = sum(
            min(p.end_us, now) - p.start_us for p in pieces if p.state is state and p.start_us < now
        )
        assert told == folded


def test_free_ranges() -> None:
    shares = {(1, 8): 0.1, (1, 9): 0.0, (1, 10): 0.2, (1, 23): 0.0, (3, 0): None, (7, 0): 0.19}
    assert free_ranges(shares) == {
        "mon": [("08:00", "10:00"), ("23:00", "24:00")],
        "sun": [("00:00", "01:00")],
    }
