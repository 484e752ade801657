import csv
import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.csv_cells import defused

#: What programs take for the beginning of a formula, in every width that there is.
FORMULAS = ["=1+1", "+1", "-1+1", "@SUM(A1)", "＝1+1", "＋1", "－1", "＠SUM(A1)", "﹦1", "⁼1"]


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize(
    "before",
    [
        pytest.param("", id="at once"),
        pytest.param(" ", id="after a blank"),
        pytest.param("\u3000", id="after a wide blank"),
        pytest.param("\u00a0", id="after a hard blank"),
        pytest.param("\u200b", id="after a blank of no width"),
        pytest.param("\ufeff", id="after a byte order mark"),
        pytest.param("\u202e", id="after a turn of direction"),
        pytest.param("\t", id="after a tab"),
        pytest.param("\r", id="after a return"),
        pytest.param("\n", id="after a line feed"),
    ],
)
def test_formulas_are_made_text(text: str, before: str) -> None:
    assert defused(before + text) == "'" + before + text


@pytest.mark.parametrize("text", ["\tplain", "\rplain", "\nplain"])
def test_what_moves_into_the_next_cell_is_made_text(text: str) -> None:
    assert defused(text) == "'" + text


@pytest.mark.parametrize(
    "text", ["", "扫描电镜", "a=1", "1-2", "3.5", "x@y", "'=1", '"=1"', "（-）"]
)
def test_everything_else_stays(text: str) -> None:
    assert defused(text) == text


@given(st.text())
def test_no_cell_begins_with_a_sign(text: str) -> None:
    line = io.StringIO(newline="")
    csv.writer(line).writerow(["left", defused(text), "right"])
    (row,) = csv.reader(io.StringIO(line.getvalue(), newline=""))
    assert row[::2] == ["left", "right"]
    shown = unicodedata.normalize("NFKC", row[1]).strip()
    assert shown[:1] not in tuple("=+-@") or row[1][:1] == "'"
    assert row[1].removeprefix("'") in (text, text.removeprefix("'"))
