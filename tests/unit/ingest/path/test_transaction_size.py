import pytest

from ingest.path.transaction_size import FIRST, Stride


def grown(most: int) -> Stride:
    stride = Stride(most, timeout_s=60.0)
    while stride.is_short:
        stride.lengthen(stride.size, took_s=0.01)
    return stride


def test_a_process_begins_with_little_and_doubles() -> None:
    stride = Stride(25_000, timeout_s=2.0)
    sizes = []
    while stride.is_short:
        sizes.append(stride.size)
        stride.lengthen(stride.size, took_s=0.1)
    assert sizes == [FIRST, 2_001, 4_003, 8_007, 16_015]
    assert stride.size == 25_000
    assert Stride(100, timeout_s=2.0).size == 100


def test_it_is_halved_and_grows_back_no_further_than_it_was() -> None:
    stride = grown(25_000)
    stride.shorten(25_000)
    assert stride.size == 12_500
    stride.shorten(1_000)
    assert stride.size == 500
    sizes = []
    while stride.is_short:
        sizes.append(stride.size)
        stride.lengthen(stride.size, took_s=0.1)
    assert stride.size == 25_000
    assert sizes[:3] == [500, 626, 783]


def test_a_few_single_ones_bring_it_back() -> None:
    stride = grown(25_000)
    for _ in range(20):
        stride.shorten(1)
    assert stride.size == 1
    written = 0
    while stride.is_short:
        written += 1
        stride.lengthen(stride.size, took_s=0.01)
    assert written < 50


@pytest.mark.parametrize(
    ("heartbeats", "took_s"),
    [
        pytest.param(1_000, 0.5, id="not quick"),
        pytest.param(249, 0.01, id="small ones say nothing of large ones"),
    ],
)
def test_it_stays(heartbeats: int, took_s: float) -> None:
    stride = Stride(1_000, timeout_s=2.0)
    stride.shorten(2_000)
    assert stride.size == 500
    stride.lengthen(heartbeats, took_s)
    assert stride.size == 500
