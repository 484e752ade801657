"""By how much the figures of one window differ from those of another.

Which window that is, is in ``compared_window.py``; the figures are ``ratios.fields`` and
``group.group_fields``.
"""

from collections.abc import Iterable, Mapping
from decimal import Context, Decimal

_EXACT = Context(prec=60)

#: Figures that differ by a number, in the order of an answer.
COUNTS = ("instruments", "sufficient_instruments", "never_seen_instruments")
SECONDS = (
    "window_s",
    "running_s",
    "idle_s",
    "off_s",
    "unknown_s",
    "scheduled_s",
    "running_scheduled_s",
    "effective_s",
    "session_idle_s",
    "rated_s",
    "counter_running_s",
)
RATIOS = (
    "utilization",
    "calendar_utilization",
    "utilization_high",
    "powered_utilization",
    "scheduled_utilization",
    "rated_utilization",
    "mean_utilization",
)
NUMBERS = (*COUNTS, *SECONDS, "coverage", *RATIOS)


def difference(
    figures: Mapping[str, object],
    against: Mapping[str, object],
    names: Iterable[str] = NUMBERS,
) -> dict[str, int | float | Decimal | None]:
    """One window's figures minus another's, of what is shown, digit by digit.

    Args:
        figures: Fields of one window.
        against: The same fields of another.
        names: Which of them differ by a number.

    Returns:
        Counts, exact seconds and ratios (their differences are points, not per cent), so far as
        ``figures`` has them; None where either has none.
    """
    return {name: _minus(figures[name], against[name]) for name in names if name in figures}


def _minus(one: object, other: object) -> int | float | Decimal | None:
    if one is None or other is None:
        return None
    if isinstance(one, int) and isinstance(other, int):
        return one - other
    # A float's shortest text is what is shown of it: 0.3 less 0.1 is 0.2.
    exact = _EXACT.subtract(Decimal(str(one)), Decimal(str(other)))
    if isinstance(one, float) or isinstance(other, float):
        return float(exact)
    return int(exact) if exact == exact.to_integral_value() else _EXACT.normalize(exact)
