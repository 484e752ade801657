from decimal import Decimal

import pytest

from api.encoding import encode
from api.errors import FieldError, invalid, shown


@pytest.mark.parametrize(
    ("value", "short"),
    [
        pytest.param(None, None, id="null"),
        pytest.param(1.5, 1.5, id="number"),
        pytest.param(1 << 70, str(1 << 70), id="integer beyond JSON readers"),
        pytest.param("x" * 300, "x" * 200 + "…", id="long"),
        pytest.param("\ud800", "?", id="lone surrogate"),
        pytest.param({"a": ["é", None]}, '{"a": ["é", null]}', id="object"),
        pytest.param(Decimal("Infinity"), "Infinity", id="beyond JSON"),
        pytest.param(b"\xff{", "\ufffd{", id="bytes"),
    ],
)
def test_wrong_values_are_shown_short_and_as_json(value: object, short: object) -> None:
    assert shown(value) == short
    encode(shown(value))


def test_the_detail_names_field_value_and_rule() -> None:
    problem = invalid(FieldError(field="query.from", value="now", rule="RFC 3339"))
    assert problem.detail == "query.from 'now': RFC 3339"


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        pytest.param(
            FieldError(field="body.name", value=None, rule="is required"),
            "body.name: is required",
            id="nothing",
        ),
        pytest.param(
            FieldError(field="body.ids", value=["a", None], rule="texts"),
            'body.ids ["a", null]: texts',
            id="a list",
        ),
    ],
)
def test_the_detail_speaks_json(error: FieldError, detail: str) -> None:
    assert invalid(error).detail == detail
