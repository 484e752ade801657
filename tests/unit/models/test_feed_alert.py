"""Alerts of booking feeds: at once of what is lost, after a while of what fails, until it reads."""

from models.feed_alert import FailingFeed, judge_feeds

HOUR = 3_600_000_000
NOW = 100 * HOUR


def failing(feed: int, ago: int, *, is_lost: bool = False) -> FailingFeed:
    return FailingFeed(feed, None, NOW - ago, is_lost, 0)


def test_what_is_lost_is_said_at_once_and_what_fails_after_a_while() -> None:
    feeds = [failing(1, 0, is_lost=True), failing(2, 6 * HOUR - 1), failing(3, 6 * HOUR)]
    verdict = judge_feeds(NOW, feeds, set(), 6 * HOUR)
    assert ([one.feed for one in verdict.begin], verdict.end) == ([1, 3], [])


def test_one_alert_stands_until_it_is_read_again() -> None:
    verdict = judge_feeds(NOW, [failing(1, 9 * HOUR)], {1, 2}, 6 * HOUR)
    assert (verdict.begin, verdict.end) == ([], [2])
