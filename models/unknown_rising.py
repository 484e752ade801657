"""Whose share of unknown time rose far above its own usual: exactly, by days that are over.

The share of a day is unknown ÷ all time of whoever is meant, both without the time before an
instrument's first heartbeat and without time in which our own collectors did not listen: the
former was never known, the latter is nobody's out there. Usual is the greater of two medians,
of all days before and of those on the same weekday, so that a laboratory that is dark each Sunday
rises on no Sunday. With too few days before nothing is usual, and nothing rises.
"""

from collections.abc import Sequence
from fractions import Fraction
from statistics import median
from typing import NamedTuple

from models.usage import Usage

#: Days before that make the usual, and how few of them are too few.
DAYS_BEFORE, DAYS_LEAST = 28, 7
_WEEK = 7


class Share(NamedTuple):
    """Unknown time and all time of a day; µs."""

    unknown_us: int
    whole_us: int

    def __add__(self, other: object) -> "Share":
        if not isinstance(other, Share):
            return NotImplemented
        return Share(self.unknown_us + other.unknown_us, self.whole_us + other.whole_us)

    @property
    def ratio(self) -> Fraction | None:
        """From 0 to 1; None: there was nobody."""
        return Fraction(self.unknown_us, self.whole_us) if self.whole_us else None


class Risen(NamedTuple):
    """A day's share that is far above the usual."""

    share: Fraction
    usual: Fraction


def share_of(usage: Usage) -> Share:
    """What counts of a day's time."""
    unknown_us = usage.unknown_gateway_us + usage.unknown_device_us
    return Share(unknown_us, usage.known_us + unknown_us)


def judge_share(days: Sequence[Share], rise: Fraction) -> Risen | None:
    """Whether the last of some days in a row is far above the usual.

    Args:
        days: The oldest first; the last is the one that is judged.
        rise: How far above is far: a difference of shares.
    """
    *before, last = (day.ratio for day in days[-DAYS_BEFORE - 1 :])
    usual = [ratio for ratio in before if ratio is not None]
    if last is None or len(usual) < DAYS_LEAST:
        return None
    weekday = [ratio for ratio in before[-_WEEK::-_WEEK] if ratio is not None]
    level = max(median(usual), median(weekday)) if weekday else median(usual)
    return Risen(last, level) if last - level >= rise else None
