"""Claims in arrays are those of the one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models import self_report
from models.claim_arrays import claims, counted_once
from models.self_report import HOUR_US, Claim, claim

#: Hours in fiftieths of an hour: the tolerances' edges, and both sides of them, are among them.
HOURS = st.integers(0, 500).map(lambda n: n * HOUR_US // 50)
PLACES = st.lists(st.tuples(HOURS, st.integers(1, 5), HOURS, HOURS, HOURS), min_size=1)


@given(PLACES)
def test_they_are_those_of_the_one(places: list[tuple[int, int, int, int, int]]) -> None:
    found = claims(*np.array(places, np.int64).T)
    assert [list(Claim)[place] for place in found] == [claim(*place) for place in places]


#: Of three instruments, short ones: they meet, touch, and hold one another.
WINDOWS = st.dictionaries(
    st.tuples(st.integers(1, 3), st.integers(0, 12), st.integers(1, 6)), st.integers(0, 8)
)


@given(WINDOWS)
def test_overlaps_count_once_as_of_each_instrument(
    windows: dict[tuple[int, int, int], int],
) -> None:
    told = [(key, start, start + length, hours) for (key, start, length), hours in windows.items()]
    columns = np.array(told, np.int64).reshape(-1, 4).T
    counted = counted_once(*columns)
    for key in (1, 2, 3):
        once, excess = self_report.counted_once(row[1:] for row in told if row[0] == key)
        ours = columns[0] == key
        assert counted[ours].sum() == once
        assert (columns[3] - counted)[ours].sum() == excess
