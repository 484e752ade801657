"""Why a row of a file is not taken: in words, and as a reason, which other languages spell too."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

Reason: TypeAlias = Literal[
    "amount_form",
    "at_least",
    "at_most",
    "boolean",
    "cell_missing",
    "cells_count",
    "charset",
    "choice",
    "claim_missing",
    "claim_too_long",
    "clock_form",
    "date_form",
    "dates_order",
    "day_and_window",
    "day_form",
    "day_ranges",
    "decimals_most",
    "digits_most",
    "end_before_start",
    "for_all_time",
    "form_silent",
    "form_unnamed",
    "half_a_place",
    "header_missing",
    "header_of_nothing",
    "header_strange",
    "header_twice",
    "header_unnamed",
    "held_by",
    "held_by_others",
    "hours_form",
    "hours_overlap",
    "hours_together",
    "hours_too_long",
    "id_twice",
    "instant_form",
    "instant_only",
    "instrument_ambiguous",
    "instrument_left",
    "instrument_missing",
    "instrument_unknown",
    "instrument_unnamed",
    "line_form",
    "list_form",
    "member_name",
    "member_number",
    "member_range",
    "member_text",
    "members_most",
    "metrics_form",
    "moment_form",
    "not_an_object",
    "not_calendar",
    "not_csv",
    "not_json",
    "not_laid_out",
    "not_text",
    "not_xlsx",
    "nothing_in_it",
    "number",
    "number_form",
    "object_form",
    "one_line",
    "one_of",
    "one_plain_line",
    "order_of_others",
    "orders_form",
    "pattern",
    "period_and_window",
    "period_form",
    "property_missing",
    "property_twice",
    "property_unreadable",
    "range_empty",
    "record_of_others",
    "report_words",
    "required",
    "said_before",
    "series_too_long",
    "signs_least",
    "signs_most",
    "spans_overlap",
    "strange_field",
    "sum_form",
    "text",
    "text_form",
    "text_too_long",
    "texts_form",
    "time_form",
    "time_of_others",
    "too_large",
    "too_many_rows",
    "topic_part",
    "two_decimals",
    "uid_form",
    "unit_form",
    "unknown_field",
    "unknown_member",
    "unreadable",
    "unregistered",
    "user_type",
    "value_form",
    "watts_order",
    "whole_number",
    "window_backwards",
    "window_length",
    "years",
    "zone_form",
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
