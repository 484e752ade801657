"""When in the week instruments run: known time by hour of the local week.

Figures over windows are in ``figures.py``. This way, by SQL over segments, is the one that
``week.py``, which takes many instruments from rolled-up hours, is held to and falls back on.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from models.group import in_service
from models.usage import Window
from store.figures.members import Member
from store.figures.subject import zone_of
from store.instant import from_us
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("profile")
# Instruments in one statement.
_CHUNK = 2_000


class Hour(NamedTuple):
    """An hour of the week: Monday's first is ``(1, 0)``."""

    weekday: int
    hour: int


class Known(NamedTuple):
    """Known time, microseconds."""

    running_us: int
    idle_us: int
    off_us: int

    @property
    def known_us(self) -> int:
        """All of it."""
        return self.running_us + self.idle_us + self.off_us


#: Key, weekday, hour; running, idle and off, microseconds as text: sums may pass 64 bits.
_Row: TypeAlias = tuple[int | None, int, int, str, str, str]
HOURS = tuple(Hour(weekday, hour) for weekday in range(1, 8) for hour in range(24))
NOTHING = Known(0, 0, 0)


def load_profile(
    members: Sequence[Member], window: Window, zone: str | None
) -> Steps[dict[Hour, Known]]:
    """Known time of all members in service, by hour of the week.

    Args:
        members: Instruments.
        window: Clipped to now.
        zone: Whose clock; None: each instrument's own, as it was set at the time.
    """
    found: dict[Hour, Known] = dict.fromkeys(HOURS, NOTHING)
    for at in range(0, len(members), _CHUNK):
        rows = yield from _hours(members[at : at + _CHUNK], window, zone, each=False)
        for _, weekday, hour, *more in rows:
            before = found[Hour(weekday, hour)]
            found[Hour(weekday, hour)] = Known(
                *(a + int(b) for a, b in zip(before, more, strict=True))
            )
    return found


def load_profiles(members: Sequence[Member], window: Window) -> Steps[dict[int, dict[Hour, Known]]]:
    """The same of each member by itself, on its own clock."""
    found: dict[int, dict[Hour, Known]] = defaultdict(dict)
    rows = yield from _hours(members, window, None, each=True)
    for key, weekday, hour, *more in rows:
        assert key is not None, "each has its own rows"
        found[key][Hour(weekday, hour)] = Known(*map(int, more))
    return found


def _hours(
    members: Sequence[Member], window: Window, zone: str | None, *, each: bool
) -> Steps[list[_Row]]:
    clipped = [
        (m, in_service(window, m.acquired_on, m.retired_on, zone_of(m.timezone)))
        for m in members
        if m.seen
    ]
    clipped = [(member, part) for member, part in clipped if part.length_us]
    if not clipped:
        return []
    return (
        yield from Query[_Row](
            _SQL["hours"],
            {
                "keys": [member.key for member, _ in clipped],
                "zone": zone,
                "starts": [from_us(part.start_us) for _, part in clipped],
                "ends": [from_us(part.end_us) for _, part in clipped],
                "start": from_us(window.start_us),
                "end": from_us(window.end_us),
                "each": each,
            },
            binary=True,
        )
    )
