"""Which alerts of booking feeds begin and end: a feed that cannot be read cancels nothing, and
somebody should know. Whether instruments are silent is ``silence.py``'s.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

#: What such an alert is called, beside the kinds of silence.
KIND = "booking_feed_failing"


class FailingFeed(NamedTuple):
    """A feed whose address could not be read the last time; times in µs since 1970."""

    feed: int
    #: None: it is the city's.
    institution: int | None
    since_us: int
    #: The address is gone, or lost over half of its events.
    is_lost: bool
    #: How many the feed has bookings of.
    instruments: int


class FeedVerdict(NamedTuple):
    """What changes now."""

    begin: list[FailingFeed]
    #: Read again, or forgotten.
    end: list[int]


def judge_feeds(
    now_us: int, failing: Iterable[FailingFeed], standing: Collection[int], after_us: int
) -> FeedVerdict:
    """What begins and ends now.

    Args:
        now_us: The database's clock.
        failing: All of them.
        standing: Feeds of which an alert stands.
        after_us: How long one fails until it is an alert; one that is lost is at once.
    """
    by_feed = {one.feed: one for one in failing}
    begin = [
        one
        for one in by_feed.values()
        if one.feed not in standing and (one.is_lost or now_us - one.since_us >= after_us)
    ]
    return FeedVerdict(begin, sorted(feed for feed in standing if feed not in by_feed))
