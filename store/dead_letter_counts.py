"""Dead letters counted by reason, for who must see at a glance what ails.

One by one they are in `dead_letters.py`; the statement is in `sql/dead_letter_counts.sql`.
"""

from typing import NamedTuple

from psycopg.rows import args_row

from store.instant import from_us
from store.run import Query, Steps
from store.statements import statements
from store.wanted import Wanted, array


class ReasonCount(NamedTuple):
    """All dead letters of one reason: a row of the statement."""

    reason: str
    letters: int
    #: How many heartbeats they stand for, and how often they came.
    heartbeats: int
    occurrences: int
    #: Of the letters, those kept whole that were not taken again yet.
    replayable: int
    newest_us: int


def count_dead_letters(
    *,
    gateway_id: Wanted[str] = None,
    received_from_us: int | None = None,
    received_to_us: int | None = None,
    replayed: Wanted[bool] = None,
    tenant: int | None = None,
) -> Steps[list[ReasonCount]]:
    """The reasons that there are, that with most heartbeats first."""
    return (
        yield from Query(
            statements("dead_letter_counts")["by_reason"],
            {
                "gateway_id": array(gateway_id),
                "from": None if received_from_us is None else from_us(received_from_us),
                "to": None if received_to_us is None else from_us(received_to_us),
                "replayed": array(replayed),
                "tenant": tenant,
            },
            rows=args_row(ReasonCount),
        )
    )
