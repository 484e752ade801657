import pytest

from ingest.path.transaction_size import FIRST, TransactionSize


def grown(most: int) -> TransactionSize:
    size = TransactionSize(most, timeout_s=60.0)
    while size.is_reduced:
        size.grow(size.most, took_s=0.01)
    return size


def test_a_process_begins_with_little_and_doubles() -> None:
    size = TransactionSize(25_000, timeout_s=2.0)
    sizes = []
    while size.is_reduced:
        sizes.append(size.most)
        size.grow(size.most, took_s=0.1)
    assert sizes == [FIRST, 2_001, 4_003, 8_007, 16_015]
    assert size.most == 25_000
    assert TransactionSize(100, timeout_s=2.0).most == 100


def test_it_is_halved_and_grows_back_no_further_than_it_was() -> None:
    size = grown(25_000)
    size.shrink(25_000)
    assert size.most == 12_500
    size.shrink(1_000)
    assert size.most == 500
    sizes = []
    while size.is_reduced:
        sizes.append(size.most)
        size.grow(size.most, took_s=0.1)
    assert size.most == 25_000
    assert sizes[:3] == [500, 626, 783]


def test_a_few_single_ones_bring_it_back() -> None:
    size = grown(25_000)
    for _ in range(20):
        size.shrink(1)
    assert size.most == 1
    written = 0
    while size.is_reduced:
        written += 1
        size.grow(size.most, took_s=0.01)
    assert written < 50


@pytest.mark.parametrize(
    ("heartbeats", "took_s"),
    [
        pytest.param(1_000, 0.5, id="not quick"),
        pytest.param(249, 0.01, id="small ones say nothing of large ones"),
    ],
)
def test_it_stays(heartbeats: int, took_s: float) -> None:
    size = TransactionSize(1_000, timeout_s=2.0)
    size.shrink(2_000)
    assert size.most == 500
    size.grow(heartbeats, took_s)
    assert size.most == 500
