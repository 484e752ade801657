"""One page of a list of what lies in a window, planned before it is worked out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

from models.timestamp import format_instant
from models.usage import Window
from store.figures.surroundings import Moment

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowPage(Generic[T]):
    """What is listed of a window, and what the rest of the answer costs."""

    moment: Moment
    window: Window
    zone: ZoneInfo
    #: One more than is shown, where there are more.
    listed: Sequence[T]
    cost_s: float

    def body(self, items: Sequence[Any], next_cursor: str | None) -> dict[str, Any]:
        """The answer."""
        return {
            "from": format_instant(self.window.start_us),
            "to": format_instant(self.window.end_us),
            "tz": self.zone.key,
            "items": items,
            "next_cursor": next_cursor,
            "as_of": format_instant(self.moment.now_us),
        }
