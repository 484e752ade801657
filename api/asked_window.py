"""A window as it was asked for: dates and names become instants by a clock and a moment.

The parameters are in `windows.py`; what names mean is in `models/named_window.py`.
"""

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from api.errors import FieldError, invalid
from api.params import Edge
from models.named_window import NamedWindow, named_window
from models.timestamp import format_instant
from models.usage import Window
from models.zone import DAY_US, offset_us, start_of_day
from store.figures.subject import zone_of
from store.figures.surroundings import load_moment
from store.run import Steps

UTC = zone_of("UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWindow:
    """A list's window, by a clock; an end that is `None` is open."""

    start_us: int | None
    end_us: int | None
    zone: ZoneInfo

    def body(self) -> dict[str, str | None]:
        """How an answer says it back."""
        return {
            "from": None if self.start_us is None else format_instant(self.start_us),
            "to": None if self.end_us is None else format_instant(self.end_us),
            "tz": self.zone.key,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedWindow:
    """A window as a request has it: a clock and a moment make it one."""

    start: Edge | None
    end: Edge | None
    name: NamedWindow | None
    #: ``tz``, where it is given.
    zone: ZoneInfo | None
    #: The longest that may be asked for, days; `None`: no matter how long.
    max_days: int | None = None

    @classmethod
    def of(
        cls,
        start: Edge | None,
        end: Edge | None,
        name: NamedWindow | None,
        zone: ZoneInfo | None,
        max_days: int | None = None,
    ) -> "AskedWindow":
        """What was asked, so far as it can be judged without a clock.

        Raises:
            Problem: 422; two windows at once, or one that is wrong whatever the zone.
        """
        if name is not None and (start is not None or end is not None):
            raise invalid(
                FieldError(
                    field="query.window",
                    value=name.value,
                    rule="either `window`, or `from` and `to`: not both",
                )
            )
        asked = cls(start=start, end=end, name=name, zone=zone, max_days=max_days)
        if isinstance(start, int) and isinstance(end, int):
            asked.window(UTC, 0)
        return asked

    def ends(self, zone: ZoneInfo, now_us: int) -> tuple[int | None, int | None]:
        """Where it begins and ends by a zone's clock; `None` where nothing is said.

        Raises:
            Problem: 422; it ends before it begins, or is too long.
        """
        start, end = _instant(self.start, zone), _instant(self.end, zone)
        if self.name is not None:
            window = named_window(self.name, now_us, zone)
            start, end = window.start_us, window.end_us
        if start is not None and end is not None:
            _judge(start, end, zone, self.max_days)
        return start, end

    def window(self, zone: ZoneInfo, now_us: int) -> Window:
        """The window by a zone's clock, not clipped to now.

        Raises:
            Problem: 422, as `ends` says.
        """
        start, end = self.ends(zone, now_us)
        assert start is not None
        assert end is not None
        return Window(start_us=start, end_us=end)

    def load(self, zone: ZoneInfo) -> Steps[OpenWindow]:
        """The window of a list, by the database's now.

        Args:
            zone: Whose clock where ``tz`` names none.

        Raises:
            Problem: 422, as `ends` says.
        """
        clock = self.zone or zone
        now_us = (yield from load_moment()).now_us if self.name is not None else 0
        start, end = self.ends(clock, now_us)
        return OpenWindow(start_us=start, end_us=end, zone=clock)


def _instant(edge: Edge | None, zone: ZoneInfo) -> int | None:
    return start_of_day(edge, zone) if isinstance(edge, date) else edge


def _judge(start_us: int, end_us: int, zone: ZoneInfo, max_days: int | None) -> None:
    if start_us >= end_us:
        raise invalid(
            FieldError(
                field="query.to", value=format_instant(end_us), rule="must be later than `from`"
            ),
            detail="`from` must be earlier than `to`: a window is half-open and not empty",
        )
    # A month in which the clocks are put back is 31 days all the same.
    put_back = max(0, offset_us(start_us, zone) - offset_us(end_us, zone))
    if max_days is not None and end_us - start_us - put_back > max_days * DAY_US:
        raise invalid(
            FieldError(field="query.to", value="to", rule=f"at most {max_days} days after `from`"),
            detail=f"the window is longer than {max_days} days; ask for a shorter one",
        )
