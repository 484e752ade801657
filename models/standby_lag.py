"""For how long standbys of the database have lacked something that the primary has."""

from collections import deque
from collections.abc import Iterable


class StandbyLag:
    """Remembers how far the log had come, and when that was seen.

    PostgreSQL's own ``replay_lag`` stands still when a standby does. What is measured here grows
    until the standby has caught up with what was there.

    >>> lag = StandbyLag()
    >>> lag.note(0.0, 100, [90])    # behind, but only just seen to be
    0.0
    >>> lag.note(15.0, 200, [90])   # it still lacks what was there 15 s ago
    15.0
    >>> lag.note(30.0, 300, [210])  # it lacks only what is new
    0.0
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def note(self, at: float, written: int, replayed: Iterable[int]) -> float:
        """Takes a look, and says how far back the standby lies that is furthest behind.

        Args:
            at: Monotonic seconds of the look.
            written: Position of the primary's log, bytes.
            replayed: The same of each standby, as far as it has come; at least one.

        Returns:
            Seconds since the oldest look whose position it has not reached; as fine as the looks.
        """
        if not self._seen or written > self._seen[-1][1]:
            self._seen.append((at, written))
        furthest_behind = min(replayed)
        while self._seen and self._seen[0][1] <= furthest_behind:
            self._seen.popleft()
        return at - self._seen[0][0] if self._seen else 0.0
