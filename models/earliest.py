"""When an instrument can be had for a wished length at the earliest, as far as plans say.

Whether it is to be had at one moment is ``availability.py``'s.
"""

from models.availability import Plans
from models.interval import Interval, clip, subtract


def earliest_gap(plans: Plans, from_us: int, length_us: int) -> Interval | None:
    """The first stretch, long enough, that plans, downtime and closed hours leave free.

    Args:
        plans: Their horizon holds ``from_us``.
        from_us: The gap begins then or later (µs).
        length_us: How long it is at least; more than 0.

    Returns:
        The stretch up to its end by plans, or by what is known of them; None: there is none
        within what is known.
    """
    start, end = max(from_us, plans.horizon[0]), min(plans.horizon[1], plans.bookings_until_us)
    opened = [(start, end)] if plans.opened is None else clip(plans.opened, start, end)
    free = opened
    for taken in (plans.maintenance, plans.down, plans.bookings):
        free = subtract(free, taken)
    return next((gap for gap in free if gap[1] - gap[0] >= length_us), None)
