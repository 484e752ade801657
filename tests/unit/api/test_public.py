"""Folding small groups: nothing smaller than five, and nothing to be had by subtraction."""

from hypothesis import given
from hypothesis import strategies as st

from api.public import SMALLEST, folded

Groups = dict[str | None, frozenset[int]]


def joined(groups: list[frozenset[int]]) -> frozenset[int]:
    return frozenset().union(*groups)


@st.composite
def fleets(draw: st.DrawFn) -> Groups:
    sizes = draw(st.lists(st.integers(0, 12), max_size=8))
    keys: list[str | None] = [f"g{n}" for n in range(len(sizes))]
    if keys and draw(st.booleans()):
        keys[0] = None
    number = iter(range(1_000))
    return {
        key: frozenset(next(number) for _ in range(size))
        for key, size in zip(keys, sizes, strict=True)
    }


@given(groups=fleets())
def test_groups_do_not_overlap_are_large_and_leave_nobody_over(groups: Groups) -> None:
    everyone = joined(list(groups.values()))
    found = folded(groups, len, joined)
    if len(everyone) < SMALLEST:
        assert found == {}
        return
    assert all(len(group) >= SMALLEST for group in found.values())
    assert sum(map(len, found.values())) == len(everyone)
    # What is left of the whole after any of them is one of the others, or several.
    assert joined(list(found.values())) == everyone
    assert all(found[key] == groups[key] for key in found if key is not None)


@given(groups=fleets())
def test_large_groups_stay_by_themselves_where_they_can(groups: Groups) -> None:
    found = folded(groups, len, joined)
    small = [group for key, group in groups.items() if key is None or len(group) < SMALLEST]
    hidden = (
        {key for key, group in groups.items() if len(group) >= SMALLEST} - found.keys() - {None}
    )
    # One is drawn in, the smallest, and only where the small ones cannot do without it.
    assert len(hidden) <= 1
    if hidden and found:
        assert 0 < sum(map(len, small)) < SMALLEST
