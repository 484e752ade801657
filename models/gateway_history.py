"""A gateway's link over a window: on, off by its own word or its will's, or heard by nobody.

The three add up to the window. As in rule 14, our own absence goes first: while nobody listened,
what a gateway said of itself is no news of its link.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from models.interval import Interval, clip, length_us, subtract
from models.usage import Window


class Link(StrEnum):
    """What is known of a gateway's link."""

    ON = "on"
    OFF = "off"
    UNHEARD = "unheard"


class LinkStretch(NamedTuple):
    """A half-open stretch of one of them; µs since 1970."""

    start_us: int
    end_us: int
    link: Link


def link_stretches(
    window: Window, offline: Sequence[Interval], unheard: Sequence[Interval]
) -> list[LinkStretch]:
    """The window's stretches, in order of time; neighbours differ.

    Args:
        window: Clipped to now.
        offline: When the gateway was off; sorted, disjoint.
        unheard: When nobody listened to it; sorted, disjoint.
    """
    whole = [(window.start_us, window.end_us)] if window.length_us else []
    missed = clip(unheard, window.start_us, window.end_us)
    off = subtract(clip(offline, window.start_us, window.end_us), missed)
    on = subtract(subtract(whole, missed), off)
    return sorted(
        LinkStretch(start, end, link)
        for link, stretches in ((Link.UNHEARD, missed), (Link.OFF, off), (Link.ON, on))
        for start, end in stretches
    )


def link_us(stretches: Sequence[LinkStretch], part: Window) -> dict[Link, int]:
    """How long each lasts within a part of the window; they add up to it."""
    return {
        link: length_us(
            clip(
                [(one.start_us, one.end_us) for one in stretches if one.link is link],
                part.start_us,
                part.end_us,
            )
        )
        for link in Link
    }
