"""What the page says for reasons why files are not taken (`cockpit/refusals.js`)."""

import re
from pathlib import Path

from models.refusal import Why

_TOLD = (Path(__file__).parents[1] / "cockpit" / "refusals.js").read_text("utf-8")
_TEXT = r"'((?:[^'\\]|\\.)*)'"
#: In Chinese and in English, by reason.
WORDS = {
    reason: (chinese, english)
    for reason, chinese, english in re.findall(rf"lacks_(\w+): \[{_TEXT}, {_TEXT}\]", _TOLD)
}


#: Words of English one after the other, as no Chinese page has them.
SENTENCE = re.compile(r"[A-Za-z]+(?: [a-z]+){2,}")


def names(text: str) -> set[str]:
    """What a sentence wants to be told, besides its reason."""
    return {*re.findall(r"\{(\w+)\}", text)}


def worded(why: Why) -> str:
    """The rule of a refusal for which the page has words, and which tells all that they want."""
    for text in WORDS[why.reason]:
        assert names(text) <= why.about.keys(), (why, text)
    return why.rule
