"""Usual free hours: when in the week an instrument is on and not running, as a rule."""

from collections.abc import Mapping

from models.schedule import WEEKDAYS

#: Running share of the known time below which an hour counts as free.
FREE_BELOW = 0.2


def free_ranges(
    shares: Mapping[tuple[int, int], float | None],
) -> dict[str, list[tuple[str, str]]]:
    """Free hours of the week as ranges, spelled like opening hours.

    Args:
        shares: By weekday (Monday is 1) and hour: running share of the known time, None where
            nothing is known.

    Returns:
        By weekday: ranges of neighbouring free hours; weekdays without any are left out.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for number, name in enumerate(WEEKDAYS, 1):
        ranges: list[tuple[int, int]] = []
        for hour in range(24):
            share = shares.get((number, hour))
            if share is None or share >= FREE_BELOW:
                continue
            if ranges and ranges[-1][1] == hour:
                ranges[-1] = (ranges[-1][0], hour + 1)
            else:
                ranges.append((hour, hour + 1))
        if ranges:
            found[name] = [(f"{start:02d}:00", f"{end:02d}:00") for start, end in ranges]
    return found
