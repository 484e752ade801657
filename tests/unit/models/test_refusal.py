"""Reasons why files and rows of them are not taken."""

import re
from typing import get_args

import pytest

from models.refusal import Reason, Why, unnamed, why_of
from tests.reasons import WORDS, names, worded


def test_the_page_has_words_for_every_reason_and_no_other() -> None:
    assert {*WORDS} == {*get_args(Reason)}


@pytest.mark.parametrize("reason", get_args(Reason))
def test_both_languages_say_the_same_of_a_row(reason: Reason) -> None:
    chinese, english = WORDS[reason]
    assert names(chinese) == names(english)
    assert re.search("[一-鿿]", chinese)
    assert not re.search("[一-鿿]", english)


@pytest.mark.parametrize(
    ("found", "reason"), [(0, "instrument_unknown"), (2, "instrument_ambiguous")]
)
def test_a_name_is_of_one_instrument(found: int, reason: Reason) -> None:
    why = unnamed("sem", found)
    assert (why.reason, why.about) == (reason, {"value": "sem"})
    assert "'sem' names" in worded(why)


def test_a_library_has_no_reasons() -> None:
    assert why_of(ValueError("all of it")) == Why("unreadable", "all of it", {})
