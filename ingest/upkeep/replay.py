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
from ingest.write.batch import Inbound, Outcome
from ingest.write.writer import Writer
from models.heartbeat import Reason
from models.wire import decode

log = structlog.get_logger(__name__)

PORTION = 500
#: What was cut off, or kept as a digest alone, cannot be taken again.
WHOLE = "payload IS NOT NULL AND octet_length(payload) = payload_bytes"
SELECT = f"""
SELECT dead_letter_id, gateway_id, topic, payload, received_at, live, historical, reason
FROM dead_letter
WHERE replay_requested_at IS NOT NULL AND replayed_at IS NULL AND {WHOLE}
ORDER BY dead_letter_id LIMIT %s FOR UPDATE SKIP LOCKED
"""
ANSWER_HOPELESS = f"""
UPDATE dead_letter SET replay_requested_at = NULL
WHERE replay_requested_at IS NOT NULL AND replayed_at IS NULL AND ({WHOLE}) IS NOT TRUE
"""
TAKEN = "UPDATE dead_letter SET replayed_at = clock_timestamp() WHERE dead_letter_id = ANY(%s)"
AGAIN = """
UPDATE dead_letter d SET replay_requested_at = NULL, reason = coalesce(a.reason, d.reason)
FROM unnest(%s::bigint[], %s::text[]) AS a (id, reason) WHERE d.dead_letter_id = a.id
"""


class _Letter(NamedTuple):
    """A letter that was asked for; fields in ``SELECT``'s order."""

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
        connection.execute(ANSWER_HOPELESS)
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
            row = connection.cursor(binary=True).execute(SELECT, [1]).fetchone()
            if row is None:
                return 0
            connection.execute(AGAIN, [[row[0]], [None]])
        log.warning(
            "dead letter refused again", action="replay", id=row[0], error=str(error).strip()
        )
        return 1


def _replay(connection: psycopg.Connection, writer: Writer, portion: int) -> int:
    with connection.transaction():
        cursor = connection.cursor(binary=True).execute(SELECT, [portion])
        letters = [_Letter(*row) for row in cursor]
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
        connection.execute(TAKEN, [taken])
        connection.execute(AGAIN, [[i for i, _ in again], [reason for _, reason in again]])
    return len(letters)


def _inbound(letter: _Letter) -> Inbound:
    message = decode(bytes(letter.payload))
    if letter.historical:
        # The envelope said so, and the letter is a single heartbeat out of it.
        message = msgspec.structs.replace(message, historical=True)
    return Inbound(
        gateway_id=letter.gateway_id,
        topic=letter.topic,
        kind="heartbeat",
        retained=False,
        arrived=None,
        message=message,
        payload=bytes(letter.payload),
        received_us=letter.received_us,
        live=letter.live,
    )


def _is_taken(letter: _Letter, outcome: Outcome) -> bool:
    if letter.reason == Reason.CONFLICT:
        # It finds itself recorded, which makes it a duplicate, but it is not stored.
        return outcome.stored > 0
    return outcome.stored + outcome.duplicates > 0 and not outcome.errors
