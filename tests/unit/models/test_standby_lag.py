"""Held to what lag means: how old the oldest look is whose position a standby has not reached."""

from hypothesis import given
from hypothesis import strategies as st

from models.standby_lag import StandbyLag

LOOKS = st.lists(
    st.tuples(
        st.integers(1, 60),  # seconds since the look before
        st.integers(0, 50),  # bytes written since
        st.lists(st.integers(0, 50), min_size=1, max_size=3),  # bytes that each standby lacks
    ),
    max_size=30,
)


@given(LOOKS)
def test_the_oldest_look_that_is_not_reached(looks: list[tuple[int, int, list[int]]]) -> None:
    lag = StandbyLag()
    at = written = furthest = 0
    seen: list[tuple[int, int]] = []
    for seconds, bytes_more, lacking in looks:
        at, written = at + seconds, written + bytes_more
        # A standby never falls back behind where it was.
        furthest = max(furthest, written - max(lacking))
        seen.append((at, written))
        expected = max((at - then for then, place in seen if place > furthest), default=0)
        assert lag.note(float(at), written, [written, furthest]) == expected


def test_one_that_stands_still_falls_further_behind_while_nothing_is_written() -> None:
    lag = StandbyLag()
    assert lag.note(0.0, 10, [0]) == 0.0
    assert lag.note(600.0, 10, [0]) == 600.0
    assert lag.note(601.0, 10, [10]) == 0.0
