"""Takes dead letters again whose cause is mended, with the receipt time that they had.

Who asks (the API, the command line) only marks a letter; here it goes the way of every other
heartbeat. A letter that is taken, or turns out to be stored already, is marked as replayed; one
that is refused again keeps its place with the reason that holds now, its request answered.
"""

from typing import NamedTuple

import msgspec
import psycopg
import structlog

from ingest.db.errors import Remedy, remedy
from ingest.sql import statements
from ingest.write.batch import Inbound, Outcome
from ingest.write.topics import take_apart
from ingest.write.writer import Writer
from models.heartbeat import Reason
from models.wire import decode

log = structlog.get_logger(__name__)

SQL = statements("replay")
PORTION = 500


class _Requested(NamedTuple):
    """A letter that was asked for; fields in the order of ``requested``."""

    dead_letter_id: int
    gateway_id: str
    topic: str
    payload: bytes
    received_us: int
    live: bool
    historical: bool
    reason: str


def replay_requested(connection: psycopg.Connection, writer: Writer) -> int:
    """Replays one portion of the letters that were asked for.

    A letter that the database itself refuses must not stop the others: then they are taken one
    by one.

    Returns:
        Letters dealt with.
    """
    with connection.transaction():
        connection.execute(SQL["answer_hopeless"])
    try:
        return _replay(connection, writer, PORTION)
    except psycopg.Error as error:
        if remedy(error) is not Remedy.ISOLATE:
            raise
    done = 0
    while done < PORTION:
        one = _replay_one(connection, writer)
        if not one:
            break
        done += one
    return done


def _replay_one(connection: psycopg.Connection, writer: Writer) -> int:
    try:
        return _replay(connection, writer, 1)
    except psycopg.Error as error:
        if remedy(error) is not Remedy.ISOLATE:
            raise
        with connection.transaction():
            row = connection.cursor(binary=True).execute(SQL["requested"], [1]).fetchone()
            if row is None:
                return 0
            connection.execute(SQL["again"], [[row[0]], [None]])
        log.warning(
            "dead letter refused again", action="replay", id=row[0], error=str(error).strip()
        )
        return 1


def _replay(connection: psycopg.Connection, writer: Writer, portion: int) -> int:
    with connection.transaction():
        cursor = connection.cursor(binary=True).execute(SQL["requested"], [portion])
        letters = [_Requested(*row) for row in cursor]
        if not letters:
            return 0
        outcomes = writer.write(connection, [_inbound(letter) for letter in letters])
        taken: list[int] = []
        again: list[tuple[int, str | None]] = []
        for letter, outcome in zip(letters, outcomes, strict=True):
            if _is_taken(letter, outcome):
                taken.append(letter.dead_letter_id)
            else:
                reason = str(outcome.errors[0][1]) if outcome.errors else None
                again.append((letter.dead_letter_id, reason))
        connection.execute(SQL["taken"], [taken])
        connection.execute(SQL["again"], [[i for i, _ in again], [reason for _, reason in again]])
    return len(letters)


def _inbound(letter: _Requested) -> Inbound:
    _, kind = take_apart(letter.topic)
    message = None if kind == "native" else decode(bytes(letter.payload))
    if message is not None and letter.historical:
        # The envelope said so, and the letter is a single heartbeat out of it.
        message = msgspec.structs.replace(message, historical=True)
    return Inbound(
        gateway_id=letter.gateway_id,
        topic=letter.topic,
        kind="native" if message is None else "heartbeat",
        retained=False,
        arrived=None,
        message=message,
        payload=bytes(letter.payload),
        received_us=letter.received_us,
        live=letter.live,
    )


def _is_taken(letter: _Requested, outcome: Outcome) -> bool:
    if letter.reason == Reason.CONFLICT:
        # It finds itself recorded, which makes it a duplicate, but it is not stored.
        return outcome.stored > 0
    return outcome.stored + outcome.duplicates > 0 and not outcome.errors
