"""The usual share of unknown time, and when a day's is far above it."""

from fractions import Fraction

import pytest

from models.unknown_rising import DAYS_LEAST, Share, judge_share, share_of
from models.usage import Usage

RISE = Fraction(1, 4)


def days(*percents: int | None) -> list[Share]:
    return [Share(0, 0) if one is None else Share(one, 100) for one in percents]


@pytest.mark.parametrize(
    ("shares", "usual"),
    [
        pytest.param([10] * 28 + [35], Fraction(1, 10), id="just far enough"),
        pytest.param([10] * 28 + [34], None, id="not far enough"),
        pytest.param([10] * DAYS_LEAST + [90], Fraction(1, 10), id="just days enough"),
        pytest.param([10] * (DAYS_LEAST - 1) + [90], None, id="too few days"),
        pytest.param([None] * 22 + [10] * 6 + [90], None, id="too few days with somebody"),
        pytest.param([10] * 28 + [None], None, id="nobody"),
        # Each seventh day before is dark: on such a day it is usual, the day after it is not.
        pytest.param([80, 0, 0, 0, 0, 0, 0] * 4 + [80], None, id="as every Sunday"),
        pytest.param([0, 80, 0, 0, 0, 0, 0] * 4 + [80], Fraction(0), id="on a Monday"),
        pytest.param([90] * 30 + [0] * 28 + [25], Fraction(0), id="older days do not count"),
        pytest.param([0, 40] * 14 + [45], Fraction(1, 5), id="the median of an even number"),
    ],
)
def test_a_day_is_held_to_its_usual(shares: list[int | None], usual: Fraction | None) -> None:
    found = judge_share(days(*shares), RISE)
    assert (None if found is None else found.usual) == usual


def test_time_before_the_first_and_of_our_own_making_is_left_out() -> None:
    usage = Usage(
        running_us=1,
        idle_us=2,
        off_us=4,
        unknown_before_first_us=100,
        unknown_collector_us=200,
        unknown_gateway_us=8,
        unknown_device_us=16,
    )
    assert share_of(usage) == Share(24, 31)
    assert share_of(usage) + Share(1, 1) == Share(25, 32)
