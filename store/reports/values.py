"""What was said of instruments and a period that nothing measures, by the words of forms.

Statements are in ``sql/period_values.sql``; files are read by ``models/period_value_csv.py``.
"""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from store.run import Query, Steps
from store.statements import statements

_SQL = statements("period_values")


class Said(NamedTuple):
    """What stands there, and who wrote it last."""

    fields: Mapping[str, str]
    actor: str
    changed_us: int


def load_values(period_id: int) -> Steps[dict[str, Mapping[str, str]]]:
    """All that was said of a period, by instrument id."""
    rows = yield from Query[tuple[str, Mapping[str, str]]](_SQL["all"], {"period": period_id})
    return dict(rows)


def find_value(period_id: int, key: int) -> Steps[Said | None]:
    """What was said of one instrument; None: nothing."""
    rows = yield Query(_SQL["find"], {"period": period_id, "instrument": key})
    return Said._make(rows[0]) if rows else None


def write_values(
    period_id: int, said: Sequence[tuple[int, Mapping[str, str]]], actor: str
) -> Steps[tuple[int, int, int]]:
    """Writes what is said of instruments, each with its key, in place of what stood there.

    Returns:
        How many were created, updated and left as they were.
    """
    last = dict(said)
    rows = yield from Query[tuple[bool]](
        _SQL["write"],
        {
            "period": period_id,
            "instruments": list(last),
            "fields": [json.dumps(fields, ensure_ascii=False) for fields in last.values()],
            "actor": actor,
        },
    )
    created = sum(is_new for (is_new,) in rows)
    return created, len(rows) - created, len(said) - len(rows)


def remove_value(period_id: int, key: int) -> Steps[bool]:
    """Takes away what was said of one instrument; whether there was anything."""
    rows = yield Query(_SQL["remove"], {"period": period_id, "instrument": key})
    return bool(rows)
