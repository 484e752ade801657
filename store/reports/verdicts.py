"""What became of a closed period's bookings: frozen with it, and read beside what is so today.

What a verdict is, is ``models/reconciliation.py``'s.
"""

from collections.abc import Sequence
from typing import NamedTuple

from models.period import Period
from models.usage import Window
from store.figures.judged import AT_ONCE, Judged, judge, load_tolerances, span
from store.figures.surroundings import Moment
from store.instant import from_us
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("period_bookings")


class Frozen(NamedTuple):
    """A booking as the closing of its period told it; of several periods the one closed first."""

    booking: int
    period_id: int
    closed_us: int
    verdicts: list[str]
    used_us: int
    unknown_us: int


def freeze_verdicts(period: Period, keys: Sequence[int], moment: Moment) -> Steps[list[Judged]]:
    """Writes what became of bookings that begin in a period.

    Args:
        period: It is being closed.
        keys: Of some of its instruments.
        moment: Of the closing.

    Returns:
        What was written, in order.
    """
    window = Window(start_us=period.start_us, end_us=period.end_us)
    booked = yield from Query[tuple[int]](_SQL["booked"], {"keys": list(keys), **span(window)})
    rows: list[tuple[int, Judged]] = []
    if booked:
        history = yield from load_tolerances()
        with_bookings = [key for (key,) in booked]
        for at in range(0, len(with_bookings), AT_ONCE):
            told = yield from judge(with_bookings[at : at + AT_ONCE], window, moment, history)
            for key in sorted(told):
                judged = sorted(told[key][1], key=lambda one: one.booking)
                rows += ((key, one) for one in judged)
        yield Query(
            _SQL["freeze"],
            {
                "period": period.period_id,
                "bookings": [one.booking.booking_key for _, one in rows],
                "keys": [key for key, _ in rows],
                "starts": [from_us(one.booking.start_us) for _, one in rows],
                "ends": [from_us(one.booking.end_us) for _, one in rows],
                # PostgreSQL's arrays of arrays are rectangles: these differ in length.
                "verdicts": [" ".join(one.verdicts) for _, one in rows],
                "used": [one.used_us for _, one in rows],
                "unknown": [one.unknown_us for _, one in rows],
            },
        )
    return [one for _, one in rows]


def load_frozen(bookings: Sequence[int]) -> Steps[dict[int, Frozen]]:
    """Those of some bookings that a closed period holds, by booking."""
    rows = yield Query(_SQL["frozen"], {"bookings": list(bookings)})
    return {row[0]: Frozen(*row) for row in rows}
