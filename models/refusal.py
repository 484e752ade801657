"""Why a row of a file is not taken: in words, and as a reason, which other languages spell too."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

Reason: TypeAlias = Literal[
    "amount_form",
    "cell_missing",
    "charset",
    "choice",
    "claim_missing",
    "claim_too_long",
    "day_and_window",
    "day_form",
    "end_before_start",
    "form_silent",
    "form_unnamed",
    "header_missing",
    "header_strange",
    "header_unnamed",
    "hours_form",
    "hours_together",
    "hours_too_long",
    "instant_form",
    "instant_only",
    "instrument_ambiguous",
    "instrument_left",
    "instrument_missing",
    "instrument_unknown",
    "instrument_unnamed",
    "line_form",
    "not_an_object",
    "not_calendar",
    "not_csv",
    "not_json",
    "not_laid_out",
    "not_text",
    "not_xlsx",
    "number_form",
    "one_line",
    "order_of_others",
    "orders_form",
    "period_and_window",
    "period_form",
    "property_missing",
    "property_twice",
    "property_unreadable",
    "report_words",
    "said_before",
    "series_too_long",
    "strange_field",
    "text_form",
    "text_too_long",
    "texts_form",
    "time_form",
    "too_large",
    "too_many_rows",
    "two_decimals",
    "uid_form",
    "unit_form",
    "unreadable",
    "user_type",
    "whole_number",
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


def why_of(error: ValueError) -> Why:
    """Why a row is not taken, by what reading it raised; a library's own errors have no reason."""
    return error.why if isinstance(error, RefusedError) else Why("unreadable", str(error), {})


def unnamed(name: str, found: int) -> Why:
    """Why a row is not taken whose name is not of one instrument, but of so many."""
    what, reason = _MORE if found else _NONE
    return Why(reason, f"{name!r} names {what} that the key may see", {"value": name})


_NONE: Final[tuple[str, Reason]] = ("no instrument", "instrument_unknown")
_MORE: Final[tuple[str, Reason]] = ("more than one instrument", "instrument_ambiguous")
