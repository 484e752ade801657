"""What instruments can be found by, as the registry has it now; found by ``models/search.py``."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from psycopg.rows import args_row

from models.search import Named, Synonyms
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("search")
_GROUPS = statements("groups")


class State(NamedTuple):
    """What the registry says now, told apart from what it said before."""

    revision: int
    #: When its versions come into force, sorted (µs).
    changes: Sequence[int]
    #: How many of them have.
    era: int


def load_state(known: State | None) -> Steps[State]:
    """The registry's state now.

    Args:
        known: As it was found before.
    """
    ((revision, now_us),) = yield from Query[tuple[int, int]](_SQL["state"], binary=True)
    if known is not None and known.revision == revision:
        changes = known.changes
    else:
        rows = yield from Query[tuple[int]](_GROUPS["force_changes"], binary=True)
        changes = [at for (at,) in rows]
    return State(revision, changes, bisect_right(changes, now_us))


def load_named() -> Steps[list[Named]]:
    """Every instrument, in service or not."""
    return (yield from Query(_SQL["named"], rows=args_row(Named), binary=True))


def load_synonyms() -> Steps[list[Synonyms]]:
    """What else things are called."""
    rows = yield from Query[tuple[list[str], list[str]]](_SQL["synonyms"], binary=True)
    return [Synonyms(tuple(words), tuple(codes)) for words, codes in rows]
