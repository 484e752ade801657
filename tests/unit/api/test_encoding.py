import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from api.encoding import encode, matches, weak_etag


def test_decimals_are_exact_numbers() -> None:
    assert encode({"s": Decimal("12345678901234567890.000001")}) == (
        b'{"s":12345678901234567890.000001}'
    )


def test_times_are_rfc_3339() -> None:
    value = {"at": datetime(2026, 3, 1, tzinfo=UTC), "on": date(2026, 3, 1)}
    assert json.loads(encode(value)) == {"at": "2026-03-01T00:00:00Z", "on": "2026-03-01"}


def test_the_tag_passes_over_as_of_wherever_it_stands() -> None:
    def body(as_of: str | None, running_s: int = 1) -> bytes:
        usage = {"running_s": running_s, "as_of": as_of}
        return encode({"total": usage, "buckets": [usage], "as_of": as_of})

    assert weak_etag(body("a")) == weak_etag(body("b")) == weak_etag(body(None))
    assert weak_etag(body("a")) != weak_etag(body("a", 2))


def test_text_that_looks_like_as_of_counts() -> None:
    assert weak_etag(encode({"n": '"as_of":"1"'})) != weak_etag(encode({"n": '"as_of":"2"'}))


@pytest.mark.parametrize(
    ("header", "same"),
    [
        pytest.param(None, False, id="none"),
        pytest.param('W/"x"', True, id="weak"),
        pytest.param('"x"', True, id="strong, compared weakly"),
        pytest.param('"a", W/"x"', True, id="one of several"),
        pytest.param("*", True, id="any"),
        pytest.param('"y"', False, id="other"),
        pytest.param("x", False, id="no quotes"),
    ],
)
def test_if_none_match(header: str | None, same: bool) -> None:
    assert matches(header, 'W/"x"') is same
