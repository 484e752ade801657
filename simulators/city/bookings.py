"""What a simulated institution has in its calendar, and reports, by what its instruments ran.

Most keep what they booked; some come late, leave early, stay on, do not come at all, or come
without a booking. A function of the seed, the instrument and the time, as all of the city.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

Span = tuple[datetime, datetime]

SLOT = timedelta(minutes=15)
HOUR = timedelta(hours=1)
#: Shares of sessions that nobody had booked, and of those booked that begin or end otherwise.
UNBOOKED, OTHERWISE = 0.25, 0.12
#: Chance of a day that somebody books an afternoon and does not come, or books one ahead.
NO_SHOW, AHEAD = 0.4, 0.6
DAYS_AHEAD = 4
WEEKEND = 5  # weekday of Saturday
#: What of the measured hours institutions report.
REPORTED = (1.0, 1.0, 1.02, 0.98, 1.35, 0.7)


def bookings(sessions: Sequence[Span], midnight: datetime, random: Random) -> list[Span]:
    """Booked times, sorted and apart from one another.

    Args:
        sessions: Measured, of some days before ``midnight``; sorted.
        midnight: The last one, by the local clock.
        random: Of the instrument.
    """
    found: list[Span] = []
    for start, end in sessions:
        by_day = start.weekday() < WEEKEND and start.hour >= 8 and end.hour < 18
        if not by_day or end - start < SLOT or random.random() < UNBOOKED:
            continue
        first, last = _floor(start), _floor(end - timedelta(seconds=1)) + SLOT
        # Late by an hour, gone an hour early, on for half an hour longer; or as booked.
        chance = random.random()
        if chance < OTHERWISE:
            first -= HOUR
        elif chance < 2 * OTHERWISE:
            last += HOUR
        elif chance < 3 * OTHERWISE and last - first > HOUR:
            last -= HOUR / 2
        found.append((first, last))
    days = sorted({_day(start, midnight) for start, _ in sessions})
    for day in days:
        afternoon = (day + 15 * HOUR, day + 17 * HOUR)
        is_used = any(start < afternoon[1] and end > afternoon[0] for start, end in sessions)
        if not is_used and day.weekday() < WEEKEND and random.random() < NO_SHOW:
            found.append(afternoon)
    for ahead in range(DAYS_AHEAD):
        if random.random() < AHEAD:
            start = midnight + timedelta(days=ahead) + random.choice((9, 13, 14)) * HOUR
            found.append((start, start + random.choice((2, 3)) * HOUR))
    apart: list[Span] = []
    for span in sorted(found):
        if not apart or span[0] >= apart[-1][1]:
            apart.append(span)
    return apart


def reported_hours(effective_s: float, random: Random) -> float:
    """What an institution reports of so many effective seconds, hours."""
    return round(effective_s / 3_600 * random.choice(REPORTED), 1)


def _floor(at: datetime) -> datetime:
    return at - timedelta(minutes=at.minute % 15, seconds=at.second, microseconds=at.microsecond)


def _day(at: datetime, midnight: datetime) -> datetime:
    return midnight + (at - midnight) // timedelta(days=1) * timedelta(days=1)
