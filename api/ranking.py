"""In what order groups stand, and where the next page of them begins.

What has nothing to sort by comes last, and before it, by ratios, what is not sufficient. A cursor
holds the place of the last group shown, so that it means the same whatever has come and gone
meanwhile.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from heapq import nsmallest
from operator import itemgetter
from typing import Any, TypeAlias, TypeVar

from api.errors import FieldError, invalid
from models import difference

#: What groups can be sorted by; ratios rank, so what is not sufficient comes last by them.
RATIOS = frozenset(difference.RATIOS)
#: What is known of a group before its figures are.
NAMES = frozenset({"key", "name"})
_OWN = NAMES | {*difference.NUMBERS, "resolution_s"}
#: In front of a figure: by how much it differs from that of the window it is held against.
DIFFERENCE = "difference."
SORTS = _OWN | {f"{DIFFERENCE}{name}" for name in difference.NUMBERS}

#: A group by the fields of its answer; of `NAMES` alone where it is sorted by those.
Row = TypeVar("Row", bound=Mapping[str, Any])
#: Which of the three parts a group stands in, its value there, its key.
Rank: TypeAlias = tuple[int, Any, str]
#: The same as a cursor keeps it, the value as text.
Position: TypeAlias = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Order:
    """An order of groups."""

    field: str = "key"
    descending: bool = False

    @classmethod
    def parse(cls, sort: str, *, compared: bool = False) -> "Order":
        """The order that a request's ``sort`` names.

        Args:
            sort: As the request has it.
            compared: Whether figures are held against those of another window.

        Raises:
            Problem: 422; there is no such field.
        """
        field = sort.removeprefix("-")
        if field not in SORTS:
            rule = f"one of {', '.join(sorted(SORTS))}"
            raise invalid(FieldError(field="query.sort", value=sort, rule=rule))
        if field.startswith(DIFFERENCE) and not compared:
            rule = "with `compare` alone: nothing differs from nothing"
            raise invalid(FieldError(field="query.sort", value=sort, rule=rule))
        return cls(field, sort.startswith("-"))

    def __str__(self) -> str:
        """As a request has it."""
        return f"{'-' if self.descending else ''}{self.field}"

    @property
    def by_name(self) -> bool:
        """Whether groups can be sorted before their figures are spelled."""
        return self.field in NAMES

    def rank(self, row: Mapping[str, Any]) -> Rank:
        """Where a group stands; smaller ones stand before it."""
        value, key = self._value(row), "" if row["key"] is None else row["key"]
        if value is None:
            return 2, 0, key
        place = 1 if self._figure in RATIOS and not self._is_sufficient(row) else 0
        return place, self._turned(value), key

    @property
    def _figure(self) -> str:
        return self.field.removeprefix(DIFFERENCE)

    def _value(self, row: Mapping[str, Any]) -> Any:
        if self._figure == self.field:
            return row[self.field]
        return None if row["difference"] is None else row["difference"][self._figure]

    def _is_sufficient(self, row: Mapping[str, Any]) -> bool:
        both = self._figure == self.field or bool(row["compared"]["sufficient"])
        return both and bool(row["sufficient"])

    def page(
        self, rows: Sequence[Row], after: Rank | None, size: int | None
    ) -> tuple[list[Row], Position | None]:
        """The groups of one page, in order.

        Args:
            rows: All groups, in any order.
            after: Only those behind it.
            size: How many at most, one at least; `None`: all that there are.

        Returns:
            The groups, and the position of the last one where more follow.
        """
        ranked = [(self.rank(row), row) for row in rows]
        if after is not None:
            ranked = [one for one in ranked if one[0] > after]
        # A page of a hundred wants no order among the rest of a city's instruments.
        most = len(ranked) if size is None else size
        shown = [row for _, row in nsmallest(most, ranked, key=itemgetter(0))]
        return shown, self._position(shown[-1]) if len(shown) < len(ranked) else None

    def _position(self, row: Mapping[str, Any]) -> Position:
        value = self._value(row)
        place, _, key = self.rank(row)
        return place, "" if value is None else str(value), key

    def rank_of(self, position: Position) -> Rank:
        """The rank that a cursor keeps.

        Raises:
            Problem: 422; no such position was handed out.
        """
        place, text, key = position
        if place == 2:
            return 2, 0, key
        value: Any = text
        if not self.by_name:
            try:
                # A float's shortest text names just that float, and so does its Decimal.
                is_float = self._figure in RATIOS or self._figure == "coverage"
                value = float(text) if is_float else Decimal(text)
            except (ArithmeticError, ValueError) as error:
                rule = "the `next_cursor` of an earlier page"
                raise invalid(FieldError(field="cursor", value=text, rule=rule)) from error
        return place, self._turned(value), key

    def _turned(self, value: Any) -> Any:
        return _Reversed(value) if self.descending else value


class _Reversed:
    """Sorts the other way round; names have no minus."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: "_Reversed") -> bool:
        return bool(other.value < self.value)

    def __gt__(self, other: "_Reversed") -> bool:
        return bool(other.value > self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reversed) and bool(other.value == self.value)

    def __hash__(self) -> int:
        return hash(self.value)
