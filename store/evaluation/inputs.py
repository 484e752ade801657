"""What closed periods give to be judged by; statements are in ``sql/evaluations.sql``."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from models.confirmed import Confirmed
from models.evaluation import Judged, amounts
from models.period import Period
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("evaluations")


class NothingConfirmed(Exception):  # noqa: N818 - named after what is so
    """A period was closed before anything was kept that bounds follow from."""

    def __init__(self, period: Period) -> None:
        super().__init__(
            f"period {period.period_id} was closed by an earlier version, which kept nothing that"
            " bounds follow from: make a period of its time anew and close that"
        )


def load_judged(period: Period, wanted: Iterable[str]) -> Steps[list[Judged]]:
    """A closed period's instruments by their ids, heard or not.

    Args:
        period: Which.
        wanted: Names of the inputs that a scheme asks for.

    Raises:
        NothingConfirmed: It was closed before anything was confirmed.
    """
    names = tuple(wanted)
    rows = yield from Query[tuple[Any, ...]](
        _SQL["inputs"], {"period": period.period_id}, binary=True, heavy=True
    )
    found: list[Judged] = []
    for instrument, institution, name, home, value, *kept in rows:
        *sure, effective_us, known_us, said = kept
        if sure[0] is None:
            raise NothingConfirmed(period)
        found.append(
            Judged(
                subject_id=instrument,
                name=name,
                institution_id=institution,
                institution_name=home,
                inputs=amounts(
                    Confirmed(*sure),
                    None if effective_us is None else (effective_us, known_us),
                    None if value is None else Decimal(value),
                    said or {},
                    names,
                ),
            )
        )
    return found
