"""Confirmed time: of each hour the part before the first heartbeat that was due is missing.

A heartbeat holds its state over several intervals (rule 1), so a missing one turns idle time into
running time. What bounds follow from must not gain by that. So it is known time from the beginning
of a UTC hour on, as long as each heartbeat came before one and a half intervals had passed:
whatever else is said between two such heartbeats was never sent. Where a device keeps to its
interval (no two heartbeats closer than three quarters of it), more heartbeats leave all of that as
it is, so leaving any out takes confirmed time away and never adds any. It starts with the hour
since pieces are stored by the hour, each with its longest step: what lies behind a gap would be
joined to a long step by a heartbeat that is sent after all.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from models.fold import DEFAULT_HOLD_US, hold_us
from models.interval import Interval
from models.segment import HOUR_US, Piece, State


class Confirmed(NamedTuple):
    """What a closed period keeps of an instrument beside its figures, all microseconds."""

    #: Its service within the period, heard or not.
    window_us: int
    #: Rated time of that.
    rated_us: int
    #: Effective time of measured records that were said to be external.
    external_us: int
    #: Confirmed running time.
    running_us: int
    #: Confirmed idle and off time.
    unused_us: int
    #: Effective time of confirmed time alone: sessions as rule 11 finds them there.
    effective_us: int
    #: Of these, those in which something was said to be external, and stays so: `uncontested`.
    effective_external_us: int


def longest_step_us(*, own_hold_us: int | None, interval_us: int | None) -> int:
    """The longest step from heartbeat to heartbeat that confirms what it credits.

    Less than one and a half intervals: two steps of three quarters are too long. Without an
    interval the hold stands for three. Always less than the hold: what only its end stops says
    nothing of the time until then.

    Args:
        own_hold_us: The instrument's ``hold_s``.
        interval_us: The instrument's ``interval_s``.

    >>> longest_step_us(own_hold_us=None, interval_us=60_000_000)
    89999999
    """
    hold = hold_us(own_us=own_hold_us, reported_interval_us=None, interval_us=interval_us)
    if interval_us is None:
        interval_us = (own_hold_us or DEFAULT_HOLD_US) // 3
    return min(interval_us * 3 // 2, hold) - 1


def confirmed_pieces(pieces: Iterable[Piece], longest_us: Callable[[int], int]) -> Iterator[Piece]:
    """Those pieces that are confirmed, as ``confirmed.sql`` has them.

    Args:
        pieces: Closed ones, sorted, disjoint; whole hours of them.
        longest_us: See `longest_step_us`; by when a piece starts.
    """
    reach_us = None
    for piece in pieces:
        hour = piece.start_us - piece.start_us % HOUR_US
        follows = piece.start_us == hour or piece.start_us == reach_us
        if follows and piece.step_us <= longest_us(piece.start_us):
            # What the next hour begins with starts anew there.
            reach_us = piece.end_us if piece.end_us < hour + HOUR_US else None
            yield piece
        else:
            reach_us = None


class Claim(NamedTuple):
    """Somebody said of an instant whose use it was; of two with one session the greater counts."""

    at_us: int
    number: int
    external: bool


def is_contested(claims: Sequence[Claim]) -> bool:
    """Whether what was said to be external could be taken back by what was said later."""
    internal = max((one.number for one in claims if not one.external), default=None)
    return internal is not None and any(one.external and one.number < internal for one in claims)


def partings(unused: Iterable[tuple[int, int, State]], gap_us: int) -> list[Interval]:
    """Confirmed time that no session reaches across, whatever was in the time around it.

    Args:
        unused: Confirmed idle and off time, sorted and disjoint; in pieces of hours, say.
        gap_us: The idle time that a session may hold.
    """
    found: list[Interval] = []
    start, reach = 0, None
    for low, high, state in unused:
        if state is State.OFF:
            found.append((low, high))
            reach = None
            continue
        if reach != low:
            start = low
        reach = high
        if high - start > gap_us:
            if found and found[-1][0] == start:
                found.pop()
            found.append((start, high))
    return found


def uncontested(claims: Sequence[Claim], between: Sequence[Interval]) -> list[int]:
    """Instants of external uses that stay external, however the rest of the time is filled.

    What is said later of the same session counts, so two sessions of which one is external would
    be none of it as one. A heartbeat that is left out may part them: only confirmed time does here.

    Args:
        claims: In order of their instants.
        between: See `partings`; sorted.

    >>> said = [Claim(10, 1, True), Claim(30, 2, False)]
    >>> uncontested(said, []), uncontested(said, [(15, 20)])
    ([], [10])
    """
    starts = [start for start, _ in between]
    places: dict[int, list[Claim]] = {}
    for one in claims:
        place = bisect_right(starts, one.at_us)
        # Within a parting there is no session that it could be of.
        if place == 0 or between[place - 1][1] <= one.at_us:
            places.setdefault(place, []).append(one)
    found: list[int] = []
    for near in places.values():
        newest = max((one.number for one in near if not one.external), default=None)
        found += [
            one.at_us for one in near if one.external and (newest is None or one.number > newest)
        ]
    return found
