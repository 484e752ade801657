"""A query says what its rows are, and whoever drives sends them."""

from typing import Any

import pytest
from psycopg.rows import args_row, dict_row

from store.run import Query, Steps


def count() -> Steps[int]:
    rows = yield from Query[tuple[int]]("SELECT 1")
    return rows[0][0]


def test_yielding_from_a_query_hands_it_out_and_its_rows_in() -> None:
    steps = count()
    query = next(steps)
    assert query.sql == "SELECT 1"
    with pytest.raises(StopIteration) as end:
        steps.send([(7,)])
    assert end.value.value == 7


def test_what_it_throws_goes_through() -> None:
    def patient() -> Steps[str]:
        try:
            yield from Query[Any]("SELECT 1")
        except LookupError:
            return "caught"
        return "nothing came"

    steps = patient()
    next(steps)
    with pytest.raises(StopIteration) as end:
        steps.throw(LookupError())
    assert end.value.value == "caught"


def test_a_query_is_what_is_in_it_whatever_its_rows_are_called() -> None:
    assert Query[tuple[int]]("SELECT 1") == Query[tuple[str]]("SELECT 1") == Query("SELECT 1")
    assert Query("SELECT 1", rows=dict_row) != Query("SELECT 1", rows=args_row(str))
