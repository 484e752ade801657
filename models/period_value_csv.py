"""CSV files of what is said of instruments and a period: a row an instrument, a column a word."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from models.csv_cells import NAMING, heading, named_instrument, read_cells
from models.refusal import RefusedError, Why
from models.registry_forms import ReportFields

_FIELDS: TypeAdapter[dict[str, str]] = TypeAdapter(ReportFields)


class StatedValues(NamedTuple):
    """One row of a file."""

    row: int
    name: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueFile:
    """A file's rows, and what is wrong with its others."""

    rows: list[StatedValues]
    problems: list[tuple[int, Why]]


def read_values(text: str) -> ValueFile:
    """What a file says.

    Args:
        text: CSV with ``instrument_id`` or ``external_id``, and a column for each word of a form,
            such as ``TRNSTUD``; an empty cell says nothing.

    Raises:
        ValueError: It is no CSV, the header is wrong, or there are too many rows.
    """
    rows: list[StatedValues] = []
    problems: list[tuple[int, Why]] = []
    columns = heading(text)
    if not set(NAMING) & set(columns):
        rule = "the header misses instrument_id; or external_id, in its place"
        raise RefusedError("header_missing", rule, columns=NAMING[0])
    words = [name for name in columns if name not in NAMING]
    for number, cells in read_cells(text, [*NAMING, *words], ()):
        try:
            name = named_instrument(cells)
            said = {word: cells[word] for word in words if cells[word]}
            rows.append(StatedValues(number, name, _FIELDS.validate_python(said)))
        except ValidationError as error:
            problems.append((number, Why("report_words", _told(error), {})))
        except RefusedError as error:
            problems.append((number, error.why))
    return ValueFile(rows=rows, problems=problems)


def _told(error: ValidationError) -> str:
    return "; ".join(
        ": ".join([*map(str, one["loc"][:1]), one["msg"].removeprefix("Value error, ")])
        for one in error.errors(include_url=False)
    )
