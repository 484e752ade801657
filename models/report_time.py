"""Times as forms spell them: ``YYYY/MM/DD HH``, cut off to what is shown, in the period's zone."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from models.timestamp import EPOCH, MICROSECOND

#: What a format may hold, and how much of a time it is.
_TOKENS: Final = {
    "YYYY": ("year", 4, 1),
    "MM": ("month", 2, 1),
    "DD": ("day", 2, 1),
    "HH": ("hour", 2, 0),
    "mm": ("minute", 2, 0),
    "ss": ("second", 2, 0),
}
_NAIVE_EPOCH: Final = EPOCH.replace(tzinfo=None)
_TOKEN = re.compile("YYYY|MM|DD|HH|mm|ss")
_UNITS: Final = {
    "day": timedelta(days=1),
    "hour": timedelta(hours=1),
    "minute": timedelta(minutes=1),
    "second": timedelta(seconds=1),
}


class TimeFormat(NamedTuple):
    """One format, both ways."""

    format: str
    write: Callable[[int, ZoneInfo], str]
    pattern: re.Pattern[str]
    #: The least that two times must differ by to be told apart.
    unit: timedelta

    def read(self, text: str, zone: ZoneInfo) -> int:
        """The first instant (µs) that is spelled so.

        Raises:
            ValueError: it is not of the format, or no such time exists.
        """
        found = self.pattern.fullmatch(text)
        rule = f"must be a time that exists, written {self.format}"
        if found is None:
            raise ValueError(rule)
        try:
            parts = {name: int(part) for name, part in found.groupdict().items()}
            return (datetime(**parts, tzinfo=zone) - EPOCH) // MICROSECOND
        except (ValueError, OverflowError) as error:
            raise ValueError(rule) from error


def time_format(text: str) -> TimeFormat:
    """A format by its letters.

    Raises:
        ValueError: it lacks year, month or day, skips a unit, or has a letter of no meaning.
    """
    tokens: list[str] = _TOKEN.findall(text)
    if tokens != list(_TOKENS)[: len(tokens)] or len(tokens) < 3:
        raise ValueError(
            f"is {text!r}; a time's format has YYYY, MM, DD and as many of HH, mm, ss as are shown,"
            " in this order, such as YYYY/MM/DD HH"
        )
    between = _TOKEN.split(text)
    if any(re.search("[A-Za-z0-9{}]", one) for one in between):
        raise ValueError(f"is {text!r}; between YYYY, MM, DD, HH, mm and ss stand signs only")
    spelled, pattern = between[0], re.escape(between[0])
    for token, after in zip(tokens, between[1:], strict=True):
        name, digits, _ = _TOKENS[token]
        spelled += f"{{0.{name}:0{digits}d}}{after}"
        pattern += f"(?P<{name}>[0-9]{{{digits}}}){re.escape(after)}"
    unit = _UNITS[_TOKENS[tokens[-1]][0]]
    return TimeFormat(
        format=text,
        write=_writer(spelled.format, unit // timedelta(seconds=1)),
        pattern=re.compile(pattern),
        unit=unit,
    )


def _writer(spell: Callable[[datetime], str], unit_s: int) -> Callable[[int, ZoneInfo], str]:
    @lru_cache(maxsize=16_384)  # the hours of a year, and more
    def spelled(units: int) -> str:
        return spell(_NAIVE_EPOCH + timedelta(seconds=units * unit_s))

    def write(us: int, zone: ZoneInfo) -> str:
        at = us // 1_000_000
        ahead = _ahead(at // 3_600, zone)
        if ahead is None:
            return spell(datetime.fromtimestamp(at, zone))
        return spelled((at + ahead) // unit_s)

    return write


@lru_cache(maxsize=16_384)
def _ahead(hour: int, zone: ZoneInfo) -> int | None:
    """How far a zone is ahead of UTC (s) for a whole hour of that; None: not all of it the same."""
    first, last = (
        datetime.fromtimestamp(at, zone).utcoffset() for at in (hour * 3_600, hour * 3_600 + 3_599)
    )
    assert first is not None
    return first // timedelta(seconds=1) if first == last else None
