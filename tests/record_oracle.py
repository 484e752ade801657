"""What records of a period must be, by brute force over timelines of `tests/oracle.py`.

As that, it shares no code with the service: plain numbers of microseconds, fractions, whole lists.
"""

from datetime import datetime
from fractions import Fraction
from math import floor
from zoneinfo import ZoneInfo

TENTH = Fraction(3_600_000_000, 10)


def midnight(day, zone):
    """The first instant of a local day, by the clock of a zone."""
    moment = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    return round(moment.timestamp()) * 1_000_000


def records(timelines, start, end):
    """(instrument, start, end, effective) of every session as far as it lies within."""
    found = []
    for name in sorted(timelines):
        for runs in timelines[name].sessions:
            low, high = max(runs[0][0], start), min(runs[-1][1], end)
            if low < high:
                inside = [(max(a, low), min(b, high)) for a, b in runs]
                found.append((name, low, high, sum(b - a for a, b in inside if a < b)))
    return found


def tenths(effective):
    """One tenth after the other to the record that lacks most, of equal ones to the earlier."""
    total = floor(sum(effective) / TENTH + Fraction(1, 2))
    given = [floor(one / TENTH) for one in effective]
    while sum(given) < total:
        lacking = [one / TENTH - got for one, got in zip(effective, given, strict=True)]
        given[lacking.index(max(lacking))] += 1
    return given
