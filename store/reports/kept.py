"""What a closed period keeps of institutions and instruments; its records are in ``periods.py``."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
import numpy as np

from models.apportion import Shares
from models.period import thawed
from models.record import Source, Subject, Use
from models.usage import Usage
from store.figures.rollup_columns import COLUMNS
from store.packed import EPOCH_2000_US, packed_row
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("periods")
# As `periods.sql: frozen_uses` numbers them.
_SOURCES = (Source.MEASURED, Source.RULE, Source.MANUAL)
_USE = packed_row(
    ("n", ">i8"), ("key", ">i4"), ("start", ">i8"), ("end", ">i8"), ("effective", ">i8"),
    ("source", ">i4"),
)  # fmt: skip


class Institution(NamedTuple):
    """An institution's part in a closed period."""

    institution_id: str
    instruments: int
    records: int
    #: Records of which nobody said anything.
    unannotated: int
    effective_us: int
    shares: Shares


class FrozenSubject(NamedTuple):
    """An instrument in a closed period; its records are ``[first_n, first_n + records)``."""

    key: int
    instrument_id: str
    institution_id: str
    first_n: int
    records: int
    subject: Subject
    settings: Mapping[str, Any]


class FrozenUse(NamedTuple):
    """A use as it is kept; ``n`` numbers it within its period."""

    n: int
    key: int
    use: Use


def load_institutions(period_id: int) -> Steps[list[Institution]]:
    """The institutions' parts in a closed period, by their ids."""
    rows = yield from Query[tuple[Any, ...]](_SQL["institutions"], {"id": period_id}, binary=True)
    return [
        Institution._make((*row, Shares(total, rest_us, through)))
        for *row, total, rest_us, through in rows
    ]


def load_subjects_of(
    period_id: int, keys: Sequence[int] | None = None
) -> Steps[list[FrozenSubject]]:
    """The instruments of a closed period, by their ids.

    Args:
        period_id: Which.
        keys: Only these instruments.
    """
    asked = {"id": period_id, "keys": None if keys is None else list(keys)}
    return (yield from _load_subjects("frozen_subjects", asked))


def load_subjects_after(period_id: int, after: str, limit: int) -> Steps[list[FrozenSubject]]:
    """The same, so many behind an instrument's id: a city's at once would be 140 MB."""
    asked = {"id": period_id, "after": after, "limit": limit}
    return (yield from _load_subjects("subjects_after", asked))


def _load_subjects(name: str, asked: Mapping[str, Any]) -> Steps[list[FrozenSubject]]:
    rows = yield from Query[tuple[Any, ...]](_SQL[name], asked, binary=True, heavy=True)
    return [
        FrozenSubject._make((*row, subject_of(subject), settings))
        for *row, subject, settings in rows
    ]


def load_uses_of(period_id: int, first: int, end: int) -> Steps[list[FrozenUse]]:
    """What records of a closed period tell, in their order.

    Args:
        period_id: Which.
        first: Number of the first one.
        end: Exclusive.
    """
    asked = {"id": period_id, "first": first, "end": end}
    ((packed, told),) = yield from Query[tuple[bytes | None, str | None]](
        _SQL["frozen_uses"], asked, binary=True, heavy=True
    )
    rows = np.frombuffer(packed or b"", _USE)
    rows = rows[np.argsort(rows["n"])]
    notes = {n: thawed(said) for n, said in msgspec.json.decode(told or "[]")}
    numbers = rows["n"].tolist()
    return [
        FrozenUse(n, key, Use(start, end, effective, _SOURCES[source], notes.get(n)))
        for n, key, start, end, effective, source in zip(
            numbers,
            rows["key"].tolist(),
            (rows["start"] + EPOCH_2000_US).tolist(),
            (rows["end"] + EPOCH_2000_US).tolist(),
            rows["effective"].tolist(),
            rows["source"].tolist(),
            strict=True,
        )
    ]


def load_usage_of(period_id: int, keys: Sequence[int] | None = None) -> Steps[dict[int, Usage]]:
    """Figures that a closed period keeps, by instrument; none of those that were never seen."""
    rows = yield from Query[tuple[int, ...]](
        _SQL["frozen_usage"],
        {"id": period_id, "keys": None if keys is None else list(keys)},
        binary=True,
        heavy=True,
    )
    return {key: Usage(**dict(zip(COLUMNS, row, strict=True))) for key, *row in rows}


def subject_of(document: Mapping[str, Any]) -> Subject:
    """The registry's facts as they are kept."""
    value = document["value_cny"]
    return Subject(**{**document, "value_cny": None if value is None else Decimal(value)})
