"""When maintenance is due: by measured running time or by date, whichever comes first.

Running time is what segments say, so it goes on over another meter, gateway or mapping, and late
heartbeats move what they change. It is read by ``store/lifecycle/due.py``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from models.interval import Interval
from models.zone import local_day, start_of_day

#: No estimate reaches further ahead than this (µs): a century.
FARTHEST_US = 36_525 * 86_400_000_000


class DueBy(StrEnum):
    """What makes maintenance due."""

    RUNNING = "running"
    DATE = "date"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What has been since maintenance was done the last time; µs.

    ``running_us`` and ``unknown_us`` are of ``[base_us, now_us)``; None: nobody asked, since
    running makes nothing due.
    """

    base_us: int
    now_us: int
    running_us: int | None = None
    unknown_us: int | None = None
    #: When running time reached what the plan allows; None: it has not, or none is given.
    reached_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """When a plan's maintenance is due; µs since 1970."""

    counted: Counted
    #: Running time that is left; 0 once it is used up, None where the plan has none.
    remaining_us: int | None
    #: The date's first instant by the instrument's clock; None where the plan has none.
    date_us: int | None
    #: The earlier of the date and of what was reached; None: only running will make it due.
    due_us: int | None
    #: What makes it due at ``due_us``.
    due_by: DueBy | None
    #: ``due_us``, or before it when running goes on as it did: an estimate. None: no telling.
    expected_us: int | None

    @property
    def is_overdue(self) -> bool:
        """Whether it is due already."""
        return self.due_us is not None and self.due_us <= self.counted.now_us


def date_due_us(base_us: int, days: int, zone: ZoneInfo) -> int:
    """The first instant of the local day so many days after that of ``base_us``."""
    return start_of_day(local_day(base_us, zone) + timedelta(days=days), zone)


def reached(runs: Iterable[Interval], wanted_us: int) -> int | None:
    """The instant at which running time adds up to ``wanted_us``; None: it does not.

    Args:
        runs: Running stretches, sorted and disjoint.
        wanted_us: More than 0.
    """
    for start, end in runs:
        if end - start >= wanted_us:
            return start + wanted_us
        wanted_us -= end - start
    return None


def judge(
    counted: Counted, *, every_running_us: int | None, every_days: int | None, zone: ZoneInfo
) -> Due:
    """When maintenance is due.

    Args:
        counted: Since it was done the last time; what ran is known where it makes something due.
        every_running_us: After so much measured running.
        every_days: After so many local days.
        zone: Of the instrument.
    """
    date_us = None if every_days is None else date_due_us(counted.base_us, every_days, zone)
    remaining_us = forecast_us = None
    if every_running_us is not None:
        assert counted.running_us is not None, "what makes something due is counted"
        remaining_us = max(0, every_running_us - counted.running_us)
        elapsed_us = counted.now_us - counted.base_us
        if remaining_us and counted.running_us:
            ahead_us = remaining_us * elapsed_us // counted.running_us
            forecast_us = counted.now_us + ahead_us if ahead_us <= FARTHEST_US else None
    due_us, due_by = date_us, None if date_us is None else DueBy.DATE
    if counted.reached_us is not None and (due_us is None or counted.reached_us <= due_us):
        due_us, due_by = counted.reached_us, DueBy.RUNNING
    candidates = [at for at in (due_us, forecast_us) if at is not None]
    return Due(
        counted=counted,
        remaining_us=remaining_us,
        date_us=date_us,
        due_us=due_us,
        due_by=due_by,
        expected_us=min(candidates, default=None),
    )
