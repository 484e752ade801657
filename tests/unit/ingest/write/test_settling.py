"""Which of several heartbeats of one time stands, whichever came first (rule 3)."""

from itertools import permutations

import pytest

from ingest.write.batch import Arrival, Inbound, Outcome
from ingest.write.changes import Changes
from ingest.write.settling import settle_all
from models.heartbeat import Heartbeat, Reason
from models.segment import State

TS_US = 1_700_000_000_000_000


def arrival(state: State, *, live: bool = False, power_w: float | None = None) -> Arrival:
    heartbeat = Heartbeat(instrument_id="i", ts_us=TS_US, state=state, power_w=power_w)
    inbound = Inbound(gateway_id="gw", topic="t", kind="heartbeat", retained=False, arrived=None)
    return Arrival(
        at_us=TS_US,
        ts_us=TS_US,
        state=state,
        hold_us=1,
        live=live,
        inbound=inbound,
        outcome=Outcome(),
        index=0,
        heartbeat=heartbeat,
        instrument_key=1,
        gateway_key=1,
    )


def test_equal_ones_are_duplicates() -> None:
    changes = Changes()
    first, second = arrival(State.IDLE), arrival(State.IDLE, live=True)
    best = settle_all([first, second], changes)
    assert best is first
    assert best.live, "it came live, once"
    assert second.outcome.duplicates == 1
    assert changes.letters == changes.losers == []


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_the_lesser_stands_and_the_letters_are_the_same_in_any_order(order: tuple[int]) -> None:
    changes = Changes()
    arrivals = [
        arrival(State.RUNNING, live=True),
        arrival(State.OFF, power_w=2.0),
        arrival(State.IDLE),
    ]
    best = settle_all([arrivals[n] for n in order], changes)
    assert best is arrivals[1]
    assert best.live, "the instrument spoke, whichever it meant"
    assert {letter.reason for letter in changes.letters} == {Reason.CONFLICT}
    assert sorted(letter.payload for letter in changes.letters) == [
        b'{"instrument_id":"i","state":"idle","ts":"2023-11-14T22:13:20.000000Z"}',
        b'{"instrument_id":"i","state":"running","ts":"2023-11-14T22:13:20.000000Z"}',
    ]
    assert [digest for digest, _ in changes.losers] == [one.digest for one in changes.letters]
