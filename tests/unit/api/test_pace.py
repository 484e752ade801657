from hypothesis import given
from hypothesis import strategies as st

from api.pace import Pace

EVERY, SHARE, OVER = 1.0, 0.2, 60.0


def pace() -> Pace:
    return Pace(every_s=EVERY, share=SHARE, over_s=OVER)


def looked(*takes: float) -> list[float]:
    """Rests after looks that take so long, each begun once the rest before is over."""
    one, now, rests = pace(), 1000.0, []
    for took in takes:
        rests.append(one.rest(now, took))
        now += took + rests[-1]
    return rests


def test_short_looks_come_every_second() -> None:
    assert looked(*[0.1] * 200) == [0.9] * 200


def test_a_long_one_among_short_ones_holds_nothing_up() -> None:
    minute = [0.1] * 55 + [0.6, 1.1, 0.4]
    assert looked(*minute * 5) == [max(EVERY - took, 0.0) for took in minute * 5]


def test_looks_that_are_all_long_take_their_share() -> None:
    rests = looked(*[3.0] * 100)
    assert rests[:4] == [0.0] * 4, "what was saved goes first"
    assert all(abs(rest - 12.0) < 1e-9 for rest in rests[10:])


def test_one_that_takes_more_than_was_saved_is_rested_from() -> None:
    (rest,) = looked(20.0)
    assert abs(rest - 20.0) < 1e-9  # 8 s over, which 40 s earn, 20 of them while it looked


@given(st.lists(st.floats(min_value=0.001, max_value=100.0), min_size=1, max_size=60))
def test_looks_take_no_more_than_their_share_and_a_minute_s(takes: list[float]) -> None:
    rests = looked(*takes)
    for took, rest in zip(takes, rests, strict=True):
        assert max(EVERY - took, 0.0) - 1e-9 <= rest
        assert rest <= max(EVERY - took, took / SHARE - took) + 1e-9
    spent = sum(takes)
    assert spent <= SHARE * (spent + sum(rests)) + SHARE * OVER + 1e-6


@given(st.lists(st.floats(min_value=0.001, max_value=100.0), min_size=1, max_size=60))
def test_a_rest_that_is_cut_short_is_no_debt(takes: list[float]) -> None:
    """Whoever begins to watch has the board look at once; others are not made to wait for it."""
    one, now = pace(), 0.0
    for took in takes:
        rest = one.rest(now, took)
        assert rest <= max(EVERY - took, took / SHARE - took) + 1e-9
        now += took
