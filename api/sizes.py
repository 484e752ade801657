"""How large an answer may be, decided before anything is worked out.

What will be refused follows from the window, its buckets and the registry, all known within
milliseconds; and so does what would not be, which the refusal names.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

from api.errors import FieldError, Problem, invalid
from api.settings import Settings
from models.bucket import Bucket, buckets, count
from models.usage import Window
from store.run import Steps

_DAY_US = 86_400_000_000
#: In what a shorter window is told, and from how many on: of two days the rest would be much.
_UNITS = (("day", _DAY_US, 3), ("hour", 3_600_000_000, 1))
#: The most that a bucket of each kind makes of a window.
_LONGEST_US = {
    Bucket.HOUR: 3_600_000_000,
    Bucket.DAY: 25 * 3_600_000_000,
    Bucket.WEEK: 8 * _DAY_US,
    Bucket.MONTH: 32 * _DAY_US,
}

#: How many groups an answer about a window has.
GroupsOf = Callable[[Window], Steps[int]]


def _one(_: Window) -> Steps[int]:
    """One instrument's answer, or everything in one group."""
    yield from ()
    return 1


def divide(
    window: Window,
    bucket: Bucket | None,
    zone: ZoneInfo,
    settings: Settings,
    groups_of: GroupsOf = _one,
) -> Steps[Sequence[Window]]:
    """The buckets of a window that is clipped to now; none where none are asked for.

    Args:
        window: Clipped to now.
        bucket: How to divide it.
        zone: Whose clock.
        settings: With the limit.
        groups_of: How many groups there will be; asks the registry and no figure.

    Raises:
        Problem: 422; there are too many, and which bucket or window would do.
    """
    if bucket is None:
        return ()
    groups = yield from groups_of(window)
    if groups * count(window, bucket, zone) > settings.buckets_max:
        raise (yield from _too_many(window, bucket, zone, settings.buckets_max, groups_of))
    return buckets(window, bucket, zone, limit=settings.buckets_max)


def _too_many(
    window: Window, bucket: Bucket, zone: ZoneInfo, most: int, groups_of: GroupsOf
) -> Steps[Problem]:
    groups = yield from groups_of(window)
    each = count(window, bucket, zone)
    kinds = list(Bucket)
    coarser = [
        f"bucket={one.value}"
        for one in kinds[kinds.index(bucket) + 1 :]
        if groups * count(window, one, zone) <= most
    ][:1]
    shorter = yield from _shorter(window, bucket, zone, most, groups_of)
    ways = [*coarser, *([f"at most {shorter}"] if shorter else [])] or ["no bucket"]
    what = f"{groups:,} groups of {each:,} buckets" if groups > 1 else "the window"
    detail = f"{what} would be {groups * each:,} buckets; at most {most:,}: ask " + " or ".join(
        ways
    )
    rule = f"{' or '.join(ways)}: at most {most:,} buckets in all"
    return invalid(
        FieldError(field="query.bucket", value=bucket.value, rule=rule),
        detail=detail,
        kind="too-many-buckets",
    )


def _shorter(
    window: Window, bucket: Bucket, zone: ZoneInfo, most: int, groups_of: GroupsOf
) -> Steps[str | None]:
    """The longest window that would do, kept at either end of the one that was asked for.

    Groups follow the registry of the window's end: one that ends earlier may have more of them.
    """
    groups = yield from groups_of(window)
    while True:
        found = _longest(window, bucket, zone, most // max(groups, 1))
        if found is None:
            return None
        number, name, length_us = found
        start_us = window.start_us
        shorter = Window(start_us=start_us, end_us=start_us + number * length_us)
        then = yield from groups_of(shorter)
        if then <= groups:
            return _told(number, name)
        groups = then


def too_long(cost_s: float, most_s: float, window: Window) -> Problem:
    """422: nobody would wait for the answer, and others would have to."""
    # A little less than its share: not all of the cost shrinks with the window.
    within = int(0.95 * window.length_us * most_s / cost_s)
    name, number = next(
        (
            (name, within // length_us)
            for name, length_us, least in _UNITS
            if within >= least * length_us
        ),
        ("hour", 0),
    )
    ways = [f"at most {_told(number, name)}"] if number else []
    way = ", ".join([*ways, "a larger bucket or fewer instruments"])
    return invalid(
        FieldError(field="query", value="window", rule=way),
        detail=f"the answer would keep a core for about {cost_s:,.0f} s; at most {most_s:,g} s: "
        f"ask {way}",
        kind="too-long",
    )


def _told(number: int, name: str) -> str:
    return f"{number:,} {name}{'s' if number > 1 else ''}"


def _longest(
    window: Window, bucket: Bucket, zone: ZoneInfo, most: int
) -> tuple[int, str, int] | None:
    """Days, or hours where a day is too long, that have no more than so many buckets."""

    def fits(length_us: int) -> bool:
        early = Window(start_us=window.start_us, end_us=window.start_us + length_us)
        late = Window(start_us=window.end_us - length_us, end_us=window.end_us)
        return all(count(one, bucket, zone) <= most for one in (early, late))

    for name, length_us, least in _UNITS:
        bound = min(window.length_us, most * _LONGEST_US[bucket]) // length_us
        lengths = range(length_us, bound * length_us + 1, length_us)
        # A longer window never has fewer buckets.
        number = bisect_right(lengths, False, key=lambda length: not fits(length))
        if number >= least:
            return number, name, length_us
    return None
