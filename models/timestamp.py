"""Timestamps of the wire: RFC 3339 text and integer milliseconds <-> integer microseconds.

Everything inside counts microseconds since 1970 UTC; text exists only at the edge. The
messages that carry these timestamps are in ``wire.py``.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

#: The years 1 to 9999 in UTC: what Python, PostgreSQL and RFC 3339 can all write down.
MIN_US = (datetime(1, 1, 1, tzinfo=UTC) - EPOCH) // MICROSECOND
MAX_US = (datetime.max.replace(tzinfo=UTC) - EPOCH) // MICROSECOND


class MalformedTimestampError(ValueError):
    """Not a timestamp at all: the sender's format is wrong."""


class UnrepresentableTimestampError(ValueError):
    """A well-formed timestamp outside the years 1 to 9999 UTC."""


# [0-9], not \d, which takes digits of every script; \Z is spelled by fullmatch.
_RFC_3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]"
    r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)

# Nearly all heartbeats that arrive together share their minute, so the date's arithmetic is
# remembered: text up to the minute + offset -> µs. Only what the strict grammar has passed is
# put in, and seconds and fractions go through tables of exactly the digits allowed, so a hit
# is as strict as a miss.
_MINUTES: dict[str, int] = {}
_MINUTES_KEPT = 4096
_SECONDS = {f"{s:02}": s * 1_000_000 for s in range(60)}
_SECONDS_DOT = {f"{s:02}.": s * 1_000_000 for s in range(60)}
_MILLIS = {f"{m:03}": m * 1_000 for m in range(1000)}
_MICROS = {f"{m:03}": m for m in range(1000)}


def parse_ts(text: str) -> int:
    """The instant that an RFC 3339 text with offset names.

    Digits beyond microseconds are cut off, towards the past. A leap second
    (``23:59:60`` UTC at a month's end) is the first instant of the next day, as POSIX has it.

    Args:
        text: ``2026-03-01T08:00:00.25+08:00``; ``t``, ``z`` and a space for the ``T`` are
            RFC 3339's own alternatives.

    Returns:
        Microseconds since 1970 UTC.

    Raises:
        MalformedTimestampError: not RFC 3339, without offset, or no such date or time.
        UnrepresentableTimestampError: outside the years 1 to 9999 UTC.
    """
    n = len(text)
    try:
        if n == 20 or n == 25:  # …:05Z, …:05+08:00
            return _MINUTES[text[:17] + text[19:]] + _SECONDS[text[17:19]]
        if n == 24 or n == 29:  # milliseconds
            return (
                _MINUTES[text[:17] + text[23:]] + _SECONDS_DOT[text[17:20]] + _MILLIS[text[20:23]]
            )
        if n == 27 or n == 32:  # microseconds
            return (
                _MINUTES[text[:17] + text[26:]]
                + _SECONDS_DOT[text[17:20]]
                + _MILLIS[text[20:23]]
                + _MICROS[text[23:26]]
            )
    except KeyError:
        pass
    return _parse(text)


def _parse(text: str) -> int:
    match = _RFC_3339.fullmatch(text)
    if match is None:
        raise MalformedTimestampError("must be RFC 3339 with an offset")
    year, month, day, hour, minute, second = (int(part) for part in match.group(1, 2, 3, 4, 5, 6))
    fraction, sign, offset_hours, offset_minutes = match.group(7, 8, 9, 10)
    leap = second == 60
    try:
        # Year 0000 is in RFC 3339's grammar; 2000 has its calendar, so the other parts are
        # judged first: what is no date at all is malformed, whatever its year.
        moment = datetime(
            year or 2000, month, day, hour, minute, 59 if leap else second, tzinfo=UTC
        )
    except ValueError as error:
        raise MalformedTimestampError("names no date or time that exists") from error
    offset = 0  # minutes
    if sign:
        if int(offset_hours) > 23 or int(offset_minutes) > 59:
            raise MalformedTimestampError("has no offset that exists, at most 23:59")
        offset = int(offset_hours) * 60 + int(offset_minutes)
        if sign == "-":
            offset = -offset
    if not year:
        raise UnrepresentableTimestampError("must lie in the years 1 to 9999 UTC")
    naive_us = (moment - EPOCH) // MICROSECOND
    us = naive_us - offset * 60_000_000
    if leap:
        us += 1_000_000
        try:
            after = EPOCH + timedelta(microseconds=us)
        except OverflowError as error:
            raise UnrepresentableTimestampError("must lie in the years 1 to 9999 UTC") from error
        if (after.day, after.hour, after.minute, after.second) != (1, 0, 0, 0):
            raise MalformedTimestampError(
                "has second 60, which only a month's last minute UTC can have"
            )
        fraction = None  # within the leap second: still the first instant after it
    if fraction:
        us += int(fraction[:6].ljust(6, "0"))
    if not MIN_US <= us <= MAX_US:
        raise UnrepresentableTimestampError("must lie in the years 1 to 9999 UTC")
    if not leap and us - 60_000_000 >= MIN_US and us + 60_000_000 <= MAX_US:
        _remember(text, naive_us - offset * 60_000_000 - second * 1_000_000)
    return us


def _remember(text: str, minute_us: int) -> None:
    # Worker threads may meet here; the worst is a minute computed twice.
    if len(_MINUTES) >= _MINUTES_KEPT:
        _MINUTES.clear()
    offset = text[-1:] if text[-1] in "Zz" else text[-6:]
    _MINUTES[text[:17] + offset] = minute_us


def from_millis(millis: int) -> int:
    """Integer milliseconds since 1970 UTC as microseconds.

    Raises:
        UnrepresentableTimestampError: outside the years 1 to 9999 UTC.
    """
    us = millis * 1000
    if not MIN_US <= us <= MAX_US:
        raise UnrepresentableTimestampError("must lie in the years 1 to 9999 UTC")
    return us


#: Milliseconds since 1970 of the years 2000 and 2100, between which a sender's clock is thought.
_SENT = (946_684_800_000, 4_102_444_800_000)


def mistaken_unit(millis: int) -> str:
    """What to add where a count of milliseconds is refused and another unit would have been well.

    Returns:
        A clause such as ``; probably seconds were sent, and ts counts milliseconds``, or nothing.
    """
    for unit, meant in (
        ("seconds", millis * 1_000),
        ("microseconds", millis // 1_000),
        ("nanoseconds", millis // 1_000_000),
    ):
        if _SENT[0] <= meant < _SENT[1]:
            return f"; probably {unit} were sent, and ts counts milliseconds"
    return ""


def format_ts(us: int) -> str:
    """RFC 3339 in UTC with six digits, such as ``2026-03-01T00:00:00.250000Z``.

    Args:
        us: Microseconds since 1970 UTC.

    Raises:
        OverflowError: outside the years 1 to 9999 UTC.
    """
    return f"{_spelled(us)}.{us % 1_000_000:06d}Z"


def _spelled(us: int) -> str:
    day, second = divmod(us // 1_000_000, 86_400)
    minute = second // 60
    return f"{_date(day)}T{minute // 60:02d}:{minute % 60:02d}:{second % 60:02d}"


@lru_cache(maxsize=1_024)
def _date(day: int) -> str:
    return (EPOCH + timedelta(days=day)).date().isoformat()


# The ends of a year's days are told again and again, each of them twice an answer.
@lru_cache(maxsize=16_384)
def format_instant(us: int) -> str:
    """The same, without a fraction that is 0: what every answer of the API carries."""
    return format_ts(us) if us % 1_000_000 else f"{_spelled(us)}Z"
