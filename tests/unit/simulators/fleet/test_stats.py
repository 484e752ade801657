"""Percentiles in buckets, and the arithmetic of what is on its way."""

import pytest

from simulators.fleet.stats import Histogram, Stats


def test_percentiles_are_within_a_bucket() -> None:
    histogram = Histogram()
    for milliseconds in range(1, 1_001):
        histogram.add(milliseconds * 1_000)
    assert histogram.percentile_ms(0.5) == pytest.approx(500, rel=0.05)
    assert histogram.percentile_ms(0.99) == pytest.approx(990, rel=0.05)
    assert histogram.percentile_ms(1.0) == 1_000
    assert Histogram().percentile_ms(0.5) is None


def test_in_flight_is_what_nobody_answered() -> None:
    stats = Stats(published=10, receipted=6, acknowledged=1)
    assert stats.summary(2.0)["in_flight"] == 3
    assert stats.summary(2.0)["rate"] == 5.0
    stats.merge(Stats(published=5, receipted=5, faults={"late": 2}))
    assert (stats.published, stats.receipted, stats.faults) == (15, 11, {"late": 2})
