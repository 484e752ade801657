"""What a closed period keeps of institutions and instruments; its records are in ``periods.py``."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from models.apportion import Shares
from models.period import thawed
from models.record import Source, Subject, Use
from models.usage import Usage
from store.figures.rollup_columns import COLUMNS
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("periods")
# A look-up: a closed year has ten million of these, and a call of the enumeration is dear.
_SOURCES = {source.value: source for source in Source}


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


class FrozenRow(NamedTuple):
    """A record as it is kept."""

    n: int
    key: int
    start_us: int
    end_us: int
    effective_us: int
    source: str
    annotation: dict[str, Any] | None

    def use(self) -> Use:
        """What it tells."""
        return Use(
            self.start_us,
            self.end_us,
            self.effective_us,
            _SOURCES[self.source],
            thawed(self.annotation),
        )


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
    rows = yield from Query[tuple[Any, ...]](
        _SQL["frozen_subjects"],
        {"id": period_id, "keys": None if keys is None else list(keys)},
        binary=True,
        heavy=True,
    )
    return [
        FrozenSubject._make((*row, subject_of(subject), settings))
        for *row, subject, settings in rows
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
