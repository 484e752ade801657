"""Runs generators of queries over a psycopg connection, sync or async.

A function of this room knows what to ask and what the rows mean, but no connection: it
*yields* a `Query` and is sent its rows, as psycopg's own generators do. So the same lines
serve the API's async pool, the ingest's sync connection and the command line::

    def instrument_count() -> Steps[int]:
        rows = yield from Query[tuple[int]]("SELECT count(*) FROM instrument")
        return rows[0][0]

    run(conn, instrument_count())          # sync
    await arun(aconn, instrument_count())  # async

Neither opens nor ends a transaction: that is the caller's.

A query says what its rows are: ``yield from`` hands back a list of just those, ``yield`` rows of
which nothing is known.
"""

import asyncio
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

import psycopg
from psycopg.rows import BaseRowFactory, tuple_row

T = TypeVar("T")
R = TypeVar("R")

#: Rows that are unpacked at once.
_PORTION = 1_000

Rows: TypeAlias = list[Any]
# Which types a tuple has, whoever asks says.
_TUPLES: BaseRowFactory[Any] = tuple_row


# No slots: `Query[...]` sets an attribute, which a frozen dataclass of slots fails to refuse.
@dataclass(frozen=True)
class Query(Generic[R]):
    """One statement with its parameters; ``R`` is what a row of it is."""

    sql: str
    params: Sequence[Any] | Mapping[str, Any] | None = None
    #: What a row is sent back as: a tuple, or what psycopg's ``args_row`` or ``dict_row`` makes.
    rows: BaseRowFactory[R] = _TUPLES
    #: Ask for binary results: faster where many numbers and times come back.
    binary: bool = False
    #: What is made of the rows takes long: over an async connection a thread does it.
    heavy: bool = False
    #: Plan it anew each time: which way is the quick one depends on the parameters, and a plan that
    #: is made for all of them may take minutes.
    fresh: bool = False

    @property
    def prepare(self) -> bool | None:
        """As psycopg has it: False never, None once it was asked often enough."""
        return False if self.fresh else None

    def __iter__(self) -> "Generator[Query[Any], Rows, list[R]]":
        """For ``yield from``: whoever drives sends the rows."""
        return (yield self)


#: A generator that yields queries, is sent their rows and returns a value.
Steps: TypeAlias = Generator[Query[Any], Rows, T]


def run(
    conn: psycopg.Connection[Any], steps: Steps[T], heed: Callable[[], None] | None = None
) -> T:
    """Drive ``steps`` over a sync connection.

    Args:
        conn: Open.
        steps: What to do.
        heed: Called before each statement; what it raises ends all.

    Returns:
        What the generator returns.

    Raises:
        psycopg.Error: thrown into the generator first, which may clean up but not go on with
            an aborted transaction.
    """
    try:
        query = next(steps)
        while True:
            if heed is not None:
                heed()
            try:
                with conn.cursor(row_factory=query.rows, binary=query.binary) as cursor:
                    cursor.execute(query.sql, query.params, prepare=query.prepare)
                    rows = list(_portions(cursor)) if cursor.description else []
            except psycopg.Error as error:
                query = steps.throw(error)
            else:
                query = steps.send(rows)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    finally:
        steps.close()


def _portions(cursor: psycopg.Cursor[Any]) -> Iterator[Any]:
    """All rows. Python's other threads get nothing done while psycopg unpacks what it is asked
    for, so that is never much."""
    while portion := cursor.fetchmany(_PORTION):
        yield from portion


async def arun(conn: psycopg.AsyncConnection[Any], steps: Steps[T], *, threaded: bool = False) -> T:
    """Drive ``steps`` over an async connection; as `run` otherwise.

    Args:
        conn: Open.
        steps: What to do.
        threaded: As if every query were heavy.
    """
    try:
        query = next(steps)
        while True:
            try:
                async with conn.cursor(row_factory=query.rows, binary=query.binary) as cursor:
                    await cursor.execute(query.sql, query.params, prepare=query.prepare)
                    rows = await cursor.fetchall() if cursor.description else []
            except psycopg.Error as error:
                query = steps.throw(error)
            else:
                if query.heavy or threaded:
                    found = await _in_thread(steps, rows)
                    if isinstance(found, _Returned):
                        return found.value  # type: ignore[no-any-return]
                    query = found
                else:
                    query = steps.send(rows)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    finally:
        steps.close()


@dataclass(frozen=True, slots=True)
class _Returned:
    value: Any


async def _in_thread(steps: Steps[T], rows: Rows) -> "Query[Any] | _Returned":
    """Lets a thread go on with ``steps``; not even a cancelled caller leaves before it stops."""
    work = asyncio.ensure_future(asyncio.to_thread(_send, steps, rows))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        # Whoever cancels wants the connection and the generator back, both unused.
        await asyncio.wait([work])
        raise


def _send(steps: Steps[T], rows: Rows) -> "Query[Any] | _Returned":
    """As ``steps.send``, in a thread: a `StopIteration` cannot leave one through a future."""
    try:
        return steps.send(rows)
    except StopIteration as end:
        return _Returned(end.value)
