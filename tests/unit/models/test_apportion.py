from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.apportion import TENTH_US, Apportioning, apportion


def by_hand(parts: list[int], unit: int) -> list[int]:
    """One unit after the other to whoever has most left of what is to be given out."""
    total = floor(Fraction(sum(parts), unit) + Fraction(1, 2))
    given_out = [floor(Fraction(part, unit)) for part in parts]
    while sum(given_out) < total:
        left = [Fraction(part, unit) - got for part, got in zip(parts, given_out, strict=True)]
        given_out[left.index(max(left))] += 1
    return given_out


@given(
    st.sampled_from([1, 2, 7, 10]).flatmap(
        lambda unit: st.tuples(st.just(unit), st.lists(st.integers(0, 3 * unit), max_size=12))
    )
)
def test_shares_are_those_of_the_largest_remainder(asked: tuple[int, list[int]]) -> None:
    unit, parts = asked
    assert apportion(parts, unit) == by_hand(parts, unit)


@given(st.lists(st.lists(st.integers(0, 4), max_size=4), max_size=6), st.integers(1, 5))
def test_parts_may_come_in_portions_with_others_between(
    portions: list[list[int]], apart: int
) -> None:
    """As an institution's records do in a period of the whole city."""
    apportioning = Apportioning(3)
    numbers, number = [], 1
    for portion in portions:
        apportioning.add(number, portion)
        numbers += range(number, number + len(portion))
        number += len(portion) + apart
    parts = [part for portion in portions for part in portion]
    shares = apportioning.settle()
    assert [shares.of(*one) for one in zip(numbers, parts, strict=True)] == by_hand(parts, 3)
    assert (shares.total, apportioning.sum_us) == (sum(by_hand(parts, 3)), sum(parts))


def test_equal_rests_go_to_the_earlier_record() -> None:
    assert apportion([TENTH_US // 2] * 3) == [1, 1, 0]


def test_unit_whose_rests_would_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="4294967296 µs"):
        Apportioning(1 << 32)
