"""Bookings that come from elsewhere: which event counts of several, and what it then books.

A booking is one occurrence of an event for one instrument, by (feed, UID, RECURRENCE-ID). Of
two events of one key the higher SEQUENCE counts, then the later DTSTAMP, then the one that came
later. Files are read in ``calendar_file.py`` and ``booking_csv.py``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from zoneinfo import ZoneInfo

from models.calendar_file import Event, occurrences

#: How far back and ahead series are laid out (µs).
HORIZON_US = 400 * 86_400 * 1_000_000


class Key(NamedTuple):
    """What tells events of a feed apart."""

    uid: str
    recurrence_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An event as it counts now."""

    sequence: int
    dtstamp_us: int
    text: str
    zones: str
    instruments: tuple[int, ...]


class Booking(NamedTuple):
    """One occurrence for one instrument."""

    recurrence_id: str
    instrument: int
    start_us: int
    end_us: int
    is_cancelled: bool


def counts_more(event: Event, stored: Stored | None) -> bool:
    """Whether an event takes the place of what was stored under its key."""
    if stored is None:
        return True
    return (event.sequence, event.dtstamp_us) >= (stored.sequence, stored.dtstamp_us)


def newest(events: Iterable[Event]) -> dict[Key, Event]:
    """Of a file's events the one that counts, by key."""
    found: dict[Key, Event] = {}
    for event in events:
        key = Key(event.uid, event.recurrence_id)
        before = found.get(key)
        if before is None or (event.sequence, event.dtstamp_us) >= (
            before.sequence,
            before.dtstamp_us,
        ):
            found[key] = event
    return found


def booked_by(events: Mapping[str, Stored], zone: ZoneInfo, now_us: int) -> list[Booking]:
    """What the events of one UID book.

    Args:
        events: By RECURRENCE-ID; empty: the series.
        zone: Of times that name none.
        now_us: The horizon lies around it.

    Raises:
        ValueError: They cannot be laid out.
    """
    zones = "".join(dict.fromkeys(one.zones for one in events.values()))
    found = occurrences(
        [one.text for one in events.values()],
        zones,
        zone,
        now_us - HORIZON_US,
        now_us + HORIZON_US,
    )
    main = events.get("")
    bookings: dict[tuple[str, int], Booking] = {}
    for one in found:
        own = events.get(one.recurrence_id)
        for instrument in _instruments(own, main, events):
            bookings[one.recurrence_id, instrument] = Booking(
                one.recurrence_id, instrument, one.start_us, one.end_us, one.is_cancelled
            )
    return sorted(bookings.values())


def _instruments(
    own: Stored | None, main: Stored | None, events: Mapping[str, Stored]
) -> Sequence[int]:
    for one in (own, main, *events.values()):
        if one is not None and one.instruments:
            return one.instruments
    return ()


class Changes(NamedTuple):
    """What becomes of stored bookings."""

    write: list[Booking]
    #: Occurrences that there are no more, by RECURRENCE-ID and instrument.
    cancel: list[tuple[str, int]]


def changes(before: Iterable[Booking], after: Sequence[Booking]) -> Changes:
    """What to write so that stored bookings become what events now book.

    What is no longer booked is cancelled and not forgotten: somebody may have relied on it.
    """
    known = {(one.recurrence_id, one.instrument): one for one in before}
    write = [one for one in after if known.get((one.recurrence_id, one.instrument)) != one]
    left = {(one.recurrence_id, one.instrument) for one in after}
    cancel = [key for key, one in known.items() if key not in left and not one.is_cancelled]
    return Changes(write, cancel)
