"""Rows of files of voucher orders that are not taken: why, as a reason, and of which order."""

import json
from zoneinfo import ZoneInfo

import pytest

from models.voucher_file import Problem, read_order_list, read_orders
from tests.reasons import worded

ZONE = ZoneInfo("Asia/Shanghai")
GOOD = {
    "scheme": "s",
    "reference": "r",
    "line": "1",
    "instrument_id": "a",
    "from": "2026-03-01",
    "to": "2026-03-02",
    "hours": "2",
}
CASES: dict[str, tuple[dict[str, object], dict[str, str]]] = {
    "claim_missing": ({"hours": ""}, {}),
    "claim_too_long": ({"hours": "25"}, {"claimed": "25", "window": "24"}),
    "day_and_window": ({"day": "2026-03-01"}, {}),
    "day_form": ({"from": "", "to": "", "day": "20260301"}, {"value": "20260301"}),
    "instant_form": ({"to": "soon"}, {"field": "to", "value": "soon"}),
    "instrument_missing": ({"instrument_id": ""}, {}),
    "line_form": ({"line": "0"}, {"value": "0"}),
    "not_text": ({"hours": {}}, {"field": "hours"}),
    "number_form": ({"hours": "nan"}, {"field": "hours", "value": "nan", "most": "1000000000"}),
    "strange_field": ({"person": "x"}, {"field": "person"}),
    "text_form": ({"scheme": "s" * 65}, {"field": "scheme", "value": "s" * 65}),
    "two_decimals": ({"amount_cny": "1.001"}, {"field": "amount_cny", "value": "1.001"}),
    "unit_form": ({"user_unit": "u" * 201}, {}),
    "user_type": ({"user_type": "both"}, {"value": "both"}),
    "window_backwards": ({"to": "2026-02-28"}, {"start": "2026-03-01", "end": "2026-02-28"}),
    "window_length": ({"to": "2028-03-01"}, {}),
}


def refused(*rows: object) -> list[Problem]:
    return read_order_list(json.dumps({"orders": rows}), ZONE).problems


@pytest.mark.parametrize("reason", CASES)
def test_a_row_that_is_not_taken_says_why_and_of_which_order(reason: str) -> None:
    change, about = CASES[reason]
    (one,) = refused({**GOOD, **change})
    assert (one.why.reason, one.why.about) == (reason, about)
    assert worded(one.why)
    said = {**GOOD, **change}
    line = None if reason == "line_form" else 1
    named = (said["scheme"], said["reference"], line, said["instrument_id"] or None)
    assert (one.scheme, one.reference, one.line, one.name) == named


def test_a_row_that_says_nothing_names_no_order() -> None:
    (first, second) = refused(7, {"scheme": 7.5, "reference": None})
    assert worded(first.why)
    assert [first.why.reason, second.why.reason] == ["not_an_object", "text_form"]
    assert first[2:] == (None, None, None, None)
    assert second[2:] == ("7.5", None, None, None)


def test_a_line_that_is_said_twice_names_the_row_that_counts() -> None:
    rows = "\n".join(f"s,r,1,a,2026-03-01,2026-03-02,{hours}" for hours in (1, 1, 2))
    (one,) = read_orders(f"{','.join(GOOD)}\n{rows}", ZONE).problems
    assert worded(one.why)
    assert (one.row, one.why.reason, one.why.about) == (4, "said_before", {"row": "2"})
    assert (one.scheme, one.reference, one.line, one.name) == ("s", "r", 1, "a")
