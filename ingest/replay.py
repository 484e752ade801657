"""Takes dead letters again whose cause is mended, with the receipt time that they had.

Who asks (the API, the command line) only marks a letter; here it goes the way of every other
heartbeat. A letter that is taken, or turns out to be stored already, is marked as replayed.
"""

import psycopg

from ingest.batch import Inbound
from ingest.writer import Writer
from models.heartbeat import Reason
from models.wire import decode

PORTION = 500
SELECT = """
SELECT dead_letter_id, gateway_id, topic, payload, received_at, live, historical, reason
FROM dead_letter
WHERE replay_requested_at IS NOT NULL AND replayed_at IS NULL AND payload IS NOT NULL
ORDER BY dead_letter_id LIMIT %s FOR UPDATE SKIP LOCKED
"""


def replay_requested(connection: psycopg.Connection, writer: Writer) -> int:
    """Replays one portion of the letters that were asked for.

    Returns:
        Letters dealt with.
    """
    with connection.transaction():
        found = connection.cursor(binary=True).execute(SELECT, [PORTION]).fetchall()
        if not found:
            return 0
        inbounds = []
        for _id, gateway_id, topic, payload, received_us, live, _historical, _reason in found:
            inbounds.append(
                Inbound(
                    gateway_id=gateway_id,
                    topic=topic,
                    kind="heartbeat",
                    retained=False,
                    arrived=None,
                    message=decode(bytes(payload)),
                    received_us=received_us,
                    live=live,
                )
            )
        outcomes = writer.write(connection, inbounds)
        taken = []
        again = []
        for row, outcome in zip(found, outcomes, strict=True):
            conflict_again = row[7] == Reason.CONFLICT and not outcome.stored
            if (outcome.stored or outcome.duplicates) and not conflict_again:
                taken.append(row[0])
            else:
                again.append(row[0])
        connection.execute(
            "UPDATE dead_letter SET replayed_at = clock_timestamp() WHERE dead_letter_id = ANY(%s)",
            [taken],
        )
        # Still refused: it keeps its place, with the request answered.
        connection.execute(
            "UPDATE dead_letter SET replay_requested_at = NULL WHERE dead_letter_id = ANY(%s)",
            [again],
        )
    return len(found)
