"""The time in a device's message, as microseconds since 1970 UTC, or that it names none.

A text is ISO 8601 as RFC 3339 has it, with or without an offset; without one it is the local
time of a zone. A number counts from 1970 UTC in a unit that the mapping names.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Context, Decimal
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

from models.timestamp import (
    MAX_US,
    MIN_US,
    MalformedTimestampError,
    UnrepresentableTimestampError,
    parse_ts,
)
from models.zone import DAY_US, offset_us

#: What a number counts; ``senml``: seconds, and below 2^28 they are relative to now (RFC 8428).
Epoch = Literal["s", "ms", "us", "ns", "senml"]

_UNIT_US: Final = {
    "s": Decimal(1_000_000),
    "ms": Decimal(1_000),
    "us": Decimal(1),
    "ns": Decimal("0.001"),
    "senml": Decimal(1_000_000),
}
_RELATIVE_BELOW: Final = Decimal(2**28)  # seconds
#: Devices count from 1970, or from when they were built, until they have heard the time.
UNSET_BEFORE_US: Final = parse_ts("2010-01-01T00:00:00Z")
_iso = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})?"
).fullmatch
_CONTEXT: Final = Context(prec=60, traps=[])
_LARGEST_EXPONENT: Final = 30


class BadTimeError(ValueError):
    """There is something, and it is no time; the text says the rule."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When a device says that it was."""

    #: Microseconds since 1970 UTC; ``None``: the receipt, less ``age_us``.
    ts_us: int | None = None
    age_us: int = 0


#: It said nothing that names one instant.
AT_RECEIPT: Final = Moment()


def moment(value: object, *, epoch: Epoch | None, zone: ZoneInfo) -> Moment:
    """What instant a value of a payload names.

    Before 2010 the device's clock was not set, and a local time that the clock reads twice, or
    never, when it is changed names no single instant: both are as if there were no time.

    Args:
        value: A text, ``int`` or finite ``Decimal``; all else is no time.
        epoch: What a number counts; ``None``: a number is no time.
        zone: Of a text without offset.

    Raises:
        BadTimeError: it is no time.
    """
    if isinstance(value, str):
        at_us = _text(value, zone)
    elif epoch is not None and isinstance(value, int | Decimal) and not isinstance(value, bool):
        number = Decimal(value)
        if number.adjusted() > _LARGEST_EXPONENT:  # kept out of the arithmetic
            raise BadTimeError("must lie in the years 1 to 9999 UTC")
        if epoch == "senml" and number < _RELATIVE_BELOW:
            age_us = -_floor(number * _UNIT_US[epoch])
            if age_us < 0:
                raise BadTimeError("lies ahead: a time relative to now must be 0 or less")
            return Moment(age_us=age_us)
        at_us = _floor(_CONTEXT.multiply(number, _UNIT_US[epoch]))
        if not MIN_US <= at_us <= MAX_US:
            raise BadTimeError("must lie in the years 1 to 9999 UTC")
    else:
        raise BadTimeError(
            "must be a text such as 2026-03-01T08:00:00"
            + ("" if epoch is None else f", or a number ({epoch} since 1970)")
        )
    if at_us is None or at_us < UNSET_BEFORE_US:
        return AT_RECEIPT
    return Moment(ts_us=at_us)


def _floor(number: Decimal) -> int:
    return int(number.to_integral_value(ROUND_FLOOR))


def _text(text: str, zone: ZoneInfo) -> int | None:
    match = _iso(text)
    if match is None:
        raise BadTimeError("must be a time such as 2026-03-01T08:00:00, with or without an offset")
    try:
        return parse_ts(text) if match[1] else instant_of_wall(parse_ts(text + "Z"), zone)
    except MalformedTimestampError as error:
        raise BadTimeError(str(error)) from error
    except (UnrepresentableTimestampError, OverflowError) as error:
        raise BadTimeError("must lie in the years 1 to 9999 UTC") from error


def instant_of_wall(wall_us: int, zone: ZoneInfo) -> int | None:
    """The one instant at which a zone's clock reads a time; ``None``: it never does, or twice.

    Raises:
        OverflowError: within a day of the ends of the years 1 to 9999.
    """
    before, after = _offsets(wall_us // DAY_US, zone)
    if before == after:
        return wall_us - before
    found = [
        wall_us - offset
        for offset in (before, after)
        if offset_us(wall_us - offset, zone) == offset
    ]
    return found[0] if len(found) == 1 else None


# Devices say today's time, all of them.
@lru_cache(maxsize=1_024)
def _offsets(wall_day: int, zone: ZoneInfo) -> tuple[int, int]:
    # No clock is further than a day from UTC, and zones change at most once in three days.
    return offset_us((wall_day - 1) * DAY_US, zone), offset_us((wall_day + 2) * DAY_US, zone)
