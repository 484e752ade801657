import base64
import json

import pytest

from api.cursor import decode_cursor, encode_cursor, page
from api.errors import Problem


def opaque(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "position",
    [
        pytest.param(("x",), id="text"),
        pytest.param(("电镜 %_'", 1 << 62), id="text and integer"),
        pytest.param((-5,), id="negative"),
    ],
)
def test_a_cursor_gives_back_its_position(position: tuple[str | int, ...]) -> None:
    text = encode_cursor("things", position)
    assert decode_cursor("things", text, [type(part) for part in position]) == position


def test_no_cursor_is_the_first_page() -> None:
    assert decode_cursor("things", None, [str]) is None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("!!!", id="no base64"),
        pytest.param("电镜", id="not ASCII"),
        pytest.param(opaque({"a": 1}), id="no array"),
        pytest.param(opaque([]), id="nothing in it"),
        pytest.param(opaque(["others", "x"]), id="another list's"),
        pytest.param(opaque(["things"]), id="too short"),
        pytest.param(opaque(["things", "x", "y"]), id="too long"),
        pytest.param(opaque(["things", 1]), id="another type"),
        pytest.param(opaque(["things", "a\0"]), id="NUL"),
        pytest.param(opaque(["things", None]), id="null"),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Problem) as caught:
        decode_cursor("things", text, [str])
    assert caught.value.status == 422
    assert [error.field for error in caught.value.errors] == ["query.cursor"]


@pytest.mark.parametrize("value", [True, 1 << 64, -(1 << 63), 1.5])
def test_an_integer_fits_the_database(value: object) -> None:
    with pytest.raises(Problem):
        decode_cursor("things", opaque(["things", value]), [int])


@pytest.mark.parametrize(
    ("found", "shown", "more"),
    [
        pytest.param(["a"], ["a"], False, id="less than a page"),
        pytest.param(["a", "b"], ["a", "b"], False, id="exactly a page"),
        pytest.param(["a", "b", "c"], ["a", "b"], True, id="more"),
        pytest.param([], [], False, id="nothing"),
    ],
)
def test_a_page_shows_whether_there_is_another(
    found: list[str], shown: list[str], more: bool
) -> None:
    items, cursor = page(found, 2, "things", lambda one: (one,))
    assert items == shown
    assert (decode_cursor("things", cursor, [str]) == ("b",)) is more
