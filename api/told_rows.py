"""Which rows of a file an answer tells of, where they are more than it may hold."""

from collections.abc import Sequence
from typing import Any

ROWS_MOST = 1_000


def told_rows(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """``rows`` and ``rows_left_out`` of an answer: refused ones before all others.

    A file of thousands that has a few bad ones is looked at for these.

    Args:
        rows: In the file's order, each with its ``result``.
    """
    told = sorted(rows, key=lambda row: row["result"] != "rejected")[:ROWS_MOST]
    return {"rows": told, "rows_left_out": len(rows) - len(told)}
