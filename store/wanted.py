"""What a filter wants: whatever fits any of its values. Used where SQL alone filters, too."""

from collections.abc import Iterable
from typing import TypeAlias, TypeVar

T = TypeVar("T")

#: The values of which one must be there; None: whatever it is.
Wanted: TypeAlias = frozenset[T] | None


def wanted(values: Iterable[T]) -> Wanted[T]:
    """What a question's values want: anything, where it names none."""
    return frozenset(values) or None


def array(values: Wanted[T]) -> list[T] | None:
    """For statements: an array, or NULL."""
    return None if values is None else list(values)
