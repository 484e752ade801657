"""What rows lack for a form, instrument by instrument, before anything is written or sent."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from models.report_column import Column, Fitted
from models.report_profile import Profile
from models.report_value import Place, Row

EMPTY = "is empty; the form requires it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """One column that an instrument's rows do not fill."""

    instrument_id: str
    name: str
    institution_id: str
    column: str
    #: What the column says, by the name of the value (`report_value.py`).
    value: str
    #: Who has it, and so where it is mended.
    place: Place
    #: What is wrong with the first of these rows.
    rule: str
    #: How many rows, and where the first begins; None: it is of the instrument as a whole.
    rows: int
    first_us: int | None


@dataclass(slots=True)
class _Found:
    fitted: Fitted
    rule: str
    rows: int
    first_us: int | None


def lacks(profile: Profile, rows: Iterable[Row], *, persons: bool) -> Iterator[Lack]:
    """What rows lack, in their order.

    Args:
        profile: The form.
        rows: As `report_profile.rows` makes them: those of one instrument stand together.
        persons: Whether columns that say who somebody is are looked at.
    """
    columns = [one for one in profile.columns if persons or not one.is_personal]
    for _, of in groupby(rows, lambda row: row.subject.instrument_id):
        found: dict[int, _Found] = {}
        for row in of:
            _look(columns, row, found)
        subject = row.subject
        for number, one in sorted(found.items()):
            column = columns[number]
            yield Lack(
                instrument_id=subject.instrument_id,
                name=subject.name,
                institution_id=subject.institution_id,
                column=column.name,
                value=column.document.value[one.fitted.at] if column.values else "",
                place=column.values[one.fitted.at].place if column.values else Place.PERIOD,
                rule=one.rule,
                rows=one.rows,
                first_us=one.first_us,
            )


def _look(columns: list[Column], row: Row, found: dict[int, _Found]) -> None:
    fitted = [column.fit(row) for column in columns]
    cells = {column.name: one.cell for column, one in zip(columns, fitted, strict=True)}
    for number, (column, one) in enumerate(zip(columns, fitted, strict=True)):
        rule = _rule(column, one, cells) or _unplaced(column, row)
        if rule is None:
            continue
        before = found.get(number)
        if before is None:
            start = None if row.record is None else row.record.start_us
            found[number] = _Found(one, rule, 1, start)
        else:
            before.rows += 1


def _rule(column: Column, fitted: Fitted, cells: Mapping[str, object]) -> str | None:
    """The rule that a column's cell breaks."""
    if fitted.rule is not None or fitted.cell is not None:
        return fitted.rule
    if any(one.place is Place.PERIOD for one in column.values):
        return None  # closing gives it
    when = column.document.required_when
    if when is not None and cells.get(when.column) in when.holds:
        return f"is empty; the form requires it where {when.column} is {cells[when.column]}"
    return EMPTY if column.document.required else None


def _unplaced(column: Column, row: Row) -> str | None:
    """Hours by purpose lack what nobody told the purpose of."""
    if row.sums is None or not row.sums.unplaced or "hours.research" not in column.document.value:
        return None
    return (
        f"lacks {row.sums.unplaced} of {row.sums.records} records, whose purpose is neither"
        " teaching nor research nor service"
    )
