from decimal import Decimal
from typing import Any, cast

import pytest

from api.board import Board, Place, matcher, summary_body
from api.database import Database
from store.present.board import Member
from store.present.instruments import Filters, class_pattern

MEMBER = Member(
    key=1,
    instrument_id="sem-1",
    institution_key=7,
    institution_id="home",
    district_code="310104",
    class_code="010203",
    kind="general",
    always_on=False,
    gateway_key=3,
    gateway_id="gw-1",
    hold_us=None,
    interval_us=None,
    value_cny=Decimal(5),
)


@pytest.mark.parametrize(
    ("filters", "meant"),
    [
        pytest.param({}, True, id="all"),
        pytest.param({"tenant": 7, "institution": "home"}, True, id="its institution"),
        pytest.param({"tenant": 8}, False, id="another key's institution"),
        pytest.param({"district": "310104", "gateway": "gw-1"}, True, id="place and gateway"),
        pytest.param({"district": "310105"}, False, id="elsewhere"),
        pytest.param({"class_": class_pattern("010000")}, True, id="major class"),
        pytest.param({"class_": class_pattern("010200")}, True, id="middle class"),
        pytest.param({"class_": class_pattern("010203")}, True, id="its class"),
        pytest.param({"class_": class_pattern("020000")}, False, id="another class"),
        pytest.param({"always_on": True}, False, id="always on"),
        pytest.param({"kind": "special"}, False, id="kind"),
    ],
)
def test_filters_mean_what_the_statements_mean(filters: dict[str, Any], meant: bool) -> None:
    assert matcher(Filters(**filters))(MEMBER) is meant


def test_groups_are_sums_and_the_empty_ones_count_nothing() -> None:
    a, b = Place(1, "one", "310104"), Place(2, "two", "310104")
    counts = {
        a: (3, 2, 1, 0, 1, 1, 0, 1, Decimal(30), Decimal(30)),
        b: (1, 0, 0, 1, 0, 0, 0, 1, Decimal(5), 0),
    }
    body = summary_body(counts)
    assert body["overall"]["instruments"] == 4
    assert body["overall"]["connectivity"] == {"online": 2, "offline": 1, "never_seen": 1}
    assert body["overall"]["value_cny"] == 35
    assert [g["key"] for g in body["institutions"]] == ["one", "two"]
    (district,) = body["districts"]
    assert {k: v for k, v in district.items() if k != "key"} == body["overall"]
    changed = summary_body({a: counts[a]}, {b})
    assert [(g["key"], g["instruments"]) for g in changed["institutions"]] == [("two", 0)]


@pytest.mark.parametrize("version", [-1, 1])
def test_who_was_never_here_gets_no_changes(version: int) -> None:
    board = Board(cast(Database, None))
    assert board.since(version, Filters()) is None
    delta = board.since(0, Filters())
    assert delta is not None
    assert (delta.changed, delta.gone) == ([], [])
