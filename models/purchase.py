"""What the use of a class of instruments says about buying another one.

Rows are one instrument's figures each; what they come to together is told beside them.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

#: Where a distribution is looked at.
QUANTILES = {"min": 0, "p10": 10, "p25": 25, "median": 50, "p75": 75, "p90": 90, "max": 100}


def quantiles(values: Sequence[Any]) -> dict[str, Any]:
    """Values that are there, by nearest rank, and how many there are.

    >>> quantiles([4, 1, 3, 2])["median"], quantiles([])["median"]
    (2, None)
    """
    ranked = sorted(values)
    n = len(ranked)
    # The smallest value that at least so many hundredths of all do not exceed.
    found = {
        name: ranked[max(0, -(-share * n // 100) - 1)] if n else None
        for name, share in QUANTILES.items()
    }
    return {"n": n, **found}


def free_s(row: Mapping[str, Any]) -> Decimal | int | None:
    """What of its rated time an instrument certainly had left: whatever is unknown counts as use.

    Args:
        row: With ``rated_s``, ``effective_s`` and ``unknown_s``; None for all: it was never heard.
    """
    if row["rated_s"] is None:
        return None
    left = row["rated_s"] - row["effective_s"] - row["unknown_s"]
    return max(left, 0)  # type: ignore[no-any-return]


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What instruments come to.

    Args:
        rows: Each with ``heard``, ``known_s``, ``sufficient``, ``free_s``, ``bookings``,
            ``booked_s``.
    """
    enough = [row for row in rows if row["sufficient"]]
    free = [row for row in enough if row["free_s"]]
    return {
        "listed": len(rows),
        "heard": sum(row["heard"] for row in rows),
        "speaking": sum(bool(row["known_s"]) for row in rows),
        "sufficient_instruments": len(enough),
        "free_instruments": len(free),
        "free_share": len(free) / len(enough) if enough else None,
        "free_s": sum(row["free_s"] for row in free),
        "bookings": sum(row["bookings"] for row in rows),
        "booked_s": sum(row["booked_s"] for row in rows),
    }


def distribution(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How figures of sufficient instruments lie, and ages of all whose age is known."""
    enough = [row for row in rows if row["sufficient"]]
    found = {
        name: quantiles([row[name] for row in enough if row[name] is not None])
        for name in ("effective_s", "utilization", "rated_utilization")
    }
    ages = [row["age_days"] for row in rows if row["age_days"] is not None]
    return {**found, "age_days": quantiles(ages)}
