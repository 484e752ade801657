from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.versions import (
    END_US,
    Versions,
    differences,
    everywhere,
    in_force,
    merged,
    patched,
    replaced,
)

A = {"hold": 1, "name": "a"}
B = {"hold": 2, "name": "a"}
C = {"hold": 3, "name": "c"}
TWO: Versions = [(10, A), (20, B)]

moments = st.integers(0, 50)
records = st.fixed_dictionaries({"hold": st.integers(0, 2), "name": st.sampled_from("ab")})
histories = st.lists(
    st.tuples(moments, records), min_size=1, max_size=5, unique_by=lambda version: version[0]
).map(lambda versions: merged(sorted(versions, key=lambda version: version[0])))


@pytest.mark.parametrize(
    ("moment", "result"),
    [
        pytest.param(30, [(10, A), (20, B), (30, C)], id="after all"),
        pytest.param(20, [(10, A), (20, C)], id="at a version"),
        pytest.param(15, [(10, A), (15, C)], id="between: what was to come goes"),
        pytest.param(5, [(5, C)], id="before all"),
    ],
)
def test_put(moment: int, result: Versions) -> None:
    assert replaced(TWO, moment, C) == result


def test_put_of_the_same_is_no_version() -> None:
    assert replaced(TWO, 30, dict(B)) == TWO


@pytest.mark.parametrize(
    ("moment", "result"),
    [
        pytest.param(30, [(10, A), (20, B), (30, {**B, "name": "x"})], id="after all"),
        pytest.param(20, [(10, A), (20, {**B, "name": "x"})], id="at a version"),
        pytest.param(
            15,
            [(10, A), (15, {**A, "name": "x"}), (20, {**B, "name": "x"})],
            id="between: also in what comes",
        ),
        pytest.param(
            5, [(5, {**A, "name": "x"}), (20, {**B, "name": "x"})], id="before all: in all"
        ),
    ],
)
def test_patch(moment: int, result: Versions) -> None:
    assert patched(TWO, moment, {"name": "x"}) == result


def test_patch_that_makes_neighbours_equal_joins_them() -> None:
    assert patched(TWO, 5, {"hold": 7}) == [(5, {"hold": 7, "name": "a"})]


def test_before_the_first_the_first_applies() -> None:
    assert in_force(TWO, 0) is A
    assert in_force(TWO, 19) is A
    assert in_force(TWO, 20) is B
    with pytest.raises(ValueError, match="empty"):
        in_force([], 0)


def test_differences_name_ranges_and_fields() -> None:
    new = replaced(TWO, 15, C)
    assert differences(TWO, new) == [
        (15, 20, frozenset({"hold", "name"})),
        (20, END_US, frozenset({"hold", "name"})),
    ]
    assert differences(TWO, [(3, A), (20, B)]) == []


@given(histories, moments, records, moments)
def test_put_holds_from_its_moment_on(
    versions: Versions, moment: int, record: dict[str, Any], at: int
) -> None:
    new = replaced(versions, moment, record)
    first = moment <= versions[0][0]
    assert in_force(new, at) == (record if at >= moment or first else in_force(versions, at))


@given(histories, moments, st.integers(0, 2), moments)
def test_patch_changes_its_fields_and_no_others(
    versions: Versions, moment: int, hold: int, at: int
) -> None:
    before, after = in_force(versions, at), in_force(patched(versions, moment, {"hold": hold}), at)
    assert after["name"] == before["name"]
    first = moment <= versions[0][0]
    assert after["hold"] == (hold if at >= moment or first else before["hold"])


@given(histories, histories, moments)
def test_differences_are_where_records_differ(old: Versions, new: Versions, at: int) -> None:
    fields = next(
        (fields for start, end, fields in differences(old, new) if start <= at < end), frozenset()
    )
    before, after = in_force(old, at), in_force(new, at)
    assert fields == {name for name in before if before[name] != after[name]}


@given(histories, st.integers(0, 2))
def test_everywhere_is_for_all_time(versions: Versions, hold: int) -> None:
    assert {record["hold"] for _, record in everywhere(versions, {"hold": hold})} == {hold}
