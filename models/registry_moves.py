"""What a change of a record moves, in the terms of its fields: when, and by what way.

`registry_plan.py` says what a write sets off; this says it to whoever thinks about one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from models.registry_fields import Effect, Kind, to_contract_name
from models.versions import Versions, differences

#: In people's words; the page has its own for each.
TOLD: Final = {
    Effect.NOTHING: "no figure goes by it",
    Effect.FIGURES: "figures of this time are computed anew with the change",
    Effect.FOLDS: "what heartbeats credit in this time is folded anew from raw rows, so far as they"
    " are kept: figures follow within minutes of the change, and no preview can tell them",
    Effect.ALL_TIME: "it holds for all time: figures of all time are computed anew with the change",
    Effect.ON_REQUEST: "heartbeats from now on go by it; what is past stays as it is until"
    " `jishi rebuild` is run for it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Fields that differ for a time, and what becomes of figures by them."""

    effect: Effect
    #: The contract's names, in the record's order.
    fields: tuple[str, ...]
    #: Half-open; the ends of all time are `BEGIN_US` and `END_US`.
    start_us: int
    end_us: int

    @property
    def told(self) -> str:
        """In people's words."""
        return TOLD[self.effect]


def moves(kind: Kind, old: Versions, new: Versions) -> list[Move]:
    """What differs between all versions of a record before and after, by time and effect.

    Args:
        kind: Of the record.
        old: Before; none: it is new, and nothing of it has figures.
        new: After.
    """
    if not old:
        return []
    return [
        Move(effect=effect, fields=fields, start_us=start, end_us=end)
        for start, end, names in differences(old, new)
        for effect in Effect
        if (fields := _named(kind, effect, names))
    ]


def _named(kind: Kind, effect: Effect, names: Iterable[str]) -> tuple[str, ...]:
    differ = {to_contract_name(name) for name in names}
    return tuple(f.name for f in kind.fields if f.name in differ and f.effect is effect)
