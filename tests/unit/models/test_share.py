"""Gateways among workers: all of one, evenly, and few move."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.share import share_of

IDS = [f"gw-{number}" for number in range(5_000)]


@given(st.text(min_size=1, max_size=64), st.integers(1, 64))
def test_a_gateway_has_one_worker(gateway_id: str, workers: int) -> None:
    found = share_of(gateway_id, workers)
    assert 0 <= found < workers
    assert found == share_of(gateway_id, workers)


@given(st.text(min_size=1, max_size=64), st.integers(1, 64))
def test_only_what_the_new_worker_gets_moves(gateway_id: str, workers: int) -> None:
    before, after = share_of(gateway_id, workers), share_of(gateway_id, workers + 1)
    assert after in (before, workers)


@pytest.mark.parametrize("workers", [2, 3, 7])
def test_each_has_about_as_many(workers: int) -> None:
    counts = Counter(share_of(gateway_id, workers) for gateway_id in IDS)
    fair = len(IDS) / workers
    assert all(0.9 * fair < counts[worker] < 1.1 * fair for worker in range(workers))


def test_it_stays_as_it_is() -> None:
    """Another function would move every gateway with an upgrade."""
    assert [share_of(f"gw-{number}", 4) for number in range(8)] == EXPECTED


EXPECTED = [0, 0, 3, 3, 1, 2, 2, 0]
