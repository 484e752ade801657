"""Which rows of a file an answer tells of, where they are more than it may hold."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from models.refusal import Why

ROWS_MOST = 1_000
#: In the place of what `why_body` says, of a row that is taken.
TAKEN: Mapping[str, Any] = {"rule": None, "reason": None, "about": {}}


def why_body(why: Why) -> dict[str, Any]:
    """Why a row is not taken, as answers spell it."""
    return {"rule": why.rule, "reason": why.reason, "about": dict(why.about)}


def told_problems(problems: Iterable[tuple[int, Why]]) -> dict[str, Any]:
    """``errors`` and ``errors_left_out`` of an answer: rows that are not taken, in their order."""
    told = sorted(problems, key=lambda one: one[0])
    return {
        "errors": [{"row": row, **why_body(why)} for row, why in told[:ROWS_MOST]],
        "errors_left_out": max(0, len(told) - ROWS_MOST),
    }


def told_rows(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """``rows`` and ``rows_left_out`` of an answer: refused ones before all others.

    A file of thousands that has a few bad ones is looked at for these.

    Args:
        rows: In the file's order, each with its ``result``.
    """
    told = sorted(rows, key=lambda row: row["result"] != "rejected")[:ROWS_MOST]
    return {"rows": told, "rows_left_out": len(rows) - len(told)}
