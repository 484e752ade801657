"""The page says of every kind of alert what it means and what to do next."""

import re
from pathlib import Path

from models.alert_kind import AlertKind

FILE = Path(__file__).parents[3] / "cockpit" / "alerts" / "kinds.js"


def test_every_kind_has_words_in_both_languages() -> None:
    text = FILE.read_text("utf-8")
    found = re.findall(
        r"^  (\w+): \{\n    of: '\w+', title: (\[.+\]),\n"
        r"    means: (\[.+\]),\n    next: (\[.+\]),\n",
        text,
        re.MULTILINE,
    )
    assert {name for name, *_ in found} == {kind.value for kind in AlertKind}
    for name, *pairs in found:
        for pair in pairs:
            chinese, english = re.findall(r"'((?:[^'\\]|\\.)+)'", pair)
            assert re.search(r"[\u4e00-\u9fff]", chinese), (name, pair)
            assert not re.search(r"[\u4e00-\u9fff]", english), (name, pair)
