"""What is ahead of an instrument's newest row, what is behind it, and in what order it is taken."""

import pytest

from ingest.write import ahead
from ingest.write.changes import Changes
from ingest.write.status_rows import StatusRow
from models.fold import Track
from models.segment import State
from tests.unit.ingest.write.test_settling import TS_US, arrival


@pytest.mark.parametrize(
    ("offsets", "careful", "news", "late"),
    [
        pytest.param([1, 2, 3], False, [1, 2, 3], [], id="in-order"),
        pytest.param([3, 1, 2], False, [1, 2, 3], [], id="out-of-order"),
        pytest.param([-1, 0, 1], False, [1], [-1, 0], id="some-behind"),
        pytest.param([2, 2, 1], False, [1, 2], [], id="one-twice"),
        pytest.param([1, 2], True, [], [1, 2], id="careful"),
        pytest.param([-2, -1], False, [], [-2, -1], id="all-behind"),
    ],
)
def test_parts(offsets: list[int], careful: bool, news: list[int], late: list[int]) -> None:
    arrivals = []
    for offset in offsets:
        one = arrival(State.IDLE)
        one.ts_us = one.at_us = TS_US + offset
        arrivals.append(one)
    row = StatusRow(1, Track(newest_ts_us=TS_US, newest_at_us=TS_US))
    found, behind = ahead.part({1: row}, {1: arrivals}, Changes(), set(), 0, careful=careful)
    assert [one.ts_us - TS_US for _, ones in found for one in ones] == news
    assert [one.ts_us - TS_US for one in behind] == late
