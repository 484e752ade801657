"""Claims in arrays are those of the one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.claim_arrays import claims
from models.self_report import HOUR_US, Claim, claim

#: Hours in fiftieths of an hour: the tolerances' edges, and both sides of them, are among them.
HOURS = st.integers(0, 500).map(lambda n: n * HOUR_US // 50)
PLACES = st.lists(st.tuples(HOURS, st.integers(1, 5), HOURS, HOURS, HOURS), min_size=1)


@given(PLACES)
def test_they_are_those_of_the_one(places: list[tuple[int, int, int, int, int]]) -> None:
    found = claims(*np.array(places, np.int64).T)
    assert [list(Claim)[place] for place in found] == [claim(*place) for place in places]
