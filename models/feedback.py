"""What users say of uses, as grades: 5 very satisfied, 4 satisfied, 3 fair, 2 dissatisfied, 1 very.

A mean is never without the number of those who said something.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

#: What may be marked beside the whole, each from 1 to 5.
MARKS = ("attitude", "skill", "quality", "timeliness", "price")
_PLACES = Decimal("0.0001")


class Marks(NamedTuple):
    """Grades of one use; None: nothing was said of it."""

    overall: int
    attitude: int | None = None
    skill: int | None = None
    quality: int | None = None
    timeliness: int | None = None
    price: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summed:
    """What was said of several uses."""

    count: int
    faults: int
    #: How many gave 1, 2, 3, 4 and 5.
    grades: tuple[int, ...]
    #: By mark: how many gave one, and their sum.
    marks: Mapping[str, tuple[int, int]]

    @property
    def overall(self) -> Decimal | None:
        """The mean grade."""
        return mean(sum(place * n for place, n in enumerate(self.grades, 1)), self.count)


def mean(total: int, count: int) -> Decimal | None:
    """Four decimals; None of nothing."""
    if not count:
        return None
    return (Decimal(total) / count).quantize(_PLACES, ROUND_HALF_EVEN)


def add_all(parts: Iterable[Summed]) -> Summed:
    """Several groups as one."""
    parts = list(parts)
    return Summed(
        count=sum(one.count for one in parts),
        faults=sum(one.faults for one in parts),
        grades=tuple(sum(one.grades[place] for one in parts) for place in range(5)),
        marks={
            name: (
                sum(one.marks[name][0] for one in parts),
                sum(one.marks[name][1] for one in parts),
            )
            for name in MARKS
        },
    )
