"""When a gateway was off, by what it and its will said (rule 14, contract section 4).

Words stand in the order of their *places*, the receipts of their first arrivals; what they mean
is a function of them and of the heartbeats between them, however they were batched, repeated or
late. An online word begins a *connection*, unless the session that it names is the one that is
there; a word of the end, the gateway's own or its will's, ends the newest connection of its
session. A will says nothing of when: it counts from the last message of its connection. Where the
first word of all is one of the end, nobody saw its connection begin, and all before it was its.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from models.interval import Interval


class Word(NamedTuple):
    """One status message; times in microseconds since 1970 UTC."""

    #: Receipt of its first arrival; no two words of a gateway share one.
    place_us: int
    online: bool
    mqtt_session: str | None
    will: bool
    #: Whether the broker kept it, and said it again to us alone.
    retained: bool
    #: The gateway's corrected time, at the latest its receipt; ``None``: it named none.
    at_us: int | None

    @property
    def told_us(self) -> int:
        """The time of which it speaks."""
        return self.place_us if self.at_us is None else self.at_us


@dataclass(slots=True, kw_only=True)
class Connection:
    """What a gateway said between coming online and going, or coming online anew."""

    place_us: int
    begins_us: int
    mqtt_session: str | None
    #: The newest time of its words.
    heard_us: int
    #: Messages of this connection have places below; ``None``: it is the newest and there.
    end_place_us: int | None = None
    has_ended: bool = False
    #: When, by the gateway's own word; ``None``: from its last message on.
    ended_us: int | None = None
    by_will: bool = False
    #: Whether a word said that it began; else all heartbeats before its end came within it.
    has_begun: bool = True

    @property
    def ends_by_last_message(self) -> bool:
        """Whether the newest heartbeat within it says when it ended."""
        return self.has_ended and self.ended_us is None


def connections(words: Sequence[Word]) -> list[Connection]:
    """The connections that words tell of, in the order of their places.

    Args:
        words: By place; from a word on that begins a connection, or from the first of all.
    """
    found: list[Connection] = []
    by_session: dict[str | None, Connection] = {}
    for word in words:
        last = found[-1] if found else None
        if word.online:
            if last is not None and last.mqtt_session == word.mqtt_session:
                if not last.has_ended:
                    last.heard_us = max(last.heard_us, word.told_us)
                    continue
                if word.retained:
                    continue  # The broker repeats what it kept; that connection's end is known.
            last = _begun(word)
            if found:
                found[-1].end_place_us = found[-1].end_place_us or word.place_us
            found.append(last)
            by_session[word.mqtt_session] = last
            continue
        one = _meant(word, last, by_session)
        if one is None and last is None:
            one = _begun(word)
            one.has_begun = False
            found.append(one)
            by_session[word.mqtt_session] = one
        if one is not None and not one.has_ended:
            one.has_ended = True
            one.ended_us = word.at_us if not word.will else None
            one.by_will = word.will
            one.end_place_us = one.end_place_us or word.place_us
    return found


def _begun(word: Word) -> Connection:
    return Connection(
        place_us=word.place_us,
        begins_us=word.told_us,
        mqtt_session=word.mqtt_session,
        heard_us=word.told_us,
    )


def _meant(
    word: Word, last: Connection | None, by_session: dict[str | None, Connection]
) -> Connection | None:
    """Which connection a word of the end ends: late wills must not take the next one down."""
    if last is None or None in (word.mqtt_session, last.mqtt_session):
        return last
    return last if last.mqtt_session == word.mqtt_session else by_session.get(word.mqtt_session)


class Absence(NamedTuple):
    """When a gateway was off, and the place of the connection whose end that is."""

    place_us: int
    start_us: int
    #: Exclusive; ``None`` while it lasts.
    end_us: int | None


def absences(found: Sequence[Connection], heard: Sequence[int | None]) -> list[Absence]:
    """Absences that connections leave between them; they may overlap where clocks were set.

    Args:
        found: As ``connections`` found them.
        heard: By connection, the newest time of the heartbeats that came within it, if any did;
            looked at where ``ends_by_last_message``.
    """
    told = []
    for number, one in enumerate(found):
        if not one.has_ended:
            continue
        start, newest = one.ended_us, heard[number]
        if start is None and newest is not None:
            # The time of a word that only ends it is none of its messages'.
            start = max(one.heard_us, newest) if one.has_begun else newest
        elif start is None:
            start = one.heard_us
        end = found[number + 1].begins_us if number + 1 < len(found) else None
        if end is None or start < end:
            told.append(Absence(one.place_us, start, end))
    return told


def changed(before: Sequence[Absence], after: Sequence[Absence], now_us: int) -> Interval | None:
    """The time in which two lists of absences differ; ``None`` where they do not.

    Args:
        before: What was known.
        after: What is.
        now_us: What lasts has come so far.
    """
    differ = {one[1:] for one in before} ^ {one[1:] for one in after}
    if not differ:
        return None
    ends = [max(start, now_us if end is None else end) for start, end in differ]
    return min(start for start, _ in differ), max(ends)
