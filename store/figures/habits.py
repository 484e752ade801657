"""What instruments usually do at a time of the week, and how much of their recent time is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

from models.ratios import ratio
from models.usage import Usage, Window
from store.figures.figures import usages
from store.figures.subject import load_subjects, zone_of
from store.figures.surroundings import Moment
from store.instant import from_us, to_us
from store.run import Steps

#: How many weeks back.
WEEKS = 4
_WEEK = timedelta(weeks=1)
_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """Of one instrument; all microseconds."""

    #: In the same hours of the last weeks.
    ran_us: int
    known_us: int
    hours_us: int
    #: Of the last weeks, whole.
    recent_ran_us: int
    recent_known_us: int
    recent_us: int

    @property
    def utilization(self) -> float | None:
        """Of the last weeks: running over known time; None where nothing is known."""
        return ratio(self.recent_ran_us, self.recent_known_us)

    @property
    def busy(self) -> tuple[bool, Fraction]:
        """Where it stands among others, the quietest first; what nobody knows of, last."""
        known_us = self.recent_known_us
        return not known_us, Fraction(self.recent_ran_us, known_us or 1)


def load_habits(
    keys: Sequence[int], start_us: int, length_us: int, moment: Moment
) -> Steps[dict[int, Habits]]:
    """What instruments were measured to do at a time of the week.

    Args:
        keys: The caller bounds how many.
        start_us: Now or to come; its hours are those of each instrument's own clock.
        length_us: Of it at most a day counts: longer ones pass through every hour anyway.
        moment: Of the answer.
    """
    subjects = yield from load_subjects(keys)
    recent = Window(start_us=moment.now_us - WEEKS * 7 * _DAY_US, end_us=moment.now_us)
    of_all = dict.fromkeys(subjects, (recent,))
    whole = yield from usages(list(subjects.values()), of_all, moment)
    hours = {
        key: _same_hours(start_us, min(length_us, _DAY_US), subject.versions[-1].zone.key, moment)
        for key, subject in subjects.items()
    }
    found = yield from usages(list(subjects.values()), hours, moment)
    nothing = [Usage()]
    return {
        key: Habits(
            ran_us=sum(one.running_us for one in found.get(key, nothing)),
            known_us=sum(one.known_us for one in found.get(key, nothing)),
            hours_us=sum(window.length_us for window in hours[key]),
            recent_ran_us=whole.get(key, nothing)[0].running_us,
            recent_known_us=whole.get(key, nothing)[0].known_us,
            recent_us=recent.length_us,
        )
        for key in subjects
    }


def _same_hours(start_us: int, length_us: int, zone: str, moment: Moment) -> tuple[Window, ...]:
    """The hours of ``[start, start + length)`` by a local clock, in each of the last weeks."""
    local = from_us(start_us).astimezone(zone_of(zone))
    # Back by whole weeks until all of it is over; the clock on the wall stays.
    over = -(-(start_us + length_us - moment.now_us) // (7 * _DAY_US))
    starts = [to_us(local - (over + back) * _WEEK) for back in reversed(range(WEEKS))]
    return tuple(
        Window(start_us=start, end_us=start + length_us).clip(moment.now_us) for start in starts
    )
