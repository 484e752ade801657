import pytest

from api import buckets
from api.buckets import Buckets, retry_after


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_then_a_rate() -> None:
    clock = Clock()
    holders = Buckets(2.0, 3, clock)
    assert [holders.take("a") for _ in range(3)] == [0, 0, 0]
    assert holders.take("a") == pytest.approx(0.5)
    assert holders.wait("b") == 0
    clock.now += 0.4
    assert holders.take("a") == pytest.approx(0.1)
    clock.now += 0.1
    assert holders.take("a") == 0
    assert holders.take("a") > 0


def test_it_never_holds_more_than_its_burst() -> None:
    clock = Clock()
    holders = Buckets(2.0, 3, clock)
    holders.take("a")
    clock.now += 3_600
    assert [holders.take("a") == 0 for _ in range(4)] == [True, True, True, False]


def test_asking_takes_nothing() -> None:
    holders = Buckets(1.0, 1, Clock())
    assert [holders.wait("a") for _ in range(5)] == [0] * 5
    assert holders.take("a") == 0
    assert holders.wait("a") == pytest.approx(1)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "HOLDERS_MAX", 10)
    holders = Buckets(1.0, 1, Clock())
    for number in range(50):
        holders.take(number)
    assert len(holders._levels) == 10
    assert holders.wait(49) > 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        pytest.param(0.001, "1", id="at least one"),
        pytest.param(1.0, "1", id="exact"),
        pytest.param(1.2, "2", id="rounded up"),
    ],
)
def test_retry_after(seconds: float, text: str) -> None:
    assert retry_after(seconds) == text
