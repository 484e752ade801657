"""Randomness that is a pure function of its keys.

``random.Random`` costs microseconds to seed, and one is needed for each instrument and day:
splitmix64 (Steele, Lea, Flood 2014) is seeded by one multiplication and the same everywhere.
"""

from collections.abc import Sequence
from math import cos, log, pi, sqrt
from typing import TypeVar

_MASK = (1 << 64) - 1
_GAMMA = 0x9E3779B97F4A7C15
T = TypeVar("T")


def mix(*keys: int) -> int:
    """A well-mixed 64-bit number of the keys; negative keys are fine."""
    z = 0x243F6A8885A308D3
    for key in keys:
        z = ((z ^ (key & _MASK)) * 0xBF58476D1CE4E5B9 + _GAMMA) & _MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        z ^= z >> 31
    return z


def unit(*keys: int) -> float:
    """A number in ``[0, 1)`` that depends on the keys alone."""
    return (mix(*keys) >> 11) / 9007199254740992.0


class Rng:
    """A stream of draws that depends on its keys alone."""

    __slots__ = ("_state",)

    def __init__(self, *keys: int) -> None:
        self._state = mix(*keys)

    def bits(self) -> int:
        """64 random bits."""
        self._state = z = (self._state + _GAMMA) & _MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def unit(self) -> float:
        """Uniform in ``[0, 1)``."""
        return (self.bits() >> 11) / 9007199254740992.0

    def between(self, low: float, high: float) -> float:
        """Uniform in ``[low, high)``."""
        return low + (high - low) * self.unit()

    def below(self, bound: int) -> int:
        """A whole number in ``[0, bound)``."""
        return int(self.unit() * bound)

    def chance(self, probability: float) -> bool:
        """True with this probability; draws nothing random where it is 0."""
        return probability > 0.0 and self.unit() < probability

    def choice(self, options: Sequence[T]) -> T:
        """One of the options, each as likely."""
        return options[self.below(len(options))]

    def gauss(self) -> float:
        """Standard normal (Box-Muller, one of the pair)."""
        return sqrt(-2.0 * log(1.0 - self.unit())) * cos(2.0 * pi * self.unit())

    def shuffle(self, items: list[T]) -> None:
        """Fisher-Yates, in place."""
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]
