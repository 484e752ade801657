from decimal import Decimal
from typing import cast

import pytest

from api.board import Board, Place, summary_body
from api.database import Database
from store.present.filters import Filters


def test_groups_are_sums_and_the_empty_ones_count_nothing() -> None:
    a, b = Place(1, "one", "310104"), Place(2, "two", "310104")
    counts = {
        a: (3, 2, 1, 0, 1, 1, 0, 1, Decimal(30), Decimal(30), 1, 1, 0, 0, 0, 0, 1),
        b: (1, 0, 0, 1, 0, 0, 0, 1, Decimal(5), 0, 0, 0, 0, 0, 0, 0, 1),
    }
    body = summary_body(counts)
    assert body["overall"]["instruments"] == 4
    assert body["overall"]["connectivity"] == {"online": 2, "offline": 1, "never_seen": 1}
    assert body["overall"]["value_cny"] == 35
    free = {name: n for name, n in body["overall"]["availability"].items() if n}
    assert free == {"free": 1, "in_use": 1, "unknown": 2}
    assert [g["key"] for g in body["institutions"]] == ["one", "two"]
    (district,) = body["districts"]
    assert {k: v for k, v in district.items() if k != "key"} == body["overall"]
    changed = summary_body({a: counts[a]}, {b})
    assert [(g["key"], g["instruments"]) for g in changed["institutions"]] == [("two", 0)]


@pytest.mark.parametrize("version", [-1, 1])
def test_who_was_never_here_gets_no_changes(version: int) -> None:
    board = Board(cast(Database, None), "CN")
    assert board.since(version, Filters()) is None
    delta = board.since(0, Filters())
    assert delta is not None
    assert (delta.changed, delta.gone) == ([], [])
