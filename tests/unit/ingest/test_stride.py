import pytest

from ingest.stride import Stride


def test_it_is_halved_and_grows_back_no_further_than_it_was() -> None:
    stride = Stride(25_000, timeout_s=2.0)
    stride.shorten(25_000)
    assert stride.size == 12_500
    stride.shorten(1_000)
    assert stride.size == 500
    grown = []
    while stride.is_short:
        grown.append(stride.size)
        stride.lengthen(stride.size, took_s=0.1)
    assert stride.size == 25_000
    assert grown[:3] == [500, 626, 783]


def test_a_few_single_ones_bring_it_back() -> None:
    stride = Stride(25_000, timeout_s=60.0)
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
        pytest.param(499, 0.01, id="small ones say nothing of large ones"),
    ],
)
def test_it_stays(heartbeats: int, took_s: float) -> None:
    stride = Stride(2_000, timeout_s=2.0)
    stride.shorten(2_000)
    stride.lengthen(heartbeats, took_s)
    assert stride.size == 1_000
