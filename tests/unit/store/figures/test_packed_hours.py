"""Hours packed and unpacked: the same numbers, of a day and of a chunk of instruments."""

from array import array
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.usage import Usage
from store.figures.hours import unpack, weighed
from store.figures.packed_hours import CODES, HEAD, LONG, SHORT, pack_chunk, pack_day, unpack_day
from store.figures.rollup_columns import COLUMNS
from store.figures.totals import CHUNK

NUMBERS = st.one_of(
    st.just(0), st.integers(0, 3_600_000_000), st.integers(2**32 - 1, 2**32), st.integers(0, 2**62)
)
USAGES = st.builds(Usage, **dict.fromkeys(COLUMNS, NUMBERS))


@given(hours=st.lists(USAGES, min_size=1, max_size=25))
def test_a_day_comes_back(hours: list[Usage]) -> None:
    count, found = unpack_day(pack_day(hours))
    assert count == len(hours)
    for place, name in enumerate(COLUMNS):
        values = [getattr(one, name) or 0 for one in hours]
        assert (place in found) == any(values)
        assert not any(values) or found[place].tolist() == values


def test_no_opening_hours_are_none_open() -> None:
    closed = Usage(scheduled_us=0, running_scheduled_us=0)
    assert pack_day([Usage()]) == pack_day([closed])


@pytest.mark.parametrize(
    ("most", "count", "kind"),
    [
        pytest.param(3, 24, CODES, id="few-values"),
        pytest.param(3_600_000_000, 23, SHORT.encode(), id="many"),
        pytest.param(1 << 60, 25, LONG.encode(), id="long"),
    ],
)
def test_a_chunk_comes_back(most: int, count: int, kind: bytes) -> None:
    dice = np.random.default_rng(7)
    expected = np.zeros((CHUNK, count), np.int64)
    hours = {}
    for place in dice.choice(CHUNK, 500, replace=False).tolist():
        expected[place] = dice.integers(0, most, count)
        values = expected[place].tolist()
        # A chunk of long numbers has instruments of short ones in it.
        hours[place] = array(LONG if max(values) >= 1 << 32 else SHORT, values)
    packed = pack_chunk(count, CHUNK, hours)
    assert HEAD.unpack_from(packed)[1] == kind
    inside = np.sort(dice.choice(CHUNK, 100, replace=False))
    assert (unpack(packed, inside) == expected[inside]).all()


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([0, 3_600_000_000], id="all-or-nothing"),
        pytest.param([1_800_000_000, 3_600_000_001], id="two-and-neither-none"),
        pytest.param([7], id="one"),
        pytest.param([0, 1, 3_600_000_000], id="a-table"),
        pytest.param(range(0, 3_600_000_000, 999_983), id="numbers"),
        pytest.param(range(1 << 42, (1 << 42) + 900), id="long-numbers"),
    ],
)
def test_sums_are_those_of_what_comes_back(values: Sequence[int]) -> None:
    dice = np.random.default_rng(3)
    numbers = dice.choice(np.array(values, np.int64), (CHUNK, 24))
    hours = {
        place: array(LONG if max(row) >= 1 << 32 else SHORT, row)
        for place, row in enumerate(numbers.tolist())
    }
    packed = pack_chunk(24, CHUNK, hours)
    lots = dice.random((3, CHUNK)) < np.array([[0.5], [0.0], [1.0]])
    expected = [unpack(packed, np.flatnonzero(lot)).sum(axis=0, dtype=np.int64) for lot in lots]
    assert weighed(packed, lots.astype(np.float64)).tolist() == np.array(expected).tolist()
