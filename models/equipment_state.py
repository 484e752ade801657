"""SEMI E10's six states of an instrument: they add up to the window, to the microsecond.

Each instant has the first state that fits:

1. unscheduled downtime: somebody entered that it is down;
2. scheduled downtime: maintenance was planned;
3. engineering: the instrument itself is worked on;
4. productive: measured running, within opening hours or not;
5. non-scheduled: opening hours are in force, and it is closed;
6. standby: all else, on or off.

What nobody measured is no state of E10's, and never productive: it is in the state that plans alone
give it, and told beside the six as well (``unknown_us``), so that both bounds of what was
productive are there. Where plans decide whatever is measured (1 to 3) nothing counts as unknown.

Source: the states are named as SEMI E10 names them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models.interval import Interval, clip, length_us, merge, subtract
from models.schedule import HoursInForce
from models.usage import Usage, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Stops:
    """When an instrument was not to be had, as entered; any intervals, overlapping or not."""

    #: All that began before the window's end.
    down: Sequence[Interval] = ()
    maintenance: Sequence[Interval] = ()
    engineering: Sequence[Interval] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StateTimes:
    """What a window, or a sum of such, is made of; microseconds and counts, all of which add up."""

    productive_us: int = 0
    standby_us: int = 0
    engineering_us: int = 0
    scheduled_down_us: int = 0
    unscheduled_down_us: int = 0
    non_scheduled_us: int = 0
    #: Of standby and non-scheduled: what nobody measured.
    unknown_us: int = 0
    #: Downtimes that began in the window; those that adjoin or overlap are one.
    failures: int = 0
    #: Downtimes that ended in it, and how long these were altogether.
    repairs: int = 0
    repair_us: int = 0

    @property
    def window_us(self) -> int:
        """The six together."""
        return (
            self.productive_us
            + self.standby_us
            + self.engineering_us
            + self.scheduled_down_us
            + self.unscheduled_down_us
            + self.non_scheduled_us
        )

    def __add__(self, other: "StateTimes") -> "StateTimes":
        """Of neighbouring windows, or of two instruments."""
        return StateTimes(
            **{name: getattr(self, name) + getattr(other, name) for name in self.__slots__}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Parted:
    """A window without what plans alone decide: what is left has to be measured."""

    #: Of the entered stretches alone.
    fixed: StateTimes
    #: Where opening hours are in force, and where none are; each sorted and disjoint.
    with_hours: Sequence[Interval]
    without_hours: Sequence[Interval]

    def whole(self, with_hours: Usage, without_hours: Usage) -> StateTimes:
        """The six states.

        Args:
            with_hours: What ``with_hours`` is made of, all of it.
            without_hours: The same of ``without_hours``.
        """
        opened = with_hours.scheduled_us or 0
        running_open = with_hours.running_scheduled_us or 0
        closed = with_hours.window_us - opened
        return self.fixed + StateTimes(
            productive_us=with_hours.running_us + without_hours.running_us,
            standby_us=opened - running_open + without_hours.window_us - without_hours.running_us,
            non_scheduled_us=closed - (with_hours.running_us - running_open),
            unknown_us=with_hours.unknown_us + without_hours.unknown_us,
        )


def part(window: Window, stops: Stops, hours: Sequence[HoursInForce]) -> Parted:
    """Takes out of a window what plans alone decide.

    Args:
        window: Clipped to now.
        stops: As entered.
        hours: Versions of opening hours, none of them without any.
    """
    start, end = window.start_us, window.end_us
    left = [(start, end)] if start < end else []
    lengths = []
    for entered in (stops.down, stops.maintenance, stops.engineering):
        before = length_us(left)
        left = subtract(left, merge(entered))
        lengths.append(before - length_us(left))
    downs = merge(stops.down)
    ended = [one for one in downs if start < one[1] <= end]
    in_force = clip(merge((one.from_us, one.to_us) for one in hours), start, end)
    without = subtract(left, in_force)
    return Parted(
        fixed=StateTimes(
            unscheduled_down_us=lengths[0],
            scheduled_down_us=lengths[1],
            engineering_us=lengths[2],
            failures=sum(start <= since < end for since, _ in downs),
            repairs=len(ended),
            repair_us=length_us(ended),
        ),
        with_hours=subtract(left, without),
        without_hours=without,
    )
