"""What bookings came to by instrument and local day: made here, read by ``reconciled.py``.

A row is what `judge` found for its day: how booked time divides, and the verdicts of the bookings
that begin in it. These look beyond the day, so a row names all days that it rests on: whoever
changes one of them takes the row away and leaves a mark (``booking_day_todo``), and a day with a
mark is judged anew. So rows may be late but are never wrong.

No numpy here: ingest makes the rows, and its memory is counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from models.reconciliation import Verdict
from models.zone import local_day, start_of_day
from store.figures.judged import History, Judged, judge_subjects
from store.figures.layout import days_window
from store.figures.subject import Subject, load_subjects, zone_of
from store.figures.surroundings import Moment
from store.run import Steps

_DAY = timedelta(days=1)
#: After a midnight, before what it ended is taken to be over (µs).
SETTLES_US = 1_200_000_000
#: The columns of a row that add up, after key and days: parts of the day, then counts.
SUMS = (
    "booked_us",
    "used_booked_us",
    "unknown_booked_us",
    "bookings",
    *(verdict.value for verdict in Verdict),
)


@dataclass(slots=True)
class Made:
    """What became of a day of some instruments."""

    #: Key, day, first and last day that it rests on, and `SUMS`; none of who has no booking.
    rows: list[tuple[int | date, ...]] = field(default_factory=list)
    #: By key, when that can be said of the others (µs).
    later: dict[int, int] = field(default_factory=dict)


def compute_booking_days(
    keys: Sequence[int], day: date, moment: Moment, history: History
) -> Steps[Made]:
    """Rows of one day of the rollups' zone.

    Whoever stores them holds the locks of the instruments' status rows, and the lock of those who
    change bookings, while this reads.

    Args:
        keys: Of the instruments; at most ``judged.AT_ONCE``.
        day: It is over.
        moment: Now and the rollups' zone.
        history: Of the tolerances.
    """
    subjects = yield from load_subjects(keys)
    window = days_window(day, day + _DAY, moment)
    told = yield from judge_subjects(subjects, window, moment, history)
    made = Made()
    for key, (time, judged) in told.items():
        if not time.booked_us:
            continue
        begins = [one.booking.start_us - history.reach_us for one in judged]
        ends = [one.booking.end_us + history.reach_us for one in judged]
        low, high = min([window.start_us, *begins]), max([window.end_us, *ends])
        ready = _ready_us(subjects[key], high, moment)
        if ready > moment.now_us:
            made.later[key] = ready
            continue
        zone = zone_of(moment.rollup_zone)
        parts = (time.booked_us, time.used_booked_us, time.unknown_booked_us)
        days = (day, local_day(low, zone), local_day(high - 1, zone))
        made.rows.append((key, *days, *parts, len(judged), *counted(judged)))
    return made


def _ready_us(subject: Subject, high_us: int, moment: Moment) -> int:
    """From when on what a row rests on cannot change by the mere passing of time."""
    zone = zone_of(moment.rollup_zone)
    over = start_of_day(local_day(high_us - 1, zone) + _DAY, zone)
    return max(over + SETTLES_US, high_us + subject.settle_us(high_us))


def counted(judged: Sequence[Judged]) -> list[int]:
    """How many bookings each verdict is of, in the verdicts' order."""
    return [sum(verdict in one.verdicts for one in judged) for verdict in Verdict]
