"""Whether the database is what the service needs: its schema whole, our rights, a standby's lag.

The migrations' own runner asks the same (`migrations/runner.py`), so that `jishi migrate` and
`/readyz` never disagree.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from store.run import Query, Steps
from store.statements import statements

#: Names of things that one message shows.
SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingRight:
    """A right that a role should have and has not; or there is no such role."""

    role: str
    right: str
    object: str

    def __str__(self) -> str:
        return f"{self.right} on {self.object}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standby:
    """How far a standby is behind its primary."""

    #: Seconds; none: it is connected to no primary and has replayed nothing since it started.
    lag_s: float | None
    #: What it has received and not replayed.
    lag_bytes: int


def objects() -> Steps[set[str]]:
    """What there is in our schema, each by kind and name: ``table instrument``."""
    rows = yield from Query[tuple[str]](statements("schema")["objects"])
    return {name for (name,) in rows}


def missing_objects() -> Steps[list[str]]:
    """What migrations made here and is gone; sorted."""
    try:
        rows = yield from Query[tuple[str]](statements("schema")["recorded"])
    except psycopg.errors.UndefinedTable:
        return ["table schema_object"]
    if not rows:
        return ["rows of schema_object"]
    there = yield from objects()
    return [name for (name,) in rows if name not in there]


def missing_rights(
    *, who: str | None = None, wanted: str | None = None
) -> Steps[list[MissingRight]]:
    """Rights that are missing.

    Args:
        who: Whose; each role's own unless named.
        wanted: The role that ``who`` is to stand in for.
    """
    rows = yield from Query[tuple[str, str, str]](
        statements("schema")["rights"], {"who": who, "wanted": wanted}
    )
    return [MissingRight(role=role, right=right, object=thing) for role, right, thing in rows]


def standby() -> Steps[Standby | None]:
    """How far behind this database is; none: it is no standby.

    While the primary sends and all that came is replayed, nothing is behind, however long ago the
    last transaction was. Otherwise the time since that one is the most that can be said.
    """
    rows = yield from Query[tuple[bool, int, bool, float | None]](statements("schema")["standby"])
    in_recovery, behind, connected, since_s = rows[0]
    if not in_recovery:
        return None
    caught_up = connected and behind == 0
    return Standby(lag_s=0.0 if caught_up else since_s, lag_bytes=behind)


def some(things: Sequence[object]) -> str:
    """The first few of many, for a message.

    >>> some(["a", "b"])
    'a, b'
    """
    more = len(things) - SHOWN
    return ", ".join(map(str, things[:SHOWN])) + (f" and {more} more" if more > 0 else "")
