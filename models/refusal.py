"""Why a row of a file is not taken: in words, and as a reason, which other languages spell too."""

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

Reason: TypeAlias = Literal[
    "claim_missing",
    "claim_too_long",
    "day_and_window",
    "day_form",
    "instant_form",
    "instrument_ambiguous",
    "instrument_missing",
    "instrument_unknown",
    "line_form",
    "not_an_object",
    "not_text",
    "number_form",
    "order_of_others",
    "said_before",
    "strange_field",
    "text_form",
    "two_decimals",
    "unit_form",
    "user_type",
    "window_backwards",
    "window_length",
]


class Why(NamedTuple):
    """Why a row is not taken."""

    reason: Reason
    rule: str  #: the same in English
    about: Mapping[str, str]  #: its ``field`` and ``value`` and such


class RefusedError(ValueError):
    """A row is not taken."""

    def __init__(self, reason: Reason, rule: str, **about: str) -> None:
        super().__init__(rule)
        self.why = Why(reason, rule, about)
