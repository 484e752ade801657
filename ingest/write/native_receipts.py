"""When devices' messages were received that name no time of their own.

The receipt is then the heartbeat's time, and a second receipt would be a second heartbeat: what
the broker hands over again, after we were killed between commit and acknowledgement, is dated as
it was at first. In a session the broker names a message by the same packet id until it is
acknowledged, so that the last message of each id is enough to know it by.
"""

import hashlib
from collections.abc import Sequence

import psycopg

from ingest.db.connection import Micros
from ingest.sql import statements
from ingest.write.batch import Inbound

SQL = statements("native_receipts")


def date(cursor: psycopg.Cursor, mqtt_client_id: str, inbounds: Sequence[Inbound]) -> None:
    """Gives what comes again the receipt that it had, and writes down the others'.

    Args:
        cursor: In the transaction.
        mqtt_client_id: Names our session with the broker.
        inbounds: Dated by their present arrival; those with a packet id are dated anew.
    """
    by_id = {inbound.packet_id: inbound for inbound in inbounds if inbound.packet_id}
    if not by_id:
        return
    digests = {packet_id: _digest(inbound) for packet_id, inbound in by_id.items()}
    again = [packet_id for packet_id, inbound in by_id.items() if inbound.again]
    if again:
        cursor.execute(SQL["known"], [mqtt_client_id, again])
        for packet_id, digest, received_us in cursor:
            if bytes(digest) == digests[packet_id]:
                by_id[packet_id].received_us = received_us
                del by_id[packet_id]
    if by_id:
        cursor.execute(
            SQL["write"],
            [
                mqtt_client_id,
                list(by_id),
                [digests[packet_id] for packet_id in by_id],
                [Micros(inbound.received_us) for inbound in by_id.values()],
            ],
        )


def _digest(inbound: Inbound) -> bytes:
    said = inbound.topic.encode("utf-8", "surrogatepass") + b"\0" + inbound.payload
    return hashlib.blake2b(said, digest_size=16).digest()
