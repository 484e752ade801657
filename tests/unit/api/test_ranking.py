"""Orders of groups: pages of any size, one after the other, are the whole in order."""

from decimal import Decimal
from functools import cmp_to_key
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.cursor import decode_cursor, encode_cursor
from api.errors import Problem
from api.ranking import NAMES, RATIOS, SORTS, Order

KEYS = st.none() | st.text("ab0é", max_size=3)
RATIO = st.none() | st.floats(0, 2)
SECONDS = st.none() | st.decimals(0, 10**9, places=6)
NAME = st.none() | st.text("aB学", max_size=3)


@st.composite
def rows_of(draw: st.DrawFn, field: str) -> list[dict[str, Any]]:
    keys = draw(st.lists(KEYS, unique=True, max_size=12))
    values = RATIO if field in RATIOS or field == "coverage" else SECONDS
    return [
        {
            "sufficient": draw(st.booleans()),
            field: key if field == "key" else draw(NAME if field == "name" else values),
            "key": key,
        }
        for key in keys
    ]


def expected(rows: list[dict[str, Any]], field: str, descending: bool) -> list[Any]:
    """By comparing two at a time, rule by rule."""

    def compare(one: dict[str, Any], other: dict[str, Any]) -> int:
        for last in (lambda row: row[field] is None, lambda row: not row["sufficient"]):
            if last(one) != last(other):
                return 1 if last(one) else -1
            if last(one) or field not in RATIOS:
                break
        a, b = one[field], other[field]
        if a is not None and a != b:
            return (1 if a > b else -1) * (-1 if descending else 1)
        a, b = one["key"] or "", other["key"] or ""
        return (a > b) - (a < b)

    return sorted(rows, key=cmp_to_key(compare))


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("field", ["key", "name", "utilization", "coverage", "running_s"])
@given(data=st.data(), size=st.integers(1, 4))
def test_pages_are_the_whole_in_order(
    field: str, descending: bool, data: st.DataObject, size: int
) -> None:
    rows = data.draw(rows_of(field))
    order = Order(field, descending)
    # None and "" are one key to a rank; a group has either.
    rows = [row for row in rows if row["key"] != ""]
    whole = expected(rows, field, descending)
    assert order.page(rows, None, None) == (whole, None)
    found: list[Any] = []
    after = None
    while True:
        shown, position = order.page(rows, after, size)
        found += shown
        if position is None:
            break
        assert len(shown) == size
        # As a client hands it back.
        sent = decode_cursor("list", encode_cursor("list", position), (int, str, str))
        assert sent is not None
        after = order.rank_of((sent[0], sent[1], sent[2]))
    assert found == whole


def test_a_page_goes_on_where_its_last_group_was() -> None:
    order = Order("running_s", descending=True)
    rows = [{"key": str(n), "running_s": Decimal(n)} for n in range(6)]
    shown, position = order.page(rows, None, 2)
    assert [row["key"] for row in shown] == ["5", "4"]
    assert position is not None
    left = [row for row in rows if row["key"] != "4"]
    shown, _ = order.page(left, order.rank_of(position), 2)
    assert [row["key"] for row in shown] == ["3", "2"]


@pytest.mark.parametrize("sort", sorted(SORTS))
def test_an_order_is_read_as_it_is_written(sort: str) -> None:
    for text in (sort, f"-{sort}"):
        assert str(Order.parse(text, compared=True)) == text
    assert Order.parse(sort, compared=True).by_name == (sort in NAMES)


@pytest.mark.parametrize("sort", ["", "-", "--key", "revision", "key "])
def test_other_orders_are_refused(sort: str) -> None:
    with pytest.raises(Problem) as caught:
        Order.parse(sort)
    assert caught.value.status == 422


@pytest.mark.parametrize("field", ["utilization", "running_s"])
def test_a_position_that_nobody_handed_out_is_refused(field: str) -> None:
    with pytest.raises(Problem) as caught:
        Order(field).rank_of((0, "much", "a"))
    assert caught.value.status == 422
