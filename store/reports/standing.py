"""How far institutions are with the report of a window."""

from collections.abc import Sequence
from typing import NamedTuple

from psycopg.rows import args_row

from models.usage import Window
from store.instant import from_us
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("periods")


class Standing(NamedTuple):
    """An institution's newest period of a window, a closed one before an open one."""

    institution_id: str
    period_id: int | None
    closed_us: int | None
    closed_by: str | None
    records: int | None
    unannotated: int | None
    annotations: int

    @property
    def state(self) -> str:
        """Of the period; none where there is none."""
        if self.period_id is None:
            return "none"
        return "open" if self.closed_us is None else "closed"


def load_standings(ids: Sequence[str], window: Window) -> Steps[dict[str, Standing]]:
    """By institution.

    Args:
        ids: Of the institutions.
        window: Not clipped to now: periods are of just this one.
    """
    rows = yield from Query(
        _SQL["standing"],
        {
            "ids": list(ids),
            "start": from_us(window.start_us),
            "end": from_us(window.end_us),
        },
        rows=args_row(Standing),
        binary=True,
    )
    return {one.institution_id: one for one in rows}
