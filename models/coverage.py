"""Coverage of sensors on a day: who is listed, fitted and speaking, counted by group.

What each word means is `docs/glossary.md`'s. Instruments are rows of arrays here, one for each
stretch of time in which the registry says the same of them; reading them is
`store/figures/coverage.py`'s.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from models.group_arrays import Flags, Ints

#: Of each instrument, days of a month: the first one is the lowest bit.
Bits: TypeAlias = npt.NDArray[np.int32]

#: Speaking is who was heard on one of so many days, unless another number is asked for.
WITHIN_DAYS = 30
#: Beyond all days, as a number of one.
NEVER = date.max.toordinal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretches:
    """What the registry says of instruments, a stretch of time a row; days are ordinals."""

    keys: Ints
    #: It holds at ends of windows later than this, up to and with the other.
    from_us: Ints
    to_us: Ints
    #: Of the record's first version.
    registered_us: Ints
    #: The day of its acceptance or service, the earlier one; 0: it was listed as it was
    #: registered, `NEVER`: it is planned alone.
    listed_from: Ints
    #: The day on which it is retired.
    listed_until: Ints
    gateway_keys: Ints
    #: The day on which its gateway is retired.
    gateway_until: Ints
    #: A device behind the gateway is named.
    has_source: Flags


class SensorCounts(NamedTuple):
    """Instruments; each is one of those before it."""

    listed: int
    fitted: int
    speaking: int

    def told(self) -> dict[str, int | float | None]:
        """As answers tell it: with shares of those listed, null where nothing is."""
        return {
            **self._asdict(),
            "fitted_share": self.fitted / self.listed if self.listed else None,
            "speaking_share": self.speaking / self.listed if self.listed else None,
        }


class Heard:
    """On which days of which months instruments were heard, by instrument key."""

    def __init__(self, months: Mapping[date, Bits], size: int) -> None:
        """Takes days as bits, the first of a month the lowest.

        Args:
            months: By a month's first day; none of it was heard in months that are not there.
            size: More than any key.
        """
        self._months = months
        self._size = size

    def within(self, first: date, last: date) -> Flags:
        """Who was heard on some day from ``first`` to ``last``; nobody where these are none."""
        found = np.zeros(self._size, np.bool_)
        month = first.replace(day=1)
        while first <= last and month <= last:
            following = (month + timedelta(days=31)).replace(day=1)
            low = first.day if month <= first else 1
            high = last.day if last < following else 31
            bits = self._months.get(month)
            if bits is not None:
                found |= (bits & ((1 << high) - (1 << (low - 1)))) != 0
            month = following
        return found


def count(
    stretches: Stretches,
    meant: Flags,
    codes: Ints,
    groups: int,
    *,
    day: date,
    end_us: int,
    first_us: Ints,
    heard: Flags,
) -> list[SensorCounts]:
    """Counts of each group at the end of a day.

    Args:
        stretches: Of all instruments, whoever is meant: a gateway is known by any of them.
        meant: Which rows are counted.
        codes: The group of each row.
        groups: How many there are.
        day: Which.
        end_us: Its end, or now where that comes first.
        first_us: By instrument key, its first heartbeat's time.
        heard: By instrument key, whether it was heard of late.
    """
    alive = (stretches.from_us < end_us) & (stretches.to_us >= end_us)
    # Most registries say one thing of each instrument: nothing of them is copied then.
    rows = slice(None) if alive.all() else np.flatnonzero(alive)
    keys, gateways, today = stretches.keys[rows], stretches.gateway_keys[rows], day.toordinal()
    since = stretches.listed_from[rows]
    listed = (
        meant[rows]
        & np.where(since == 0, stretches.registered_us[rows] < end_us, since <= today)
        & (stretches.listed_until[rows] > today)
    )
    known = np.zeros(int(gateways.max(initial=0)) + 1, np.bool_)
    known[gateways[first_us[keys] < end_us]] = True
    fitted = listed & (stretches.gateway_until[rows] > today)
    fitted &= stretches.has_source[rows] | known[gateways]
    speaking = fitted & heard[keys]
    columns = [np.bincount(codes[rows][chosen], minlength=groups).tolist()
               for chosen in (listed, fitted, speaking)]  # fmt: skip
    return [SensorCounts(*one) for one in zip(*columns, strict=True)]
