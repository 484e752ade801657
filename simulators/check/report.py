"""What a verification compared, and what differed."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

_SHOWN = 8  # differences explained in full
_EACH = 2  # of every check, however many others there are
_RATIO_SLACK = Fraction(1, 10**9)

#: Called with a phase, how much of it is done, and how much there is.
Watch = Callable[[str, int, int], None]


@dataclass(slots=True, kw_only=True)
class Report:
    """Counts by check, and the first differences in words."""

    checked: Counter[str] = field(default_factory=Counter)
    differences: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    _failed: str = ""

    def same(self, check: str, where: str, expected: object, found: object, name: str = "") -> bool:
        """Count one comparison; keep the first differences."""
        self.checked[check] += 1
        if expected == found:
            return True
        self.differ(check, f"{where} {name}: expected {expected}, the service says {found}")
        return False

    def ratio(self, check: str, where: str, name: str, part: int, whole: int, found: Any) -> None:
        """Compare a ratio that the service gives as the nearest binary fraction."""
        self.checked[check] += 1
        if whole == 0 or found is None:
            is_same = found is None and whole == 0
        else:
            # By a float first, which settles all but the doubtful: fractions are slow.
            is_same = (
                abs(part / whole - float(found)) < 1e-10
                or abs(Fraction(part, whole) - Fraction(found)) <= _RATIO_SLACK
            )
        if not is_same:
            self.differ(check, f"{where} {name}: expected {part}/{whole}, the service says {found}")

    def holds(self, check: str, is_true: bool) -> bool:
        """Count one comparison that has a bound; ``explain`` it where it does not hold."""
        self.checked[check] += 1
        if not is_true:
            self._failed = check
            self.differences[check] += 1
        return is_true

    def explain(self, text: str) -> None:
        """Say what was expected and found where ``holds`` has just said no."""
        self._example(self._failed, text)

    def differ(self, check: str, text: str) -> None:
        """Count a difference."""
        self.differences[check] += 1
        self._example(check, text)

    def _example(self, check: str, text: str) -> None:
        if self.differences[check] <= _EACH or len(self.examples) < _SHOWN:
            self.examples.append(f"{check}: {text}")

    @property
    def is_exact(self) -> bool:
        """Whether nothing differed."""
        return not self.differences
