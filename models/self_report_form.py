"""Self-reports in a form: a file of uses, read back through the columns of its report profile.

Forms write times cut off to the hour or the day. So a use takes the window that its two times
name; where its hours do not fit into that, the end was cut off, and the window is one such unit
longer. Uses of one window are one report, with their hours added up.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from models.refusal import RefusedError, Why, why_of
from models.report_column import Column
from models.report_profile import Profile
from models.self_report import HOUR_US, ReportFile, Stated
from models.timestamp import EPOCH, MICROSECOND, parse_ts

#: As a sheet has it: a text, or a time that the program knew for one.
SheetCell: TypeAlias = str | datetime


class _Columns(NamedTuple):
    """The columns of a form that say what a self-report is."""

    instrument: Column
    start: Column
    end: Column
    hours: Column
    user_type: Column | None


def wanted_columns(profile: Profile) -> list[str]:
    """The columns that a file in a form must have.

    Raises:
        ValueError: the form does not say whose, from when to when, and how long.
    """
    found = _columns(profile)
    return [one.name for one in (found.instrument, found.start, found.end, found.hours)]


def read_form(
    profile: Profile, rows: Iterable[tuple[int, Mapping[str, SheetCell]]], zone: ZoneInfo
) -> ReportFile:
    """A file's reports.

    Args:
        profile: The form.
        rows: Each with its number, and its cells by their columns.
        zone: Whose times the form's are.

    Raises:
        ValueError: the form says no use; or the file cannot be read.
    """
    columns = _columns(profile)
    reports: dict[tuple[str, int, int, str], Stated] = {}
    problems: list[tuple[int, Why]] = []
    for number, cells in rows:
        try:
            one = _stated(number, cells, columns, zone)
            at = (one.name, one.start_us, one.end_us, one.user_type)
            before = reports.get(at)
            reports[at] = one if before is None else _together(before, one, columns.hours.name)
        except ValueError as error:
            problems.append((number, why_of(error)))
    return ReportFile(reports=list(reports.values()), problems=problems)


def _columns(profile: Profile) -> _Columns:
    def saying(*names: str) -> Column | None:
        return next(
            (
                column
                for column in profile.columns
                if any(value.startswith(names) for value in column.document.value)
            ),
            None,
        )

    found = {
        "whose it is": saying("instrument.id", "instrument.external_ids."),
        "from when": saying("record.from"),
        "to when": saying("record.to"),
        "how long": saying("record.hours", "record.effective_s"),
    }
    missing = [what for what, column in found.items() if column is None]
    if missing:
        rule = f"the form {profile.name} does not say {', '.join(missing)} of a use"
        raise RefusedError("form_silent", rule, form=profile.name)
    instrument, start, end, hours = (one for one in found.values() if one is not None)
    return _Columns(instrument, start, end, hours, saying("annotation.user_type"))


def _stated(
    number: int, cells: Mapping[str, SheetCell], columns: _Columns, zone: ZoneInfo
) -> Stated:
    name = str(cells.get(columns.instrument.name, ""))
    if not name:
        rule = f"{columns.instrument.name} is empty; it must name an instrument"
        raise RefusedError("cell_missing", rule, field=columns.instrument.name)
    start = _time(columns.start, cells, zone)
    end = _time(columns.end, cells, zone)
    if end < start:
        raise _backwards(columns, "must not lie before")
    hours_us = _hours(columns.hours, cells)
    if columns.end.format is not None and (hours_us > end - start or end == start):
        end += columns.end.format.unit // MICROSECOND
    if end <= start:
        raise _backwards(columns, "must lie after")
    _hold(hours_us, start, end, columns.hours.name)
    return Stated(number, name, start, end, hours_us, _user_type(columns.user_type, cells))


def _backwards(columns: _Columns, rule: str) -> RefusedError:
    start, end = columns.start.name, columns.end.name
    return RefusedError("end_before_start", f"{end} {rule} {start}", start=start, end=end)


def _together(before: Stated, one: Stated, column: str) -> Stated:
    hours_us = before.hours_us + one.hours_us
    _hold(hours_us, one.start_us, one.end_us, column, before.row)
    return before._replace(hours_us=hours_us)


def _hold(hours_us: int, start_us: int, end_us: int, column: str, beside: int = 0) -> None:
    """Whether hours, those of an earlier row of the same window included, fit into it."""
    if hours_us > end_us - start_us:
        told = f"{Decimal(hours_us) / HOUR_US:f}"
        most = f"{Decimal(end_us - start_us) / HOUR_US:f}"
        what = f"{column}, with that of row {beside}," if beside else column
        rule = f"{what} is {told}; it must be {most} h at most, the window's length"
        about = {"field": column, "value": told, "most": most}
        if beside:
            raise RefusedError("hours_together", rule, **about, row=str(beside))
        raise RefusedError("hours_too_long", rule, **about)


def _time(column: Column, cells: Mapping[str, SheetCell], zone: ZoneInfo) -> int:
    cell = cells.get(column.name, "")
    try:
        if isinstance(cell, datetime):
            at = (cell.replace(tzinfo=zone) - EPOCH) // MICROSECOND
            # Cut off as the form has it, so that a file says the same whatever program wrote it.
            return (
                at
                if column.format is None
                else column.format.read(column.format.write(at, zone), zone)
            )
        return parse_ts(cell) if column.format is None else column.format.read(cell, zone)
    except ValueError as error:
        rule = f"{column.name} is {str(cell)!r}; it {error}"
        form = "2026-03-01T09:00:00+08:00" if column.format is None else column.format.format
        about = {"field": column.name, "value": str(cell)[:80], "form": form}
        raise RefusedError("time_form", rule, **about) from error


def _hours(column: Column, cells: Mapping[str, SheetCell]) -> int:
    cell = cells.get(column.name, "")
    try:
        told = Decimal(str(cell))
    except InvalidOperation:
        told = Decimal(-1)
    # Compared before it is multiplied: a number with a large exponent would overflow.
    if not (told.is_finite() and 0 <= told <= 10**9):
        rule = f"{column.name} is {str(cell)!r}; it must be a number from 0 on"
        about = {"field": column.name, "value": str(cell)[:80], "most": str(10**9)}
        raise RefusedError("number_form", rule, **about)
    unit = HOUR_US if "record.hours" in column.document.value else 1_000_000
    return int(told * unit)


def _user_type(column: Column | None, cells: Mapping[str, SheetCell]) -> str:
    word = "" if column is None else str(cells.get(column.name, ""))
    if column is None or not word:
        return ""
    codes = column.document.codes or {}
    ours = {theirs: own for own, theirs in codes.items()}
    if word in ours:
        return ours[word]
    if word in ("internal", "external"):
        return word
    rule = f"{column.name} is {word!r}; it must be one of {', '.join(ours)}"
    about = {"field": column.name, "value": word[:80], "choices": ", ".join(ours)}
    raise RefusedError("choice", rule, **about)
