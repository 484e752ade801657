"""Bookings one by one with their verdicts: those that have wished ones, or the worst first.

Verdicts are found as they are shown (``judged.py``). Which bookings come into question is seen from
what they came to by day (``booking_days.py``): a day whose row counts none of the wished verdicts
is passed over, one without a row is looked at.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from models.reconciliation import WORST_FIRST, Verdict
from models.usage import Window
from models.zone import local_day
from store.figures.judged import AT_ONCE, History, Judged, judge, load_tolerances
from store.figures.layout import days_window
from store.figures.subject import zone_of
from store.figures.surroundings import Moment
from store.present.bookings import Listed, list_bookings
from store.present.filters import Filters
from store.run import Query, Steps
from store.statements import statements
from store.wanted import Wanted

_SQL = statements("reconciled")
_DAY = timedelta(days=1)
_DAY_US = 86_400_000_000
#: Bookings that are looked at for one page, however few of them fit.
LOOKED_AT = 2_000
#: Bookings that are read together where few of them fit.
PORTION = 200


class Place(NamedTuple):
    """Where a page ended: how many verdicts were gone through, and the last booking looked at."""

    stage: int
    start_us: int
    booking_key: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Which bookings are listed, and in which order."""

    filters: Filters
    #: They begin in it; clipped to now.
    window: Window
    instruments: Wanted[str] = None
    #: Any of these; None: whichever.
    verdicts: Wanted[Verdict] = None
    #: By their worst verdict, then by their starts; else by their starts alone.
    worst_first: bool = False

    def stages(self) -> list[Wanted[Verdict]]:
        """The verdicts that are gone through, one after the other."""
        if not self.worst_first:
            return [self.verdicts]
        return [frozenset({verdict}) for verdict in WORST_FIRST]

    def fits(self, judged: Judged, stage: Wanted[Verdict]) -> bool:
        """Whether a booking belongs into a stage."""
        if self.verdicts is not None and self.verdicts.isdisjoint(judged.verdicts):
            return False
        return stage is None or not self.worst_first or _worst(judged) in stage


def _worst(judged: Judged) -> Verdict:
    return min(judged.verdicts, key=WORST_FIRST.index)


def list_judged(
    wish: Wish, moment: Moment, limit: int, after: Place | None = None
) -> Steps[tuple[list[tuple[Listed, Judged]], Place | None]]:
    """A page of bookings with what became of them.

    Args:
        wish: Which.
        moment: Of the answer.
        limit: How many at most. There may be fewer, even none, and still a next page.
        after: Where the page before ended.

    Returns:
        Bookings in order, and where the next page begins, if there is one.
    """
    history = yield from load_tolerances()
    found: list[tuple[Listed, Judged]] = []
    looked, place = 0, after
    for number, stage in enumerate(wish.stages()):
        if after is not None and number < after.stage:
            continue
        position = after[1:] if after is not None and number == after.stage else None
        # Where verdicts are wished few fit, and hardly any at the beginning of a day.
        portion = limit + 1 if stage is None else max(limit + 1, PORTION)
        while True:
            window, listed = yield from _come_into_question(wish, stage, position, portion, moment)
            judged = yield from _judge_listed(listed, moment, history)
            for one in listed:
                if wish.fits(judged[one.booking_key], stage):
                    if len(found) == limit:
                        return found, place
                    found.append((one, judged[one.booking_key]))
                position = one.start_us, one.booking_key
                place = Place(number, *position)
            if len(listed) < portion:
                if window.end_us >= wish.window.end_us:
                    break
                # Keys begin with 1: this is before the first one of the day that follows.
                position = window.end_us, 0
                place = Place(number, *position)
            looked += len(listed)
            if looked >= LOOKED_AT:
                return found, place
    return found, None


def _come_into_question(
    wish: Wish,
    stage: Wanted[Verdict],
    position: tuple[int, int] | None,
    portion: int,
    moment: Moment,
) -> Steps[tuple[Window, list[Listed]]]:
    """The next bookings that may belong into a stage, of one day where verdicts are wished.

    Returns:
        The window that they are all of, if they are fewer than a portion; and they.
    """
    window, keys = wish.window, None
    if stage is not None:
        zone = zone_of(moment.rollup_zone)
        start = wish.window.start_us if position is None else position[0]
        asked = {
            "first": local_day(start, zone),
            "last": local_day(max(start, wish.window.end_us - 1), zone),
            **{verdict.value: int(verdict in stage) for verdict in Verdict},
        }
        rows = yield from Query[tuple[date, list[int]]](_SQL["next_day"], asked, binary=True)
        if not rows:
            return window, []
        ((day, keys),) = rows
        window = days_window(day, day + _DAY, moment)
    listed = yield from list_bookings(
        wish.filters,
        start_us=max(window.start_us, wish.window.start_us),
        end_us=min(window.end_us, wish.window.end_us),
        begin_within=True,
        limit=portion,
        instruments=wish.instruments,
        keys=keys,
        after=position,
    )
    return window, listed


def _judge_listed(
    listed: Sequence[Listed], moment: Moment, history: History
) -> Steps[dict[int, Judged]]:
    """What became of bookings, by their keys; day by day, since they may lie far apart."""
    found: dict[int, Judged] = {}
    for window, keys in _by_day(listed):
        for at in range(0, len(keys), AT_ONCE):
            told = yield from judge(keys[at : at + AT_ONCE], window, moment, history)
            for _, judged in told.values():
                found.update((one.booking.booking_key, one) for one in judged)
    return found


def _by_day(listed: Sequence[Listed]) -> Iterator[tuple[Window, list[int]]]:
    days: dict[int, list[Listed]] = defaultdict(list)
    for one in listed:
        days[one.start_us // _DAY_US].append(one)
    for those in days.values():
        window = Window(start_us=those[0].start_us, end_us=those[-1].start_us + 1)
        yield window, sorted({one.instrument_key for one in those})
