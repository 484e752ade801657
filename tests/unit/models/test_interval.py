import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.interval import clip, first_after, intersect, length_us, merge, subtract

small = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=8).map(merge)


def points(intervals: list[tuple[int, int]]) -> set[int]:
    return {point for start, end in intervals for point in range(start, end)}


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([(3, 3), (5, 4)], [], id="empty-ones-vanish"),
        pytest.param([(2, 4), (0, 2)], [(0, 4)], id="neighbours-join"),
        pytest.param([(0, 9), (2, 4)], [(0, 9)], id="one-within-another"),
        pytest.param([(0, 1), (2, 3)], [(0, 1), (2, 3)], id="apart"),
    ],
)
def test_merge(intervals: list, expected: list) -> None:
    assert merge(intervals) == expected


@given(left=small, right=small)
def test_intersection_and_difference_are_those_of_points(left: list, right: list) -> None:
    assert points(intersect(left, right)) == points(left) & points(right)
    assert points(subtract(left, right)) == points(left) - points(right)
    assert length_us(intersect(left, right)) + length_us(subtract(left, right)) == length_us(left)


@given(intervals=small, start=st.integers(-1, 41), end=st.integers(-1, 41))
def test_clip_is_that_of_points(intervals: list, start: int, end: int) -> None:
    inside = clip(intervals, start, end)
    assert points(inside) == points(intervals) & set(range(start, end))
    assert all(a < b for a, b in inside)


@given(intervals=small, at=st.integers(-1, 41))
def test_first_after(intervals: list, at: int) -> None:
    ends_after = [end > at for _, end in intervals]
    assert first_after(intervals, at) == (
        ends_after.index(True) if True in ends_after else len(intervals)
    )
