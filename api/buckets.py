"""Token buckets: how often someone may ask, in this process's memory; `gate.py` asks them."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

#: Whose bucket is forgotten first is the one that asked longest ago; it is full by then.
HOLDERS_MAX = 50_000


@dataclass(slots=True)
class Level:
    """What was left in a bucket at a moment."""

    tokens: float
    at: float


class Buckets:
    """One bucket a holder: ``burst`` tokens, refilled at ``per_second``."""

    def __init__(
        self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._levels: OrderedDict[Hashable, Level] = OrderedDict()

    def wait(self, holder: Hashable) -> float:
        """Seconds until the holder has a token; 0 where it has one."""
        level = self._levels.get(holder)
        if level is None:
            return 0.0
        tokens = self._now(level)
        return 0.0 if tokens >= 1 else (1 - tokens) / self._per_second

    def take(self, holder: Hashable) -> float:
        """Take a token; where there is none, nothing happens but the answer.

        Returns:
            Seconds until there is one; 0 where it was taken.
        """
        wait = self.wait(holder)
        if wait:
            return wait
        level = self._levels.pop(holder, None)
        tokens = self._burst if level is None else self._now(level)
        self._levels[holder] = Level(tokens - 1, self._clock())
        if len(self._levels) > HOLDERS_MAX:
            self._levels.popitem(last=False)
        return 0.0

    def _now(self, level: Level) -> float:
        passed = self._clock() - level.at
        return min(self._burst, level.tokens + passed * self._per_second)


def retry_after(seconds: float) -> str:
    """Whole seconds, for the header."""
    return str(max(1, math.ceil(seconds)))
