"""Hours that institutions report themselves, held against what was measured.

A report is one row of a file: an instrument, a window, hours. Reports of one window add up (inside
and outside users); one that lies within another of its instrument is taken to be part of it, and
what others overlap counts once, the rest is shown as *excess*.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import partial
from typing import NamedTuple
from zoneinfo import ZoneInfo

from models.csv_cells import NAMING, named_instrument, read_rows, window_us
from models.interval import merge
from models.refusal import RefusedError, Why
from models.zone import start_of_day

HOUR_US = 3_600_000_000
#: How far a report may lie from what was measured: the greater of this many hundredths of it, and
#: of this a record.
HUNDREDTHS, RECORD_US = 5, HOUR_US // 10
COLUMNS = (*NAMING, "from", "to", "period", "hours", "user_type")
USER_TYPES = ("", "internal", "external")
_PERIOD = re.compile(r"(\d{4})(?:-(?:(0[1-9]|1[0-2])|Q([1-4])))?")


class Claim(StrEnum):
    """What a report is, by what was measured."""

    CONSISTENT = "consistent"
    OVER = "over_reported"
    UNDER = "under_reported"
    UNMEASURED = "unmeasured"


class Stated(NamedTuple):
    """One row of a file."""

    row: int
    name: str
    start_us: int
    end_us: int
    hours_us: int
    user_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFile:
    """A file's reports, and what is wrong with its other rows."""

    reports: list[Stated]
    problems: list[tuple[int, Why]]


def read_reports(text: str, zone: ZoneInfo) -> ReportFile:
    """A file's reports.

    Args:
        text: CSV with ``instrument_id`` or ``external_id``, ``hours``, and either ``from`` and
            ``to`` (RFC 3339 with offset, or dates) or ``period`` (2026, 2026-Q1, 2026-03);
            ``user_type`` if wanted.
        zone: Whose days dates and periods are of.

    Raises:
        ValueError: It is no CSV, the header is wrong, or there are too many rows.
    """
    reports, refused = read_rows(text, COLUMNS, ("hours",), partial(_stated, zone))
    return ReportFile(reports=reports, problems=[(one.row, one.why) for one in refused])


def _stated(zone: ZoneInfo, number: int, cells: dict[str, str]) -> Stated:
    name = named_instrument(cells)
    if cells["period"]:
        if cells["from"] or cells["to"]:
            rule = "period beside from or to: one of the two is wanted"
            raise RefusedError("period_and_window", rule)
        start, end = period_us(cells["period"], zone)
    else:
        start, end = window_us(cells, zone)
    user_type = cells["user_type"].lower()
    if user_type not in USER_TYPES:
        rule = f"user_type is {cells['user_type']!r}; it must be internal or external"
        raise RefusedError("user_type", rule, value=cells["user_type"][:80])
    try:
        hours = Decimal(cells["hours"])
    except InvalidOperation:
        hours = Decimal(-1)
    # Compared before it is multiplied: a number with a large exponent would overflow.
    if not (hours.is_finite() and 0 <= hours <= Decimal(end - start) / HOUR_US):
        rule = f"hours is {cells['hours']!r}; it must be a number from 0 to the window's length"
        raise RefusedError("hours_form", rule, value=cells["hours"][:80])
    return Stated(number, name, start, end, int(hours * HOUR_US), user_type)


def period_us(text: str, zone: ZoneInfo) -> tuple[int, int]:
    """First and last instant of a year, quarter or month (exclusive).

    Raises:
        ValueError: it is none.
    """
    found = _PERIOD.fullmatch(text)
    if found is None:
        rule = f"period is {text!r}; it must be like 2026, 2026-Q1 or 2026-03"
        raise RefusedError("period_form", rule, value=text[:80])
    year = int(found[1])
    first, months = 1, 12
    if found[2]:
        first, months = int(found[2]), 1
    elif found[3]:
        first, months = 3 * int(found[3]) - 2, 3
    last = first + months
    try:
        end = date(year + (last > 12), last - 12 if last > 12 else last, 1)
        return start_of_day(date(year, first, 1), zone), start_of_day(end, zone)
    except (ValueError, OverflowError) as error:
        rule = f"period is {text!r}; no calendar reaches as far"
        raise RefusedError("period_form", rule, value=text[:80]) from error


def claim(
    reported_us: int, records: int, effective_us: int, unknown_us: int, window_us: int
) -> Claim:
    """What reports of one window are, by what was measured of it.

    Args:
        reported_us: Sum of its reports.
        records: How many they are.
        effective_us: Running within sessions.
        unknown_us: What may have been.
        window_us: The window's length, up to now.
    """
    # Of a window that is known for less than half nothing can be said.
    if window_us <= 0 or 2 * unknown_us > window_us:
        return Claim.UNMEASURED
    tolerance = max(reported_us * HUNDREDTHS // 100, RECORD_US * records)
    if reported_us > effective_us + unknown_us + tolerance:
        return Claim.OVER
    if reported_us < effective_us - tolerance:
        return Claim.UNDER
    return Claim.CONSISTENT


def counted_once(reports: Iterable[tuple[int, int, int]]) -> tuple[int, int]:
    """What one instrument's reports come to: counted, and in excess of that (µs).

    Args:
        reports: Start, end and hours; those of one window count as one.
    """
    windows: dict[tuple[int, int], int] = {}
    total = 0
    for start, end, hours in reports:
        windows[start, end] = windows.get((start, end), 0) + hours
        total += hours
    if len(windows) == 1:
        ((start, end),) = windows
        counted = min(total, end - start)
        return counted, total - counted
    # Of those that begin together the longest comes first: it holds the others.
    outer: list[tuple[int, int]] = []
    for span in sorted(windows, key=lambda one: (one[0], -one[1])):
        if not outer or span[1] > outer[-1][1]:
            outer.append(span)
    starts = [start for start, _ in outer]
    counted = 0
    for start, end in merge(outer):
        inside = outer[bisect_left(starts, start) : bisect_left(starts, end)]
        counted += min(sum(windows[span] for span in inside), end - start)
    return counted, total - counted
