"""Whether an instrument is to be had, now or at a time to come, until when, and why.

One answer of seven, the first that fits: it is ``down`` (it broke, as somebody entered), under
``maintenance``, ``in_use`` (it runs), ``booked``, ``closed`` (opening hours and holidays),
``unknown`` (it does not speak), else ``free``. What instruments do is ``status.py``'s, opening
hours are ``schedule.py``'s.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from models.interval import Interval, clip, first_after
from models.status import Activity, Connectivity, Status

#: How far ahead plans are looked at for ``until``; bookings, of which there may be many, less far.
HORIZON_US = 14 * 86_400 * 1_000_000
BOOKINGS_US = 2 * 86_400 * 1_000_000


class Availability(StrEnum):
    """Whether it is to be had."""

    FREE = "free"
    IN_USE = "in_use"
    BOOKED = "booked"
    CLOSED = "closed"
    MAINTENANCE = "maintenance"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plans:
    """What is planned of one instrument within a horizon; sorted and disjoint, half-open (µs)."""

    horizon: Interval
    maintenance: Sequence[Interval] = ()
    #: Nobody planned it; until when it will last is a guess.
    down: Sequence[Interval] = ()
    bookings: Sequence[Interval] = ()
    #: How far bookings are known; at most the horizon's end.
    bookings_until_us: int
    #: None: it has no opening hours, so it is never closed. Maintenance is not taken off.
    opened: Sequence[Interval] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Whether it is to be had, until when, and why."""

    availability: Availability
    #: When that ends by what is planned; None: nothing within the horizon says so.
    until_us: int | None
    #: All that holds of it, what decides first.
    reasons: tuple[str, ...]


def available_now(plans: Plans, status: Status, now_us: int) -> Answer:
    """Whether an instrument is to be had now.

    Args:
        plans: Their horizon holds now.
        status: Of the same moment.
        now_us: The moment (µs).
    """
    found = _planned(plans, now_us, now_us + 1)
    running = status.connectivity is Connectivity.ONLINE and status.activity is Activity.RUNNING
    silent = status.connectivity is not Connectivity.ONLINE or status.activity is Activity.UNKNOWN
    order = (
        (Availability.DOWN, Availability.DOWN in found),
        (Availability.MAINTENANCE, Availability.MAINTENANCE in found),
        (Availability.IN_USE, running),
        (Availability.BOOKED, Availability.BOOKED in found),
        (Availability.CLOSED, Availability.CLOSED in found),
        (Availability.UNKNOWN, silent),
        (Availability.FREE, True),
    )
    holds = [name for name, does in order if does]
    first = holds[0]
    cause = status.cause.value if status.cause is not None else "silent"
    said = {
        Availability.IN_USE: "running",
        Availability.UNKNOWN: cause,
        Availability.FREE: status.activity.value,
    }
    reasons = [said.get(name, name.value) for name in holds if name is not Availability.FREE]
    if first is Availability.IN_USE:
        until = found.get(Availability.BOOKED)
    elif first is Availability.UNKNOWN:
        until = None
    elif first is Availability.FREE:
        until = _next_trouble(plans, now_us)
        reasons = [said[first]]
    else:
        until = found[first]
    return Answer(availability=first, until_us=until, reasons=tuple(reasons))


def available_at(plans: Plans, start_us: int, end_us: int) -> Answer:
    """Whether an instrument is to be had for the whole of a time to come, as far as plans say.

    Args:
        plans: Their horizon holds ``[start_us, end_us)``.
        start_us: Microseconds.
        end_us: Microseconds, exclusive.
    """
    found = _planned(plans, start_us, end_us)
    if found:
        first = next(iter(found))
        reasons = tuple(one.value for one in found)
        return Answer(availability=first, until_us=found[first], reasons=reasons)
    return Answer(
        availability=Availability.FREE,
        until_us=_next_trouble(plans, end_us - 1),
        reasons=("nothing_planned",),
    )


def _planned(plans: Plans, start_us: int, end_us: int) -> dict[Availability, int | None]:
    """What of the plans touches a time, and when the last of it ends; None: beyond the horizon.

    What decides first comes first.
    """
    found: dict[Availability, int | None] = {}
    for name, stretches, known_us in (
        (Availability.DOWN, plans.down, plans.horizon[1]),
        (Availability.MAINTENANCE, plans.maintenance, plans.horizon[1]),
        (Availability.BOOKED, plans.bookings, plans.bookings_until_us),
    ):
        touched = clip(stretches, start_us, end_us)
        if touched:
            last = stretches[first_after(stretches, touched[-1][0])]
            found[name] = last[1] if last[1] < known_us else None
    if plans.opened is not None:
        inside = clip(plans.opened, start_us, end_us)
        if inside != [(start_us, end_us)]:
            ahead = [start for start, _ in plans.opened if start >= start_us]
            found[Availability.CLOSED] = ahead[0] if ahead else None
    return found


def _next_trouble(plans: Plans, at_us: int) -> int | None:
    """When something is planned that ends being free; None: nothing within the horizon."""
    starts = [
        start
        for stretches in (plans.down, plans.maintenance, plans.bookings)
        for start, _ in stretches
        if start > at_us
    ]
    if plans.opened is not None:
        index = first_after(plans.opened, at_us)
        if index < len(plans.opened) and plans.opened[index][1] < plans.horizon[1]:
            starts.append(plans.opened[index][1])
    return min(starts, default=None)
