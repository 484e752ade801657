"""What simulated institutions book: the same of the same seed, apart, and not always kept."""

import itertools
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from simulators.city.bookings import bookings, reported_hours

MIDNIGHT = datetime(2026, 3, 9, tzinfo=ZoneInfo("Asia/Shanghai"))
HOUR = timedelta(hours=1)
SESSIONS = [
    (MIDNIGHT - day * 24 * HOUR + 9 * HOUR, MIDNIGHT - day * 24 * HOUR + 12 * HOUR)
    for day in range(7, 0, -1)
]


def test_bookings_are_of_the_seed_and_apart() -> None:
    for seed in range(50):
        found = bookings(SESSIONS, MIDNIGHT, Random(seed))
        assert found == bookings(SESSIONS, MIDNIGHT, Random(seed))
        assert all(start < end for start, end in found)
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(found))


def test_some_are_kept_and_some_are_not() -> None:
    found = {span for seed in range(50) for span in bookings(SESSIONS, MIDNIGHT, Random(seed))}
    start, end = SESSIONS[0]
    otherwise = {(start - HOUR, end), (start, end + HOUR), (start, end - HOUR / 2)}
    assert {(start, end), *otherwise} <= found
    afternoon = start.replace(hour=15)
    assert (afternoon, afternoon + 2 * HOUR) in found
    assert any(one > MIDNIGHT for one, _ in found)
    hours = {reported_hours(36_000, Random(seed)) for seed in range(50)}
    assert hours == {10.0, 10.2, 9.8, 13.5, 7.0}
